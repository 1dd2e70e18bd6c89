"""A studio's own comps by a manifest: plate, edit, alpha and comp, read as plates are, color spaces included.

The manifest is TOML, or JSON lines with the same keys: see docs/datasets.md.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vera_engine.plates.color import ColorSpace, plate_to_model_rgb, to_linear
from vera_engine.plates.frames import FrameRange
from vera_engine.plates.mask import read_mask_frame
from vera_engine.plates.source import PlateFormat, PlateSource, check_plate, read_plate_frame
from vera_engine.training.datasets.layer_files import COLOR, GRAY, LayerFile, common_frames, common_shape
from vera_engine.training.datasets.sample import (
    ClipShape,
    DatasetMissing,
    DatasetRefused,
    Entry,
    FloatArray,
    LayeredDataset,
    LayeredSample,
    LayersError,
    SampleDamaged,
    check_layers,
    chosen_frames,
    naming_damage,
    over,
)
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
_LEAST_WEIGHT = 1e-4
"""Squared difference of edit and plate below which alpha cannot be told from the pictures."""
_LAYERS = {"plate": COLOR, "edit": COLOR, "alpha": GRAY, "comp": COLOR, "mask": GRAY}


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


class StudioDataset(LayeredDataset):
    """The comps of one manifest. Paths are relative to its folder.

    Args:
        manifest: A `.toml` or `.jsonl` file.
        tolerance: The greatest `layers_error`, instead of the manifest's own.

    Raises:
        DatasetMissing: There is no such file.
        DatasetRefused: A TOML file that is none, or without samples.
    """

    def __init__(self, manifest: Path, tolerance: float | None = None) -> None:
        try:
            content = manifest.read_bytes()
        except OSError as error:
            raise DatasetMissing(
                f"The manifest cannot be read: {error.strerror}.", argument="dataset", value=manifest
            ) from error
        self.title = manifest.stem
        self.skipped = []
        self._folder = manifest.parent
        self._tolerance = tolerance
        self._digest = hashlib.sha256(content).hexdigest()
        self._comps: list[Comp] = []
        for name, entry in _entries(manifest, content):
            try:
                self._comps.append(_comp(entry, {comp.name for comp in self._comps}))
            except SampleDamaged as error:
                self.skip(name, error)
        self.entries = tuple(Entry(comp.name, comp.edit_type, comp.instruction) for comp in self._comps)

    @property
    def identity(self) -> str:
        """The manifest's content."""
        return f"manifest {self._digest} tolerance {self._tolerance}"

    def shape(self, index: int) -> ClipShape:
        """As `LayeredDataset.shape`."""
        with naming_damage():
            layers, numbers = self._layers(self._comps[index])
            return common_shape(list(layers.values()), numbers)

    def load(self, index: int, frames: range | None = None) -> LayeredSample:
        """As `LayeredDataset.load`. Colors come as the model sees a plate in a take: see `plate_to_model_rgb`."""
        comp = self._comps[index]
        with naming_damage():
            layers, numbers = self._layers(comp)
            common_shape(list(layers.values()), numbers)
            chosen = [numbers[place] for place in chosen_frames(len(numbers), frames, comp.name)]
            plate_format = _format(comp, layers, chosen)
            error = LayersError()
            merge = _merged_in_light if comp.merged_in == "linear" else _merged_in_display
            made = [merge(comp, layers, plate_format, frame, error) for frame in chosen]
            source, edit, alpha, composite = (np.stack(pictures) for pictures in zip(*made, strict=True))
            mask = None
            if comp.mask:
                white = np.stack([_gray(layers["mask"], frame, plate_format) for frame in chosen])
                mask = 1 - white if comp.mask_meaning == "keep-this" else white
        check_layers(error.value, comp.tolerance if self._tolerance is None else self._tolerance, comp.name)
        return LayeredSample(
            name=comp.name,
            edit_type=comp.edit_type,
            instruction=comp.instruction,
            source=source,
            edit=edit,
            alpha=alpha,
            composite=composite,
            mask=mask,
            caption=comp.caption,
            layers_error=error.value,
        )

    def _layers(self, comp: Comp) -> tuple[dict[str, LayerFile], list[int]]:
        """The files of a comp, and the frames that all have."""
        found = {
            field: LayerFile.of(field, self._folder / path, channels)
            for field, channels in _LAYERS.items()
            if (path := getattr(comp, field))
        }
        numbers = FrameRange.parse(comp.frames).frames if comp.frames else common_frames(list(found.values()))
        return {field: layer.starting_at(numbers[0]) for field, layer in found.items()}, numbers


