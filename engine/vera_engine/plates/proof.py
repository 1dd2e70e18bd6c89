"""Proof, from pixels, that layers leave the plate alone and merge over it to the very picture the model meant.

It shares the over with the hosts' form of it, and nothing with the code that solves for layers: what the model meant is
composed here once more, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.color import ColorSpace, plate_to_model_rgb
from vera_engine.plates.frames import frames_as_text
from vera_engine.plates.layers import Layers, over
from vera_engine.plates.likeness import difference, psnr, relative_error, ssim
from vera_engine.plates.srgb import decode_signed_srgb, encode_signed_srgb

LARGEST_ERROR = 2.0**-10
"""How far the comp may be from what the model meant, relative: two roundings to half float."""
_PIXELS_AT_ONCE = 1 << 16
"""What lies between two steps stays in the cache, and small beside pictures of 4K."""


@dataclass(frozen=True)
class Meant:
    """What the layers were solved from, at plate size."""

    edit_linear: NDArray[np.float32]
    """(H, W, 3), the edit's own color, linear in the plate's primaries."""
    alpha: NDArray[np.float32]
    """(H, W), 0..1, in the model's compositing space, finished."""
    plate_linear: NDArray[np.float32]
    """(H, W, 3), the plate as the comp means it: the plate itself, but where spill was taken out of it."""


@dataclass(frozen=True)
class FrameToProve:
    """One frame of a take: what its files hold, and the plate they lie over."""

    frame: int
    plate_linear: NDArray[np.float32]
    """(H, W, 3), as it was when the layers were made."""
    space: ColorSpace
    """The plate's; layers are in its `linear`."""
    layers: Layers
    must_stay: NDArray[np.bool_] | None = None
    """(H, W), where the comp has to be the plate whatever the matte says: outside a region, or held out. None:
    nowhere."""
    meant: Meant | None = None
    """None: not known, as in takes that do not keep what the model made, or that another engine finished."""
    comp_written: NDArray[np.floating] | None = None
    """(H, W, 3), float16 or float32, as the take's own comp file stores it, held to the plate's own bits; None where it
    has none."""


