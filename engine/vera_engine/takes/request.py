"""What an artist asks for, as frozen data: the same words as in `takes.proto`, without any of its generated code."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from vera_engine.plates.frames import FrameRange


class EditType(StrEnum):
    """What kind of edit is asked for."""

    ADD = "add"
    """Something new is put into the shot; all of the plate is kept around it."""
    BACKGROUND = "background"
    """All but the subject is exchanged."""


class MaskMeaning(StrEnum):
    """What white (1) in a mask plate says."""

    EDIT_HERE = "edit"
    KEEP_THIS = "keep"

    @classmethod
    def default(cls, edit_type: EditType) -> MaskMeaning:
        """What an artist means by white where nothing is said: where to add, or which subject to keep."""
        return cls.EDIT_HERE if edit_type is EditType.ADD else cls.KEEP_THIS


@dataclass(frozen=True)
class PlateReference:
    """An image sequence, and how host frames find its files: file frame = host frame + `frame_offset`."""

    path: str
    """Absolute path pattern with `####` or `%04d`, seen by the engine."""
    frame_offset: int = 0
    color_space: str | None = None
    """`lin_rec709`, `acescg` or `srgb`; None: as the file's own metadata says. Nothing for masks, which are data."""
    upload_id: str = ""
    """Which upload `path` lies in; empty where client and engine share the file."""

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PlateReference:
        return cls(**data)


@dataclass(frozen=True)
class MaskReference:
    """A mask plate of the plate's own size, values 0 to 1."""

    source: PlateReference
    meaning: MaskMeaning | None = None
    """None: the default of the edit type."""
    invert: bool = False
    """Turns white and black around before the meaning is applied."""

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> MaskReference:
        meaning = None if data["meaning"] is None else MaskMeaning(data["meaning"])
        return cls(PlateReference.from_dict(data["source"]), meaning, data["invert"])


@dataclass(frozen=True)
class AskedSettings:
    """How the model shall be run; None takes the model's own default (for the seed: one the engine draws)."""

    seed: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None


@dataclass(frozen=True)
class TakeSettings:
    """How the model is run: nothing left to a default."""

    seed: int
    """0 to 2^63 - 1."""
    num_inference_steps: int
    """1 to 1000."""
    guidance_scale: float
    """0 or more; 1 turns classifier-free guidance off."""


@dataclass(frozen=True)
class TakeRequest:
    """All that an artist asks for."""

    node_id: str
    """The folder below the take root: letters, digits, `-`, `_` and `.`, not beginning with `.`."""
    edit_type: EditType
    prompt: str
    frames: FrameRange
    """In the host's numbering, both ends inclusive."""
    plate: PlateReference
    mask: MaskReference | None = None
    settings: AskedSettings = field(default_factory=AskedSettings)
    take_root: str = ""
    """Absolute; empty: the engine keeps the take in a folder of its own."""
    write_comp: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values, keys as the fields are called."""
        frames = {"first_frame": self.frames.first, "last_frame": self.frames.last}
        return {**asdict(self), "frames": frames}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TakeRequest:
        """What `as_dict` gave, also after a way through JSON."""
        return cls(
            node_id=data["node_id"],
            edit_type=EditType(data["edit_type"]),
            prompt=data["prompt"],
            frames=FrameRange(data["frames"]["first_frame"], data["frames"]["last_frame"]),
            plate=PlateReference.from_dict(data["plate"]),
            mask=None if data["mask"] is None else MaskReference.from_dict(data["mask"]),
            settings=AskedSettings(**data["settings"]),
            take_root=data["take_root"],
            write_comp=data["write_comp"],
        )
