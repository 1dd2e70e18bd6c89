"""The matte brought from the model's size to the plate's, with edges as fine as the plate or the edit shows them.

Two things are known of it besides its small picture: brought down it has to be that picture again, and no value lies
beyond 0 and 1. Correcting it by what is missing when it is brought down, and clipping, again and again (iterative back
projection, Irani and Peleg 1991; with the clipping a projection onto convex sets) already gives edges that no
interpolation has. Where a guide has an edge too, its detail tells the rest: a guided filter (He, Sun and Tang 2010, in
the fast form of He and Sun 2015), fitted to detail alone. Fitted to whole values, as it usually is, it prints the
plate's texture on slopes that are soft because they are blurred, where the small matte lacks no detail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vera_engine.plates.model_curve import encode_model
from vera_engine.plates.resize import (
    Kernel,
    Resampling,
    blackman_harris,
    catmull_rom,
    cubic_b_spline,
    linear,
    resampling,
    resize,
)

Floats = NDArray[np.float32]

_GAIN = np.float32(1.5)  # of each correction; from 2 on they would swing
_CORRECTIONS = 12  # at the first size, where they are cheap
_LAST_CORRECTIONS = 4  # at the plate's
_NOISE = np.float32(1e-4)  # variance of a guide in 0..1 that tells nothing
_FLAT = np.float32(1e-6)  # variance of a matte without detail
_TILE = 64  # pixels of the model's picture: what is worked on at once stays in the cache
_MARGIN = 8  # pixels of the model's picture around a tile, so that no tile is seen
_ALMOST = np.float32(2**-10)  # what is nearer to 0 or 1, half a step of 9 bits, is meant to be it
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709


@dataclass(frozen=True)
class Area:
    """A part of a picture at one of its sizes."""

    height: int
    """Of the whole picture, as `width`."""
    width: int
    rows: slice
    columns: slice

    def at(self, height: int, width: int) -> Area:
        """The same part at another size; parts that meet still do."""

        def scaled(part: slice, source: int, target: int) -> slice:
            return slice(part.start * target // source, part.stop * target // source)

        return Area(height, width, scaled(self.rows, self.height, height), scaled(self.columns, self.width, width))

    def within(self, other: Area) -> tuple[slice, slice]:
        """Where this part lies in another one that holds it, at the same size."""
        down, right = other.rows.start, other.columns.start
        return (
            slice(self.rows.start - down, self.rows.stop - down),
            slice(self.columns.start - right, self.columns.stop - right),
        )


class Guide(Protocol):
    """A picture that has edges where the matte has."""

    def pictures(self, areas: Sequence[Area]) -> list[Floats]:
        """Its parts (rows, columns, C), about 0..1 as an eye sees them, at the sizes of the areas: the model's first,
        the plate's last."""
        ...


@dataclass(frozen=True)
class PlateGuide:
    """The plate: what is kept ends where the plate has edges."""

    plate_linear: Floats
    """(H, W, 3), what the model saw of it."""
    exposure: float
    """Stops by which the model saw it brighter."""

    def pictures(self, areas: Sequence[Area]) -> list[Floats]:
        """By the model's own curve at the plate's size, and brought down from there."""
        plate = areas[-1]
        with np.errstate(over="ignore"):
            half = self.plate_linear[plate.rows, plate.columns].astype(np.float16)
        pictures = [_seen_by_half(self.exposure)[half.view(np.uint16)]]
        for coarser, finer in zip(areas[-2::-1], areas[:0:-1], strict=True):
            pictures.insert(0, _Scale(coarser, finer).smaller(pictures[0]))
        return pictures


@dataclass(frozen=True)
class EditGuide:
    """The edit's own luma under the matte: of what was added the plate has no edge."""

    edit_model_rgb: Floats
    """(h, w, 3), 0..1."""
    alpha: Floats
    """(h, w), 0..1."""

    def pictures(self, areas: Sequence[Area]) -> list[Floats]:
        """Brought up as a matte without a guide is."""
        model = areas[0]
        luma = (self.edit_model_rgb @ _LUMA * self.alpha)[model.rows, model.columns]
        return [picture[..., np.newaxis] for picture in _brought_up(luma, areas, None)]


