"""A decoded movie frame as RGB in float32, with all the bits and all the values that the movie stores.

Nothing is limited: codes beyond nominal black and white become values below 0 and above 1.
"""

from __future__ import annotations

import numpy as np
from av import VideoFrame
from av.video.format import VideoFormat
from numpy.typing import NDArray

NARROW_RANGE, FULL_RANGE = 1, 2
"""FFmpeg's numbers: black at 16 and white at 235 of 255, or at 0 and 255; 0 is unspecified."""

_LUMA_SHARES = {
    # Kr and Kb of ITU-T H.273's MatrixCoefficients: what red and blue add to luma.
    1: (0.2126, 0.0722),  # ITU-R BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # ITU-R BT.601, 625 lines
    6: (0.299, 0.114),  # ITU-R BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # ITU-R BT.2020, non-constant luminance
}
_UNSPECIFIED = 2
_BT709, _BT601 = 1, 6
_HD_WIDTH, _SD_HEIGHT = 1280, 576
"""From this width, or above this height, unspecified video is BT.709, as players and hosts take it; else BT.601."""
_MOST_BITS = 16


class LayoutUnsupported(Exception):
    """Pixels laid out, or colours coded, in a way that is not read. Its text says which."""


def rgb_of(frame: VideoFrame, matrix: int, color_range: int, is_centered: bool = False) -> NDArray[np.float32]:
    """RGB, or RGBA where the movie has alpha, (H, W, 3 or 4) float32: nominal black 0, nominal white 1, alpha 0..1.

    Chroma is interpolated linearly from where it was sampled: across at every other pixel, down between two rows.

    Args:
        frame: As decoded.
        matrix: H.273's MatrixCoefficients; 2 (unspecified) as the size says.
        color_range: FFmpeg's; unspecified is narrow for YUV, full for RGB.
        is_centered: Whether chroma was sampled between two pixels across as well, as JPEG does.

    Raises:
        LayoutUnsupported: Such as Bayer patterns, floats, and constant luminance.
    """
    planar = _planar(frame)
    layout = planar.format
    planes = [_plane(planar, place) for place in range(len(layout.components))]
    top = (1 << layout.components[0].bits) - 1  # the greatest code
    unit = (top + 1) // 256  # codes for each of 8 bits
    is_narrow = color_range == NARROW_RANGE or (
        color_range != FULL_RANGE and not layout.is_rgb and not layout.name.startswith("yuvj")
    )
    black, white = (16 * unit, 235 * unit) if is_narrow else (0, top)
    has_alpha = layout.components[-1].is_alpha
    rgba = np.empty((frame.height, frame.width, 3 + has_alpha), np.float32)
    if has_alpha:
        rgba[..., 3] = _scaled(planes.pop(), 0, top)
    if layout.is_rgb:
        for channel, plane in enumerate(planes):
            rgba[..., channel] = _scaled(plane, black, white)
    elif len(planes) == 1:
        rgba[..., :3] = _scaled(planes[0], black, white)[..., np.newaxis]
    else:
        zero = 128 * unit
        scale = 224 * unit if is_narrow else top
        blue, red = (_upsampled(_scaled(plane, zero, zero + scale), rgba.shape, is_centered) for plane in planes[1:])
        _from_differences(rgba, _scaled(planes[0], black, white), blue, red, _shares(matrix, frame))
    return rgba


def _from_differences(
    rgba: NDArray[np.float32],
    luma: NDArray[np.float32],
    blue: NDArray[np.float32],
    red: NDArray[np.float32],
    shares: tuple[float, float],
) -> None:
    """Fills in R, G, B from Y', Cb, Cr by H.273's equations 38-40 turned around."""
    red_share, blue_share = shares
    green_share = 1 - red_share - blue_share
    red *= np.float32(2 * (1 - red_share))
    blue *= np.float32(2 * (1 - blue_share))
    np.add(luma, red, out=rgba[..., 0])
    np.add(luma, blue, out=rgba[..., 2])
    red *= np.float32(red_share / green_share)
    blue *= np.float32(blue_share / green_share)
    luma -= red
    np.subtract(luma, blue, out=rgba[..., 1])


