from datetime import timedelta


class Failure(Exception):
    """Why nothing came of a delivery: `Retry` or `Reject`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """Why, in words for the operator. At most 1,024 bytes are kept."""


class Retry(Failure):
    """It may work later: the message waits in the broker and is tried again, until its attempts are used up.

    With `after`, it waits this long instead of what the retry policy says.
    """

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Reject(Failure):
    """It will never work: the message becomes a dead letter at once."""


def reason(error: Exception) -> str:
    """The error in words for the operator: its type and its text, since many texts say little without."""
    if isinstance(error, Failure):
        return error.reason
    text = str(error)
    name = type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        text += " (the build takes along what is imported when the plugin is loaded: import it at the top)"
    return f"{name}: {text}" if text else name
