#!/bin/sh
# Generates the bindings of the contract anew: `go generate ./...`. Needs wit-bindgen 0.60.0:
# `cargo install wit-bindgen-cli --version 0.60.0 --locked`.
#
# The generator puts all of a world's exports into one package. A plugin must export `recovery` and `probe` only if its
# author uses them, so each of them is generated from a world of its own into a package of its own.
set -eu
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -RL ../../wit "$work/wit"
cat > "$work/wit/go.wit" <<'END'
world go-recovery { export recovery; }
world go-probe { export probe; }
END

generate() {
    wit-bindgen go --world "$1" --pkg-name leveret/plugin/internal/bindings --out-dir "$work/$2" "$work/wit" \
        > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}
generate subscriber-plugin subscriber
generate go-recovery recovery
generate go-probe probe

# What the generator's output leans on is in this module, so that it depends on no other.
adapt() {
    sed -e 's|go.bytecodealliance.org/pkg/wit/|leveret/plugin/internal/wit/|' \
        -e 's|"leveret/plugin/internal/bindings/export_leveret_plugin_subscriber"||' \
        -e 's|"leveret/plugin/internal/bindings/export_leveret_plugin_[a-z]*"|"leveret/plugin/internal/entry"|' \
        -e 's|export_leveret_plugin_[a-z]*\.|entry.|' \
        -e "s|^package wit_exports|package ${2:-wit_exports}|" "$1"
}

# Imports and exports exist on wasm only; the types of the contract are for native tests, too.
for package in leveret_plugin_types leveret_plugin_manifest; do
    mkdir -p "$package"
    adapt "$work/subscriber/$package/wit_bindings.go" | gofmt > "$package/wit_bindings.go"
done
for package in leveret_plugin_log wasi_config_store; do
    mkdir -p "$package"
    { printf '//go:build wasm\n\n'; adapt "$work/subscriber/$package/wit_bindings.go"; } | gofmt > "$package/wit_bindings.go"
done
for world in subscriber recovery probe; do
    mkdir -p "export_$world"
    { printf '//go:build wasm\n\n'; adapt "$work/$world/wit_exports/wit_exports.go" "export_$world"; } |
        gofmt > "export_$world/wit_exports.go"
done
