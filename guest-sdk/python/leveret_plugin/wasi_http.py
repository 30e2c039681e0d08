"""HTTP over `wasi:http`. It can be imported inside of a component only, one whose plugin uses HTTP."""

import re
from contextlib import ExitStack, suppress
from dataclasses import is_dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from componentize_py_types import Err, Ok
from wit_world.imports import http_types as types
from wit_world.imports import outgoing_handler, streams

from .http import HttpError, Request, Response

# What one write takes, and what one read asks for.
_WRITE = 4096
_READ = 64 * 1024
_MICROSECOND = timedelta(microseconds=1)

_METHODS: dict[str, types.Method] = {
    "GET": types.Method_Get(),
    "HEAD": types.Method_Head(),
    "POST": types.Method_Post(),
    "PUT": types.Method_Put(),
    "DELETE": types.Method_Delete(),
    "CONNECT": types.Method_Connect(),
    "OPTIONS": types.Method_Options(),
    "TRACE": types.Method_Trace(),
    "PATCH": types.Method_Patch(),
}
_SCHEMES: dict[str, types.Scheme] = {"http": types.Scheme_Http(), "https": types.Scheme_Https()}


def send(request: Request) -> Response:
    """Sends a request and waits for the whole answer."""
    parts = urlsplit(request.url)
    if parts.scheme not in _SCHEMES or not parts.netloc or "@" in parts.netloc:
        raise ValueError("a request's URL begins with https:// or http:// and a host")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # In the end what was taken last goes first, since it may be a part of what was taken before it.
    with ExitStack() as kept:
        try:
            outgoing = _outgoing(request, parts.scheme, parts.netloc, path)
            # Of a body that is taken the host says that there is one, even if it is empty.
            body = outgoing.body() if request.body else None
            future = kept.enter_context(outgoing_handler.handle(outgoing, _options(request.timeout)))
            if body:
                _write(body, request.body)
            return _read(kept, _arrived(future))
        except Err as error:
            # Without the path, which may hold what nobody else should read.
            raise _refusal(request.method, f"{parts.scheme}://{parts.netloc}", error.value) from None


def _outgoing(request: Request, scheme: str, authority: str, path: str) -> types.OutgoingRequest:
    headers = dict(request.headers)
    if request.body and "content-length" not in (name.lower() for name in headers):
        headers["content-length"] = str(len(request.body))
    try:
        fields = types.Fields.from_list([(name, value.encode()) for name, value in headers.items()])
    except Err as error:
        forbidden = isinstance(error.value, types.HeaderError_Forbidden)
        what = "one of the headers is the host's to set" if forbidden else "one of the headers is not legal"
        raise HttpError(f"{what}: {', '.join(headers)}") from None
    outgoing = types.OutgoingRequest(fields)
    outgoing.set_method(_METHODS.get(request.method) or types.Method_Other(request.method))
    outgoing.set_scheme(_SCHEMES[scheme])
    outgoing.set_authority(authority)
    outgoing.set_path_with_query(path)
    return outgoing


def _options(timeout: timedelta | None) -> types.RequestOptions | None:
    if timeout is None:
        return None
    options = types.RequestOptions()
    nanoseconds = timeout // _MICROSECOND * 1000
    options.set_connect_timeout(nanoseconds)
    options.set_first_byte_timeout(nanoseconds)
    options.set_between_bytes_timeout(nanoseconds)
    return options


def _write(body: types.OutgoingBody, content: bytes) -> None:
    """Sends a request's body, as far as anybody takes it. Where that ends early, the answer is there, or says why."""
    with suppress(Err), body.write() as stream:
        for at in range(0, len(content), _WRITE):
            stream.blocking_write_and_flush(content[at : at + _WRITE])
    with suppress(Err):
        types.OutgoingBody.finish(body, None)


def _arrived(future: types.FutureIncomingResponse) -> types.IncomingResponse:
    with future.subscribe() as pollable:
        pollable.block()
    answer = future.get()
    if not isinstance(answer, Ok):
        raise HttpError("the host has no answer to give")
    if isinstance(answer.value, Err):
        raise answer.value
    return answer.value.value


def _read(kept: ExitStack, response: types.IncomingResponse) -> Response:
    kept.enter_context(response)
    headers: dict[str, str] = {}
    with response.headers() as fields:
        for name, value in fields.entries():
            key, text = name.lower(), value.decode(errors="replace")
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
    body = kept.enter_context(response.consume())
    stream = kept.enter_context(body.stream())
    return Response(response.status(), headers, b"".join(iter(lambda: _chunk(stream), None)))


def _chunk(stream: streams.InputStream) -> bytes | None:
    try:
        return stream.blocking_read(_READ)
    except Err as error:
        if isinstance(error.value, streams.StreamError_Closed):
            return None
        with error.value.value as failure:
            code = types.http_error_code(failure) or types.ErrorCode_InternalError(failure.to_debug_string())
        raise Err(code) from None


def _refusal(method: str, server: str, error: Any) -> HttpError:
    """The contract's error, in words; None is where the contract has no error but that it failed.

    The text of `internal-error` is the host's.
    """
    code = "HTTP-request-URI-invalid" if error is None else _code(type(error).__name__)
    detail = getattr(error, "value", None)
    parts = vars(detail).values() if is_dataclass(detail) else [detail]
    said = ", ".join(str(part) for part in parts if part is not None)
    if server in said:
        # What the host refuses it says in whole sentences.
        return HttpError(said, code)
    known = [] if code == "internal-error" and said else [code]
    return HttpError(": ".join([f"{method} {server}", *known, *([said] if said else [])]), code)


def _code(name: str) -> str:
    """`DNS-timeout` of `ErrorCode_DnsTimeout`."""
    words = re.findall("[A-Z][a-z]*", name.partition("_")[2])
    return "-".join(word.upper() if word in ("Dns", "Http", "Ip", "Tls", "Uri") else word.lower() for word in words)
