"""What a plugin asks of the host that runs it. Outside of a delivery there is none."""

from typing import Protocol


class Host(Protocol):
    """The host, while it delivers."""

    def setting(self, name: str) -> str | None:
        """The setting of this name, if the operator gave one."""

    def log(self, level: int, line: str) -> None:
        """Writes one line to the operator's log. The level is one of `logging`'s."""


class Nobody:
    """There is no delivery: the plugin is being loaded, or a test calls one of its functions."""

    def setting(self, name: str) -> str | None:
        raise RuntimeError(
            f"there is no setting {name!r} yet: settings are there during a delivery; "
            "in a test, within `leveret_plugin.testing.settings(...)`"
        )

    def log(self, level: int, line: str) -> None:
        print(line)


current: Host = Nobody()