@dataclass(frozen=True)
class FrameProof:
    """What was measured of one frame. Outside is where the matte is exactly 0, and where the plate must stay."""

    frame: int
    changed_outside: int
    """Pixels outside in which the comp, or the one that was written, is not the plate, bit for bit: 0, or it is a
    fault."""
    psnr_outside: float
    """Decibels, of the comp against the plate as the model sees them, outside; infinite where they are equal."""
    ssim_outside: float
    """Mean structural similarity (Wang et al. 2004, 7x7 pixels) of the same; 1 where they are equal."""
    largest_change_outside: float
    """The largest difference of a channel outside, in the plate's linear light."""
    largest_relative_error: float | None
    """Of the comp `P + (1 - A) plate` against the comp `c` that the model meant, `|comp - c| / max(|c|, 2^-14)`, over
    all pixels and channels; None where that is not known."""
    matte_coverage: float
    """Mean of the matte, 0..1."""
    flicker: float | None
    """How much the matte changes from the frame before beyond what the plate does: the mean, over the pixels that
    either matte touches, of `max(|A_t - A_t-1| - |S_t - S_t-1|, 0)`, with S the plate as the model sees it, of its
    channels the one that changes most. The motion of an object that was added counts, too. None where the frame before
    was not looked at."""

    @property
    def is_exact(self) -> bool:
        """Whether nothing wrong was found."""
        return self.changed_outside == 0 and (self.largest_relative_error or 0.0) <= LARGEST_ERROR

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values; `psnr_outside` is null where it is infinite."""
        return {**asdict(self), "psnr_outside": None if math.isinf(self.psnr_outside) else self.psnr_outside}


@dataclass(frozen=True)
class FrameMaps:
    """Where it was measured, (H, W) float32 each."""

    comp_linear: NDArray[np.float32]
    """(H, W, 3), the layers over the plate, linear in the primaries of `space`."""
    space: ColorSpace
    matte: NDArray[np.float32]
    """0..1."""
    difference: NDArray[np.float32]
    """The largest difference of a channel between comp and plate, in linear light; a change of sign of 0 counts as the
    least number there is."""
    changed: NDArray[np.float32]
    """The same outside, of the worse comp where the take has one of its own; 0 inside."""
    relative_error: NDArray[np.float32] | None
    """As `FrameProof.largest_relative_error`, of the worst channel."""
    flicker: NDArray[np.float32] | None


class Prover:
    """Measures the frames of a take, one after another."""

    def __init__(self) -> None:
        self._before: tuple[int, NDArray[np.float32], NDArray[np.float32]] | None = None

    def prove(self, one: FrameToProve) -> tuple[FrameProof, FrameMaps]:
        """A frame's figures and maps. Frames are given rising, so that each finds the one before it."""
        plate, layers = one.plate_linear, one.layers
        comp = np.empty_like(plate)
        for rows in _bands(plate):
            comp[rows] = over(layers.premult[rows], layers.matte[rows], plate[rows])
        outside = layers.matte == 0
        if one.must_stay is not None:
            outside = outside | one.must_stay

        # 1. The plate outside the matte
        shown = plate_to_model_rgb(plate, one.space)
        found = [_Compared.of(comp, plate, outside, one.space)]
        if one.comp_written is not None:
            found.append(_Compared.of(one.comp_written.astype(np.float32), plate, outside, one.space))
        changed = np.max([each.changed for each in found], axis=0)

        # 2. The comp that the model meant
        error = None if one.meant is None else error_of(comp, one.meant)

        # 3. The matte, by itself and in time
        matte = layers.matte.astype(np.float32)
        flicker, flicker_map = self._flicker(one.frame, shown, matte)
        self._before = (one.frame, shown, matte)

        proof = FrameProof(
            frame=one.frame,
            changed_outside=int(np.count_nonzero(changed)),
            psnr_outside=min(each.psnr for each in found),
            ssim_outside=min(each.ssim for each in found),
            largest_change_outside=float(changed.max(initial=0)),
            largest_relative_error=None if error is None else float(error.max(initial=0)),
            matte_coverage=float(matte.mean(dtype=np.float64)),
            flicker=flicker,
        )
        return proof, FrameMaps(comp, one.space, matte, found[0].difference, changed, error, flicker_map)

    def _flicker(
        self, frame: int, shown: NDArray[np.float32], matte: NDArray[np.float32]
    ) -> tuple[float | None, NDArray[np.float32] | None]:
        if self._before is None or self._before[0] != frame - 1:
            return None, None
        _, shown_before, matte_before = self._before
        beyond = np.abs(matte - matte_before)
        for rows in _bands(shown):
            beyond[rows] -= np.abs(shown[rows] - shown_before[rows]).max(axis=-1)
        beyond = np.maximum(beyond, np.float32(0), out=beyond)
        touched = (matte > 0) | (matte_before > 0)
        return (float(beyond[touched].mean(dtype=np.float64)) if touched.any() else 0.0), beyond


@dataclass(frozen=True)
class _Compared:
    """A comp and the plate, and how alike they are where the comp has to be the plate."""

    difference: NDArray[np.float32]
    changed: NDArray[np.float32]
    psnr: float = math.inf
    ssim: float = 1.0

    @classmethod
    def of(
        cls, comp: NDArray[np.float32], plate: NDArray[np.float32], where: NDArray[np.bool_], space: ColorSpace
    ) -> _Compared:
        found = np.empty(where.shape, np.float32)
        for rows in _bands(comp):
            found[rows] = difference(comp[rows], plate[rows])
        changed = np.where(where, found, np.float32(0))
        if not changed.any():
            return cls(found, changed)  # equal pictures need no measuring
        shown = plate_to_model_rgb(plate, space)
        shown_comp = np.where(where[..., np.newaxis], plate_to_model_rgb(comp, space), shown)
        return cls(found, changed, psnr(shown_comp, shown, where), ssim(shown_comp, shown, where))


