"""What an artist asks for, as frozen data: the same words as in `takes.proto`, without any of its generated code."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from vera_engine.pipeline.presets import PLAIN_PRESET
from vera_engine.plates.finish_settings import Detail, FinishSettings
from vera_engine.plates.frames import FrameSet
from vera_engine.plates.nan_policy import NanPolicy
from vera_engine.takes.region import Region


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
    """A sequence or a movie, and how host frames find its pictures: file frame = host frame + `frame_offset`."""

    path: str
    """Absolute, seen by the engine: a pattern with `####` or `%04d`, one file, a directory, a movie."""
    frame_offset: int = 0
    color_space: str | None = None
    """A name that `ColorSpace.parse` knows; None: found as `plates.color_rules` says. Nothing for masks, which are
    data."""
    upload_id: str = ""
    """Which upload `path` lies in; empty where client and engine share the file."""
    fallback_color_space: str | None = None
    """For files that do not say their own."""
    view: str = ""
    part: str = ""
    layer: str = ""
    nan: NanPolicy = NanPolicy.REFUSE

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PlateReference:
        return cls(**{**data, "nan": NanPolicy(data.get("nan", NanPolicy.REFUSE))})


@dataclass(frozen=True)
class MaskReference:
    """A mask plate, or a hold-out, of the plate's aspect, values 0 to 1."""

    source: PlateReference
    meaning: MaskMeaning | None = None
    """None: the default of the edit type; of a hold-out, KEEP_THIS."""
    invert: bool = False
    """Turns white and black around before the meaning is applied."""

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "source": dict(vars(self.source))}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> MaskReference:
        meaning = None if data["meaning"] is None else MaskMeaning(data["meaning"])
        return cls(PlateReference.from_dict(data["source"]), meaning, data["invert"])


@dataclass(frozen=True)
class AskedSettings:
    """How the model shall be run; None takes the base take's value, or where there is none the default: the model's own
    guidance, the standard preset and its steps, a seed that the engine draws."""

    seed: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    preset: str | None = None
    """A name in pipeline/presets.py. One that is said brings its own steps, whatever the base's were."""


@dataclass(frozen=True)
class TakeSettings:
    """How the model is run: nothing left to a default."""

    seed: int
    """0 to 2^63 - 1."""
    num_inference_steps: int
    """1 to 1000."""
    guidance_scale: float
    """0 or more; 1 turns classifier-free guidance off."""
    preset: str = PLAIN_PRESET
    """A name in pipeline/presets.py; of takes from before there were presets the plain sampler's, which made them."""


@dataclass(frozen=True)
class AskedFinish:
    """How layers shall be finished, as `FinishSettings`; None takes the base's value, or where there is none the
    default (for `detail`, by edit type). An effective request says all of it."""

    black: float | None = None
    white: float | None = None
    detail: Detail | None = None
    refine: float | None = None
    despill: float | None = None
    highlights: float | None = None

    @property
    def settings(self) -> FinishSettings:
        """What is said, and the defaults of the rest."""
        return FinishSettings(**{name: value for name, value in vars(self).items() if value is not None})

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AskedFinish:
        detail = data.get("detail")
        return cls(**{**data, "detail": None if detail is None else Detail(detail)})


@dataclass(frozen=True)
class BaseTake:
    """The finished take whose other frames are kept: by id, by version directory, in an effective request by both."""

    take_id: str = ""
    directory: str = ""
    """Absolute."""

    @property
    def version(self) -> str:
        """`v002`, as its directory is called."""
        return PurePath(self.directory).name


@dataclass(frozen=True)
class TakeRequest:
    """All that an artist asks for. What may be left open is said in a take's own, *effective* request."""

    node_id: str
    """The folder below the take root: letters, digits, `-`, `_` and `.`, not beginning with `.`."""
    edit_type: EditType | None
    """None: the base's."""
    prompt: str
    """Empty: the base's."""
    frames: FrameSet
    """In the host's numbering, without handles; with a base, what is made again."""
    plate: PlateReference
    """With an empty path: the base's."""
    mask: MaskReference | None = None
    """None: no mask, or the base's."""
    settings: AskedSettings = field(default_factory=AskedSettings)
    take_root: str = ""
    """Absolute; empty: the engine keeps the take in a folder of its own."""
    write_comp: bool = False
    handles: int = 0
    """Frames more at each end of every range."""
    base: BaseTake | None = None
    strength: float | None = None
    """Above 0 to 1, only with a base: how far frames may leave it. None: 1, new; effective only without a base."""
    without_mask: bool = False
    """No mask, though the base has one."""
    label: str = ""
    """The take's first label."""
    priority: int = 0
    """Higher is earlier in the queue."""
    reuse: bool = False
    """Whether the finished take that the very same request made is answer enough."""
    holdout: MaskReference | None = None
    """Where nothing may change. None: nowhere, or the base's."""
    without_holdout: bool = False
    """No hold-out, though the base has one."""
    exposure: float | None = None
    """Stops by which the model sees the plate brighter. None: the base's, or 0; effective always said."""
    region: Region | None = None
    """None: all of the picture, or the base's."""
    finish: AskedFinish = field(default_factory=AskedFinish)
    write_residual: bool = False
    finish_only: bool = False
    """With a base: the layers of `frames` are made anew of what the model made for it."""

    @property
    def made_frames(self) -> FrameSet:
        """The frames that the model makes: those asked for, and their handles."""
        return self.frames.with_handles(self.handles)

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values, keys as the fields are called."""
        # not `asdict`, which copies every value on its own: a queue of thousands is written often
        return {
            **vars(self),
            "frames": self.frames.as_dicts(),
            "plate": dict(vars(self.plate)),
            "mask": None if self.mask is None else self.mask.as_dict(),
            "settings": dict(vars(self.settings)),
            "base": None if self.base is None else dict(vars(self.base)),
            "holdout": None if self.holdout is None else self.holdout.as_dict(),
            "region": None if self.region is None else self.region.as_dict(),
            "finish": dict(vars(self.finish)),
        }

    def as_record(self) -> dict[str, Any]:
        """`as_dict` without what says nothing of the layers: how the take waited for its turn."""
        return {key: value for key, value in self.as_dict().items() if key not in ("priority", "reuse")}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TakeRequest:
        """What `as_dict` or `as_record` gave, after a way through JSON, also before there were regions."""
        holdout, region = data.get("holdout"), data.get("region")
        return cls(
            **{
                **data,
                "edit_type": None if data["edit_type"] is None else EditType(data["edit_type"]),
                "frames": FrameSet.from_dicts(data["frames"]),
                "plate": PlateReference.from_dict(data["plate"]),
                "mask": None if data["mask"] is None else MaskReference.from_dict(data["mask"]),
                "settings": AskedSettings(**data["settings"]),
                "base": None if data["base"] is None else BaseTake(**data["base"]),
                "holdout": None if holdout is None else MaskReference.from_dict(holdout),
                "region": None if region is None else Region.from_dict(region),
                "finish": AskedFinish.from_dict(data.get("finish", {})),
            }
        )
