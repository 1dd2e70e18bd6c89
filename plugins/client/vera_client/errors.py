"""What can go wrong between a host and the engine, in an artist's words. Standard library only.

The bridge raises the same classes; they travel over its pipes as dicts (`as_dict`, `from_dict`).
"""

from __future__ import annotations

from typing import Any


class VeraClientError(Exception):
    """Something was refused, or failed on the way.

    Args:
        reason: What is wrong, a sentence without the value.
        argument: The field at fault, dotted, as in `plate.path`; empty where none is.
        value: That field's value; kept as text.
        remedy: What the artist can do about it; empty where nothing is known.
        kind: The stable name of the error's kind; the class's own name where none is given.
        nature: `invalid_argument`, `not_found`, `permission_denied` (bad input); `failed_precondition`, `unavailable`,
            `deadline_exceeded`, `data_loss`, `cancelled`, `internal` (failures); the class's own where none is given.
    """

    default_nature = "internal"

    def __init__(
        self,
        reason: str,
        *,
        argument: str = "",
        value: object = "",
        remedy: str = "",
        kind: str = "",
        nature: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.argument = argument
        self.value = str(value)
        self.remedy = remedy
        self.kind = kind or type(self).__name__
        self.nature = nature or self.default_nature

    def __str__(self) -> str:
        where = f" [{self.argument}: {self.value}]" if self.argument else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.reason}{where}{remedy}"

    @property
    def is_bad_input(self) -> bool:
        """True where another request would be taken; False where the request was right and something failed."""
        return self.nature in ("invalid_argument", "not_found", "permission_denied")

    def as_dict(self) -> dict[str, str]:
        """The fields of proto's `Refusal`, and the nature."""
        return {
            "kind": self.kind,
            "nature": self.nature,
            "argument": self.argument,
            "value": self.value,
            "reason": self.reason,
            "remedy": self.remedy,
        }

    @staticmethod
    def from_dict(error: dict[str, Any]) -> VeraClientError:
        """The error a dict of `as_dict` tells of; `Refused` where its kind is one of the engine's."""
        own = {cls.__name__: cls for cls in VeraClientError.__subclasses__()}
        return own.get(str(error["kind"]), Refused)(
            error["reason"],
            argument=error["argument"],
            value=error["value"],
            remedy=error["remedy"],
            kind=error["kind"],
            nature=error["nature"],
        )


class Refused(VeraClientError):
    """The engine, or the bridge on its behalf, says no to a request, and why."""

    default_nature = "invalid_argument"


class EngineUnavailable(VeraClientError):
    """No engine was found, none could be started, or it does not answer."""

    default_nature = "unavailable"


class EngineMismatch(VeraClientError):
    """An engine answers, but of another interface version, or running another model than asked for."""

    default_nature = "failed_precondition"


class BridgeUnavailable(VeraClientError):
    """The bridge process cannot be started, or has died and could not be brought back."""

    default_nature = "unavailable"


class NoReply(VeraClientError):
    """No answer within the time given; the request itself may still go through."""

    default_nature = "deadline_exceeded"


class ClientClosed(VeraClientError):
    """The client was closed before the answer came."""

    default_nature = "cancelled"


class TransferFailed(VeraClientError):
    """Files did not get over the wire whole; nothing half-done was left looking finished."""

    default_nature = "data_loss"
