from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vera_engine.plates.color import ColorSpace
from vera_engine.plates.image import Window
from vera_engine.plates.mask import HOLDOUT, MaskOutOfRange, MaskSizeMismatch, check_mask, read_mask_frame
from vera_engine.plates.source import (
    FrameMissing,
    NoRgbChannels,
    PixelsNotFinite,
    PlateFormat,
    PlateNotFound,
    PlateSource,
    PlateUnreadable,
)

ImageWriter = Callable[..., Path]
SPACE = ColorSpace.parse("acescg")
PLATE = PlateFormat(SPACE, Window(0, 0, 24, 16), Window(0, 0, 24, 16))


@pytest.fixture
def shape(random: np.random.Generator) -> np.ndarray:
    """A mask (16, 24) with values that half float holds."""
    mask = random.random((16, 24)).astype(np.float16).astype(np.float32)
    mask[0, 0], mask[0, 1] = 0, 1
    return mask


@pytest.mark.parametrize(
    ("channels", "read"),
    [
        ("A", "A"),
        ("Y", "Y"),
        ("R", "R"),
        ("RGB", "R"),
        ("RGBA", "A"),
        ("YA", "A"),
        (("R", "G", "B", "Y"), "Y"),
        ("a", "a"),
        (("Z", "A"), "A"),
    ],
)
@pytest.mark.parametrize("pixel_type", ["half", "float"])
def test_the_first_of_a_y_r_is_the_mask(
    tmp_path: Path,
    image_file: ImageWriter,
    shape: np.ndarray,
    channels: str | tuple[str, ...],
    read: str,
    pixel_type: str,
) -> None:
    pixels = np.full((16, 24, len(channels)), 0.125, np.float32)
    pixels[..., channels.index(read)] = shape
    image_file(tmp_path / "m.1001.exr", pixels, channels, pixel_type)
    source = PlateSource(str(tmp_path / "m.####.exr"))
    check_mask(source, [1001], PLATE)
    mask = read_mask_frame(source, 1001, PLATE)
    assert mask.dtype == np.float32
    np.testing.assert_array_equal(mask, shape)


def test_an_8_bit_mask_is_data_and_not_decoded(tmp_path: Path, image_file: ImageWriter) -> None:
    gray = np.zeros((16, 24, 1), np.uint8)
    gray[3:9, 4:20] = 255
    gray[12] = 51
    image_file(tmp_path / "m.1001.png", gray, "Y", "uint8")
    mask = read_mask_frame(PlateSource(str(tmp_path / "m.####.png")), 1001, PLATE)
    np.testing.assert_allclose(mask, gray[..., 0] / 255, atol=1e-7)
    assert mask.max() == 1


def test_a_mask_without_a_usable_channel_is_refused(tmp_path: Path, image_file: ImageWriter) -> None:
    image_file(tmp_path / "m.1001.exr", np.ones((16, 24, 1), np.float16), ("matte.Z",))
    with pytest.raises(NoRgbChannels, match=r"matte\.Z") as refused:
        check_mask(PlateSource(str(tmp_path / "m.####.exr")), [1001], PLATE)
    assert refused.value.argument == "mask.source.path"


def test_a_mask_of_another_shape_is_refused_with_both(tmp_path: Path, image_file: ImageWriter) -> None:
    image_file(tmp_path / "m.1001.exr", np.ones((16, 24, 1), np.float16), "A")
    image_file(tmp_path / "m.1002.exr", np.ones((16, 25, 1), np.float16), "A")
    source = PlateSource(str(tmp_path / "m.####.exr"))
    assert check_mask(source, [1001], PLATE) == []
    with pytest.raises(MaskSizeMismatch, match="mask of frame 1002 is 25x16, the plate 24x16"):
        check_mask(source, [1001, 1002], PLATE)
    with pytest.raises(MaskSizeMismatch, match="hold-out of frame 1002") as refused:
        read_mask_frame(source, 1002, PLATE, HOLDOUT)
    assert refused.value.argument == "holdout.source.path"


