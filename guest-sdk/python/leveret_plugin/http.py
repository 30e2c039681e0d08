"""HTTP for workers, to the hosts that the operator grants. It blocks: there is nothing to await.

Example::

    answer = http.send("POST", "https://api.mail.example/send", json={"to": task.payload.to})
    if not answer.ok:
        raise Retry(f"the mail API answered {answer.status}")
"""

import json as jsons
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from . import host, payload


class HttpError(Exception):
    """There is no answer: not granted, not reached, too late, too large. Not caught, it has the task tried again."""

    def __init__(self, reason: str, code: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        """The `error-code` of `wasi:http`, such as `HTTP-request-denied`, if the host gave one."""


@dataclass(frozen=True)
class Request:
    """A request as the host gets it."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: timedelta | None = None

    def json(self) -> Any:
        """The body as JSON."""
        return jsons.loads(self.body)


@dataclass(frozen=True)
class Response:
    """An answer, whole."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in lower case. What comes several times is joined by `, `."""
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON."""
        return jsons.loads(self.body)


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | str = b"",
    json: Any = None,
    timeout: timedelta | None = None,
) -> Response:
    """Sends a request and waits for the whole answer, whatever its status is. Raises `HttpError` if there is none.

    `json` is a body as a value: anything that a task's payload may be. `timeout` is the longest to wait for a
    connection, for the answer's beginning, and for each further part of it; the operator's limits hold in any case.
    """
    given = dict(headers or {})
    if json is not None:
        if body:
            raise TypeError("a request has either `body` or `json`")
        given = {"content-type": "application/json", **given}
        body = payload.written(json, f"the request to {url}")
    encoded = body.encode() if isinstance(body, str) else body
    return host.current.send(Request(method.upper(), url, given, encoded, timeout))