def upsample_matte(alpha: Floats, width: int, height: int, guide: Guide | None, refine: float = 1.0) -> Floats:
    """Brings a matte (h, w), 0..1, to (height, width), 0..1.

    Where it is 0 and two pixels around as well, it stays exactly 0, and likewise 1. A matte that does not become
    larger along both axes lacks no detail, and is resized alone.

    Args:
        alpha: Cleaned: exactly 0 and 1 where nothing and where all is meant.
        width: Pixels.
        height: Pixels.
        guide: None: only the matte itself is known.
        refine: How much of the refinement is used: from 0, interpolated by a cubic B-spline alone, to 1.
    """
    if refine == 0 or width <= alpha.shape[1] or height <= alpha.shape[0]:
        return _exact(resize(alpha, width, height))
    matte = np.empty((height, width), np.float32)
    for tile, around in _tiles(*alpha.shape):
        plate, plate_around = tile.at(height, width), around.at(height, width)
        known = alpha[around.rows, around.columns]
        if (known == known[0, 0]).all():
            matte[plate.rows, plate.columns] = known[0, 0]
            continue
        areas = [around, plate_around]
        if height > 3 * alpha.shape[0] and width > 3 * alpha.shape[1]:
            areas.insert(1, around.at(2 * alpha.shape[0], 2 * alpha.shape[1]))
        refined = _brought_up(known, areas, None if guide is None else guide.pictures(areas))[-1]
        _keep_flat(_exact(refined), known, plate_around, around)
        if refine < 1:
            smooth = _Scale(around, plate_around).larger(known, cubic_b_spline)
            refined = smooth + np.float32(refine) * (refined - smooth)
        matte[plate.rows, plate.columns] = refined[plate.within(plate_around)]
    return matte


def _tiles(height: int, width: int) -> Iterator[tuple[Area, Area]]:
    """All of a picture in tiles, each by itself and with a margin."""
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            rows = slice(top, min(top + _TILE, height))
            columns = slice(left, min(left + _TILE, width))
            yield (
                Area(height, width, rows, columns),
                Area(
                    height,
                    width,
                    slice(max(0, rows.start - _MARGIN), min(height, rows.stop + _MARGIN)),
                    slice(max(0, columns.start - _MARGIN), min(width, columns.stop + _MARGIN)),
                ),
            )


def _brought_up(known: Floats, areas: Sequence[Area], guides: Sequence[Floats] | None) -> list[Floats]:
    """A part of a picture in 0..1 at the sizes of all areas, the given first."""
    found = [known]
    slopes = None if guides is None else _slopes(known, guides[0])
    for number, area in enumerate(areas[1:]):
        step = _Scale(areas[number], area)
        if guides is None or slopes is None:
            start = step.larger(found[-1], catmull_rom)
        else:
            # A sum of the guide's channels at the larger size, each by its slope, and what they leave of the picture.
            left = found[-1] - _sum_of_products(slopes, guides[number])
            slopes = step.larger(slopes, linear)
            start = step.larger(left, catmull_rom) + _sum_of_products(slopes, guides[number + 1])
        corrections = _LAST_CORRECTIONS if number else _CORRECTIONS
        found.append(_corrected(start, known, _Scale(areas[0], area), corrections))
    return found


def _corrected(picture: Floats, known: Floats, scale: _Scale, corrections: int) -> Floats:
    """The picture, at the larger size, made such that it is the known one when it is brought down."""
    np.clip(picture, 0, 1, out=picture)
    for _ in range(corrections):
        picture += scale.larger(_GAIN * (known - scale.smaller(picture)), catmull_rom)
        np.clip(picture, 0, 1, out=picture)
    return picture


def _exact(matte: Floats) -> Floats:
    """With 0 and 1 for what is next to them, in place."""
    matte[matte < _ALMOST] = 0
    matte[matte > 1 - _ALMOST] = 1
    return matte


