from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from leveret_plugin import Announcement, Plugin, Reject, Retry, http, keyvalue
from leveret_plugin.http import HttpError, Request, Response
from leveret_plugin.keyvalue import KeyValueError
from leveret_plugin.testing import Grants, perform


def seen(work: Callable[[], Any], given: Grants | None = None) -> Any:
    """What a worker sees that runs `work`."""
    plugin = Plugin()
    plugin.perform("a.do")(lambda task: Announcement("a.done", work()))
    return perform(plugin, "a.do", {}, given=given).announcements[0].payload


def test_a_request_reaches_the_test_and_its_answer_the_worker() -> None:
    sent = []

    def answer(request: Request) -> Response:
        sent.append(request)
        return Response(201, {"server": "here"}, b'{"id": 7}')

    def work() -> Any:
        first = http.send("post", "https://a.example/b", json={"to": "ä"})
        http.send("PUT", "https://a.example/c", headers={"accept": "*/*"}, body="text", timeout=timedelta(seconds=1))
        return [first.status, first.ok, first.headers, first.text, first.json()]

    assert seen(work, {"http": answer}) == [201, True, {"server": "here"}, '{"id": 7}', {"id": 7}]
    json = {"content-type": "application/json"}
    assert sent == [
        Request("POST", "https://a.example/b", json, '{"to":"ä"}'.encode()),
        Request("PUT", "https://a.example/c", {"accept": "*/*"}, b"text", timedelta(seconds=1)),
    ]
    assert sent[0].json() == {"to": "ä"}


def test_without_an_answer_the_reason_is_the_task_s() -> None:
    def refuse(request: Request) -> Response:
        raise HttpError("GET https://a.example: connection-refused", "connection-refused")

    with pytest.raises(Retry, match="^HttpError: GET https://a.example: connection-refused$"):
        seen(lambda: http.send("GET", "https://a.example"), {"http": refuse})
    with pytest.raises(Retry, match="there is no network here"):
        seen(lambda: http.send("GET", "https://a.example"))


def test_a_request_has_one_body() -> None:
    with pytest.raises(TypeError, match="either `body` or `json`"):
        http.send("POST", "https://a.example", body="text", json={})
    with pytest.raises(Reject, match="the payload of the request to https://a.example is not JSON"):
        http.send("POST", "https://a.example", json=b"")


def test_a_bucket_keeps_values_and_a_test_sees_them() -> None:
    values = {"old": b"1"}

    def work() -> Any:
        sent = keyvalue.open("sent")
        sent.set("text", "ä")
        before = ["old" in sent, sent.get("old") == b"1", sent.get("new")]
        sent.delete("old")
        return [before, sent.increment("count"), sent.increment("count", 5), list(sent)]

    given: Grants = {"buckets": {"sent": values}}
    assert seen(work, given) == [[True, True, None], 1, 6, ["text", "count"]]
    assert values == {"text": "ä".encode(), "count": b"6"}


def test_a_bucket_that_is_not_there_is_told() -> None:
    with pytest.raises(Retry, match="^KeyValueError: there is no bucket sent$") as retry:
        seen(lambda: keyvalue.open("sent"), {"buckets": {}})
    assert isinstance(retry.value.__cause__, KeyValueError)
    assert retry.value.__cause__.code == "no-such-store"
    with pytest.raises(RuntimeError, match="there is no bucket 'sent' here"):
        keyvalue.open("sent")
