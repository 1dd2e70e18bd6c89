"""What can go wrong, in an artist's words: one base with fields, one subclass for each nature of failure.

Rooms derive their own kinds (`class PlateNotFound(NotFound)`). The server turns a kind's nature into a gRPC status
and its fields into a `Refusal`; the command line prints the same fields.
"""

from __future__ import annotations


class VeraEditError(Exception):
    """Something refused or failed.

    Args:
        reason: What is wrong, a sentence without the value.
        argument: The argument at fault, dotted, as in `plate.path`; empty where none is.
        value: That argument's value; kept as text.
        remedy: What the artist can do about it; empty where nothing is known.
    """

    def __init__(self, reason: str, *, argument: str = "", value: object = "", remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.argument = argument
        self.value = str(value)
        self.remedy = remedy

    @property
    def kind(self) -> str:
        """The stable name of this kind of error: the class's own."""
        return type(self).__name__

    def __str__(self) -> str:
        where = f" [{self.argument}: {self.value}]" if self.argument else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.reason}{where}{remedy}"


class InvalidArgument(VeraEditError):
    """A value that no state of the world would make right."""


class NotFound(VeraEditError):
    """A file, folder, frame or take that is not there."""


class PermissionRefused(VeraEditError):
    """A place that may not be read or written."""


class FailedPrecondition(VeraEditError):
    """A value that is right in itself, but not now: another version, a missing model, a full disk."""


class Cancelled(VeraEditError):
    """Stopped on request."""


class Internal(VeraEditError):
    """A fault of the engine's own."""