def _format(comp: Comp, layers: dict[str, LayerFile], frames: list[int]) -> PlateFormat:
    """The plate's; edit and comp have to be in its color space."""
    formats = {field: check_plate(_colors(comp, layers[field]), frames) for field in ("plate", "edit", "comp")}
    spaces = {field: each.color_space for field, each in formats.items()}
    if len(set(spaces.values())) > 1:
        told = ", ".join(f"{field} {each}" for field, each in spaces.items())
        raise SampleDamaged(
            f"The layers are in several color spaces: {told}.",
            argument="color_space",
            remedy="Write them in one.",
        )
    return formats["plate"]


def _colors(comp: Comp, layer: LayerFile) -> PlateSource:
    return replace(layer.source, fallback_color_space=comp.color_space or None)


def _light(comp: Comp, layer: LayerFile, frame: int, space: ColorSpace) -> FloatArray:
    return to_linear(read_plate_frame(_colors(comp, layer), frame).rgb, space)


def _gray(layer: LayerFile, frame: int, plate: PlateFormat) -> FloatArray:
    return read_mask_frame(layer.source, frame, plate, layer.role)


_Pictures = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""Source, edit, alpha and composite of one frame, as the model sees them."""


def _merged_in_light(
    comp: Comp, layers: dict[str, LayerFile], plate: PlateFormat, frame: int, error: LayersError
) -> _Pictures:
    """A comp made in linear light, as layers of display sRGB.

    The same alpha makes another picture there. So alpha is solved for: the one that best explains, over the channels,
    what the comp looks like as a mix of edit and plate as they look. The composite is then that of these layers.
    """
    space = plate.color_space
    source, edit, whole = (_light(comp, layers[field], frame, space) for field in ("plate", "edit", "comp"))
    alpha = _gray(layers["alpha"], frame, plate)
    straight = _straight(edit, alpha) if comp.premultiplied else edit
    s, e, c = (plate_to_model_rgb(each, space) for each in (source, straight, whole))
    error.add(c, plate_to_model_rgb(over(straight, alpha, source), space), alpha)
    apart = e - s
    weight = np.square(apart).sum(axis=-1)
    solved = ((c - s) * apart).sum(axis=-1) / np.maximum(weight, _LEAST_WEIGHT)
    soft = (alpha > 0) & (alpha < 1) & (weight > _LEAST_WEIGHT)
    shown = np.where(soft, np.clip(solved, 0, 1), alpha).astype(np.float32)
    return s, e, shown, over(e, shown, s)


def _merged_in_display(
    comp: Comp, layers: dict[str, LayerFile], plate: PlateFormat, frame: int, error: LayersError
) -> _Pictures:
    """A comp made of pictures as they look."""
    s, e, c = (
        plate_to_model_rgb(_light(comp, layers[field], frame, plate.color_space), plate.color_space)
        for field in ("plate", "edit", "comp")
    )
    alpha = _gray(layers["alpha"], frame, plate)
    if comp.premultiplied:
        e = np.clip(_straight(e, alpha), 0, 1)
    error.add(c, over(e, alpha, s), alpha)
    return s, e, alpha, c


def _straight(premultiplied: FloatArray, alpha: FloatArray) -> FloatArray:
    """The color itself; black where alpha is 0."""
    divisor = np.where(alpha > 0, alpha, 1)[..., None]
    return np.where(alpha[..., None] > 0, premultiplied / divisor, 0).astype(np.float32)


def _entries(manifest: Path, content: bytes) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """What the manifest says of each comp, defaults put in, or why it says nothing; by its number or line."""
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


def _comp(entry: dict[str, Any] | str, taken: set[str]) -> Comp:
    """An entry, checked.

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