def test_a_mask_of_another_size_is_scaled_and_that_is_said(tmp_path: Path, image_file: ImageWriter) -> None:
    half = np.zeros((8, 12, 1), np.float32)
    half[2:6, 3:9] = 1
    image_file(tmp_path / "m.1001.exr", half, "A")
    image_file(tmp_path / "m.1002.exr", half, "A")
    large = half.repeat(10, axis=0).repeat(10, axis=1)
    image_file(tmp_path / "m.1003.png", (large * 255).astype(np.uint8), "Y", "uint8")
    source = PlateSource(str(tmp_path / "m.####.exr"))
    (said,) = check_mask(source, [1001, 1002], PLATE)
    assert said == "The mask is 12x8 and is scaled to the plate's 24x16 (frames 1001-1002)."
    smaller, larger = (
        read_mask_frame(source, 1001, PLATE),
        read_mask_frame(PlateSource(str(tmp_path / "m.####.png")), 1003, PLATE),
    )
    expected = half[..., 0].repeat(2, axis=0).repeat(2, axis=1)
    for mask in (smaller, larger):
        assert mask.shape == (16, 24)
        assert mask[0].max() == 0
        inner = np.zeros((16, 24), bool)
        inner[6:10, 8:16] = True
        assert mask[inner].min() > 0.99
        assert np.abs(mask - expected).mean() < 0.08
        np.testing.assert_allclose(mask, mask[::-1, ::-1], atol=1e-6)


def test_a_scaled_mask_lies_over_the_display_window(tmp_path: Path, image_file: ImageWriter) -> None:
    overscan = PlateFormat(SPACE, Window(98, 49, 28, 18), Window(100, 50, 24, 16))
    quarter = np.ones((4, 6), np.float16)
    image_file(tmp_path / "m.0001.exr", quarter, "A", origin=(6, 4), display=(0, 0, 12, 8))
    mask = read_mask_frame(PlateSource(str(tmp_path / "m.####.exr")), 1, overscan)
    assert mask.shape == (18, 28)
    assert mask[16, 25] == 1
    assert not mask[17:].any()
    assert not mask[:6].any()
    assert mask[12:17, 17:26].min() > 0.9


def test_a_mask_beside_the_plate_is_told(tmp_path: Path, image_file: ImageWriter) -> None:
    overscan = PlateFormat(SPACE, Window(98, 49, 28, 18), Window(100, 50, 24, 16))
    ones = np.ones((2, 3), np.float16)
    for frame, origin in ((1, (-1, 5)), (2, (-5, 5)), (3, (26, 3)), (4, (25, 3)), (5, (3, 17)), (6, (3, -3))):
        image_file(tmp_path / f"m.000{frame}.exr", ones, "A", origin=origin, display=(0, 0, 24, 16))
    image_file(tmp_path / "m.0007.exr", ones, "A", origin=(13, 3), display=(0, 0, 12, 8))  # scaled by two
    source = PlateSource(str(tmp_path / "m.####.exr"))
    said = check_mask(source, range(1, 8), overscan, HOLDOUT)
    assert said[-1] == "The hold-out's data window lies outside the plate: it is 0 there (frames 2-3, 5-7)."
    for frame in range(1, 8):
        assert read_mask_frame(source, frame, overscan, HOLDOUT).any() == (frame in (1, 4))
    assert check_mask(source, [1, 4], overscan) == []


@pytest.mark.parametrize(
    ("mask_size", "mask_aspect", "plate_aspect", "fits"),
    [
        ((24, 16), 1.0, 2.0, True),  # as many pixels, though the file does not say their aspect
        ((48, 16), 1.0, 2.0, True),  # as it is shown
        ((12, 8), 2.0, 1.0, True),
        ((36, 16), 1.0, 2.0, False),
        ((151, 100), 1.0, 1.0, True),
        ((153, 100), 1.0, 1.0, False),
    ],
)
def test_shapes_are_compared_as_shown_or_in_pixels(
    tmp_path: Path,
    image_file: ImageWriter,
    mask_size: tuple[int, int],
    mask_aspect: float,
    plate_aspect: float,
    fits: bool,
) -> None:
    plate = PlateFormat(SPACE, PLATE.data_window, PLATE.display_window, plate_aspect)
    pixels = np.ones((mask_size[1], mask_size[0], 1), np.float16)
    image_file(tmp_path / "m.0001.exr", pixels, "A", attributes=[("PixelAspectRatio", mask_aspect)])
    source = PlateSource(str(tmp_path / "m.####.exr"))
    if fits:
        check_mask(source, [1], plate)
        np.testing.assert_array_equal(read_mask_frame(source, 1, plate), np.ones((16, 24)))
    else:
        with pytest.raises(MaskSizeMismatch):
            check_mask(source, [1], plate)


