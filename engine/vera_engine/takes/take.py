"""A take as the engine keeps it, from its reservation to its end, and what happens to it on the way."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from vera_engine.errors import VeraEditError
from vera_engine.takes.request import TakeRequest, TakeSettings

INTERFACE_VERSION = 1
"""Of `vera_edit.v1`, its own count: an engine and a client of different ones do not work together."""


class TakeState(StrEnum):
    """Where a take is in its life."""

    QUEUED = "queued"
    CHECKING = "checking"
    RUNNING = "running"
    WRITING = "writing"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in (TakeState.FINISHED, TakeState.CANCELLED, TakeState.FAILED)


@dataclass(frozen=True)
class Refusal:
    """Why something was refused or failed, in an artist's words; the fields of a `VeraEditError`."""

    kind: str
    reason: str
    argument: str = ""
    value: str = ""
    remedy: str = ""

    @classmethod
    def from_error(cls, error: VeraEditError) -> Refusal:
        return cls(error.kind, error.reason, error.argument, error.value, error.remedy)


@dataclass(frozen=True)
class TakeSeconds:
    """Seconds a take has spent."""

    total: float = 0.0
    """From its creation to its end."""
    queued: float = 0.0
    model: float = 0.0
    """Loading the model, encoding, denoising, decoding."""
    pixels: float = 0.0
    """Reading plates, making layers, writing files."""


@dataclass(frozen=True)
class Take:
    """One generated version of the layers, or the way to it."""

    take_id: str
    request_id: str
    version: str
    """`v001`, `v002`, ... within its node."""
    state: TakeState
    request: TakeRequest
    """Colour space and mask meaning are said in it, whether asked for or found; `settings` are as asked."""
    settings: TakeSettings
    directory: Path
    """The version directory: there, and complete, once FINISHED."""
    created_at: float
    """Seconds since 1970-01-01 UTC."""
    started_at: float | None = None
    """When its turn first came."""
    attempts: int = 0
    """How often a worker has begun it."""
    cancel_requested: bool = False
    seconds: TakeSeconds = TakeSeconds()
    warnings: tuple[str, ...] = ()
    error: Refusal | None = None
    """Set where FAILED."""

    @property
    def partial_directory(self) -> Path:
        """Where its files lie while it is worked on, and stay when it was cancelled or failed."""
        return self.directory.with_name(f"{self.directory.name}.partial")

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "request": self.request.as_dict(), "directory": str(self.directory)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Take:
        """What `as_dict` gave, also after a way through JSON."""
        return cls(
            **{
                **data,
                "state": TakeState(data["state"]),
                "request": TakeRequest.from_dict(data["request"]),
                "settings": TakeSettings(**data["settings"]),
                "directory": Path(data["directory"]),
                "seconds": TakeSeconds(**data["seconds"]),
                "warnings": tuple(data["warnings"]),
                "error": None if data["error"] is None else Refusal(**data["error"]),
            }
        )


@dataclass(frozen=True)
class QueuedAt:
    """It waits at this place; 1 is next."""

    name: ClassVar[str] = "queued_at"
    place: int


@dataclass(frozen=True)
class StateChanged:
    """The take is now in another state: all of it, as it is now."""

    name: ClassVar[str] = "state_changed"
    take: Take


@dataclass(frozen=True)
class StepDone:
    """The model has done one denoising step. Steps and windows count from 1."""

    name: ClassVar[str] = "step_done"
    step: int
    step_count: int
    window: int
    window_count: int
    seconds_per_step: float


@dataclass(frozen=True)
class FrameWritten:
    """The layers of one frame (host numbering) are on disk, in the directory still being written."""

    name: ClassVar[str] = "frame_written"
    frame: int


TakeEvent = QueuedAt | StateChanged | StepDone | FrameWritten


def event_as_dict(event: TakeEvent) -> dict[str, Any]:
    """As plain JSON values, with the event's name under `event`."""
    fields = {"take": event.take.as_dict()} if isinstance(event, StateChanged) else asdict(event)
    return {"event": event.name, **fields}


def event_from_dict(data: dict[str, Any]) -> TakeEvent:
    """What `event_as_dict` gave, also after a way through JSON."""
    fields = {key: value for key, value in data.items() if key != "event"}
    match data["event"]:
        case StateChanged.name:
            return StateChanged(Take.from_dict(fields["take"]))
        case QueuedAt.name:
            return QueuedAt(**fields)
        case StepDone.name:
            return StepDone(**fields)
        case FrameWritten.name:
            return FrameWritten(**fields)
    raise ValueError(f"no such event: {data['event']}")
