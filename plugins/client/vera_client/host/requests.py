"""What hosts' requests for takes have in common: ranges, seeds, and what a take that is made again is made from.
Standard library only."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Protocol, Union

from ..errors import Refused
from . import freshness, rendered
from .chain import Chain
from .plate_files import NAMES, Plate
from .take_folders import TakeFolder

LARGEST_SEED = 2**31 - 1
"""What a whole number in a host's panel can hold."""
Source = Union[Plate, Chain, None]


class Inputs(Protocol):
    """What is plugged into a node, as its host tells."""

    def plate(self, frames: range) -> Plate | Chain:
        """Raises `Refused` where none is."""

    def matte(self, name: str, frames: range) -> Chain | None:
        """`mask` or `holdout`; None where none is."""

    def on_disk(self, sources: dict[str, Source], frames: range) -> dict[str, Plate]:
        """As files, rendered where they have to be; what is None left out."""


def whole_range(first: int, last: int) -> range:
    """
    Raises:
        Refused: It is reversed, or begins below 0.
    """
    if last < first:
        raise Refused(
            "The frame range is reversed.",
            argument="frames",
            value=f"{first}-{last}",
            remedy="Give the first frame first.",
        )
    if first < 0:
        raise Refused(
            "Frames below 0 have no file name.",
            argument="frames",
            value=f"{first}-{last}",
            remedy="Start at frame 0 or later, handles included.",
        )
    return range(first, last + 1)


def require_prompt(prompt: str) -> str:
    """The words of an instruction.

    Raises:
        Refused: There are none.
    """
    if not prompt.strip():
        raise Refused("The prompt is empty.", argument="prompt", remedy="Say in a few words what the edit is.")
    return prompt.strip()


def require_frames(take: TakeFolder, first: int, last: int) -> range:
    """Frames of a take that are to be made again.

    Raises:
        Refused: It does not have all of them, or does not say how it was made.
    """
    frames = whole_range(first, last)
    if set(frames) - set(take.frames):
        raise Refused(
            f"{take.version} does not have all of these frames.",
            argument="frames",
            value=f"{first}-{last}",
            remedy=f"Choose frames from {take.first_frame} to {take.last_frame}, or generate a longer take.",
        )
    if "request" not in take.record:
        raise Refused(
            f"The take.json of {take.version} does not say how it was made.",
            argument="base_directory",
            value=take.directory,
            remedy="Generate a new take.",
        )
    return frames


def seeds_again(take: TakeFolder, seed_from: str, seed: int, count: int) -> list[int]:
    """The seed of each variant of a take that is made again.

    Args:
        seed_from: `new`, `take`: the take's own on, `this`: `seed` on.
    """
    if seed_from == "new":
        return random.sample(range(LARGEST_SEED), count)
    first = take.record["settings"]["seed"] if seed_from == "take" else seed
    return list(range(first, first + count))


def plate_again(take: TakeFolder, root: Path, inputs: Inputs) -> dict[str, Any]:
    """The take's own plate where that is no longer where take.json says; nothing where it is: the engine knows it.

    Raises:
        Refused: It is not on disk, and what is plugged in is another.
    """
    recorded = take.record["request"]["plate"]
    found = _place_now(recorded, root, take.frames)
    if found is not None:
        return {} if found.pattern == recorded["path"] else {"plate": found.as_source()}
    frames = freshness.plate_frames(take, root)
    plate = inputs.plate(frames)
    if freshness.plate_reasons(plate, freshness.goes(take)[-1], root):
        raise Refused(
            f"The plate that {take.version} was made from is not on disk any more, and another is plugged in.",
            argument="plate.path",
            value=recorded["path"],
            remedy="Put its files back, plug it in again, or generate a new take.",
        )
    return {"plate": inputs.on_disk({"plate": plate}, frames)["plate"].as_source()}


def matte_again(
    name: str,
    take: TakeFolder,
    root: Path,
    inputs: Inputs,
    as_now: Callable[[Plate], dict[str, Any]] | None,
) -> dict[str, Any]:
    """The mask or hold-out of a take that is made again.

    Args:
        name: `mask` or `holdout`.
        as_now: How what is plugged in now is sent; None: the take's own is used, sent where it is no longer where
            take.json says.

    Raises:
        Refused: The take's own is asked for and not on disk.
    """
    recorded = take.record["request"].get(name)
    if as_now is not None:
        frames = range(take.first_frame, take.last_frame + 1)
        files = inputs.on_disk({name: inputs.matte(name, frames)}, frames)
        return {name: as_now(files[name])} if files else {f"without_{name}": recorded is not None}
    if recorded is None:
        return {}
    found = _place_now(recorded["source"], root, take.frames)
    if found is None:
        raise Refused(
            f"The {NAMES[name]} that {take.version} was made with is not on disk any more.",
            argument=f"{name}.source.path",
            value=recorded["source"]["path"],
            remedy=f"Make it again with the {NAMES[name]} that is plugged in.",
        )
    return {} if found.pattern == recorded["source"]["path"] else {name: {**recorded, "source": found.as_source()}}


def _place_now(recorded: dict[str, Any], root: Path, frames: tuple[int, ...]) -> Plate | None:
    """A source where its files are: as recorded, or moved with the take root; None where they are gone."""
    as_recorded, moved = Plate.from_record(recorded), rendered.of_path(recorded["path"], root)
    places = [as_recorded]
    if moved is not None:
        places.append(replace(as_recorded, pattern=moved.plate.pattern))
    return next((place for place in places if place.has_files(frames)), None)