@pytest.mark.parametrize(("least", "greatest"), [(-0.01, 1), (0, 1.01), (0, 255), (-1, 0)])
def test_values_outside_0_to_1_are_refused_with_the_range(
    tmp_path: Path, image_file: ImageWriter, least: float, greatest: float
) -> None:
    pixels = np.linspace(least, greatest, 16 * 24, dtype=np.float32).reshape(16, 24, 1)
    image_file(tmp_path / "m.0007.exr", pixels, "A", "float")
    with pytest.raises(MaskOutOfRange, match=rf"frame 7 run from {least:g} to {greatest:g}"):
        read_mask_frame(PlateSource(str(tmp_path / "m.####.exr")), 7, PLATE)


def test_rounding_noise_of_a_filter_is_not_refused(tmp_path: Path, image_file: ImageWriter) -> None:
    pixels = np.zeros((16, 24, 1), np.float16)
    pixels[:8] = np.nextafter(np.float16(1), np.float16(2))
    pixels[8, 0] = -1e-4
    image_file(tmp_path / "m.0001.exr", pixels, "A")
    mask = read_mask_frame(PlateSource(str(tmp_path / "m.####.exr")), 1, PLATE)
    np.testing.assert_array_equal(mask[:8], 1)
    np.testing.assert_array_equal(mask[8:], 0)


def test_missing_cut_off_and_poisoned_masks_are_refused_as_masks(tmp_path: Path, image_file: ImageWriter) -> None:
    source = PlateSource(str(tmp_path / "m.####.exr"))
    with pytest.raises(PlateNotFound, match="no such mask"):
        check_mask(source, [1], PLATE)
    path = image_file(tmp_path / "m.0001.exr", np.ones((16, 24, 1), np.float16), "A")
    with pytest.raises(FrameMissing, match="Frames 2-3 of the mask"):
        check_mask(source, [1, 2, 3], PLATE)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 3)
    with pytest.raises(PlateUnreadable, match="of the mask") as refused:
        check_mask(source, [1], PLATE)
    assert refused.value.argument == "mask.source.path"
    pixels = np.ones((16, 24, 1), np.float16)
    pixels[0, 0] = np.nan
    image_file(path, pixels, "A")
    with pytest.raises(PixelsNotFinite, match="Frame 1 of the mask: 1 pixels"):
        read_mask_frame(source, 1, PLATE)


def test_a_cropped_mask_lies_where_its_data_window_says(
    tmp_path: Path, image_file: ImageWriter, random: np.random.Generator
) -> None:
    part = random.random((5, 6)).astype(np.float16)
    image_file(tmp_path / "m.0001.exr", part, "A", origin=(10, 3), display=(0, 0, 24, 16))
    mask = read_mask_frame(PlateSource(str(tmp_path / "m.####.exr")), 1, PLATE)
    expected = np.zeros((16, 24), np.float32)
    expected[3:8, 10:16] = part
    np.testing.assert_array_equal(mask, expected)


def test_a_mask_follows_an_overscanned_plate(tmp_path: Path, image_file: ImageWriter) -> None:
    overscan = PlateFormat(SPACE, Window(-2, -1, 28, 18), Window(0, 0, 24, 16))
    image_file(tmp_path / "m.0001.exr", np.ones((16, 24, 1), np.float16), "A")
    mask = read_mask_frame(PlateSource(str(tmp_path / "m.####.exr")), 1, overscan)
    expected = np.zeros((18, 28), np.float32)
    expected[1:17, 2:26] = 1
    np.testing.assert_array_equal(mask, expected)


def test_a_mask_is_aligned_by_display_windows(tmp_path: Path, image_file: ImageWriter) -> None:
    moved = PlateFormat(SPACE, Window(100, 50, 24, 16), Window(100, 50, 24, 16))
    pixels = np.zeros((16, 24, 1), np.float16)
    pixels[2, 5] = 1
    image_file(tmp_path / "m.0001.exr", pixels, "A")
    mask = read_mask_frame(PlateSource(str(tmp_path / "m.####.exr")), 1, moved)
    assert mask[2, 5] == 1
    assert mask.sum() == 1


def test_a_mask_whose_pixels_lie_elsewhere_is_empty(tmp_path: Path, image_file: ImageWriter) -> None:
    cropped = PlateFormat(SPACE, Window(0, 0, 4, 4), Window(0, 0, 24, 16))
    image_file(tmp_path / "m.0001.exr", np.ones((2, 2), np.float16), "A", origin=(20, 10), display=(0, 0, 24, 16))
    assert not read_mask_frame(PlateSource(str(tmp_path / "m.####.exr")), 1, cropped).any()
