"""From the words of `vera-edit edit` to requests as the client takes them."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any

from vera_client import VeraClient
from vera_engine.cli.finish_options import finish_of
from vera_engine.cli.region_text import parse_region
from vera_engine.cli.take_address import find_take
from vera_engine.errors import InvalidArgument
from vera_engine.plates.frames import FrameSet

DEFAULT_NODE = "shell"
MOST_VARIANTS = 100
"""Takes of one command line; more are a slip of the hand."""

OF_THE_PLATE = ("colorspace", "view", "part", "layer", "nan")
"""Options that say how the plate's files are read."""

_SEEDS = re.compile(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?")


class SeedsInvalid(InvalidArgument):
    """Text that is no list of seeds, or one that names too many."""


class ArgumentMissing(InvalidArgument):
    """What only a take with a base can do without."""


def make_requests(arguments: argparse.Namespace, client: VeraClient) -> list[dict[str, Any]]:
    """One request for each seed, with absolute paths; one where none or a single seed is given.

    Raises:
        InvalidArgument: Something is missing or contradicts itself.
        VeraEditError, VeraClientError: There is no such base.
    """
    frames = FrameSet.parse(arguments.frames)
    seeds = (arguments.seed,) if arguments.seeds is None else parse_seeds(arguments.seeds)
    _check_words(arguments)
    base = find_base(arguments, client) if arguments.base else None
    request = {
        "node_id": arguments.node or (base["request"]["node_id"] if base else DEFAULT_NODE),
        "edit_type": arguments.edit,
        "prompt": arguments.prompt,
        "frames": frames.as_dicts(),
        "handles": arguments.handles,
        "plate": _plate(arguments),
        "mask": _mask(arguments),
        "without_mask": arguments.no_mask,
        "take_root": str(take_root(arguments.take_root, arguments.plate, base)),
        "exposure": arguments.exposure,
        "region": parse_region(arguments.region, arguments.margin or 0),
        "strength": arguments.strength,
        "priority": arguments.priority,
        "label": arguments.label,
        "reuse": not arguments.again,
        "base_directory": base["directory"] if base else "",
        **finish_of(arguments),
    }
    settings = {
        "num_inference_steps": arguments.steps,
        "guidance_scale": arguments.guidance,
        "preset": arguments.preset,
    }
    return [{**request, "settings": {"seed": seed, **settings}} for seed in seeds]


def parse_seeds(text: str) -> tuple[int, ...]:
    """Reads `1-4` or `1-3,7`: seeds in the order given.

    Raises:
        SeedsInvalid: Anything else, a seed twice, or more than 100.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = _SEEDS.fullmatch(part)
        if match is None:
            raise _invalid("These are no seeds.", text, "Write them as in 1-4 or 1,5,9.")
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        if last < first:
            raise _invalid("The seeds end before they begin.", text, f"Did you mean {last}-{first}?")
        if last - first >= MOST_VARIANTS or len(seeds) + last - first >= MOST_VARIANTS:
            raise _invalid(f"More than {MOST_VARIANTS} takes at once.", text, "Ask for fewer.")
        seeds += range(first, last + 1)
    twice = [seed for seed in seeds if seeds.count(seed) > 1]
    if twice:
        raise _invalid(f"Seed {twice[0]} is named twice.", text, "The same seed gives the same take.")
    return tuple(seeds)


def find_base(arguments: argparse.Namespace, client: VeraClient) -> dict[str, Any]:
    """The take named by --base; a version alone is one of the plate's own take root, where there is a plate.

    Raises:
        VeraEditError, VeraClientError: There is no such take.
    """
    root, node = arguments.take_root, arguments.node
    if arguments.plate is not None:
        root, node = take_root(root, arguments.plate, None), node or DEFAULT_NODE
    return find_take(client, arguments.base, root, node or "")


def take_root(given: Path | None, plate: str | None, base: dict[str, Any] | None) -> Path:
    """The take root as given, else the base's, else `vera_takes` beside the plate's own folder.

    Raises:
        InvalidArgument: The plate lies in the root of its file system, which has no beside.
    """
    if given is not None:
        return given.absolute()
    if base is not None:
        return Path(base["directory"]).parent.parent
    path = Path(os.path.abspath(plate or ""))
    folder = path if path.is_dir() else path.parent
    if folder == folder.parent:
        raise InvalidArgument(
            "There is no folder beside the plate's own to put takes in.",
            argument="take_root",
            remedy="Name one with --take-root.",
        )
    return folder.parent / "vera_takes"


def _check_words(arguments: argparse.Namespace) -> None:
    """What argparse cannot see: words that a base makes needless, and those that need others."""
    if not arguments.base:
        for name, metavar in (("plate", "PLATE"), ("edit", "--edit"), ("prompt", "--prompt")):
            if getattr(arguments, name) is None:
                raise ArgumentMissing(
                    f"A take that is based on no other needs {metavar}.",
                    argument=name,
                    remedy=f"Give {metavar}, or the take to start from with --base.",
                )
    for name in () if arguments.plate else OF_THE_PLATE:
        if getattr(arguments, name):
            raise _about_no_plate(name, getattr(arguments, name))
    if arguments.frame_offset is not None and not (arguments.plate or arguments.mask or arguments.holdout):
        raise _about_no_plate("frame_offset", arguments.frame_offset)
    if arguments.margin is not None and not arguments.region:
        raise InvalidArgument(
            "There is no region that this could be about.",
            argument="margin",
            value=arguments.margin,
            remedy="Give it with --region.",
        )
    if not arguments.mask and (arguments.mask_means or arguments.invert_mask):
        raise InvalidArgument(
            "There is no mask that this could be about.",
            argument="mask_means" if arguments.mask_means else "invert_mask",
            value=arguments.mask_means or True,
            remedy="Give the mask's files with --mask.",
        )


def _plate(arguments: argparse.Namespace) -> dict[str, Any] | None:
    if arguments.plate is None:
        return None
    return {
        "path": os.path.abspath(arguments.plate),
        "frame_offset": arguments.frame_offset or 0,
        "fallback_color_space": arguments.colorspace,
        **{name: getattr(arguments, name) for name in ("view", "part", "layer", "nan")},
    }


def _mask(arguments: argparse.Namespace) -> dict[str, Any] | None:
    if not arguments.mask:
        return None
    source = {"path": os.path.abspath(arguments.mask), "frame_offset": arguments.frame_offset or 0}
    return {"source": source, "meaning": arguments.mask_means, "invert": arguments.invert_mask}


def _about_no_plate(argument: str, value: object) -> InvalidArgument:
    return InvalidArgument(
        "There is no plate that this could be about.",
        argument=argument,
        value=value,
        remedy="Give PLATE, or leave it out: the base's plate is known.",
    )


def _invalid(reason: str, text: str, remedy: str) -> SeedsInvalid:
    return SeedsInvalid(reason, argument="seeds", value=text, remedy=remedy)
