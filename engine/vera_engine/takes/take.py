"""A take as the engine keeps it, from its reservation to its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from vera_engine.errors import VeraEditError
from vera_engine.plates.frames import FrameRange, FrameSet
from vera_engine.takes.request import TakeRequest, TakeSettings
from vera_engine.takes.version import partial_directory_of

INTERFACE_VERSION = 1
"""Of `vera_edit.v1`, its own count: an engine and a client of different ones do not work together."""

VISIBLE_SEAM = 1.5
"""A seam above this may be seen, and an artist is told."""


class LaneKind(StrEnum):
    """What work a take is, and so which worker makes it."""

    MODEL = "model"
    FINISH = "finish"
    """Layers are made anew of what the model made before."""


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


class SeamKind(StrEnum):
    """What meets at a seam."""

    WINDOW = "window"
    """Two windows of one take."""
    REPAIR = "repair"
    """Frames made again and frames of the base."""


@dataclass(frozen=True)
class Seam:
    """How well two neighboring frames join whose latents were not made together."""

    first_side: int
    """The frame before the join."""
    second_side: int
    value: float
    """About 1 is as smooth as the clip itself, above `VISIBLE_SEAM` it may be seen."""
    kind: SeamKind

    def as_record(self) -> dict[str, Any]:
        """As `take.json` has it."""
        return {"between": [self.first_side, self.second_side], "seam": self.value, "kind": str(self.kind)}

    @classmethod
    def from_record(cls, data: dict[str, Any]) -> Seam:
        first_side, second_side = data["between"]
        return cls(first_side, second_side, data["seam"], SeamKind(data["kind"]))


@dataclass(frozen=True)
class TakeColor:
    """The colour spaces of a take, by their names in `config`."""

    plate: str
    found_by: str
    """`host`, `file`, `option` (the request's fallback) or `rules` (of the studio's configuration)."""
    layers: str
    """Scene-linear, in the plate's own primaries."""
    config: str

    @classmethod
    def from_record(cls, data: dict[str, str] | None) -> TakeColor:
        """As a take's record has it; all empty where an older engine did not say it."""
        return cls("", "", "", "") if data is None else cls(**data)


@dataclass(frozen=True)
class Notes:
    """What an artist says of a take: the content of `note.json`."""

    label: str = ""
    """One line."""
    note: str = ""
    starred: bool = False


@dataclass(frozen=True)
class Take:
    """One generated version of the layers, or the way to it."""

    take_id: str
    request_id: str
    version: str
    """`v001`, `v002`, ... within its node."""
    state: TakeState
    request: TakeRequest
    """Colour space, mask meaning and all that a base fills in are said in it; its own `settings` are as asked."""
    settings: TakeSettings
    directory: Path
    """The version directory: there, and complete, once FINISHED."""
    created_at: float
    """Seconds since 1970-01-01 UTC."""
    frames: FrameSet
    """Every frame that the finished version has: those made, and with a base all of the base's."""
    working_size: tuple[int, int]
    """Width and height that the model works at; 0 and 0 in records of an engine that did not keep it."""
    window_latents: tuple[int, ...]
    """How many latents each window has, in order; of a take that needs no model, how many frames each part has."""
    notes: Notes = Notes()
    seams: tuple[Seam, ...] = ()
    """Known once FINISHED."""
    finished_frames: tuple[FrameRange, ...] = ()
    """Frames whose windows are done and on disk."""
    started_at: float | None = None
    """When its turn first came."""
    worker_deaths: int = 0
    """How often a worker died at it since a window of it was last finished."""
    cancel_requested: bool = False
    seconds: TakeSeconds = TakeSeconds()
    warnings: tuple[str, ...] = ()
    error: Refusal | None = None
    """Set where FAILED."""
    fingerprint: str = ""
    """The same for the very same request; empty where it was never taken."""
    color: TakeColor = TakeColor("", "", "", "")
    """Empty in records of an engine that did not keep it."""
    model: str = ""
    """The name of the model that it was asked of; likewise."""

    @property
    def partial_directory(self) -> Path:
        """Where its files lie while it is worked on, and stay when it was cancelled or failed."""
        return partial_directory_of(self.directory)

    @property
    def lane(self) -> LaneKind:
        """Whose worker makes it."""
        return LaneKind.FINISH if self.request.finish_only else LaneKind.MODEL

    @property
    def window_count(self) -> int:
        """Runs of the model that it takes; parts that are finished one after another, where it takes none."""
        return len(self.window_latents)

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            **vars(self),
            "request": self.request.as_dict(),
            "settings": dict(vars(self.settings)),
            "directory": str(self.directory),
            "frames": self.frames.as_dicts(),
            "notes": dict(vars(self.notes)),
            "seams": [seam.as_record() for seam in self.seams],
            "finished_frames": [part.as_dict() for part in self.finished_frames],
            "seconds": dict(vars(self.seconds)),
            "error": None if self.error is None else dict(vars(self.error)),
            "color": dict(vars(self.color)),
        }

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
                "frames": FrameSet.from_dicts(data["frames"]),
                "working_size": tuple(data["working_size"]),
                "window_latents": tuple(data["window_latents"]),
                "notes": Notes(**data["notes"]),
                "seams": tuple(map(Seam.from_record, data["seams"])),
                "finished_frames": tuple(map(FrameRange.from_dict, data["finished_frames"])),
                "seconds": TakeSeconds(**data["seconds"]),
                "warnings": tuple(data["warnings"]),
                "error": None if data["error"] is None else Refusal(**data["error"]),
                "color": TakeColor.from_record(data.get("color")),
            }
        )
