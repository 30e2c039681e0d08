"""What stands in for the host in an author's tests."""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .host import Nobody

if TYPE_CHECKING:
    from .http import Request, Response


class Stand(Nobody):
    """The host of a test. What the test does not grant is not there."""

    def __init__(
        self,
        settings: Mapping[str, str],
        http: "Callable[[Request], Response] | None",
        buckets: Mapping[str, dict[str, bytes]],
    ) -> None:
        self._settings = settings
        self._http = http
        self._buckets = buckets

    def setting(self, name: str) -> str | None:
        return self._settings.get(name)

    def log(self, level: int, line: str) -> None:
        logging.getLogger().log(level, line)

    def send(self, request: "Request") -> "Response":
        return self._http(request) if self._http else super().send(request)

    def bucket(self, name: str) -> "Kept":
        if name not in self._buckets:
            from .keyvalue import KeyValueError

            raise KeyValueError(f"there is no bucket {name}", "no-such-store")
        return Kept(self._buckets[name])


class Kept:
    """A bucket that a test granted."""

    def __init__(self, values: dict[str, bytes]) -> None:
        self._values = values

    def get(self, key: str) -> bytes | None:
        return self._values.get(key)

    def set(self, key: str, value: bytes) -> None:
        self._values[key] = value

    def delete(self, key: str) -> None:
        self._values.pop(key, None)

    def exists(self, key: str) -> bool:
        return key in self._values

    def keys(self, cursor: int | None) -> tuple[list[str], int | None]:
        return list(self._values), None

    def increment(self, key: str, by: int) -> int:
        value = int(self._values.get(key, b"0")) + by
        self._values[key] = str(value).encode()
        return value
