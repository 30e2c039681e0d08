"""Buckets over `wasi:keyvalue`. It can be imported inside of a component only, one whose plugin uses buckets."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from componentize_py_types import Err
from wit_world.imports import atomics
from wit_world.imports import keyvalue_store as store

from .keyvalue import KeyValueError


class Held:
    """A bucket of the host."""

    def __init__(self, name: str) -> None:
        self._name = name
        with _asked(name):
            self._bucket = store.open(name)

    def get(self, key: str) -> bytes | None:
        with _asked(self._name):
            return self._bucket.get(key)

    def set(self, key: str, value: bytes) -> None:
        with _asked(self._name):
            self._bucket.set(key, value)

    def delete(self, key: str) -> None:
        with _asked(self._name):
            self._bucket.delete(key)

    def exists(self, key: str) -> bool:
        with _asked(self._name):
            return self._bucket.exists(key)

    def keys(self, cursor: int | None) -> tuple[list[str], int | None]:
        with _asked(self._name):
            page = self._bucket.list_keys(cursor)
            return page.keys, page.cursor

    def increment(self, key: str, by: int) -> int:
        with _asked(self._name):
            return atomics.increment(self._bucket, key, by)


@contextmanager
def _asked(name: str) -> Iterator[None]:
    """Within it, the contract's error becomes one in words."""
    try:
        yield
    except Err as error:
        raise _refusal(name, error.value) from None


def _refusal(name: str, error: Any) -> KeyValueError:
    if isinstance(error, store.Error_NoSuchStore):
        return KeyValueError(f"there is no bucket {name}", "no-such-store")
    if isinstance(error, store.Error_AccessDenied):
        return KeyValueError(f"the bucket {name} is not granted", "access-denied")
    return KeyValueError(error.value, "other")
