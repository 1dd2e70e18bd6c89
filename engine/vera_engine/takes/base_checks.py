"""What a take may ask of its base: held against what the base was made from, and how."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from vera_engine.model.settings import ModelSettings
from vera_engine.plates.frames import frames_as_text
from vera_engine.takes.base import (
    BaseOfAnotherModel,
    BaseOfAnotherPlate,
    BaseOfAnotherSize,
    BaseSeenOtherwise,
    FinishOnlyUnclear,
    FoundBase,
    ModelOutputMissing,
)
from vera_engine.takes.input_files import input_files
from vera_engine.takes.request import TakeRequest
from vera_engine.takes.seen import FileSeen

if TYPE_CHECKING:
    from vera_engine.plates.source import PlateFormat

MOST_FILES_HASHED = 16
"""Of a request; the worker looks at every frame that it reads."""


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
    if not is_seen_alike(request, base.request, base.frames):
        argument = "exposure" if same_region(request, base.request, base.frames) else "region"
        raise BaseSeenOtherwise(
            f"The {argument} is another than the base's, whose other frames stay.",
            argument=argument,
            value=getattr(request, argument) if argument == "exposure" else "another",
            remedy="Leave it out to take the base's, or make all of the base's frames anew.",
        )
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
        ("settings.preset", asked.settings.preset, settings.preset),
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
