"""Makes a component of a project: puts its world together from what the plugin has, and runs componentize-py."""

import ast
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .plugin import Plugin
from .project import Fault, Found, Project, load

ENTRY = "leveret_component"

GRANTED = {"http": "send=wasi_http.send", "keyvalue": "bucket=wasi_keyvalue.Held"}
"""What only a worker may use, and only if the operator grants it: the SDK's module, and what the host has for it."""

NAMES = {
    "leveret:plugin/types@0.1.0": "types",
    "wasi:config/store@0.2.0-rc.1": "store",
    "wasi:http/types@0.2.12": "http_types",
    "wasi:keyvalue/store@0.2.0-draft": "keyvalue_store",
}
"""The bindings' modules of interfaces that share a name, so that these do not depend on what else there is."""


def build(project: Project, out: Path | None = None) -> Path:
    """Builds `build/<name>.wasm`, or `out`. Raises `Fault` with what the author can do about it."""
    out = out or project.directory / "build" / f"{project.name}.wasm"
    found = load(project)
    out.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".leveret-", dir=out.parent) as scratch:
        workshop = Path(scratch)
        modules = deferred(project)
        uses = used(modules)
        (workshop / "world.wit").write_text(world(found.plugin, uses))
        entry = workshop / "entry"
        entry.mkdir()
        (entry / f"{ENTRY}.py").write_text(source(project, found, modules, uses))
        component = workshop / "plugin.wasm"
        componentize(workshop / "world.wit", entry, component)
        # In one step, so that a host that watches the directory never sees half of it.
        os.replace(component, out)
    size = out.stat().st_size / 1_000_000
    print(f"{os.path.relpath(out)}: {size:.1f} MB, in {time.monotonic() - begun:.0f} s")
    return out


def used(modules: list[str]) -> list[str]:
    """What the plugin uses of what the operator grants: the modules of the SDK for it that the project imports."""
    names = [f"leveret_plugin.{name}" for name in GRANTED]
    return [name.rpartition(".")[2] for name in names if name in sys.modules or name in modules]


def world(plugin: Plugin, uses: list[str]) -> str:
    """The world of a plugin. It exports an interface only if there are functions for it: the host looks."""
    if uses and not plugin.work:
        raise Fault(f"only a worker may import leveret_plugin.{uses[0]}: a subscriber sees nothing but its event")
    worlds = ["subscriber"] * bool(plugin.subscriptions) + ["worker"] * bool(plugin.work)
    exports = ["recovery"] * bool(plugin.recovery) + ["probe"] * bool(plugin.probe)
    exports += ["timekeeper"] * bool(plugin.timetable)
    lines = [f"include leveret:plugin/{name}-plugin@0.1.0;" for name in worlds + [f"{name}-worker" for name in uses]]
    lines += [f"export leveret:plugin/{name}@0.1.0;" for name in exports]
    return "package leveret:built;\n\nworld plugin {\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


def source(project: Project, found: Found, modules: list[str], uses: list[str]) -> str:
    """The module that componentize-py begins with. What it imports is in the component, and nothing else is."""
    delivery = ", ".join(GRANTED[name] for name in uses)
    return "\n".join(
        [
            "from leveret_plugin import component",
            "from leveret_plugin.component import Manifest, Probe, Recovery, Subscriber, Timekeeper, Worker",
            *(f"from leveret_plugin import wasi_{name}" for name in uses),
            f"from {project.module} import {found.attribute} as plugin",
            f"delivery = component.Delivery({delivery})",
            f"component.start(plugin, {project.version!r}, {project.summary!r}, {modules!r}, delivery)",
            "",
        ]
    )


def deferred(project: Project) -> list[str]:
    """What the project's modules import inside of functions. A component cannot load anything when those run."""
    names: set[str] = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and project.owns(file):
            names.update(_imported(ast.parse(Path(file).read_bytes()), module.__package__ or ""))
    return sorted(name for name in names if _exists(name))


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.Lambda)):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                yield origin
                # Each of the names may be a module, too.
                yield from (f"{origin}.{alias.name}" for alias in node.names)


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def componentize(world: Path, entry: Path, out: Path) -> None:
    """Runs componentize-py in this environment."""
    if importlib.util.find_spec("componentize_py") is None:
        raise Fault("componentize-py is missing: install the extra, `pip install 'leveret-plugin[build]'`")
    paths = [str(entry), *(path for path in sys.path if _is_ours(path))]
    command = [sys.executable, "-c", "from componentize_py import script; script()", "--quiet"]
    command += ["--wit-path", str(contract()), "--wit-path", str(world), "--world", "leveret:built/plugin", *named()]
    command += ["componentize", ENTRY, "--output", str(out)]
    command += [argument for path in paths for argument in ("--python-path", path)]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if run.returncode != 0:
        raise Fault(f"componentize-py could not build the component:\n{_message(run.stdout)}")
    print(run.stdout, end="")


def named() -> list[str]:
    """Options of componentize-py for `NAMES`."""
    return [word for name, module in NAMES.items() for word in ("--import-interface-name", f"{name}={module}")]


def _message(output: str) -> str:
    """What componentize-py says, without the backtraces of componentize-py itself."""
    said = output.rpartition("AssertionError: ")[2]
    return said.partition("Stack backtrace:")[0].partition("Caused by:")[0].strip()


def _is_ours(path: str) -> bool:
    """Whether it is a directory of the project or of what it depends on. The component has a Python of its own."""
    pythons = path.startswith((sys.prefix, sys.base_prefix)) and not path.endswith("site-packages")
    return os.path.isdir(path) and not pythons


def contract() -> Path:
    """The contract: beside the package in a checkout, inside of it where it is installed."""
    package = Path(__file__).parent
    return next(path for path in (package / "wit", package.parent / "wit") if path.is_dir())
