"""How a matte follows a guide around each pixel: slopes, by which a guide's finer picture tells the matte's.

A guided filter (He, Sun and Tang 2010, in the fast form of He and Sun 2015) in two ways. A matte that is to be
believed lacks detail alone, so that the guide is fitted to *detail*, each pixel's difference from its neighbors: fitted
to whole values it prints the plate's texture on slopes that are soft because they are blurred. A rough one is off by
some pixels: the guide is fitted over more of them, and what it explains well takes the matte's place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.smooth_step import smooth_step
from vera_engine.plates.windows import mean

Floats = NDArray[np.float32]

_DETAIL = 3  # pixels of the model's picture
_BROAD = 7
_NOISE = np.float32(1e-4)  # variance of a guide in 0..1 that tells nothing
_ROUGH_NOISE = np.float32(5e-4)  # the same beside a rough matte
_FLAT = np.float32(1e-6)  # variance of a matte without detail
_EXPLAINED = (0.5, 0.8)  # of a rough matte's variance: up to the first share the guide has no say, from the second all


FOLLOWED_REACH = 4
"""Pixels around one that are looked at, for both."""


def detail_slopes(matte: Floats, guide: Floats) -> Floats:
    """(C, h, w): by how much the detail of a matte (h, w) follows that of the guide's channels (C, h, w).

    Least squares, weakened where the guide's detail is no more than noise, and by the share of the matte's detail that
    it explains; averaged over the windows that a pixel lies in.
    """
    guide_detail = guide - mean(guide, _DETAIL)
    moments = mean(_products(matte - mean(matte, _DETAIL), guide_detail), _DETAIL)
    slopes, explained = _fitted(moments, len(guide), _NOISE)
    return mean(slopes * explained, _DETAIL)


def followed(matte: Floats, guide: Floats, rough: Floats) -> tuple[Floats, Floats]:
    """A rough matte (h, w) where the guide (C, h, w) explains it by what the guide says, and by which slopes
    (C, h, w).

    Args:
        rough: (h, w), 0..1: how much of it.
    """
    around, guide_around = mean(matte, _BROAD), mean(guide, _BROAD)
    moments = mean(_products(matte, guide), _BROAD) - _products(around, guide_around)
    slopes, explained = _fitted(moments, len(guide), _ROUGH_NOISE)
    share = smooth_step(explained, *_EXPLAINED) * rough
    slopes = mean(slopes * share, _DETAIL)
    said = matte + mean(share, _DETAIL) * (around - matte) + (slopes * (guide - guide_around)).sum(axis=0)
    return np.clip(said, 0, 1), slopes


def _products(matte: Floats, guide: Floats) -> Floats:
    """(N, h, w): the matte by itself, by each of the guide's channels, and every two of these, by rows of an upper
    triangle."""
    channels = [matte, *guide]
    pairs = [(i, j) for i in range(len(channels)) for j in range(i, len(channels))]
    products = np.empty((len(pairs), *matte.shape), np.float32)
    for product, (i, j) in zip(products, pairs, strict=True):
        np.multiply(channels[i], channels[j], out=product)
    return products


def _fitted(moments: Floats, channels: int, noise: np.float32) -> tuple[Floats, Floats]:
    """Slopes (C, h, w) of least squares, and the share of the matte's variance that they explain, 0..1.

    Args:
        moments: The means of `_products` around each pixel.
    """
    known = iter(moments)
    amount, together = next(known), [next(known) for _ in range(channels)]
    variance = [[next(known) for _ in range(row, channels)] for row in range(channels)]
    for row in variance:
        row[0] = row[0] + noise
    slopes = np.stack(_solved(variance, together))
    told = (slopes * moments[1 : channels + 1]).sum(axis=0)
    slopes *= amount > _FLAT
    return slopes, np.clip(told / np.maximum(amount, _FLAT), 0, 1)


def _solved(matrix: list[list[Floats]], right: list[Floats]) -> list[Floats]:
    """The solutions of many small symmetric systems, of whose matrices the rows of the upper triangles are given, each
    element an array; by elimination, which needs no pivots as they are positive definite."""
    size = len(right)
    rows, found = [list(row) for row in matrix], list(right)
    for i in range(size):
        for j in range(i + 1, size):
            factor = rows[i][j - i] / rows[i][0]
            for k in range(j, size):
                rows[j][k - j] = rows[j][k - j] - factor * rows[i][k - i]
            found[j] = found[j] - factor * found[i]
    for i in reversed(range(size)):
        for j in range(i + 1, size):
            found[i] = found[i] - rows[i][j - i] * found[j]
        found[i] = found[i] / rows[i][0]
    return found
