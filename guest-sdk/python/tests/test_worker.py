from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from leveret_plugin import Announcement, Assignment, FailedAttempt, Plugin, Reject, Results, Retry, Task
from leveret_plugin.announcement import Performed
from leveret_plugin.testing import assignment, failed, perform, recover


@dataclass
class Email:
    to: str


def send(task: Assignment[Email]) -> Announcement:
    return Announcement("email.sent", {"to": task.payload.to, "attempt": task.attempt}, headers=task.headers)


def plugin_of(function: Any) -> Plugin:
    plugin = Plugin()
    plugin.perform("email.send")(function)
    return plugin


def test_a_payload_is_read_into_the_annotated_type_and_facts_reach_the_worker() -> None:
    performed = perform(plugin_of(send), "email.send", {"to": "ada"}, attempt=2, headers={"a": "b"})
    assert performed == Performed([Announcement("email.sent", {"to": "ada", "attempt": 2}, headers={"a": "b"})], [])


def test_a_payload_that_does_not_fit_is_rejected_with_the_path() -> None:
    with pytest.raises(Reject, match="^the payload does not fit: to: expected str, found int$"):
        perform(plugin_of(send), "email.send", {"to": 7})


def test_a_task_that_nobody_performs_is_rejected() -> None:
    with pytest.raises(Reject, match="no worker of email.drop"):
        perform(plugin_of(send), "email.drop", {})


def test_a_decorated_function_stays_a_function() -> None:
    plugin = Plugin()
    assert plugin.perform("email.send")(send) is send
    sent = send(assignment("email.send", Email("ada"), attempt=3))
    assert sent == Announcement("email.sent", {"to": "ada", "attempt": 3})


def test_events_tasks_both_and_nothing_may_come_of_a_task() -> None:
    event, task = Announcement("email.sent", 1), Task("visit.count", 2)

    def generate(assignment: Assignment[Any]) -> Iterator[Announcement | Task]:
        yield task
        yield event

    def results(given: Results) -> Performed:
        return perform(plugin_of(lambda task: given), "email.send", {})

    assert results(None) == Performed([], [])
    assert results(event) == Performed([event], [])
    assert results(task) == Performed([], [task])
    assert results((task, event)) == Performed([event], [task])
    assert perform(plugin_of(generate), "email.send", {}) == Performed([event], [task])


def test_what_is_neither_fails_the_delivery_and_so_does_any_exception() -> None:
    with pytest.raises(Retry, match="TypeError: a worker returns announcements and tasks, not 'email.sent'"):
        perform(plugin_of(lambda task: ["email.sent"]), "email.send", {})
    with pytest.raises(Retry, match="ZeroDivisionError"):
        perform(plugin_of(lambda task: 1 // 0), "email.send", {})
    with pytest.raises(Reject, match="the payload of event email.sent is not JSON"):
        perform(plugin_of(lambda task: Announcement("email.sent", b"")), "email.send", {})


def test_a_retry_keeps_its_delay() -> None:
    def fail(task: Assignment[Any]) -> None:
        raise Retry("busy", after=timedelta(seconds=60))

    with pytest.raises(Retry, match="^busy$") as retry:
        perform(plugin_of(fail), "email.send", {})
    assert retry.value.after == timedelta(minutes=1)


def test_two_workers_of_one_task_and_an_async_one_are_refused() -> None:
    plugin = plugin_of(send)
    with pytest.raises(ValueError, match="two workers of email.send"):
        plugin.perform("email.send")(send)

    async def wait(task: Assignment[Any]) -> None: ...

    with pytest.raises(TypeError, match="wait is `async`"):
        plugin_of(wait)


def test_recovery_gets_the_task_and_its_failed_attempts() -> None:
    plugin = plugin_of(send)

    @plugin.recover
    def complain(task: Assignment[Any], attempts: list[FailedAttempt]) -> Task:
        return Task("complaint.file", [task.payload, task.attempt, attempts[0].reason])

    tasks = recover(plugin, assignment("email.send", {"to": 7}, attempt=3), [failed(3, "busy")])
    assert tasks == [Task("complaint.file", [{"to": 7}, 3, "busy"])]
