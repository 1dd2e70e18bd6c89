"""What happens to a take on its way, as it is kept and told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from vera_engine.plates.frames import FrameRange
from vera_engine.takes.take import Take


@dataclass(frozen=True)
class QueuedAt:
    """It waits for its turn."""

    name: ClassVar[str] = "queued_at"
    place: int
    """1 is next."""
    seconds_to_start: float | None = None
    """From what steps of this size took before; None where none was ever measured."""


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
    seconds_left: float
    """To the end of the take."""


@dataclass(frozen=True)
class FrameWritten:
    """The layers of one frame (host numbering) are on disk, in the directory still being written."""

    name: ClassVar[str] = "frame_written"
    frame: int


@dataclass(frozen=True)
class WindowDone:
    """A window's layers and latents are on disk for good. Windows count from 1."""

    name: ClassVar[str] = "window_done"
    window: int
    window_count: int
    frames: tuple[FrameRange, ...]
    """What it delivered."""


@dataclass(frozen=True)
class Preview:
    """What the model is at: edit, matte and comp of one frame side by side, at latent size."""

    name: ClassVar[str] = "preview"
    png: str
    """A PNG file in base64. Empty in all of a take's previews but the newest."""
    window: int
    step: int


TakeEvent = QueuedAt | StateChanged | StepDone | FrameWritten | WindowDone | Preview


def event_as_dict(event: TakeEvent) -> dict[str, Any]:
    """As plain JSON values, with the event's name under `event`."""
    match event:
        case StateChanged(take):
            fields: dict[str, Any] = {"take": take.as_dict()}
        case WindowDone():
            fields = {**vars(event), "frames": [part.as_dict() for part in event.frames]}
        case _:
            fields = vars(event)
    return {"event": event.name, **fields}


def event_from_dict(data: dict[str, Any]) -> TakeEvent:
    """What `event_as_dict` gave, also after a way through JSON."""
    fields = {key: value for key, value in data.items() if key != "event"}
    match data["event"]:
        case StateChanged.name:
            return StateChanged(Take.from_dict(fields["take"]))
        case WindowDone.name:
            return WindowDone(**{**fields, "frames": tuple(map(FrameRange.from_dict, fields["frames"]))})
        case QueuedAt.name:
            return QueuedAt(**fields)
        case StepDone.name:
            return StepDone(**fields)
        case FrameWritten.name:
            return FrameWritten(**fields)
        case Preview.name:
            return Preview(**fields)
    raise ValueError(f"no such event: {data['event']}")
