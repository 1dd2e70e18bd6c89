"""Plates that are no OpenEXR: what each format stores is what is read, and what is cut off is found."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest
from PIL import Image, ImageCms
from skimage import data

from vera_engine.plates.exr import write_comp
from vera_engine.plates.image import Window
from vera_engine.plates.mask import HOLDOUT, check_mask, read_mask_frame
from vera_engine.plates.source import (
    ColorSpaceUnknown,
    PlateSource,
    PlateTurned,
    PlateUnreadable,
    check_plate,
    read_plate_frame,
)

ImageWriter = Callable[..., Path]
CODES = np.arange(6 * 10 * 3, dtype=np.uint32).reshape(6, 10, 3) * 5 % 1024
"""(6, 10, 3), values of ten bits."""


def filled_words(codes: np.ndarray) -> bytes:
    """Three ten-bit values in each 32-bit word, from its upper end: packing "filled, method A"."""
    words = codes[..., 0] << 22 | codes[..., 1] << 12 | codes[..., 2] << 2
    return words.astype(">u4").tobytes()


def write_dpx(path: Path, codes: np.ndarray) -> None:
    """A ten-bit RGB file of printing density by SMPTE ST 268's layout, without any library. Pixels are twice as wide as
    high; timecode, scanner and frame rate are said."""
    height, width, _ = codes.shape
    header = bytearray(b"\xff" * 2048)
    header[0:32] = struct.pack(">4sI8sIIII", b"SDPX", 2048, b"V1.0", 2048 + codes.size // 3 * 4, 1, 1664, 384)
    header[32:660] = bytes(628)
    header[768:780] = struct.pack(">HHII", 0, 1, width, height)[:12]
    # One element: unsigned, RGB, printing density, ten bits, filled, not run-length coded.
    header[780:820] = struct.pack(">IIfIfBBBBHHIII", 0, 0, 0.0, 1023, 2.046, 50, 1, 1, 10, 1, 0, 2048, 0, 0)[:40]
    header[820:852] = bytes(32)
    header[1556:1588] = struct.pack("32s", b"scanner 4")
    header[1628:1636] = struct.pack(">II", 2, 1)
    header[1724:1728] = struct.pack(">f", 24)
    header[1920:1928] = struct.pack(">II", 0x01020304, 0)
    path.write_bytes(bytes(header) + filled_words(codes))


def write_cineon(path: Path, codes: np.ndarray) -> None:
    """A ten-bit file by Kodak's published layout, without any library."""
    height, width, _ = codes.shape
    header = bytearray(b"\xff" * 2048)
    header[0:32] = struct.pack(">IIIIII8s", 0x802A5FD7, 2048, 1024, 1024, 0, 2048 + codes.size // 3 * 4, b"V4.5")
    header[32:192] = bytes(160)
    header[192:196] = struct.pack(">BBH", 0, 3, 0)
    for channel in range(8):
        fields = struct.pack(">BBBBIIffff", 0, channel + 1, 10, 0, width, height, 0.0, 0.0, 1023.0, 2.046)
        header[196 + 28 * channel : 224 + 28 * channel] = fields
    header[420:680] = bytes(260)
    header[680:692] = struct.pack(">BBBBII", 0, 5, 0, 0, 0, 0)
    header[692:712] = bytes(20)
    path.write_bytes(bytes(header) + filled_words(codes))


def plate_in(path: Path, space: str | None = "acescct") -> PlateSource:
    return PlateSource(str(path), color_space=space)


@pytest.mark.parametrize(("name", "write"), [("p.0007.dpx", write_dpx), ("p.0007.cin", write_cineon)])
def test_film_scans_keep_their_codes(tmp_path: Path, name: str, write: Callable[[Path, np.ndarray], None]) -> None:
    write(tmp_path / name, CODES)
    source = plate_in(tmp_path / name)
    plate = check_plate(source, [7])
    assert (plate.width, plate.height) == (10, 6)
    frame = read_plate_frame(source, 7)
    np.testing.assert_allclose(frame.rgb, CODES / 1023, atol=2e-5)
    os.truncate(tmp_path / name, 2048 + 100)
    with pytest.raises(PlateUnreadable, match="Frame 7"):
        check_plate(source, [7])


def test_what_a_scan_says_of_the_shot_goes_into_what_is_written(tmp_path: Path) -> None:
    write_dpx(tmp_path / "p.1001.dpx", CODES)
    frame = read_plate_frame(plate_in(tmp_path / "p.1001.dpx"), 1001)
    assert frame.format.pixel_aspect == 2
    write_comp(tmp_path / "comp.exr", frame.rgb, frame)
    with OpenEXR.File(str(tmp_path / "comp.exr"), header_only=True) as file:
        header = file.header()
        timecode = header["timeCode"]
        assert (timecode.hours, timecode.minutes, timecode.seconds, timecode.frame) == (1, 2, 3, 4)
        assert (header["cameraModel"], header["framesPerSecond"]) == ("scanner 4", Fraction(24))
        assert header["pixelAspectRatio"] == 2
        assert "filmEdgeCode" not in header  # which was not filled in
        assert not [name for name in header if name.startswith("dpx:")]


@pytest.mark.parametrize(
    ("width", "height", "aspect"),
    [(0, 1, 1), (1, 0, 1), (0xFFFFFFFF, 1, 1), (1, 0xFFFFFFFF, 1), (0xFFFFFFFF, 0xFFFFFFFF, 1), (100, 50, 2)],
)
def test_a_pixels_shape_that_was_never_filled_in_is_a_square(
    tmp_path: Path, width: int, height: int, aspect: float
) -> None:
    write_dpx(tmp_path / "p.dpx", CODES)
    content = bytearray((tmp_path / "p.dpx").read_bytes())
    content[1628:1636] = struct.pack(">II", width, height)
    (tmp_path / "p.dpx").write_bytes(content)
    assert check_plate(plate_in(tmp_path / "p.dpx"), [1]).pixel_aspect == aspect
    frame = read_plate_frame(plate_in(tmp_path / "p.dpx"), 1)
    write_comp(tmp_path / "comp.exr", frame.rgb, frame)
    with OpenEXR.File(str(tmp_path / "comp.exr"), header_only=True) as file:
        assert file.header()["pixelAspectRatio"] == aspect


def placed_png(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:33] + chunk(b"oFFs", struct.pack(">iiB", 100, 50, 0)) + whole[33:])


