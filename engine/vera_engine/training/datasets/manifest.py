"""A studio's manifest of comps: TOML, or JSON lines with the same keys. See docs/datasets.md."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from vera_engine.training.datasets.sample import DatasetRefused, SampleDamaged
from vera_engine.training.layers import EditType

TOLERANCE = 0.01
"""`layers_error` that is allowed: half float and 10 bits are far below, another grade of the plate is above."""

_CHOICES = {
    "edit_type": ("add", "background"),
    "mask_meaning": ("edit-here", "keep-this"),
    "merged_in": ("linear", "display"),
}
_KINDS: dict[str, tuple[type, ...]] = {"premultiplied": (bool,), "tolerance": (int, float)}
"""Of keys that are no text."""


@dataclass(frozen=True)
class Comp:
    """One entry of a manifest."""

    name: str
    edit_type: EditType
    instruction: str
    plate: str
    edit: str
    alpha: str
    """May be the edit's own file: its channel A is read."""
    comp: str
    mask: str = ""
    mask_meaning: str = "edit-here"
    caption: str = ""
    frames: str = ""
    """`1001-1049`, of the sequences; empty: all there are. A movie's first frame is the first of them."""
    color_space: str = ""
    """Of plate, edit and comp; empty: as the files say."""
    premultiplied: bool = False
    """Whether the edit is multiplied by its alpha, as renders are."""
    merged_in: Literal["linear", "display"] = "linear"
    """Where the comp's over was made: in the plate's linear light, or in display sRGB."""
    tolerance: float = TOLERANCE
    """The greatest `layers_error`."""


def entries_of(manifest: Path, content: bytes) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """What a manifest says of each comp, defaults put in, or why it says nothing; by its number or line.

    Raises:
        DatasetRefused: A TOML file that is none, or without samples.
    """
    if manifest.suffix.lower() == ".jsonl":
        for number, line in enumerate(content.split(b"\n"), 1):
            if line.strip():
                yield f"line {number}", _json_line(line)
        return
    try:
        table = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DatasetRefused(
            f"The manifest is not TOML: {error}.", argument="dataset", value=manifest, remedy="Mend that line."
        ) from error
    samples, defaults = table.get("samples"), table.get("defaults", {})
    if not isinstance(samples, list) or not isinstance(defaults, dict) or table.keys() - {"samples", "defaults"}:
        raise DatasetRefused(
            "The manifest is a table [defaults] and tables [[samples]].", argument="dataset", value=manifest
        )
    for number, entry in enumerate(samples, 1):
        yield f"sample {number}", {**defaults, **entry} if isinstance(entry, dict) else "It is no table."


def _json_line(line: bytes) -> dict[str, Any] | str:
    try:
        entry = json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        return f"The line is not JSON: {error}."
    return entry if isinstance(entry, dict) else "The line is no JSON object."


def comp_of(entry: dict[str, Any] | str, taken: set[str]) -> Comp:
    """An entry, checked.

    Args:
        entry: As `entries_of` gives it.
        taken: Names of the entries before it.

    Raises:
        SampleDamaged: A key is unknown, missing or of the wrong kind; a name is not unique.
    """
    if isinstance(entry, str):
        raise SampleDamaged(entry)
    known = {field.name: field for field in fields(Comp)}
    unknown = entry.keys() - known.keys()
    lacking = [name for name, field in known.items() if field.default is MISSING and name not in entry]
    if unknown or lacking:
        raise SampleDamaged(f"Keys that are unknown: {sorted(unknown)}; that are missing: {lacking}.")
    for name, value in entry.items():
        if type(value) not in _KINDS.get(name, (str,)):  # a bool is no number here
            raise SampleDamaged("The value is of the wrong kind.", argument=name, value=value)
    comp = Comp(**entry)
    for name, choices in _CHOICES.items():
        if getattr(comp, name) not in choices:
            raise SampleDamaged(f"Choose from {', '.join(choices)}.", argument=name, value=getattr(comp, name))
    if not re.fullmatch(r"[\w.-]+", comp.name) or comp.name in taken:
        raise SampleDamaged(
            "A name is unique, and of letters, digits, dots and dashes.", argument="name", value=comp.name
        )
    if not 0 <= comp.tolerance < math.inf:
        raise SampleDamaged("The tolerance is 0 or more.", argument="tolerance", value=comp.tolerance)
    if not comp.instruction.strip():
        raise SampleDamaged("The instruction is empty.", argument="instruction")
    return comp