@dataclass(frozen=True)
class TakeProof:
    """What was measured of a take, frame by frame, rising."""

    frames: tuple[FrameProof, ...]
    """At least one."""

    @property
    def exact(self) -> bool:
        """Whether nothing wrong was found in any frame."""
        return all(frame.is_exact for frame in self.frames)

    @property
    def changed_outside(self) -> int:
        """Pixels of all frames."""
        return sum(frame.changed_outside for frame in self.frames)

    @property
    def largest_relative_error(self) -> float | None:
        """The worst frame's; None where no frame's is known."""
        return max(
            (f.largest_relative_error for f in self.frames if f.largest_relative_error is not None), default=None
        )

    @property
    def matte_coverage(self) -> float:
        """Mean of the frames'."""
        return sum(frame.matte_coverage for frame in self.frames) / len(self.frames)

    @property
    def flicker(self) -> float | None:
        """Mean of the frames'; None where no frame has one."""
        known = [frame.flicker for frame in self.frames if frame.flicker is not None]
        return sum(known) / len(known) if known else None

    @property
    def verdict(self) -> str:
        """One line for an artist."""
        return verdict_line(self.frames)

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "exact": self.exact,
            "verdict": self.verdict,
            "changed_outside": self.changed_outside,
            "largest_relative_error": self.largest_relative_error,
            "matte_coverage": self.matte_coverage,
            "flicker": self.flicker,
            "frames": [frame.as_dict() for frame in self.frames],
        }


def verdict_line(frames: Sequence[FrameProof]) -> str:
    """What came of it in one line: what is wrong and where, or that nothing is."""
    take = TakeProof(tuple(frames))
    count = f"{len(frames)} frame{'s' if len(frames) > 1 else ''}"
    touched = [frame.frame for frame in frames if frame.changed_outside]
    wrong = [frame.frame for frame in frames if (frame.largest_relative_error or 0.0) > LARGEST_ERROR]
    error = take.largest_relative_error
    if touched:
        pixels = "pixel" if take.changed_outside == 1 else "pixels"
        plate = f"{take.changed_outside} {pixels} changed outside the matte ({frames_as_text(touched)})"
    else:
        plate = "no pixel changed outside the matte"
    if error is None:
        comp = "what the model meant is not known"
    else:
        comp = f"comp within {error:.1e} of the model's" + (f" ({frames_as_text(wrong)})" if wrong else "")
    known = f", flicker {take.flicker:.4f}" if take.flicker is not None else ""
    head = "exact" if take.exact else "NOT EXACT"
    return f"{head}: {count}, {plate}, {comp}; matte covers {take.matte_coverage:.1%}{known}"


def error_of(comp: NDArray[np.float32], meant: Meant) -> NDArray[np.float32]:
    """How far a comp (H, W, 3) is from the one that was meant, as `FrameProof.largest_relative_error`: (H, W)."""
    error = np.empty(comp.shape[:2], np.float32)
    for rows in _bands(comp):
        part = Meant(meant.edit_linear[rows], meant.alpha[rows], meant.plate_linear[rows])
        error[rows] = relative_error(comp[rows], compose(part))
    return error


def compose(meant: Meant) -> NDArray[np.float64]:
    """The comp `c` (H, W, 3) that the model meant, in linear light: edit over plate by `alpha` in signed sRGB encoding.

    `C = a E + (1 - a) S`, `c = linear(C)`; where alpha is 0 the plate itself, where it is 1 the edit.
    """
    a = meant.alpha.astype(np.float64)[..., np.newaxis]
    edit, plate = meant.edit_linear.astype(np.float64), meant.plate_linear.astype(np.float64)
    composed: NDArray[np.float64] = np.where(a == 1, edit, plate)
    soft = (meant.alpha > 0) & (meant.alpha < 1)
    encoded = a[soft] * encode_signed_srgb(edit[soft]) + (1 - a[soft]) * encode_signed_srgb(plate[soft])
    composed[soft] = decode_signed_srgb(encoded)
    return composed


def _bands(picture: NDArray[Any]) -> Iterator[slice]:
    """Rows of a picture, some at a time."""
    height, width = picture.shape[:2]
    step = max(1, _PIXELS_AT_ONCE // max(1, width))
    return (slice(begin, begin + step) for begin in range(0, height, step))
