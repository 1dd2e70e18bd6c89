"""The take that a repair is based on: read from its directory, whoever made it, and held against the request."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vera_engine.errors import FailedPrecondition, InvalidArgument, NotFound
from vera_engine.plates.frames import FrameSet, frames_as_text
from vera_engine.takes import store
from vera_engine.takes.region import Box
from vera_engine.takes.request import AskedSettings, BaseTake, TakeRequest, TakeSettings
from vera_engine.takes.take import TakeColor
from vera_engine.takes.version import is_partial, partial_directory_of


class BaseNotFound(NotFound):
    """There is no take where a base was named."""


class BaseNotFinished(FailedPrecondition):
    """A base that is not, or not yet, a finished version."""


class BaseUnusable(FailedPrecondition):
    """A base without what a repair is anchored to: its latents, or a record that can be read."""


class BaseOfAnotherPlate(InvalidArgument):
    """A base that was made from other pixels."""


class BaseOfAnotherSize(InvalidArgument):
    """A base that was made at another size than this plate and this model make."""


class BaseOfAnotherModel(InvalidArgument):
    """A base whose latents this model's decoder does not read."""


class BaseSeenOtherwise(InvalidArgument):
    """A base whose model saw another part of the plate, or saw it brighter or darker."""


class FinishOnlyUnclear(InvalidArgument):
    """A request that wants layers finished without the model, and something of the model."""


class ModelOutputMissing(FailedPrecondition):
    """A base that does not keep what layers could be finished from."""


class FramesNotInBase(InvalidArgument):
    """Frames to be made again that the base never had."""


@dataclass(frozen=True)
class FoundBase:
    """A finished version on disk, as its `take.json` says."""

    take: BaseTake
    """Id and directory, both said."""
    request: TakeRequest
    settings: TakeSettings
    frames: FrameSet
    plate_sha256: dict[int, str]
    """Of each frame's whole file, by host frame."""
    plate_size: tuple[int, int]
    working_size: tuple[int, int]
    weights_sha256: dict[str, str]
    color: TakeColor
    files: frozenset[str]
    """The names of all its files, as it was finished."""
    matte_boxes: dict[int, Box] | None
    """Around each frame's matte, in pixels of the plate's display window; without those frames whose matte is empty.
    None: it does not say."""


def read_base(directory: Path) -> FoundBase:
    """What is known of a base.

    Args:
        directory: Its version directory.

    Raises:
        BaseNotFound, BaseNotFinished, BaseUnusable
    """
    record = store.read_record(directory)
    if is_partial(directory) or (record is None and partial_directory_of(directory).is_dir()):
        raise BaseNotFinished(
            "The base is not a finished take.",
            argument="base_directory",
            value=directory,
            remedy="Resume it, or keep the frames it has, and repair it then.",
        )
    if record is None:
        raise BaseNotFound(
            "There is no take in the folder.",
            argument="base_directory",
            value=directory,
            remedy="Name a version's own folder, as /shots/takes/node/v003.",
        )
    try:
        found = _found(directory, record)
    except (KeyError, TypeError, ValueError, InvalidArgument) as error:
        raise _unusable(directory, f"Its take.json is not what this engine writes ({error!r}).") from error
    if not record.get("latents"):
        raise _unusable(directory, "It has no latents.")
    return found


def fill_from_base(request: TakeRequest, base: FoundBase) -> TakeRequest:
    """The request with all that it leaves to the base."""
    kept = None if request.without_mask else base.request.mask
    settings = {name: value for name, value in asdict(request.settings).items() if value is not None}
    kept_settings = asdict(base.settings)
    if "preset" in settings:
        del kept_settings["num_inference_steps"]
    return replace(
        request,
        edit_type=request.edit_type or base.request.edit_type,
        prompt=request.prompt or base.request.prompt,
        plate=request.plate if request.plate.path else base.request.plate,
        mask=request.mask or kept,
        holdout=request.holdout or (None if request.without_holdout else base.request.holdout),
        exposure=base.request.exposure if request.exposure is None else request.exposure,
        region=request.region or base.request.region,
        settings=AskedSettings(**{**kept_settings, **settings}),
        base=base.take,
        strength=1.0 if request.strength is None and not request.finish_only else request.strength,
    )


def check_frames(made: FrameSet, base: FoundBase) -> None:
    """Raises `FramesNotInBase` where frames to be made again are not among the base's."""
    others = [frame for frame in made if frame not in base.frames]
    if others:
        raise FramesNotInBase(
            f"The base does not have {frames_as_text(others)}; it has {base.frames}.",
            argument="frames",
            value=made,
            remedy="Ask for frames of the base, handles included, or make a take without a base.",
        )


def _found(directory: Path, record: dict[str, Any]) -> FoundBase:
    return FoundBase(
        take=BaseTake(record["take_id"], str(directory)),
        request=TakeRequest.from_dict(record["request"]),
        settings=TakeSettings(**record["settings"]),
        frames=FrameSet.of(map(int, record["frames"])),
        plate_sha256={int(frame): file["sha256"] for frame, file in record["plate"].items()},
        plate_size=tuple(record["plate_size"]),
        working_size=tuple(record["working_size"]),
        weights_sha256=record["model"]["weights_sha256"],
        color=TakeColor.from_record(record.get("color")),
        files=frozenset(record["files"]),
        matte_boxes=_matte_boxes(record["frames"]),
    )


def _matte_boxes(statistics: dict[str, dict[str, Any]]) -> dict[int, Box] | None:
    if any("matte_box" not in values for values in statistics.values()):
        return None
    return {int(frame): Box(*values["matte_box"]) for frame, values in statistics.items() if values["matte_box"]}


def _unusable(directory: Path, reason: str) -> BaseUnusable:
    return BaseUnusable(
        f"Nothing can be based on this take. {reason}",
        argument="base_directory",
        value=directory,
        remedy="Choose another base, or make a take without one.",
    )
