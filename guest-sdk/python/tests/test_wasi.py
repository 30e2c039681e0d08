"""What goes over `wasi:http` and `wasi:keyvalue`, on bindings that a host is played behind."""

import importlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leveret_plugin.http import HttpError, Request, Response
from leveret_plugin.keyvalue import KeyValueError


class Resource(SimpleNamespace):
    """A resource of the host. Like those it cannot go before what is a part of it."""

    def __enter__(self) -> "Resource":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.name in self.alive
        assert not [part for part in self.alive if self.parts.get(part) == self.name]
        self.alive.remove(self.name)


class Outside:
    """A `wasi:http` that answers, and what it saw."""

    def __init__(self, module: Any) -> None:
        self.types, self.streams, self.err, self.ok = module.types, module.streams, module.Err, module.Ok
        self.alive: set[str] = set()
        self.parts: dict[str, str] = {}
        self.seen: dict[str, Any] = {"body": []}
        self.chunks = [b"an ", b"answer"]
        self.refusal: Any = None
        self.answer: Any = None
        self.broken: Any = None
        self.write_error: Any = None

    def resource(self, name: str, parent: str = "", **methods: Any) -> Resource:
        self.alive.add(name)
        self.parts[name] = parent
        return Resource(name=name, alive=self.alive, parts=self.parts, **methods)

    def fields(self, entries: list[tuple[str, bytes]]) -> Any:
        if any(" " in name for name, _ in entries):
            raise self.err(self.types.HeaderError_InvalidSyntax())
        return dict(entries)

    def request(self, headers: Any) -> Any:
        self.seen["headers"] = headers
        setters = {f"set_{name}": self.setter(name) for name in ("method", "scheme", "authority", "path_with_query")}
        return SimpleNamespace(body=self.body, **setters)

    def body(self) -> Resource:
        stream = {"blocking_write_and_flush": self.write}
        return self.resource("outgoing", write=lambda: self.resource("output", "outgoing", **stream))

    def setter(self, name: str) -> Any:
        return lambda value: self.seen.update({name: value})

    def options(self) -> Any:
        names = ("connect_timeout", "first_byte_timeout", "between_bytes_timeout")
        return SimpleNamespace(**{f"set_{name}": self.setter("timeout") for name in names})

    def write(self, content: bytes) -> None:
        if self.write_error:
            raise self.err(self.write_error)
        self.seen["body"].append(content)

    def finish(self, body: Resource, trailers: None) -> None:
        assert "output" not in self.alive
        self.alive.remove(body.name)

    def handle(self, request: Any, options: Any) -> Resource:
        if self.refusal:
            raise self.err(self.refusal)
        return self.resource(
            "future",
            subscribe=lambda: self.resource("pollable", "future", block=lambda: None),
            get=lambda: self.ok(self.answer or self.ok(self.response())),
        )

    def response(self) -> Resource:
        entries = [("Server", b"here"), ("x-a", b"1"), ("X-A", b"2")]
        return self.resource(
            "response",
            status=lambda: 201,
            headers=lambda: self.resource("fields", "response", entries=lambda: entries),
            consume=lambda: self.resource(
                "body", "response", stream=lambda: self.resource("input", "body", blocking_read=self.read)
            ),
        )

    def read(self, count: int) -> bytes:
        if self.chunks:
            return self.chunks.pop(0)
        raise self.err(self.broken or self.streams.StreamError_Closed())