def _keep_flat(refined: Floats, known: Floats, plate: Area, model: Area) -> None:
    """Makes 0 and 1 what lies where the model's picture is nothing else, in place."""
    # The model's pixel behind each of the plate's.
    rows = np.arange(plate.rows.start, plate.rows.stop) * model.height // plate.height - model.rows.start
    columns = np.arange(plate.columns.start, plate.columns.stop) * model.width // plate.width - model.columns.start
    at = np.ix_(np.clip(rows, 0, len(known) - 1), np.clip(columns, 0, known.shape[1] - 1))
    for is_value, value in ((ndimage.maximum_filter(known, 5) == 0, 0), (ndimage.minimum_filter(known, 5) == 1, 1)):
        refined[is_value[at]] = value


def _slopes(matte: Floats, guide: Floats) -> Floats:
    """(h, w, C): by how much the matte's detail follows that of the guide's channels, around each pixel.

    Least squares in each window, weakened where the guide's detail is no more than noise, and by the share of the
    matte's detail that it explains; averaged over the windows that a pixel lies in.
    """
    detail, guide_detail = matte - _mean(matte), guide - _mean(guide)
    amount = _mean(detail * detail)
    slopes = np.zeros_like(guide)
    at = np.nonzero(amount > _FLAT)
    channels = guide.shape[-1]
    first, second = np.triu_indices(channels)
    variance = np.empty((len(at[0]), channels, channels), np.float32)
    variance[:, first, second] = _mean(guide_detail[..., first] * guide_detail[..., second])[at]
    variance[:, second, first] = variance[:, first, second]
    variance += _NOISE * np.eye(channels, dtype=np.float32)
    together = _mean(guide_detail * detail[..., np.newaxis])[at]
    found: Floats = np.linalg.solve(variance, together[..., np.newaxis])[..., 0]
    explained = np.clip((together * found).sum(axis=-1) / amount[at], 0, 1)
    slopes[at] = found * explained[:, np.newaxis]
    return _mean(slopes)


def _sum_of_products(some: Floats, others: Floats) -> Floats:
    """Over the channels (h, w, C) of both."""
    total: Floats = np.einsum("ijk,ijk->ij", some, others)
    return total


def _mean(values: Floats) -> Floats:
    """Of the 3x3 pixels around each (h, w, ...)."""
    wide = np.concatenate([values[:1], values, values[-1:]])
    rows = wide[:-2] + wide[1:-1] + wide[2:]
    wide = np.concatenate([rows[:, :1], rows, rows[:, -1:]], axis=1)
    mean: Floats = (wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]) / np.float32(9)
    return mean


class _Scale:
    """The ways between the same part of a picture at two sizes."""

    def __init__(self, small: Area, large: Area) -> None:
        self._small, self._large = small, large

    def larger(self, picture: Floats, kernel: Kernel) -> Floats:
        across = _between(self._small, self._large, 1, kernel).along(picture, 1)
        return _between(self._small, self._large, 0, kernel).along(across, 0)

    def smaller(self, picture: Floats) -> Floats:
        down = _between(self._large, self._small, 0, blackman_harris).along(picture, 0)
        return _between(self._large, self._small, 1, blackman_harris).along(down, 1)


def _between(source: Area, target: Area, axis: int, kernel: Kernel) -> Resampling:
    lengths = [(area.height, area.rows) if axis == 0 else (area.width, area.columns) for area in (source, target)]
    (source_length, pixels), (target_length, results) = lengths
    return resampling(
        source_length,
        target_length,
        kernel,
        results=(results.start, results.stop),
        pixels=(pixels.start, pixels.stop),
    )


@lru_cache(maxsize=4)
def _seen_by_half(exposure: float) -> Floats:
    """(65536,): what the model sees of every half float's bits, in the plate's own primaries."""
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float64)
    exposed = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=0.0) * 2.0**exposure
    seen: Floats = encode_model(np.minimum(exposed, 1e9)).astype(np.float32)
    return seen
