"""Write Leveret plugins in Python.

A plugin turns events into tasks of its own application, or performs them. Its author writes an ordinary function for
each event or task; `python -m leveret_plugin build` gives the component::

    from dataclasses import dataclass
    from leveret_plugin import Event, Plugin, Reject, Task

    plugin = Plugin(summary="Thanks people for their payments.", emits=["email.send"])

    @dataclass
    class Payment:
        email: str
        amount: int

    @plugin.subscribe("org.payment.processed")
    def thank(event: Event[Payment]) -> Task:
        if event.payload.amount == 0:
            raise Reject("a payment of nothing")
        return Task("email.send", {"to": event.payload.email, "template": "thanks"})

A handler returns a `Task`, several, or None. `raise Retry("why")` has the event tried again, `raise Reject("why")`
makes it a dead letter, and any other exception means `Retry`, with its type and text.

A function under `@plugin.perform("email.send")` takes an `Assignment` and returns what happened, each an
`Announcement`, and further tasks. The modules `http` and `keyvalue` are what the operator may grant it.

The standard `logging` and `print` reach the operator. In a test, `leveret_plugin.testing.deliver` delivers an event
as the host would.
"""

from .announcement import Announcement, Results
from .assignment import Assignment
from .event import Event, FailedAttempt
from .failure import Failure, Reject, Retry
from .handler import Schema
from .log import TRACE
from .plugin import Limits, Plugin
from .task import Task, Tasks
from .timed_event import Missed, TimedEvent

__all__ = [
    "TRACE",
    "Announcement",
    "Assignment",
    "Event",
    "FailedAttempt",
    "Failure",
    "Limits",
    "Missed",
    "Plugin",
    "Reject",
    "Results",
    "Retry",
    "Schema",
    "Task",
    "Tasks",
    "TimedEvent",
]
