"""A studio's own comps by a manifest: plate, edit, alpha and comp, read as plates are, color spaces included."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from vera_engine.plates.color import ColorSpace, plate_to_model_rgb, to_linear
from vera_engine.plates.frames import FrameRange
from vera_engine.plates.mask import read_mask_frame
from vera_engine.plates.source import PlateFormat, PlateSource, check_plate, read_plate_frame
from vera_engine.training.datasets.layer_files import COLOR, GRAY, LayerFile, common_frames, common_shape
from vera_engine.training.datasets.manifest import Comp, comp_of, entries_of
from vera_engine.training.datasets.sample import (
    ClipShape,
    DatasetMissing,
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

_LEAST_WEIGHT = 1e-4
"""Squared difference of edit and plate below which alpha cannot be told from the pictures."""
_LAYERS = {"plate": COLOR, "edit": COLOR, "alpha": GRAY, "comp": COLOR, "mask": GRAY}


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
        for name, entry in entries_of(manifest, content):
            try:
                self._comps.append(comp_of(entry, {comp.name for comp in self._comps}))
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
            made = (merge(comp, layers, plate_format, frame, error) for frame in chosen)
            source, edit, alpha, composite = _clip_of(made, len(chosen))
            mask = None
            if comp.mask:
                (white,) = _clip_of(((_gray(layers["mask"], frame, plate_format),) for frame in chosen), len(chosen))
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


def _clip_of(frames: Iterable[tuple[FloatArray, ...]], count: int) -> list[FloatArray]:
    """Each layer of so many frames as one array. Frames are not held beside it: at a plate's size that is gigabytes."""
    layers: list[FloatArray] = []
    for place, frame in enumerate(frames):
        layers = layers or [np.empty((count, *layer.shape), np.float32) for layer in frame]
        for layer, picture in zip(layers, frame, strict=True):
            layer[place] = picture
    return layers


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
