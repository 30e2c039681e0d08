from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from leveret_plugin import Event, FailedAttempt, Plugin, Reject, Retry, Task
from leveret_plugin.testing import deliver, failed, recover, sample, settings


@dataclass
class Login:
    user: int


def plugin_of(function: Any) -> Plugin:
    plugin = Plugin()
    plugin.subscribe("user.authorized")(function)
    return plugin


def greet(event: Event[Login]) -> Task:
    return Task("greeting.send", {"user": event.payload.user})


def test_a_payload_is_read_into_the_annotated_type() -> None:
    assert deliver(plugin_of(greet), "user.authorized", {"user": 7}) == [Task("greeting.send", {"user": 7})]


def test_a_payload_that_does_not_fit_is_rejected_with_the_path() -> None:
    with pytest.raises(Reject, match="^the payload does not fit: user: expected int, found str$"):
        deliver(plugin_of(greet), "user.authorized", {"user": "seven"})


def test_an_event_that_nobody_subscribed_to_is_rejected() -> None:
    with pytest.raises(Reject, match="no subscriber of user.deleted"):
        deliver(plugin_of(greet), "user.deleted", {})


def test_a_decorated_function_stays_a_function() -> None:
    plugin = Plugin()
    assert plugin.subscribe("user.authorized")(greet) is greet
    assert greet(sample("user.authorized", Login(7))) == Task("greeting.send", {"user": 7})


def test_nothing_one_and_several_tasks_are_all_tasks() -> None:
    task = Task("greeting.send", None)

    def generate(event: Event[Any]) -> Iterator[Task]:
        yield task
        yield task

    assert deliver(plugin_of(lambda event: None), "user.authorized", {}) == []
    assert deliver(plugin_of(lambda event: task), "user.authorized", {}) == [task]
    assert deliver(plugin_of(lambda event: (task, task)), "user.authorized", {}) == [task, task]
    assert deliver(plugin_of(generate), "user.authorized", {}) == [task, task]


def test_what_is_no_task_fails_the_delivery() -> None:
    with pytest.raises(Retry, match="TypeError: a handler returns tasks, not 'greeting.send'"):
        deliver(plugin_of(lambda event: ["greeting.send"]), "user.authorized", {})


def test_any_other_exception_is_a_retry_with_its_type_and_text() -> None:
    def fail(event: Event[Any]) -> None:
        raise KeyError("user")

    with pytest.raises(Retry, match="^KeyError: 'user'$") as retry:
        deliver(plugin_of(fail), "user.authorized", {})
    assert isinstance(retry.value.__cause__, KeyError)


def test_a_retry_keeps_its_delay() -> None:
    def fail(event: Event[Any]) -> None:
        raise Retry("busy", after=timedelta(seconds=60))

    with pytest.raises(Retry, match="^busy$") as retry:
        deliver(plugin_of(fail), "user.authorized", {})
    assert retry.value.after == timedelta(minutes=1)


def test_a_handler_without_annotations_takes_any_payload() -> None:
    def repeat(event):  # type: ignore[no-untyped-def]
        return Task("echo.make", event.payload)

    assert deliver(plugin_of(repeat), "user.authorized", ["é"]) == [Task("echo.make", ["é"])]


def test_a_handler_of_something_else_than_an_event_is_refused() -> None:
    def wrong(event: Login) -> None: ...

    with pytest.raises(TypeError, match="the argument of wrong is an Event"):
        plugin_of(wrong).subscriptions["user.authorized"].prepare()


def test_a_handler_that_is_async_is_refused() -> None:
    async def wait(event: Event[Any]) -> None: ...

    with pytest.raises(TypeError, match="wait is `async`"):
        plugin_of(wait)


def test_two_subscribers_of_one_event_are_refused() -> None:
    plugin = plugin_of(greet)
    with pytest.raises(ValueError, match="two subscribers of user.authorized"):
        plugin.subscribe("user.authorized")(greet)


def test_recovery_gets_the_event_and_its_failed_attempts() -> None:
    plugin = plugin_of(greet)

    @plugin.recover
    def complain(event: Event[Any], attempts: list[FailedAttempt]) -> Task:
        return Task("complaint.file", [event.payload, attempts[0].reason])

    tasks = recover(plugin, sample("user.authorized", {"user": 7}), [failed(1, "busy")])
    assert tasks == [Task("complaint.file", [{"user": 7}, "busy"])]


def test_settings_are_there_during_a_delivery_only() -> None:
    plugin = Plugin()

    @plugin.subscribe("user.authorized")
    def greet(event: Event[Any]) -> Task:
        return Task("greeting.send", plugin.setting("greeting"))

    assert deliver(plugin, "user.authorized", {}) == [Task("greeting.send", None)]
    assert deliver(plugin, "user.authorized", {}, settings={"greeting": "hello"}) == [Task("greeting.send", "hello")]
    with pytest.raises(RuntimeError, match="settings are there during a delivery"):
        plugin.setting("greeting")


def test_health_is_none_a_reason_or_an_error() -> None:
    plugin = Plugin()
    assert plugin.illness() is None

    @plugin.healthy
    def healthy() -> str | None:
        if plugin.setting("ill") == "very":
            raise RuntimeError("very ill")
        return plugin.setting("ill")

    for given, illness in [({}, None), ({"ill": "the table is empty"}, "the table is empty")]:
        with settings(given):
            assert plugin.illness() == illness
    with settings({"ill": "very"}):
        assert plugin.illness() == "RuntimeError: very ill"
