#!/bin/sh
# Generates the bindings of the contract anew: `go generate ./...`. Needs wit-bindgen 0.60.0:
# `cargo install wit-bindgen-cli --version 0.60.0 --locked`.
#
# The generator puts all of a world's exports into one package. A plugin must export only what its author uses, so each
# interface is generated from a world of its own into a package of its own.
set -eu
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -RL ../../wit "$work/wit"
cat > "$work/wit/go.wit" <<'END'
world go-manifest { import log; import wasi:config/store@0.2.0-rc.1; export manifest; }
world go-subscriber { export subscriber; }
world go-worker { export worker; }
world go-recovery { export recovery; }
world go-probe { export probe; }
world go-timekeeper { export timekeeper; }
world go-grants {
    import wasi:http/types@0.2.12;
    import wasi:http/outgoing-handler@0.2.12;
    import wasi:keyvalue/store@0.2.0-draft;
    import wasi:keyvalue/atomics@0.2.0-draft;
}
END

interfaces="manifest subscriber worker recovery probe timekeeper"
for interface in $interfaces grants; do
    wit-bindgen go --world "go-$interface" --pkg-name leveret/plugin/internal/bindings \
        --out-dir "$work/$interface" "$work/wit" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
done

# What the generator's output leans on is in this module, so that it depends on no other.
adapt() {
    sed -e 's|go.bytecodealliance.org/pkg/wit/|leveret/plugin/internal/wit/|' \
        -e 's|"leveret/plugin/internal/bindings/export_leveret_plugin_[a-z]*"|"leveret/plugin/internal/entry"|' \
        -e 's|export_leveret_plugin_[a-z]*\.|entry.|' \
        -e "s|^package wit_exports|package ${2:-wit_exports}|" "$1"
}

# Imports and exports exist on wasm only; the types of the contract are for native tests, too.
mkdir -p leveret_plugin_types leveret_plugin_manifest leveret_plugin_timekeeper
adapt "$work/recovery/leveret_plugin_types/wit_bindings.go" | gofmt > leveret_plugin_types/wit_bindings.go
adapt "$work/manifest/leveret_plugin_manifest/wit_bindings.go" | gofmt > leveret_plugin_manifest/wit_bindings.go
adapt "$work/timekeeper/leveret_plugin_timekeeper/wit_bindings.go" | gofmt > leveret_plugin_timekeeper/wit_bindings.go
import() {
    mkdir -p "$2"
    { printf '//go:build wasm\n\n'; adapt "$work/$1/$2/wit_bindings.go"; } | gofmt > "$2/wit_bindings.go"
}
import manifest leveret_plugin_log
import manifest wasi_config_store
for package in wasi_clocks_monotonic_clock wasi_io_error wasi_io_poll wasi_io_streams wasi_http_types \
    wasi_http_outgoing_handler wasi_keyvalue_store wasi_keyvalue_atomics; do
    import grants "$package"
done
for interface in $interfaces; do
    mkdir -p "export_$interface"
    { printf '//go:build wasm\n\n'; adapt "$work/$interface/wit_exports/wit_exports.go" "export_$interface"; } |
        gofmt > "export_$interface/wit_exports.go"
done
