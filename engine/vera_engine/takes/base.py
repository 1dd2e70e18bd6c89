"""The take that a repair is based on: read from its directory, whoever made it, and held against the request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vera_engine.errors import FailedPrecondition, InvalidArgument, NotFound
from vera_engine.model.settings import ModelSettings
from vera_engine.plates.frames import FrameSet, frames_as_text
from vera_engine.takes import store
from vera_engine.takes.input_files import input_files
from vera_engine.takes.region import Box
from vera_engine.takes.request import AskedSettings, BaseTake, TakeRequest, TakeSettings
from vera_engine.takes.seen import FileSeen
from vera_engine.takes.take import TakeColor

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
        holdout=request.holdout or (None if request.without_holdout else base.request.holdout),
        exposure=base.request.exposure if request.exposure is None else request.exposure,
        region=request.region or base.request.region,
        settings=AskedSettings(**{**asdict(base.settings), **settings}),
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


def check_base(
    request: TakeRequest,
    base: FoundBase,
    plate_format: PlateFormat,
    working_size: tuple[int, int],
    model: ModelSettings,
) -> None:
    """Holds plate and model against those that the base was made with.

    Where all of the base's frames are made anew, and nothing of its latents is begun with, the model may see the plate
    otherwise: another region, exposure, working size.

    Args:
        request: With the base filled in, its region said.
        base: The base.
        plate_format: Of the request's plate.
        working_size: Width and height that the model would work at.
        model: The model that would make it.

    Raises:
        BaseOfAnotherPlate, BaseOfAnotherSize, BaseOfAnotherModel, BaseSeenOtherwise
    """
    check_plate_of_base(request, base, plate_format)
    if request.made_frames == base.frames and request.strength == 1:
        return
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
    if not is_seen_alike(request, base.request, base.frames):
        argument = "exposure" if same_region(request, base.request, base.frames) else "region"
        raise BaseSeenOtherwise(
            f"The {argument} is another than the base's, whose other frames stay.",
            argument=argument,
            value=getattr(request, argument) if argument == "exposure" else "another",
            remedy="Leave it out to take the base's, or make all of the base's frames anew.",
        )


def check_plate_of_base(request: TakeRequest, base: FoundBase, plate_format: PlateFormat) -> None:
    """Checks that a plate is the one the base was made from.

    Up to `MOST_FILES_HASHED` of its files are read whole, those at the ends among them.

    Raises:
        BaseOfAnotherPlate, BaseOfAnotherSize
    """
    from vera_engine.plates.color import ColorSpace

    size = (plate_format.width, plate_format.height)
    if size != base.plate_size:
        raise _other_size("The plate is {}x{}, the base's was {}x{}.", size, base.plate_size, base)
    before = base.request.plate
    if plate_format.color_space != ColorSpace.parse(before.color_space or ""):
        raise BaseOfAnotherPlate(
            f"The base's plate was read as {before.color_space}, this one is {plate_format.color_space}.",
            argument="plate.color_space",
            value=plate_format.color_space,
            remedy="Read the plate as it was read then, or make a take without a base.",
        )
    for name in ("view", "part", "layer"):
        if getattr(request.plate, name) != getattr(before, name):
            raise BaseOfAnotherPlate(
                f"The base was made from another {name} of the plate's file.",
                argument=f"plate.{name}",
                value=getattr(request.plate, name),
                remedy=f"Say the same, {getattr(before, name) or 'none'}, or make a take without a base.",
            )
    others = _frames_that_differ(request, base)
    if others:
        raise BaseOfAnotherPlate(
            f"The base was made from another plate: {frames_as_text(others)} differ.",
            argument="plate.path",
            value=request.plate.path,
            remedy="Repair with the plate that take.json names, or make a take without a base.",
        )


def check_same(asked: TakeRequest, base: FoundBase) -> None:
    """Checks that a request to finish a base anew asks for nothing that only the model could make, and that the base
    has what the model made.

    Args:
        asked: As it came, with nothing filled in.
        base: The base.

    Raises:
        FinishOnlyUnclear, ModelOutputMissing
    """
    before, settings = base.request, base.settings
    for argument, value, kept in (
        ("edit_type", asked.edit_type, before.edit_type),
        ("prompt", asked.prompt or None, before.prompt),
        ("mask", asked.mask, before.mask),
        ("without_mask", asked.without_mask or None, before.mask is None),
        ("settings.seed", asked.settings.seed, settings.seed),
        ("settings.num_inference_steps", asked.settings.num_inference_steps, settings.num_inference_steps),
        ("settings.guidance_scale", asked.settings.guidance_scale, settings.guidance_scale),
        ("strength", asked.strength, None),
        ("exposure", asked.exposure, before.exposure or 0.0),
        ("region", asked.region, before.region),
    ):
        if value is not None and value != kept:
            raise FinishOnlyUnclear(
                "Layers are to be finished anew without the model, and this only the model could change.",
                argument=argument,
                value=value,
                remedy="Leave it out, or make the frames again.",
            )
    from vera_engine.plates.exr import model_file

    without = [f for f in asked.made_frames if model_file(Path(), f).name not in base.files]
    if without:
        raise ModelOutputMissing(
            f"The take does not keep what the model made of {frames_as_text(without)}: an older engine made it.",
            argument="base_directory",
            value=base.take.directory,
            remedy="Make those frames again, with the same seed; then they can be finished as often as needed.",
        )


def is_seen_alike(request: TakeRequest, before: TakeRequest, frames: Iterable[int]) -> bool:
    """Whether the model sees a plate by one effective request as by another: what it made of both fits together."""
    return (request.exposure or 0.0) == (before.exposure or 0.0) and same_region(request, before, frames)


def same_region(request: TakeRequest, before: TakeRequest, frames: Iterable[int]) -> bool:
    """Whether two effective requests have the same region in all of these frames."""
    now, then = request.region, before.region
    if now is None or then is None:
        return now is then
    return all(now.box(frame) == then.box(frame) for frame in frames)


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


def _frames_that_differ(request: TakeRequest, base: FoundBase) -> list[int]:
    frames = list(request.made_frames)
    every = max(1, -(-(len(frames) - 1) // (MOST_FILES_HASHED - 1)))
    files = input_files(request)["plate"]
    different = []
    for frame in dict.fromkeys([*frames[::every], frames[-1]]):
        digest = FileSeen.of(files.file(frame)).sha256
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
