from __future__ import annotations

import av
import numpy as np
import pytest

from vera_engine.plates.movie_pixels import FULL_RANGE, NARROW_RANGE, LayoutUnsupported, rgb_of

BT709, BT601, UNSPECIFIED = 1, 6, 2

BARS_BT709_10_BIT = {
    # Y', Cb, Cr of 100% bars as waveform monitors show them.
    (1, 1, 1): (940, 512, 512),
    (1, 1, 0): (877, 64, 553),
    (0, 1, 1): (754, 615, 64),
    (0, 1, 0): (691, 167, 105),
    (1, 0, 1): (313, 857, 919),
    (1, 0, 0): (250, 409, 960),
    (0, 0, 1): (127, 960, 471),
    (0, 0, 0): (64, 512, 512),
}
BARS_BT601_8_BIT = {(1, 0, 0): (81, 90, 240), (0, 1, 0): (145, 54, 34), (0, 0, 1): (41, 240, 110)}


def frame_of(layout: str, width: int, height: int, planes: list[np.ndarray]) -> av.VideoFrame:
    """A frame whose planes are given as they are stored."""
    frame = av.VideoFrame(width, height, layout)
    for plane, codes in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size // codes.itemsize), codes.dtype)
        rows[: codes.shape[0], : codes.shape[1]] = codes
        plane.update(rows.tobytes())
    return frame


def flat(codes: tuple[int, ...], kind: type, width: int = 8, height: int = 4) -> list[np.ndarray]:
    return [np.full((height, width), code, kind) for code in codes]


@pytest.mark.parametrize(
    ("bars", "layout", "kind", "matrix", "step"),
    [
        (BARS_BT709_10_BIT, "yuv444p10le", np.uint16, BT709, 1 / 876),
        (BARS_BT601_8_BIT, "yuv444p", np.uint8, BT601, 1 / 219),
        (BARS_BT601_8_BIT, "yuv444p", np.uint8, UNSPECIFIED, 1 / 219),  # so small, it is BT.601
    ],
)
def test_color_bars(
    bars: dict[tuple[int, ...], tuple[int, ...]], layout: str, kind: type, matrix: int, step: float
) -> None:
    for color, codes in bars.items():
        rgb = rgb_of(frame_of(layout, 8, 4, flat(codes, kind)), matrix, 0)
        assert rgb.shape == (4, 8, 3)
        assert rgb.dtype == np.float32
        np.testing.assert_allclose(rgb, np.broadcast_to(np.float32(color), rgb.shape), atol=2 * step)


def test_unspecified_high_definition_is_bt709() -> None:
    planes = flat(BARS_BT709_10_BIT[1, 0, 0], np.uint16, 1280, 2)
    rgb = rgb_of(frame_of("yuv444p10le", 1280, 2, planes), UNSPECIFIED, 0)
    np.testing.assert_allclose(rgb[0, 0], [1, 0, 0], atol=2 / 876)


def test_codes_beyond_black_and_white_are_kept() -> None:
    luma = np.uint16([[4, 64, 940, 1019]])
    gray = np.full((1, 4), 512, np.uint16)
    rgb = rgb_of(frame_of("yuv444p10le", 4, 1, [luma, gray, gray]), BT709, NARROW_RANGE)
    np.testing.assert_allclose(rgb[0, :, 1], [-60 / 876, 0, 1, 955 / 876], atol=1e-6)
    full = rgb_of(frame_of("yuv444p10le", 4, 1, [luma, gray, gray]), BT709, FULL_RANGE)
    np.testing.assert_allclose(full[0, :, 1], luma[0] / 1023, atol=1e-6)


def test_every_code_of_ten_bits_is_a_value_of_its_own() -> None:
    codes = np.arange(1024, dtype=np.uint16)[np.newaxis]
    gray = np.full((1, 1024), 512, np.uint16)
    rgb = rgb_of(frame_of("yuv444p10le", 1024, 1, [codes, gray, gray]), BT709, 0)
    np.testing.assert_allclose(rgb[0, :, 0], (codes[0] - 64.0) / 876, atol=2e-7)


