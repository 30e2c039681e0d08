import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from leveret_plugin import Event, Plugin
from leveret_plugin.build import contract, deferred, source, used, world
from leveret_plugin.project import Fault, Project, load

PLUGIN = """
from typing import Any
from leveret_plugin import Event, Plugin

plugin = Plugin()

@plugin.subscribe("user.authorized")
def greet(event: Event[Any]) -> None:
    from zipfile import ZipFile
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a project of one module, and forgets the module afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "plugin", raising=False)

    def project(module: str, **more: str) -> Project:
        (tmp_path / "pyproject.toml").write_text(
            '[project]\nname = "big-thanks"\nversion = "0.1.0"\n' + more.get("more", "")
        )
        (tmp_path / "plugin.py").write_text(module)
        return Project.read(tmp_path)

    return project


def test_the_project_says_what_is_built(write: Any) -> None:
    project = write(PLUGIN)
    assert (project.name, project.version, project.summary, project.module) == ("big-thanks", "0.1.0", "", "plugin")
    assert write(PLUGIN, more='[tool.leveret]\nmodule = "other"\n').module == "other"


def test_a_world_exports_what_is_there_and_nothing_else() -> None:
    plugin = Plugin()
    plugin.subscribe("user.authorized")(lambda event: None)
    assert "include leveret:plugin/subscriber-plugin@0.1.0;" in world(plugin, [])
    assert "export" not in world(plugin, [])
    assert "worker" not in world(plugin, [])

    @plugin.healthy
    def healthy() -> None: ...

    assert "export leveret:plugin/probe@0.1.0;" in world(plugin, [])
    assert "recovery" not in world(plugin, [])


def test_a_worker_s_world_imports_what_it_uses_and_a_subscriber_uses_nothing() -> None:
    plugin = Plugin()
    plugin.perform("email.send")(lambda task: None)
    assert "include leveret:plugin/worker-plugin@0.1.0;" in world(plugin, [])
    assert "subscriber" not in world(plugin, [])
    assert "http" not in world(plugin, ["keyvalue"])
    assert "include leveret:plugin/http-worker-plugin@0.1.0;" in world(plugin, ["http", "keyvalue"])
    subscriber = Plugin()
    subscriber.subscribe("user.authorized")(lambda event: None)
    with pytest.raises(Fault, match="only a worker may import leveret_plugin.http"):
        world(subscriber, ["http"])


def test_what_is_used_is_what_is_imported_at_the_top_or_later(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("leveret_plugin.http", "leveret_plugin.keyvalue"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert used([]) == []
    assert used(["leveret_plugin.keyvalue"]) == ["keyvalue"]
    monkeypatch.setitem(sys.modules, "leveret_plugin.http", sys)
    assert used([]) == ["http"]


def test_the_entry_brings_along_what_functions_import(write: Any) -> None:
    project = write(PLUGIN)
    entry = source(project, load(project), deferred(project), ["keyvalue"])
    assert "from plugin import plugin as plugin" in entry
    assert "['zipfile']" in entry
    assert "component.Delivery(bucket=wasi_keyvalue.Held)" in entry


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        ("import nowhere", "No module named 'nowhere'"),
        ("", "has no `plugin = Plugin"),
        ("from leveret_plugin import Plugin\nplugin = Plugin()", "subscribes to nothing and performs nothing"),
        ("from leveret_plugin import Plugin\na, b = Plugin(), Plugin()", "several plugins: a, b"),
        (
            PLUGIN.replace("Event[Any]", "Event[bytes]"),
            "greet, the subscriber of user.authorized: JSON values cannot be",
        ),
        (
            "from leveret_plugin import Event, Plugin\nplugin = Plugin()\n"
            "@plugin.perform('email.send')\ndef send(task: Event[int]): ...",
            "send, the worker of email.send: the argument of send is an Assignment",
        ),
        (PLUGIN.replace("Event[Any]", "Event['Login']"), "greet, the subscriber of user.authorized: name 'Login'"),
    ],
)
def test_a_module_that_cannot_be_built_says_why(write: Any, module: str, fault: str) -> None:
    with pytest.raises(Fault, match=fault.replace("(", r"\(")):
        load(write(module))


def test_a_project_without_its_module_or_its_version_says_so(write: Any, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="there is no module other in"):
        load(write(PLUGIN, more='[tool.leveret]\nmodule = "other"\n'))
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "thanks"\n')
    with pytest.raises(Fault, match="has no `version`"):
        Project.read(tmp_path)
    (tmp_path / "pyproject.toml").unlink()
    with pytest.raises(Fault, match="there is no "):
        Project.read(tmp_path)


def test_the_contract_is_there() -> None:
    assert (contract() / "worlds.wit").is_file()


def test_importing_the_sdk_needs_no_bindings() -> None:
    subprocess.run([sys.executable, "-c", "import leveret_plugin, leveret_plugin.testing"], check=True)


def test_a_plugin_is_found_under_any_name(write: Any) -> None:
    found = load(write(PLUGIN.replace("plugin =", "thanks =").replace("@plugin", "@thanks")))
    assert found.attribute == "thanks"
    assert isinstance(found.plugin.subscriptions["user.authorized"].name, str)
    assert Event.__name__ == "Event"
