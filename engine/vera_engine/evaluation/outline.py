"""Which shape a matte has: the one whose ideal outline, laid over it, fits best."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from scipy import ndimage
from skimage.measure import label

from vera_engine.evaluation.metrics import BoolArray, FloatArray
from vera_engine.training.shapes import signed_distance
from vera_engine.training.vocabulary import SHAPES

SOLID = 0.7
"""Alpha from here on is the object itself: soft shadows are below."""
LEAST_AREA = 30
"""Pixels: smaller outlines look all alike."""
_SIDE = 48
"""Pixels of the raster that outlines are compared on."""
_EXTENT = 2.2
"""Side of that raster, by the square root of the outline's area."""
_TURNS = 24
"""Rotations tried, of a third of a turn at most, 5 to 15 degrees apart."""
_SYMMETRY = {"ball": math.inf, "box": 4, "star": 5, "triangle": 3}
"""Of how many rotations a shape is the same; others are taken to have none."""


def shape_fits(matte: FloatArray) -> dict[str, float]:
    """How well each known shape fits a clip's matte (T, H, W): mean over frames of the best overlap (IoU), 0 to 1.

    The object is the largest solid region; the ideal outline is brought to its area and center of mass, and turned
    until it fits best. Frames in which the object touches the picture's edge, or has under `LEAST_AREA` pixels, are
    left out. Empty where none is left.
    """
    scores = [fits for frame in matte if (fits := _frame_fits(frame)) is not None]
    return {shape: float(np.mean([fits[shape] for fits in scores])) for shape in SHAPES} if scores else {}


def shape_of(matte: FloatArray) -> str:
    """The shape that fits best; empty where none can be told."""
    fits = shape_fits(matte)
    return max(fits, key=fits.__getitem__) if fits else ""


def solid_region(frame: FloatArray) -> BoolArray:
    """The largest solid region (H, W) of one frame's matte, its holes filled; all False where there is none."""
    regions = label(frame >= SOLID, connectivity=1)
    sizes = np.bincount(regions.ravel())[1:]
    if not sizes.size:
        return np.zeros(frame.shape, bool)
    filled: BoolArray = ndimage.binary_fill_holes(regions == sizes.argmax() + 1)
    return filled


def _frame_fits(frame: FloatArray) -> dict[str, float] | None:
    region = solid_region(frame)
    area = int(region.sum())
    touches = region[[0, -1]].any() or region[:, [0, -1]].any()
    if area < LEAST_AREA or touches:
        return None
    # The region at the ideal outlines' own scale: its center in the middle, its area 1.
    center_y, center_x = ndimage.center_of_mass(region)
    step = _EXTENT * math.sqrt(area) / _SIDE
    places = (np.arange(_SIDE) - (_SIDE - 1) / 2) * step
    rows, columns = np.meshgrid(places + center_y, places + center_x, indexing="ij")
    # Sampled from the soft matte, so that a small object's edge lies between pixels where it does.
    soft = np.where(ndimage.binary_dilation(region, iterations=2), np.maximum(frame, region), 0).astype(np.float32)
    seen = ndimage.map_coordinates(soft, [rows, columns], order=1, mode="constant") >= SOLID
    return {shape: float(_overlap(seen, _outlines(shape)).max()) for shape in SHAPES}


def _overlap(seen: BoolArray, outlines: BoolArray) -> np.ndarray:
    both = (outlines & seen).sum(axis=(1, 2))
    either = (outlines | seen).sum(axis=(1, 2))
    overlap: np.ndarray = both / np.maximum(either, 1)
    return overlap


@cache
def _outlines(shape: str) -> BoolArray:
    """(rotations, side, side): a shape of area 1 around its center of mass, in every rotation that differs."""
    symmetry = _SYMMETRY.get(shape, 1)
    turns = 1 if math.isinf(symmetry) else max(_TURNS // 3, math.ceil(_TURNS / symmetry))
    angles = [2 * math.pi / symmetry * turn / turns for turn in range(turns)]
    return np.stack([_outline(shape, angle) for angle in angles])


def _outline(shape: str, angle: float) -> BoolArray:
    fine = torch.linspace(-2, 2, 401)
    y, x = torch.meshgrid(fine, fine, indexing="ij")
    inside = signed_distance(shape, x, y, 1.0, angle) <= 0
    area = float(inside.sum()) * float(fine[1] - fine[0]) ** 2
    center_x, center_y = float(x[inside].mean()), float(y[inside].mean())
    places = (torch.arange(_SIDE) - (_SIDE - 1) / 2) * _EXTENT * math.sqrt(area) / _SIDE
    rows, columns = torch.meshgrid(places + center_y, places + center_x, indexing="ij")
    outline: BoolArray = (signed_distance(shape, columns, rows, 1.0, angle) <= 0).numpy()
    return outline