def test_chroma_is_interpolated_from_where_it_was_sampled() -> None:
    luma = np.full((8, 16), 128, np.uint8)
    across = np.tile(np.arange(100, 132, 4, dtype=np.uint8), (8, 1))
    neutral = np.full((8, 8), 128, np.uint8)
    blue = rgb_of(frame_of("yuv422p", 16, 8, [luma, across, neutral]), BT709, FULL_RANGE)[..., 2]
    chroma = (blue - np.float32(128 / 255)) / 1.8556 * 255 + 128  # B' = Y' + 1.8556 Cb, of BT.709
    np.testing.assert_allclose(chroma[3, :15], 100 + 2 * np.arange(15), atol=1e-3)
    assert chroma[3, 15] == pytest.approx(128, abs=1e-3)
    down = np.tile(np.arange(100, 116, 4, dtype=np.uint8)[:, np.newaxis], (1, 8))
    neutral = np.full((4, 8), 128, np.uint8)
    blue = rgb_of(frame_of("yuv420p", 16, 8, [luma, down, neutral]), BT709, FULL_RANGE)[..., 2]
    chroma = (blue - np.float32(128 / 255)) / 1.8556 * 255 + 128
    np.testing.assert_allclose(chroma[:, 5], [100, 101, 103, 105, 107, 109, 111, 112], atol=1e-3)
    as_jpeg = rgb_of(frame_of("yuvj422p", 16, 8, [luma, across, np.full((8, 8), 128, np.uint8)]), BT709, 0, True)
    chroma = (as_jpeg[..., 2] - np.float32(128 / 255)) / 1.8556 * 255 + 128
    np.testing.assert_allclose(chroma[3, 1:15], 101 + 2 * np.arange(14), atol=1e-3)


@pytest.mark.parametrize("size", [(15, 9), (1, 1), (2, 3), (17, 8)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    width, height = size
    half = ((height + 1) // 2, (width + 1) // 2)
    planes = [np.full((height, width), 145, np.uint8), np.full(half, 54, np.uint8), np.full(half, 34, np.uint8)]
    rgb = rgb_of(frame_of("yuv420p", width, height, planes), BT601, NARROW_RANGE)
    assert rgb.shape == (height, width, 3)
    np.testing.assert_allclose(rgb, np.broadcast_to(np.float32([0, 1, 0]), rgb.shape), atol=0.01)


@pytest.mark.parametrize(
    ("layout", "same_as"),
    [
        ("nv12", "yuv420p"),
        ("p010le", "yuv420p10le"),
        ("uyvy422", "yuv422p"),
        ("yuv422p10be", "yuv422p10le"),
        ("y210le", "yuv422p10le"),
        ("bgra", "gbrap"),
        ("rgb24", "gbrp"),
        ("rgb48be", "gbrp16le"),
    ],
)
def test_the_same_codes_in_another_layout_are_the_same_pixels(layout: str, same_as: str) -> None:
    random = np.random.default_rng(6)
    noise = av.VideoFrame.from_ndarray(random.integers(0, 256, (8, 16, 4), np.uint8), format="rgba")
    planar = noise.reformat(format=same_as, threads=1)
    other = planar.reformat(format=layout, threads=1)
    for _ in range(100):  # FFmpeg's own threads would differ now and then
        np.testing.assert_array_equal(rgb_of(other, BT601, 0), rgb_of(planar, BT601, 0), strict=True)


def test_rgb_is_full_range_and_alpha_straight() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((2, 4, 4), (255, 0, 51, 102), np.uint8), format="rgba")
    np.testing.assert_allclose(rgb_of(frame, 0, 0)[1, 2], [1, 0, 0.2, 0.4], atol=1e-7)
    narrow = av.VideoFrame.from_ndarray(np.full((2, 4, 3), (235, 16, 16), np.uint8), format="rgb24")
    np.testing.assert_allclose(rgb_of(narrow, 0, NARROW_RANGE)[1, 2], [1, 0, 0], atol=1e-7)


def test_gray_is_gray() -> None:
    gray = frame_of("gray10le", 4, 1, [np.uint16([[64, 502, 940, 1023]])])
    rgb = rgb_of(gray, UNSPECIFIED, NARROW_RANGE)
    np.testing.assert_allclose(rgb[0], np.repeat([[0], [0.5], [1], [959 / 876]], 3, axis=1), atol=1e-6)


@pytest.mark.parametrize(
    ("layout", "matrix"), [("yuv444p", 10), ("yuv444p", 8), ("yuv444p", 14), ("gbrpf32le", 0), ("bayer_rggb8", 0)]
)
def test_what_is_not_read_is_refused_by_name(layout: str, matrix: int) -> None:
    name = str(matrix) if layout == "yuv444p" else layout
    with pytest.raises(LayoutUnsupported, match=name):
        rgb_of(av.VideoFrame(8, 8, layout), matrix, 0)
