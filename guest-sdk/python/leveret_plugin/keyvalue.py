"""Buckets of values for workers, where the operator grants them. An application's plugins share a bucket by its name.

Example::

    sent = keyvalue.open("sent")
    if task.id not in sent:
        ...
        sent.set(task.id, "")
"""

from collections.abc import Iterator

from . import host


class KeyValueError(Exception):
    """The host cannot do what it is asked for, and says why. Not caught, it has the task tried again."""

    def __init__(self, reason: str, code: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        """The error of `wasi:keyvalue`: `no-such-store`, `access-denied` or `other`."""


class Bucket:
    """Values by their keys. Each method raises `KeyValueError` where the host cannot do what it is asked for."""

    def __init__(self, held: host.Bucket) -> None:
        self._held = held

    def get(self, key: str) -> bytes | None:
        """The value, if there is one."""
        return self._held.get(key)

    def set(self, key: str, value: bytes | str) -> None:
        """Sets a value. Text is kept as UTF-8."""
        self._held.set(key, value.encode() if isinstance(value, str) else value)

    def delete(self, key: str) -> None:
        """Deletes a value, if there is one."""
        self._held.delete(key)

    def __contains__(self, key: str) -> bool:
        return self._held.exists(key)

    def __iter__(self) -> Iterator[str]:
        """All keys, in no particular order."""
        cursor: int | None = None
        while True:
            keys, cursor = self._held.keys(cursor)
            yield from keys
            if cursor is None:
                return

    def increment(self, key: str, by: int = 1) -> int:
        """Adds to a counter, in one step, and gives what it is then. One that is not there is 0 before."""
        return self._held.increment(key, by)


def open(name: str) -> Bucket:
    """Opens a bucket. Raises `KeyValueError` if there is none of this name, or it is not granted."""
    return Bucket(host.current.bucket(name))