def placed_tiff(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(path, tiffinfo={282: 1.0, 283: 1.0, 286: 5.0, 287: 7.0})


def placed_dpx(path: Path, pixels: np.ndarray) -> None:
    write_dpx(path, pixels.astype(np.uint32) * 4)
    content = bytearray(path.read_bytes())
    content[1408:1416] = struct.pack(">II", 3, 2)  # where in the scanned area it lies, and how large that is
    content[1424:1432] = struct.pack(">II", 20, 12)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "write"), [("p.png", placed_png), ("p.tif", placed_tiff), ("p.dpx", placed_dpx)], ids=["png", "tif", "dpx"]
)
def test_only_openexr_has_windows(
    tmp_path: Path, image_file: ImageWriter, name: str, write: Callable[[Path, np.ndarray], None]
) -> None:
    codes = (CODES % 256).astype(np.uint8)
    write(tmp_path / name, codes)
    plate = check_plate(plate_in(tmp_path / name), [1])
    assert plate.data_window == plate.display_window == Window(0, 0, 10, 6)
    frame = read_plate_frame(plate_in(tmp_path / name), 1)
    np.testing.assert_allclose(frame.rgb, codes / 255, atol=4e-3)
    write_comp(tmp_path / "comp.exr", frame.rgb, frame)
    with OpenEXR.File(str(tmp_path / "comp.exr"), header_only=True) as file:
        for window in ("dataWindow", "displayWindow"):
            assert [corner.tolist() for corner in file.header()[window]] == [[0, 0], [9, 5]]
    held = np.zeros((6, 10, 1), np.uint8)
    held[:, 5:] = 255
    image_file(tmp_path / "held.png", held, "Y", "uint8")
    held_out = read_mask_frame(PlateSource(str(tmp_path / "held.png")), 1, plate, HOLDOUT)
    np.testing.assert_array_equal(held_out, held[..., 0] / 255)
    as_mask = PlateSource(str(tmp_path / name))
    assert check_mask(as_mask, [1], plate) == []
    np.testing.assert_allclose(read_mask_frame(as_mask, 1, plate), codes[..., 0] / 255, atol=4e-3)


