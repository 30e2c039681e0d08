"""What a plugin asks of the host that runs it. Outside of a delivery there is none."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .http import Request, Response


class Host(Protocol):
    """The host, while it delivers."""

    def setting(self, name: str) -> str | None:
        """The setting of this name, if the operator gave one."""

    def log(self, level: int, line: str) -> None:
        """Writes one line to the operator's log. The level is one of `logging`'s."""

    def send(self, request: "Request") -> "Response":
        """Sends a request and waits for the answer. Raises `HttpError` if there is none."""

    def bucket(self, name: str) -> "Bucket":
        """Opens a bucket. Raises `KeyValueError` if there is none of this name, or it is not granted."""


class Bucket(Protocol):
    """A bucket as the host has it. Each method raises `KeyValueError`."""

    def get(self, key: str) -> bytes | None: ...

    def set(self, key: str, value: bytes) -> None: ...

    def delete(self, key: str) -> None: ...

    def exists(self, key: str) -> bool: ...

    def keys(self, cursor: int | None) -> tuple[list[str], int | None]: ...

    def increment(self, key: str, by: int) -> int: ...


class Nobody:
    """There is no delivery: the plugin is being loaded, or a test calls one of its functions."""

    def setting(self, name: str) -> str | None:
        raise RuntimeError(
            f"there is no setting {name!r} yet: settings are there during a delivery; "
            "in a test, within `leveret_plugin.testing.settings(...)`"
        )

    def log(self, level: int, line: str) -> None:
        print(line)

    def send(self, request: "Request") -> "Response":
        raise RuntimeError("there is no network here: only a worker has it, while it performs a task")

    def bucket(self, name: str) -> Bucket:
        raise RuntimeError(f"there is no bucket {name!r} here: only a worker has it, while it performs a task")


current: Host = Nobody()