def _shares(matrix: int, frame: VideoFrame) -> tuple[float, float]:
    if matrix == _UNSPECIFIED:
        matrix = _BT709 if frame.width >= _HD_WIDTH or frame.height > _SD_HEIGHT else _BT601
    if matrix not in _LUMA_SHARES:
        raise LayoutUnsupported(f"YUV by the matrix that ITU-T H.273 numbers {matrix}")
    return _LUMA_SHARES[matrix]


def _planar(frame: VideoFrame) -> VideoFrame:
    """The frame with a plane for each component, and the same codes in them."""
    layout = frame.format
    bits = [component.bits for component in layout.components]
    if layout.is_bayer or layout.name.startswith("xyz") or max(bits) > _MOST_BITS:
        raise LayoutUnsupported(f"the pixel layout {layout.name}")
    planes = {component.plane for component in layout.components}
    if len(planes) == len(bits) and len(set(bits)) == 1 and not layout.has_palette:
        return frame
    # In one thread: with several FFmpeg's converter now and then leaves rows of small frames as they were.
    return frame.reformat(format=_planar_name(layout, max(bits)), threads=1)


def _planar_name(layout: VideoFormat, bits: int) -> str:
    """FFmpeg's name of the layout with a plane for each component: `yuv422p10le` for `y210le`."""
    has_alpha = "a" if layout.components[-1].is_alpha or layout.has_palette else ""
    depth = f"{bits}le" if bits > 8 else ""
    if layout.is_rgb or layout.has_palette:
        return f"gbr{has_alpha}p{depth}"
    across, down = (-(-64 // size) for size in (layout.chroma_width(64), layout.chroma_height(64)))
    sampling = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (4, 1): "411", (1, 2): "440"}[across, down]
    return f"yuv{has_alpha}{sampling}p{depth}"


def _plane(frame: VideoFrame, place: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    component = frame.format.components[place]
    plane = frame.planes[component.plane]
    kind = np.dtype(np.uint8 if component.bits <= 8 else np.uint16)
    codes = np.frombuffer(memoryview(plane), kind.newbyteorder(">" if frame.format.is_big_endian else "<"))
    rows = codes.reshape(-1, plane.line_size // kind.itemsize)
    return rows[: component.height, : component.width]


def _scaled(codes: NDArray[np.uint8] | NDArray[np.uint16], zero: int, one: int) -> NDArray[np.float32]:
    values = codes.astype(np.float32)
    values -= np.float32(zero)
    values /= np.float32(one - zero)
    return values


def _upsampled(chroma: NDArray[np.float32], shape: tuple[int, ...], is_centered: bool) -> NDArray[np.float32]:
    """A chroma plane (h, w) at the size (H, W) of `shape`; sides that are half as long, or a quarter."""
    height, width = shape[:2]
    while chroma.shape[1] < width:
        chroma = np.ascontiguousarray(_doubled_between(chroma.T).T) if is_centered else _doubled_from_first(chroma)
    while chroma.shape[0] < height:
        chroma = _doubled_between(chroma)
    return np.ascontiguousarray(chroma[:height, :width])


def _doubled_from_first(chroma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Twice as wide, each sample at the first of its two pixels."""
    wide = np.empty((chroma.shape[0], 2 * chroma.shape[1]), np.float32)
    wide[:, 0::2] = chroma
    wide[:, 1:-1:2] = (chroma[:, :-1] + chroma[:, 1:]) * np.float32(0.5)
    wide[:, -1] = chroma[:, -1]
    return wide


def _doubled_between(chroma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Twice as high, each sample in the middle of its two rows."""
    near, far = np.float32(0.75), np.float32(0.25)
    above = np.concatenate([chroma[:1], chroma[:-1]])
    below = np.concatenate([chroma[1:], chroma[-1:]])
    high = np.empty((2 * chroma.shape[0], chroma.shape[1]), np.float32)
    high[0::2] = near * chroma + far * above
    high[1::2] = near * chroma + far * below
    return high