@pytest.mark.parametrize(
    ("name", "pixel_type", "attributes"),
    [
        ("p.tif", "uint8", []),
        ("p.tiff", "uint16", [("planarconfig", "separate")]),
        ("p.tif", "half", [("compression", "lzw")]),
        ("p.tif", "float", [("compression", "none")]),
        ("p.png", "uint8", []),
        ("p.png", "uint16", []),
    ],
)
def test_lossless_files_keep_their_values_and_are_found_cut_off(
    tmp_path: Path,
    image_file: ImageWriter,
    random: np.random.Generator,
    name: str,
    pixel_type: str,
    attributes: list[tuple[str, str]],
) -> None:
    bits = {"uint8": 8, "uint16": 16}.get(pixel_type)
    if bits:
        pixels = random.integers(0, 1 << bits, (60, 80, 3)).astype(pixel_type)
        expected = pixels / np.float32((1 << bits) - 1)
    else:
        pixels = random.uniform(-2, 9, (60, 80, 3)).astype(np.float16 if pixel_type == "half" else np.float32)
        expected = pixels.astype(np.float32)
    path = image_file(tmp_path / name, pixels, pixel_type=pixel_type, attributes=attributes)
    source = plate_in(path, "srgb")
    check_plate(source, [1])
    np.testing.assert_allclose(read_plate_frame(source, 1).rgb, expected, rtol=2e-7)
    for left_out in (1, 200):
        os.truncate(path, path.stat().st_size - left_out)
        if path.suffix == ".png" and left_out == 1:
            continue  # all pixels are there
        with pytest.raises(PlateUnreadable):
            check_plate(source, [1])
        with pytest.raises(PlateUnreadable):
            read_plate_frame(source, 1)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_photograph(tmp_path: Path, progressive: bool) -> None:
    photograph = data.astronaut()
    Image.fromarray(photograph).save(
        tmp_path / "p.jpg",
        quality=98,
        subsampling=0,
        progressive=progressive,
        restart_marker_blocks=16,
        comment=b"\xff\xd9 is not its end",
    )
    source = plate_in(tmp_path / "p.jpg", "srgb")
    check_plate(source, [1])
    np.testing.assert_allclose(read_plate_frame(source, 1).rgb, photograph / 255, atol=0.04)
    whole = (tmp_path / "p.jpg").stat().st_size
    (tmp_path / "p.jpg").open("ab").write(b"\0trailer of a telephone")
    check_plate(source, [1])
    read_plate_frame(source, 1)
    for size in (whole - 2, whole * 2 // 3, 30000):
        os.truncate(tmp_path / "p.jpg", size)
        with pytest.raises(PlateUnreadable, match="cut off"):
            check_plate(source, [1])
        with pytest.raises(PlateUnreadable, match="cut off"):
            read_plate_frame(source, 1)


def icc_profile(**changes: bytes) -> bytes:
    """sRGB's profile as Pillow makes it, whose tags' content may be another's."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (count,) = struct.unpack_from(">I", profile, 128)
    for name, offset, size in (struct.unpack_from(">4sII", profile, 132 + 12 * place) for place in range(count)):
        content = changes.get(name.decode())
        if content is not None:
            profile = profile[:offset] + content.ljust(size, b"\0")[:size] + profile[offset + size :]
    return profile


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


BT709_CHRM = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_CHRM = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
GAMMA_22 = chunk(b"gAMA", struct.pack(">I", 45455))
SRGB_PROFILE = icc_profile()
# Gamma 1: a curve without points
OTHER_PROFILE = icc_profile(**dict.fromkeys(("rTRC", "gTRC", "bTRC"), struct.pack(">4sII", b"curv", 0, 0)))


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        (b"", None),
        (chunk(b"sRGB", b"\0"), "sRGB Encoded Rec.709 (sRGB)"),
        (chunk(b"iCCP", b"icc\0\0" + zlib.compress(SRGB_PROFILE)), "sRGB Encoded Rec.709 (sRGB)"),
        (chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(OTHER_PROFILE)), None),
        (chunk(b"sRGB", b"\0") + chunk(b"iCCP", b"x\0\0" + zlib.compress(OTHER_PROFILE)), None),
        (GAMMA_22, None),
        (GAMMA_22 + chunk(b"cHRM", BT709_CHRM), "Gamma 2.2 Encoded Rec.709"),
        (GAMMA_22 + chunk(b"cHRM", P3_CHRM), None),
        (chunk(b"cICP", bytes([12, 16, 0, 1])), "ST2084-P3-D65 - Display"),
        (chunk(b"cICP", bytes([1, 13, 0, 1])), "sRGB Encoded Rec.709 (sRGB)"),
        (chunk(b"cICP", bytes([5, 6, 0, 1])), None),
    ],
    ids=[
        "nothing",
        "sRGB",
        "sRGB's profile",
        "another's profile",
        "a profile before a chunk",
        "gamma without primaries",
        "gamma and primaries",
        "gamma and others",
        "cICP",
        "cICP of sRGB",
        "cICP that is not known",
    ],
)
def test_a_png_says_its_colour_space_or_the_artist_does(tmp_path: Path, chunks: bytes, said: str | None) -> None:
    Image.fromarray(np.full((4, 6, 3), 90, np.uint8)).save(tmp_path / "p.png")
    whole = (tmp_path / "p.png").read_bytes()
    (tmp_path / "p.png").write_bytes(whole[:33] + chunks + whole[33:])  # 33: signature and first chunk
    assert_said(tmp_path / "p.png", said)


@pytest.mark.parametrize(
    ("profile", "exif_space", "said"),
    [
        (None, None, None),
        (None, 1, "sRGB Encoded Rec.709 (sRGB)"),
        (None, 65535, None),
        (SRGB_PROFILE, None, "sRGB Encoded Rec.709 (sRGB)"),
        (OTHER_PROFILE, 1, None),
        (b"no profile", None, None),
    ],
    ids=["nothing", "EXIF", "EXIF uncalibrated", "sRGB's profile", "another's profile", "a damaged profile"],
)
def test_a_jpeg_says_its_colour_space_or_the_artist_does(
    tmp_path: Path, profile: bytes | None, exif_space: int | None, said: str | None
) -> None:
    exif = Image.Exif()
    if exif_space is not None:
        exif.get_ifd(0x8769)[0xA001] = exif_space
    Image.fromarray(np.full((4, 6, 3), 90, np.uint8)).save(tmp_path / "p.jpg", exif=exif, icc_profile=profile)
    assert_said(tmp_path / "p.jpg", said)


def assert_said(path: Path, said: str | None) -> None:
    """The file's own word counts before the artist's; where it has none, the artist's, and nothing is guessed."""
    plate = check_plate(PlateSource(str(path), fallback_color_space="ARRI LogC4"), [1])
    expected = ("ARRI LogC4", "option") if said is None else (said, "file")
    assert (plate.color_space.name, plate.color_space_source) == expected
    if said is None:
        with pytest.raises(ColorSpaceUnknown, match="srgb"):
            check_plate(PlateSource(str(path)), [1])


def test_a_picture_on_its_side_is_refused(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(data.astronaut()).save(tmp_path / "p.jpg", exif=exif)
    with pytest.raises(PlateTurned, match="orientation 6"):
        check_plate(PlateSource(str(tmp_path / "p.jpg")), [1])


def test_a_note_that_was_not_filled_in_turns_nothing(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 0
    Image.fromarray(np.zeros((6, 10, 3), np.uint8)).save(tmp_path / "p.jpg", exif=exif)
    check_plate(plate_in(tmp_path / "p.jpg"), [1])
    write_dpx(tmp_path / "p.dpx", CODES)
    content = bytearray((tmp_path / "p.dpx").read_bytes())
    for orientation in (0xFFFF, 1):
        content[768:770] = struct.pack(">H", orientation)
        (tmp_path / "p.dpx").write_bytes(content)
        if orientation == 1:  # from right to left
            with pytest.raises(PlateTurned):
                check_plate(plate_in(tmp_path / "p.dpx"), [1])
        else:
            check_plate(plate_in(tmp_path / "p.dpx"), [1])


@pytest.mark.parametrize(("descriptor", "samples"), [(100, 2), (101, 3), (102, 3), (103, 4)])
def test_a_dpx_file_of_ycbcr_is_refused(tmp_path: Path, descriptor: int, samples: int) -> None:
    write_dpx(tmp_path / "p.dpx", CODES)
    header = bytearray((tmp_path / "p.dpx").read_bytes()[:2048])
    header[800:804] = bytes([descriptor, 6, 6, 8])  # BT.709, eight bits
    (tmp_path / "p.dpx").write_bytes(header + bytes([102, 63, 240, 63] * 6 * 10)[: samples * 6 * 10])
    source = plate_in(tmp_path / "p.dpx")
    for refuse in (lambda: check_plate(source, [1]), lambda: read_plate_frame(source, 1)):
        with pytest.raises(PlateUnreadable, match="Y, Cb and Cr") as refused:
            refuse()
        assert "RGB" in refused.value.remedy


def test_tags_of_a_display_picture_stay_behind(tmp_path: Path) -> None:
    profile = oiio.ImageBuf(np.zeros((4, 4, 3), np.float32))
    profile.specmod().attribute("ICCProfile", "uint8[4]", (1, 2, 3, 4))
    assert profile.write(str(tmp_path / "p.tif"), "uint8")
    frame = read_plate_frame(plate_in(tmp_path / "p.tif", "srgb"), 1)
    write_comp(tmp_path / "comp.exr", frame.rgb, frame)
    with OpenEXR.File(str(tmp_path / "comp.exr"), header_only=True) as file:
        assert not [name for name in file.header() if name.startswith("ICCProfile")]
