"""A plugin's project: what `pyproject.toml` says, and the plugin that its module defines."""

import importlib
import sys
import tomllib
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from .plugin import Plugin


class Fault(Exception):
    """What is wrong with a project, in words for its author."""


@dataclass(frozen=True)
class Project:
    """What `pyproject.toml` says."""

    directory: Path
    name: str
    version: str
    summary: str
    module: str

    @classmethod
    def read(cls, directory: Path) -> "Project":
        """Reads `pyproject.toml`. Raises `Fault` where it lacks something."""
        file = directory / "pyproject.toml"
        try:
            said: dict[str, Any] = tomllib.loads(file.read_text())
        except FileNotFoundError:
            raise Fault(f"there is no {file}") from None
        except tomllib.TOMLDecodeError as error:
            raise Fault(f"{file}: {error}") from None
        project = said.get("project", {})
        for key in ("name", "version"):
            if not isinstance(project.get(key), str):
                raise Fault(f"{file} has no `{key}` under [project]")
        module = said.get("tool", {}).get("leveret", {}).get("module", "plugin")
        return cls(directory, project["name"], project["version"], project.get("description", ""), module)

    @property
    def sources(self) -> Path:
        """Where the project's modules are."""
        src = self.directory / "src"
        return src if src.is_dir() else self.directory

    def owns(self, file: str) -> bool:
        """Whether a module's file is the project's own, and not one of its dependencies."""
        return Path(file).is_relative_to(self.sources) and "site-packages" not in file


@dataclass(frozen=True)
class Found:
    """The plugin that a module defines."""

    plugin: Plugin
    attribute: str


def load(project: Project) -> Found:
    """Imports the project's module, natively. Raises `Fault` if it defines no plugin, or one that cannot be built."""
    sys.path.insert(0, str(project.sources))
    try:
        module = importlib.import_module(project.module)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == project.module:
            raise Fault(
                f"there is no module {project.module} in {project.sources}; "
                "`module` under [tool.leveret] in pyproject.toml says another one"
            ) from None
        raise Fault(f"the module {project.module} fails as it is loaded:\n{_traceback(error, project)}") from error
    found = _find(module)
    plugin = found.plugin
    if not plugin.subscriptions and not plugin.work:
        raise Fault(
            f"the plugin in {project.module} subscribes to nothing and performs nothing: "
            "a function wants `@plugin.subscribe(...)` or `@plugin.perform(...)`"
        )
    for role, handlers in (("subscriber", plugin.subscriptions), ("worker", plugin.work)):
        for handler in handlers.values():
            try:
                handler.prepare()
            except (TypeError, NameError) as error:
                raise Fault(f"{handler.function.__name__}, the {role} of {handler.name}: {error}") from error
    return found


def _traceback(error: Exception, project: Project) -> str:
    """The error with its way from the project's first line on: what is before is how it was imported."""
    first = error.__traceback__
    while first and not project.owns(first.tb_frame.f_code.co_filename):
        first = first.tb_next
    return "".join(traceback.format_exception(error.with_traceback(first))).strip()


def _find(module: ModuleType) -> Found:
    plugins = {name: value for name, value in vars(module).items() if isinstance(value, Plugin)}
    if not plugins:
        raise Fault(f"the module {module.__name__} has no `plugin = Plugin(...)`")
    if len({id(plugin) for plugin in plugins.values()}) > 1:
        raise Fault(f"the module {module.__name__} has several plugins: {', '.join(plugins)}")
    attribute, plugin = next(iter(plugins.items()))
    return Found(plugin, attribute)
