from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import OpenImageIO as oiio
import pytest

from vera_engine.plates.color import ColorSpace
from vera_engine.plates.frames import FrameRange, FrameRangeInvalid
from vera_engine.plates.image import Window
from vera_engine.plates.source import (
    ColorSpaceUnknown,
    FrameMissing,
    NanPolicy,
    NoRgbChannels,
    PatternInvalid,
    PixelsBeyondHalf,
    PixelsNotFinite,
    PlateForbidden,
    PlateFormatVaries,
    PlateNotFound,
    PlateSource,
    PlateUnreadable,
    check_plate,
    read_plate_frame,
)

ImageWriter = Callable[..., Path]
RANGE = FrameRange(1001, 1006)


def plate_in(folder: Path, name: str = "plate v2.####.exr", offset: int = 0) -> PlateSource:
    return PlateSource(str(folder / name), offset, "lin_rec709")


def cut(path: Path, left_out: int) -> None:
    os.truncate(path, path.stat().st_size - left_out)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything; for a while, be somebody else."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, which pytest's own are not."""
    folder = Path(mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_whole_plate_has_its_format(plate_files: Path) -> None:
    plate = check_plate(plate_in(plate_files), RANGE)
    assert (plate.width, plate.height) == (24, 16)
    assert plate.color_space == ColorSpace.parse("lin_rec709")
    assert plate.data_window == plate.display_window == Window(0, 0, 24, 16)


def test_half_and_float_pixels_come_as_stored(
    tmp_path: Path, image_file: ImageWriter, random: np.random.Generator
) -> None:
    pixels = random.uniform(-70, 60000, (16, 24, 3)).astype(np.float32)
    pixels[0, 0] = [6e-8, -0.0, 1.0]
    image_file(tmp_path / "float.0001.exr", pixels, pixel_type="float")
    image_file(tmp_path / "half.0001.exr", pixels.astype(np.float16))
    as_float = read_plate_frame(plate_in(tmp_path, "float.####.exr"), 1)
    as_half = read_plate_frame(plate_in(tmp_path, "half.####.exr"), 1)
    assert as_float.rgb.dtype == as_half.rgb.dtype == np.float32
    np.testing.assert_array_equal(as_float.rgb.view(np.uint32), pixels.view(np.uint32))
    np.testing.assert_array_equal(as_half.rgb, pixels.astype(np.float16).astype(np.float32))
    assert np.signbit(as_half.rgb[0, 0, 1])
    assert (as_float.header.pixel_type, as_half.header.pixel_type) == ("float", "half")


def test_file_frame_is_host_frame_plus_offset(plate_files: Path, tmp_path: Path) -> None:
    moved = plate_in(plate_files, offset=1000)
    check_plate(moved, FrameRange(1, 6))
    np.testing.assert_array_equal(read_plate_frame(moved, 3).rgb, read_plate_frame(plate_in(plate_files), 1003).rgb)
    assert read_plate_frame(moved, 3).frame == 3
    with pytest.raises(FrameMissing, match=r"Frames 7-8 .*numbered 1007-1008 on disk"):
        check_plate(moved, FrameRange(1, 8))


def test_a_file_of_a_sequence_is_that_frame_alone(plate_files: Path) -> None:
    source = plate_in(plate_files, "plate v2.1003.exr")
    check_plate(source, [1003])
    whole = read_plate_frame(plate_in(plate_files), 1003)
    np.testing.assert_array_equal(read_plate_frame(source, 1003).rgb, whole.rgb)
    with pytest.raises(FrameMissing, match=r"Frames 1002, 1004 of the plate have no file") as refused:
        check_plate(source, [1002, 1003, 1004])
    assert "plate v2.####.exr" in refused.value.remedy
    with pytest.raises(PlateNotFound):
        check_plate(plate_in(plate_files, "gone.exr"), [1])


def test_a_folder_is_its_one_sequence(plate_files: Path, image_file: ImageWriter) -> None:
    source = PlateSource(str(plate_files), 0, "lin_rec709")
    check_plate(source, RANGE)
    image_file(plate_files / "other.0001.exr", np.ones((4, 4, 3), np.float16))
    with pytest.raises(PatternInvalid, match=r"other\.####\.exr, plate v2\.####\.exr"):
        check_plate(source, RANGE)


def test_no_such_plate(plate_files: Path) -> None:
    for source in (plate_in(plate_files, "other.####.exr"), plate_in(plate_files / "gone")):
        with pytest.raises(PlateNotFound) as refused:
            check_plate(source, RANGE)
        assert refused.value.argument == "plate.path"
        assert "####" in refused.value.value


def test_missing_frames_are_named_as_ranges(plate_files: Path) -> None:
    for frame in (1002, 1003, 1005):
        (plate_files / f"plate v2.{frame}.exr").unlink()
    with pytest.raises(FrameMissing, match=r"Frames 1002-1003, 1005, 1007-1009 of the plate have no file") as refused:
        check_plate(plate_in(plate_files), FrameRange(1001, 1009))
    assert "1001-1006" in refused.value.remedy
    with pytest.raises(FrameMissing, match="Frame 1005 of the plate has no file"):
        read_plate_frame(plate_in(plate_files), 1005)


def test_a_name_longer_than_any_file_can_have(plate_files: Path) -> None:
    with pytest.raises(PlateNotFound):
        check_plate(plate_in(plate_files, "p" * 300 + ".####.exr"), RANGE)


def test_no_frames_and_two_places_for_the_number_are_refused(plate_files: Path) -> None:
    with pytest.raises(FrameRangeInvalid):
        check_plate(plate_in(plate_files), [])
    with pytest.raises(PatternInvalid):
        check_plate(plate_in(plate_files, "plate ##.####.exr"), RANGE)


@pytest.mark.parametrize("left_out", [1, 100, 900])
def test_a_cut_off_file_is_found_without_reading_it_all(plate_files: Path, left_out: int) -> None:
    cut(plate_files / "plate v2.1004.exr", left_out)
    with pytest.raises(PlateUnreadable, match="Frame 1004 of the plate cannot be read") as refused:
        check_plate(plate_in(plate_files), RANGE)
    assert refused.value.value.endswith("plate v2.1004.exr")
    with pytest.raises(PlateUnreadable, match="Frame 1004"):
        read_plate_frame(plate_in(plate_files), 1004)


def test_all_cut_off_files_are_named(plate_files: Path) -> None:
    for frame in (1002, 1003, 1006):
        cut(plate_files / f"plate v2.{frame}.exr", 50)
    with pytest.raises(PlateUnreadable, match="Frames 1002-1003, 1006 of the plate cannot be read"):
        check_plate(plate_in(plate_files), RANGE)


@pytest.mark.parametrize(
    ("tile", "attributes"), [(16, ()), (0, (("openexr:lineOrder", "decreasingY"),))], ids=["tiled", "bottom first"]
)
def test_a_cut_off_file_is_found_however_it_was_written(
    tmp_path: Path, image_file: ImageWriter, random: np.random.Generator, tile: int, attributes: tuple[object, ...]
) -> None:
    pixels = random.random((50, 70, 3)).astype(np.float16)
    path = image_file(tmp_path / "p.0001.exr", pixels, tile=tile, attributes=attributes)
    check_plate(plate_in(tmp_path, "p.####.exr"), [1])
    np.testing.assert_array_equal(read_plate_frame(plate_in(tmp_path, "p.####.exr"), 1).rgb, pixels.astype(np.float32))
    cut(path, 20)
    with pytest.raises(PlateUnreadable):
        check_plate(plate_in(tmp_path, "p.####.exr"), [1])


def test_damage_in_the_middle_is_found_when_the_frame_is_read(
    tmp_path: Path, image_file: ImageWriter, random: np.random.Generator
) -> None:
    path = image_file(tmp_path / "p.0001.exr", random.random((160, 64, 3)).astype(np.float16))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    with pytest.raises(PlateUnreadable, match="Frame 1 "):
        read_plate_frame(plate_in(tmp_path, "p.####.exr"), 1)


@pytest.mark.parametrize("content", [b"", b"no image at all", b"v/1\x01\x02\x00\x00\x00"])
def test_what_is_no_image_is_refused(plate_files: Path, content: bytes) -> None:
    (plate_files / "plate v2.1003.exr").write_bytes(content)
    with pytest.raises(PlateUnreadable, match="Frame 1003"):
        check_plate(plate_in(plate_files), RANGE)


@pytest.mark.parametrize(("sound", "damaged"), [(b"chlist", b"\xff\xfelist"), (b"B\0\1\0", b"\xff\0\1\0")])
def test_a_header_with_bytes_that_are_no_text_is_refused(plate_files: Path, sound: bytes, damaged: bytes) -> None:
    path = plate_files / "plate v2.1003.exr"
    path.write_bytes(path.read_bytes().replace(sound, damaged, 1))
    with pytest.raises(PlateUnreadable, match="Frame 1003"):
        check_plate(plate_in(plate_files), RANGE)


def test_a_file_of_somebody_else_is_refused_as_such(open_folder: Path, image_file: ImageWriter) -> None:
    image_file(open_folder / "p.0001.exr", np.ones((4, 4, 3), np.float16)).chmod(0)
    with as_nobody(), pytest.raises(PlateForbidden, match="may not be read"):
        check_plate(plate_in(open_folder, "p.####.exr"), [1])


def test_a_folder_of_somebody_else_is_refused_as_such(open_folder: Path, image_file: ImageWriter) -> None:
    (open_folder / "private").mkdir()
    image_file(open_folder / "private" / "p.0001.exr", np.ones((4, 4, 3), np.float16))
    (open_folder / "private").chmod(0)
    with as_nobody(), pytest.raises(PlateForbidden, match="folder of the plate"):
        check_plate(plate_in(open_folder / "private", "p.####.exr"), [1])


@pytest.mark.parametrize("channels", ["Y", "A", ("depth.Z",), "RG", ("beauty.R", "spec.G", "B"), "XYZ"])
def test_a_plate_without_rgb_is_refused_and_its_channels_named(
    tmp_path: Path, image_file: ImageWriter, channels: str | tuple[str, ...]
) -> None:
    image_file(tmp_path / "p.0001.exr", np.ones((4, 4, len(channels)), np.float16), channels)
    with pytest.raises(NoRgbChannels, match=channels[0]):
        check_plate(plate_in(tmp_path, "p.####.exr"), [1])


@pytest.mark.parametrize(
    "channels",
    [
        "RGBA",
        ("R", "G", "B", "A", "Z", "normals.X", "cryptomatte00.R"),
        ("A", "B", "G", "R"),
        ("diffuse.R", "diffuse.G", "diffuse.B", "R", "G", "B"),
        ("r", "g", "b", "a"),
    ],
)
def test_rgb_is_found_among_others_and_alpha_leaves_it_alone(
    tmp_path: Path, image_file: ImageWriter, channels: str | tuple[str, ...]
) -> None:
    pixels = np.zeros((4, 6, len(channels)), np.float16)
    upper = [name.upper() for name in channels]
    for name, value in (("R", 0.5), ("G", 2.0), ("B", -0.25)):
        pixels[..., upper.index(name)] = value
    pixels[0, 0, upper.index("A") if "A" in upper else 0] += 0.25
    image_file(tmp_path / "p.0001.exr", pixels, channels)
    rgb = read_plate_frame(plate_in(tmp_path, "p.####.exr"), 1).rgb
    np.testing.assert_array_equal(rgb[1:], np.broadcast_to(np.float32([0.5, 2.0, -0.25]), (3, 6, 3)))


def test_straight_alpha_of_a_png_is_not_multiplied_in(tmp_path: Path, image_file: ImageWriter) -> None:
    pixels = np.full((4, 4, 4), 128, np.uint8)
    pixels[..., 3] = 0
    image_file(tmp_path / "p.0001.png", pixels, "RGBA", "uint8", attributes=[("oiio:UnassociatedAlpha", 1)])
    source = PlateSource(str(tmp_path / "p.####.png"), color_space="srgb")
    assert check_plate(source, [1]).color_space == ColorSpace.parse("srgb")
    np.testing.assert_allclose(read_plate_frame(source, 1).rgb, 128 / 255, atol=1e-7)


def test_the_first_part_with_rgb_is_the_plate(tmp_path: Path) -> None:
    specs = []
    for name, channels in (("depth", ("Z",)), ("beauty", ("R", "G", "B"))):
        spec = oiio.ImageSpec(6, 4, len(channels), "half")
        spec.channelnames = channels
        spec.attribute("oiio:subimagename", name)
        specs.append(spec)
    output = oiio.ImageOutput.create("exr")
    assert output.open(str(tmp_path / "p.0001.exr"), tuple(specs))
    output.write_image(np.full((4, 6, 1), 9, np.float16))
    assert output.open(str(tmp_path / "p.0001.exr"), specs[1], "AppendSubimage")
    output.write_image(np.full((4, 6, 3), 0.5, np.float16))
    output.close()
    frame = read_plate_frame(plate_in(tmp_path, "p.####.exr"), 1)
    check_plate(plate_in(tmp_path, "p.####.exr"), [1])
    np.testing.assert_array_equal(frame.rgb, np.float32(0.5))


def test_deep_pixels_are_refused(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(4, 4, 4, "half")
    spec.channelnames = ("R", "G", "B", "A")
    spec.deep = True
    deep = oiio.DeepData()
    deep.init(spec)
    output = oiio.ImageOutput.create("exr")
    assert output.open(str(tmp_path / "p.0001.exr"), spec)
    assert output.write_deep_image(deep)
    output.close()
    with pytest.raises(PlateUnreadable, match="deep"):
        check_plate(plate_in(tmp_path, "p.####.exr"), [1])


def test_pixels_that_are_no_numbers_are_counted(plate_files: Path, image_file: ImageWriter) -> None:
    pixels = np.ones((16, 24, 3), np.float16)
    pixels[5, 7] = [np.nan, np.nan, 1]
    pixels[9, 0, 2] = np.inf
    pixels[9, 1, 0] = -np.inf
    image_file(plate_files / "plate v2.1002.exr", pixels)
    check_plate(plate_in(plate_files), RANGE)
    with pytest.raises(PixelsNotFinite, match=r"Frame 1002 of the plate: 3 pixels .* x 7, y 5") as refused:
        read_plate_frame(plate_in(plate_files), 1002)
    assert refused.value.argument == "plate.path"


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_pixels_that_are_no_numbers_can_be_read_as_black(
    tmp_path: Path, image_file: ImageWriter, channels: str
) -> None:
    pixels = np.ones((16, 24, 3), np.float16)
    pixels[5, 7] = [np.nan, 2, 1]
    pixels[9, 0] = [np.inf, -np.inf, np.nan]
    image_file(tmp_path / "p.0001.exr", pixels, tuple(channels))
    source = PlateSource(str(tmp_path / "p.####.exr"), 0, "lin_rec709", nan=NanPolicy.ZERO)
    frame = read_plate_frame(source, 1)
    assert frame.not_finite == 2
    expected = np.nan_to_num(pixels.astype(np.float32), nan=0, posinf=0, neginf=0)
    np.testing.assert_array_equal(frame.rgb, expected if channels == "RGB" else expected[..., ::-1])


def test_float_values_beyond_half_are_refused_and_the_last_that_fits_is_not(
    tmp_path: Path, image_file: ImageWriter
) -> None:
    pixels = np.zeros((4, 4, 3), np.float32)
    pixels[1, 2] = [65504, -65504, 0]
    image_file(tmp_path / "p.0001.exr", pixels, pixel_type="float")
    assert read_plate_frame(plate_in(tmp_path, "p.####.exr"), 1).rgb.max() == 65504
    pixels[1, 2, 2] = 1e6
    image_file(tmp_path / "p.0001.exr", pixels, pixel_type="float")
    with pytest.raises(PixelsBeyondHalf, match="1 pixels of frame 1 "):
        read_plate_frame(plate_in(tmp_path, "p.####.exr"), 1)


@pytest.mark.parametrize(
    ("origin", "display"),
    [((-4, -2), (0, 0, 16, 12)), ((3, 2), (0, 0, 40, 30)), ((10, 10), (10, 10, 24, 16))],
    ids=["overscan", "crop", "moved"],
)
def test_pixels_are_those_of_the_data_window(
    tmp_path: Path, image_file: ImageWriter, origin: tuple[int, int], display: tuple[int, int, int, int]
) -> None:
    pixels = np.arange(16 * 24 * 3, dtype=np.float32).reshape(16, 24, 3)
    image_file(tmp_path / "p.0001.exr", pixels, pixel_type="float", origin=origin, display=display)
    source = plate_in(tmp_path, "p.####.exr")
    plate = check_plate(source, [1])
    assert plate.data_window == Window(*origin, 24, 16)
    assert plate.display_window == Window(*display)
    np.testing.assert_array_equal(read_plate_frame(source, 1).rgb, pixels)


def test_frames_that_differ_are_named(plate_files: Path, image_file: ImageWriter) -> None:
    for frame in (1003, 1004):
        image_file(plate_files / f"plate v2.{frame}.exr", np.ones((16, 20, 3), np.float16), display=(0, 0, 24, 16))
    with pytest.raises(
        PlateFormatVaries, match=r"Frame 1001: data window 24x16.*1003-1004: data window 20x16"
    ) as refused:
        check_plate(plate_in(plate_files), RANGE)
    assert "autocrop" in refused.value.remedy


def test_a_colour_space_is_asked_for_where_the_file_states_none(plate_files: Path, image_file: ImageWriter) -> None:
    unsaid = PlateSource(str(plate_files / "plate v2.####.exr"))
    with pytest.raises(ColorSpaceUnknown) as refused:
        check_plate(unsaid, RANGE)
    assert refused.value.argument == "plate.color_space"
    for frame in RANGE:
        image_file(
            plate_files / f"plate v2.{frame}.exr",
            np.ones((16, 24, 3), np.float16),
            attributes=[("colorInteropID", "lin_ap1_scene")],
        )
    assert check_plate(unsaid, RANGE).color_space == ColorSpace.parse("acescg")
    image_file(
        plate_files / "plate v2.1006.exr",
        np.ones((16, 24, 3), np.float16),
        attributes=[("colorInteropID", "lin_rec709_scene")],
    )
    with pytest.raises(PlateFormatVaries, match=r"ACEScg.*1006: .*Linear Rec\.709"):
        check_plate(unsaid, RANGE)