@pytest.fixture
def wasi_http(bindings: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(bindings)
    return importlib.import_module("leveret_plugin.wasi_http")


@pytest.fixture
def outside(wasi_http: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    outside = Outside(wasi_http)
    types = wasi_http.types
    monkeypatch.setattr(types.Fields, "from_list", outside.fields)
    monkeypatch.setattr(types, "OutgoingRequest", outside.request)
    monkeypatch.setattr(types, "RequestOptions", outside.options)
    monkeypatch.setattr(types.OutgoingBody, "finish", outside.finish)
    monkeypatch.setattr(types, "http_error_code", lambda error: error.code)
    monkeypatch.setattr(wasi_http.outgoing_handler, "handle", outside.handle)
    yield outside
    assert not outside.alive


def test_a_request_goes_out_in_its_parts_and_the_answer_comes_whole(wasi_http: Any, outside: Outside) -> None:
    request = Request("POST", "https://a.example/b?c=d#e", {"Accept": "*/*"}, b"x" * 5000, timedelta(milliseconds=1.5))
    assert wasi_http.send(request) == Response(201, {"server": "here", "x-a": "1, 2"}, b"an answer")
    assert outside.seen == {
        "headers": {"Accept": b"*/*", "content-length": b"5000"},
        "method": wasi_http.types.Method_Post(),
        "scheme": wasi_http.types.Scheme_Https(),
        "authority": "a.example",
        "path_with_query": "/b?c=d",
        "timeout": 1_500_000,
        "body": [b"x" * 4096, b"x" * 904],
    }
    assert not outside.alive


def test_a_url_has_a_scheme_a_host_and_a_path_where_none_is_given(wasi_http: Any, outside: Outside) -> None:
    wasi_http.send(Request("BREW", "http://a.example:81?q"))
    assert outside.seen["path_with_query"] == "/?q"
    assert not outside.alive, "no body was taken"
    assert outside.seen["method"] == wasi_http.types.Method_Other("BREW")
    for url in ("ftp://a.example", "a.example", "https://", "https://me@a.example"):
        with pytest.raises(ValueError, match="begins with https://"):
            wasi_http.send(Request("GET", url))


def test_the_host_s_reason_is_in_the_error_and_the_path_is_not(wasi_http: Any, outside: Outside) -> None:
    types, streams = wasi_http.types, wasi_http.streams

    def failure() -> tuple[str, str | None]:
        with pytest.raises(HttpError) as raised:
            wasi_http.send(Request("GET", "https://a.example/secret"))
        return str(raised.value).removeprefix("GET https://a.example: "), raised.value.code

    outside.refusal = types.ErrorCode_HttpRequestDenied()
    assert failure() == ("HTTP-request-denied", "HTTP-request-denied")
    outside.refusal = types.ErrorCode_InternalError("PUT https://a.example:443 is not granted")
    assert failure() == ("PUT https://a.example:443 is not granted", "internal-error")
    outside.refusal = None
    outside.answer = outside.err(types.ErrorCode_DnsError(types.DnsErrorPayload("no such name", None)))
    assert failure() == ("DNS-error: no such name", "DNS-error")
    outside.answer = None
    for code, said in ((types.ErrorCode_HttpResponseBodySize(7), "HTTP-response-body-size: 7"), (None, "broken")):
        error = outside.resource("error", code=code, to_debug_string=lambda: "broken")
        outside.broken = streams.StreamError_LastOperationFailed(error)
        assert failure()[0] == said


def test_a_header_that_is_not_legal_is_told(wasi_http: Any, outside: Outside) -> None:
    with pytest.raises(HttpError, match="^one of the headers is not legal: a b$"):
        wasi_http.send(Request("GET", "https://a.example", {"a b": "c"}))


def test_a_body_that_nobody_takes_does_not_hide_the_answer(wasi_http: Any, outside: Outside) -> None:
    outside.write_error = outside.streams.StreamError_Closed()
    assert wasi_http.send(Request("POST", "https://a.example", {}, b"x")).status == 201


def test_a_bucket_s_refusal_is_told(bindings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(bindings)
    module = importlib.import_module("leveret_plugin.wasi_keyvalue")
    store = module.store
    for error, said, code in (
        (store.Error_NoSuchStore(), "there is no bucket sent", "no-such-store"),
        (store.Error_AccessDenied(), "the bucket sent is not granted", "access-denied"),
        (store.Error_Other("the disk is full"), "the disk is full", "other"),
    ):

        def refuse(name: str, error: Any = error) -> Any:
            raise module.Err(error)

        monkeypatch.setattr(store, "open", refuse)
        with pytest.raises(KeyValueError, match=f"^{said}$") as raised:
            module.Held("sent")
        assert raised.value.code == code


def test_a_bucket_s_keys_come_page_by_page(bindings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(bindings)
    module = importlib.import_module("leveret_plugin.wasi_keyvalue")
    pages = {None: (["a", "b"], 2), 2: (["c"], None)}
    bucket = SimpleNamespace(list_keys=lambda cursor: SimpleNamespace(keys=pages[cursor][0], cursor=pages[cursor][1]))
    monkeypatch.setattr(module.store, "open", lambda name: bucket)
    keyvalue = importlib.import_module("leveret_plugin.keyvalue")
    assert list(keyvalue.Bucket(module.Held("sent"))) == ["a", "b", "c"]
