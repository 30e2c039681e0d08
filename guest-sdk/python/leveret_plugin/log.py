import logging

from . import host

TRACE = 5
"""The level below `logging.DEBUG`: every step."""

logging.addLevelName(TRACE, "TRACE")


class Handler(logging.Handler):
    """Hands what is logged to the host."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            # A line is its message, unless there is more to say: to ask a formatter for that takes twice as long.
            line = self.format(record) if record.exc_info or record.stack_info else record.getMessage()
            host.current.log(record.levelno, line)
        except Exception:
            self.handleError(record)


def install() -> None:
    """Sends every line of the standard `logging` to the host, which knows what the operator wants to see."""
    root = logging.getLogger()
    root.handlers[:] = [Handler()]
    root.setLevel(TRACE)
    # Facts of a line that the operator does not see, such as its thread: a quarter of the time that it takes.
    for fact in ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks"):
        setattr(logging, fact, False)
