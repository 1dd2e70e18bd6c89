"""The take that a repair is based on: read from its directory, whoever made it, and held against the request."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vera_engine.errors import FailedPrecondition, InvalidArgument, NotFound
from vera_engine.model.settings import ModelSettings
from vera_engine.plates.frames import FrameSet, frames_as_text
from vera_engine.plates.sequence import SequencePattern
from vera_engine.takes import store
from vera_engine.takes.request import AskedSettings, BaseTake, PlateReference, TakeRequest, TakeSettings

if TYPE_CHECKING:
    from vera_engine.plates.source import PlateFormat

MOST_FILES_HASHED = 16
"""Of a request; the worker looks at every frame that it reads."""


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


def read_base(directory: Path) -> FoundBase:
    """What is known of a base.

    Args:
        directory: Its version directory.

    Raises:
        BaseNotFound, BaseNotFinished, BaseUnusable
    """
    record = store.read_record(directory)
    partial = directory.with_name(f"{directory.name}.partial")
    if directory.name.endswith(".partial") or (record is None and partial.is_dir()):
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
    return replace(
        request,
        edit_type=request.edit_type or base.request.edit_type,
        prompt=request.prompt or base.request.prompt,
        plate=request.plate if request.plate.path else base.request.plate,
        mask=request.mask or kept,
        settings=AskedSettings(**{**asdict(base.settings), **settings}),
        base=base.take,
        strength=1.0 if request.strength is None else request.strength,
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


def check_base(
    request: TakeRequest,
    base: FoundBase,
    plate_format: PlateFormat,
    working_size: tuple[int, int],
    model: ModelSettings,
) -> None:
    """Holds plate and model against those that the base was made with.

    Up to `MOST_FILES_HASHED` of the plate's files are read whole, those at the ends among them.

    Args:
        request: With the base filled in.
        base: The base.
        plate_format: Of the request's plate.
        working_size: Width and height that the model would work at.
        model: The model that would make it.

    Raises:
        BaseOfAnotherPlate, BaseOfAnotherSize, BaseOfAnotherModel
    """
    from vera_engine.plates.color import ColorSpace  # brings OpenImageIO, which the engine answers before

    size = (plate_format.width, plate_format.height)
    if size != base.plate_size:
        raise _other_size("The plate is {}x{}, the base's was {}x{}.", size, base.plate_size, base)
    if working_size != base.working_size:
        raise _other_size("The model works at {}x{}, the base's did at {}x{}.", working_size, base.working_size, base)
    decoder = _decoder(model.weights_sha256)
    if decoder != _decoder(base.weights_sha256):
        raise BaseOfAnotherModel(
            f"The base was made by a model with another decoder than {model.name} has.",
            argument="base_directory",
            value=base.take.directory,
            remedy="Start the engine with the model that take.json names, or make a take without a base.",
        )
    if plate_format.color_space != ColorSpace.parse(base.request.plate.color_space or ""):
        raise BaseOfAnotherPlate(
            f"The base's plate was read as {base.request.plate.color_space}, this one is {plate_format.color_space}.",
            argument="plate.color_space",
            value=plate_format.color_space,
            remedy="Read the plate as it was read then, or make a take without a base.",
        )
    others = _frames_that_differ(request.plate, request.made_frames, base)
    if others:
        raise BaseOfAnotherPlate(
            f"The base was made from another plate: {frames_as_text(others)} differ.",
            argument="plate.path",
            value=request.plate.path,
            remedy="Repair with the plate that take.json names, or make a take without a base.",
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
    )


def _frames_that_differ(plate: PlateReference, made: FrameSet, base: FoundBase) -> list[int]:
    frames = list(made)
    every = max(1, -(-(len(frames) - 1) // (MOST_FILES_HASHED - 1)))
    pattern = SequencePattern.parse(plate.path)
    different = []
    for frame in dict.fromkeys([*frames[::every], frames[-1]]):
        with pattern.file(frame + plate.frame_offset).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != base.plate_sha256.get(frame, digest):
            different.append(frame)
    return different


def _other_size(reason: str, now: tuple[int, int], before: tuple[int, int], base: FoundBase) -> BaseOfAnotherSize:
    return BaseOfAnotherSize(
        reason.format(*now, *before),
        argument="base_directory",
        value=base.take.directory,
        remedy="Use the plate and the model that the base was made with, or make a take without a base.",
    )


def _decoder(weights_sha256: dict[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in weights_sha256.items() if name.startswith("vae/")}


def _unusable(directory: Path, reason: str) -> BaseUnusable:
    return BaseUnusable(
        f"Nothing can be based on this take. {reason}",
        argument="base_directory",
        value=directory,
        remedy="Choose another base, or make a take without one.",
    )
