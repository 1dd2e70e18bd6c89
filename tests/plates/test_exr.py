from __future__ import annotations

import resource
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest

from vera_engine.plates import header_like
from vera_engine.plates.color import ColorSpace, to_linear
from vera_engine.plates.color_rules import color_space_of_file
from vera_engine.plates.disk import DiskFull, FileNotWritten, FolderNotWritable
from vera_engine.plates.exr import (
    LAYER_CHANNELS,
    LayersSizeMismatch,
    LayersUnreadable,
    ModelOutput,
    comp_file,
    layers_file,
    model_file,
    read_layers,
    read_model_output,
    residual_file,
    write_comp,
    write_layers,
    write_model_output,
    write_residual,
)
from vera_engine.plates.header_like import MetadataRefused
from vera_engine.plates.layers import Layers, over, solve_layers
from vera_engine.plates.source import ColorSpaceUnknown, PlateFrame, PlateSource, check_plate, read_plate_frame

ImageWriter = Callable[..., Path]
HEIGHT, WIDTH = 40, 60
ZIP_COMPRESSION, INCREASING_Y, HALF, FLOAT = 3, 0, 1, 2  # as OpenEXR's file layout numbers them


def header_of(path: Path) -> dict[str, tuple[str, bytes]]:
    """The attributes of a one-part OpenEXR file, by the file layout as published, without any library."""
    content = path.read_bytes()
    magic, version = struct.unpack_from("<II", content)
    assert magic == 20000630
    assert version & 0x1A00 == 0, "tiled, deep or multi-part"
    attributes: dict[str, tuple[str, bytes]] = {}
    place = 8
    while content[place]:
        name_end = content.index(0, place)
        type_end = content.index(0, name_end + 1)
        (size,) = struct.unpack_from("<I", content, type_end + 1)
        begin = type_end + 5
        kind = content[name_end + 1 : type_end].decode()
        attributes[content[place:name_end].decode()] = (kind, content[begin : begin + size])
        place = begin + size
    return attributes


def channels_of(path: Path) -> dict[str, int]:
    """Names and pixel types, in the order on the disk."""
    channel_list = header_of(path)["channels"][1]
    channels: dict[str, int] = {}
    place = 0
    while channel_list[place]:
        end = channel_list.index(0, place)
        channels[channel_list[place:end].decode()] = struct.unpack_from("<I", channel_list, end + 1)[0]
        place = end + 17
    return channels


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: what a full disk does to a write, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


MakeFrame = Callable[..., PlateFrame]


@pytest.fixture
def make_frame(tmp_path: Path, image_file: ImageWriter, random: np.random.Generator) -> MakeFrame:
    """A function that writes a plate frame and reads it."""

    def make(space: str | None = "acescg", name: str = "plate.1001.exr", **how: object) -> PlateFrame:
        pixels = random.uniform(-0.5, 20, (HEIGHT, WIDTH, 3)).astype(np.float32)
        image_file(tmp_path / name, pixels, **how)
        return read_plate_frame(PlateSource(str(tmp_path / name.replace("1001", "####")), 0, space), 1001)

    return make


@pytest.fixture
def frame(make_frame: MakeFrame) -> PlateFrame:
    return make_frame()


@pytest.fixture
def layers(frame: PlateFrame, random: np.random.Generator) -> Layers:
    alpha = np.clip(random.random((HEIGHT, WIDTH), dtype=np.float32) * 2 - 0.5, 0, 1).astype(np.float32)
    return solve_layers(frame.rgb, random.random((HEIGHT, WIDTH, 3), dtype=np.float32), alpha)


def assert_same_bits(some: Layers, others: Layers) -> None:
    for name in ("premult", "matte", "straight"):
        one, other = getattr(some, name), getattr(others, name)
        assert one.dtype == other.dtype == np.float16
        np.testing.assert_array_equal(one.view(np.uint16), other.view(np.uint16))


def test_layers_come_back_bit_for_bit(tmp_path: Path, frame: PlateFrame, layers: Layers) -> None:
    layers.premult[0, 0] = [60000, -3.5, 6e-8]
    layers.straight[0, 1] = [-0.0, 65504, 0]
    path = tmp_path / "layers.1001.exr"
    write_layers(path, layers, frame)
    assert_same_bits(read_layers(path), layers)


def test_layout_on_the_disk(tmp_path: Path, frame: PlateFrame, layers: Layers) -> None:
    path = tmp_path / "layers.1001.exr"
    write_layers(path, layers, frame)
    # OpenEXR keeps channels in alphabetical order; readers put R, G, B, A first.
    assert list(channels_of(path)) == ["A", "B", "G", "R", "straight.B", "straight.G", "straight.R"]
    assert set(channels_of(path).values()) == {HALF}
    header = header_of(path)
    assert header["compression"] == ("compression", bytes([ZIP_COMPRESSION]))
    assert header["lineOrder"] == ("lineOrder", bytes([INCREASING_Y]))
    assert not {"name", "type", "view", "tiles"} & set(header)
    opened = oiio.ImageInput.open(str(path))
    assert tuple(opened.spec().channelnames) == LAYER_CHANNELS
    assert opened.spec().alpha_channel == 3
    pixels = opened.read_image(0, 0, 0, 7, oiio.HALF)
    for channel, expected in enumerate(
        [*np.moveaxis(layers.premult, -1, 0), layers.matte, *np.moveaxis(layers.straight, -1, 0)]
    ):
        np.testing.assert_array_equal(pixels[..., channel].view(np.uint16), expected.view(np.uint16))


@pytest.mark.parametrize(
    ("origin", "display"),
    [
        ((0, 0), (0, 0, WIDTH, HEIGHT)),
        ((-6, -4), (0, 0, WIDTH - 12, HEIGHT - 8)),
        ((7, 9), (0, 0, 100, 80)),
        ((1000, -300), (1000, -300, WIDTH, HEIGHT)),
    ],
    ids=["alike", "overscan", "crop", "moved"],
)
def test_windows_are_the_plates(
    tmp_path: Path, make_frame: MakeFrame, layers: Layers, origin: tuple[int, int], display: tuple[int, int, int, int]
) -> None:
    frame = make_frame(origin=origin, display=display)
    write_layers(tmp_path / "layers.exr", layers, frame)
    write_comp(tmp_path / "comp.exr", frame.rgb, frame)
    plate = header_of(tmp_path / "plate.1001.exr")
    for written in (header_of(tmp_path / "layers.exr"), header_of(tmp_path / "comp.exr")):
        assert written["dataWindow"] == plate["dataWindow"]
        assert written["displayWindow"] == plate["displayWindow"]
    x, y = origin
    assert struct.unpack("<4i", plate["dataWindow"][1]) == (x, y, x + WIDTH - 1, y + HEIGHT - 1)
    assert_same_bits(read_layers(tmp_path / "layers.exr"), layers)


AP1 = (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767)


def test_metadata_are_the_plates_and_storage_is_not(tmp_path: Path, make_frame: MakeFrame, layers: Layers) -> None:
    frame = make_frame(
        channels="RGB",
        pixel_type="float",
        tile=16,
        attributes=[
            ("compression", "piz"),
            ("smpte:TimeCode", "timecode", (0x01020304, 0x55)),
            ("PixelAspectRatio", 2.0),
            ("framesPerSecond", "rational", (24000, 1001)),
            ("chromaticities", "float[8]", AP1),
            ("colorInteropID", "lin_ap1_scene"),
            ("worldToCamera", "matrix", tuple(float(value) for value in range(16))),
            ("nuke/input/filename", "/shots/ü.exr"),
            ("DateTime", "2026:03:04 05:06:07"),
            ("BlenderMultiChannel", "Blender V2.55.1 and newer"),
            ("cryptomatte/abc/name", "object"),
            ("openexr:lineOrder", "decreasingY"),
        ],
    )
    plate = header_of_any(tmp_path / "plate.1001.exr")
    write_layers(tmp_path / "layers.exr", layers, frame)
    write_comp(tmp_path / "comp.exr", frame.rgb, frame)
    for path in (tmp_path / "layers.exr", tmp_path / "comp.exr"):
        written = header_of(path)
        for name in (
            "timeCode",
            "pixelAspectRatio",
            "framesPerSecond",
            "chromaticities",
            "colorInteropID",
            "worldToCamera",
            "nuke/input/filename",
            "capDate",
            "screenWindowWidth",
        ):
            assert written[name] == plate[name], name
        assert written["timeCode"] == ("timecode", struct.pack("<II", 0x01020304, 0x55))
        assert written["pixelAspectRatio"] == ("float", struct.pack("<f", 2.0))
        assert not {"BlenderMultiChannel", "cryptomatte/abc/name", "tiles"} & set(written)
        assert written["compression"][1] == bytes([ZIP_COMPRESSION])
        assert written["lineOrder"][1] == bytes([INCREASING_Y])


def test_an_aces_containers_flag_stays_behind(tmp_path: Path, make_frame: MakeFrame, layers: Layers) -> None:
    ap0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.0770, 0.32168, 0.33767)
    frame = make_frame(None, attributes=[("compression", "none"), ("chromaticities", "float[8]", ap0)])
    container = tmp_path / "plate.1001.exr"
    flag = b"acesImageContainerFlag\0int\0" + struct.pack("<ii", 4, 1)
    with_attribute(container, flag)
    frame = read_plate_frame(PlateSource(str(container)), 1001)
    assert frame.header.spec.get_int_attribute("acesImageContainerFlag") == 1
    write_layers(tmp_path / "layers.exr", layers, frame)
    write_comp(tmp_path / "comp.exr", frame.rgb, frame)
    write_residual(tmp_path / "residual.exr", frame.rgb.astype(np.float16), frame)
    for name in ("layers.exr", "comp.exr", "residual.exr"):
        written = header_of(tmp_path / name)
        assert "acesImageContainerFlag" not in written
        assert written["chromaticities"] == header_of(container)["chromaticities"]


def test_metadata_that_no_file_can_take_over_are_told_before_any_work(
    make_frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = make_frame(None, attributes=[("colorInteropID", "lin_ap0_scene")])
    with_attribute(frame.header.path, b"acesImageContainerFlag\0int\0" + struct.pack("<ii", 4, 1))
    source = PlateSource(str(frame.header.path))
    check_plate(source, [1001])
    # As of any other that the writer will not have
    monkeypatch.setattr(header_like, "_OF_THE_FILE", tuple(set(header_like._OF_THE_FILE) - {"acesImageContainerFlag"}))
    with pytest.raises(MetadataRefused, match="ACES Container") as refused:
        check_plate(source, [1001])
    assert refused.value.value == str(frame.header.path)


def with_attribute(path: Path, attribute: bytes) -> None:
    """Puts one more attribute into an uncompressed one-part scanline file, which libraries would not write."""
    content = path.read_bytes()
    place = 8
    while content[place]:
        type_at = content.index(0, place) + 1
        size_at = content.index(0, type_at) + 1
        place = size_at + 4 + struct.unpack_from("<I", content, size_at)[0]
    pixels = place + 1
    (first,) = struct.unpack_from("<Q", content, pixels)
    chunk_count = (first - pixels) // 8
    offsets = struct.unpack_from(f"<{chunk_count}Q", content, pixels)
    moved = struct.pack(f"<{chunk_count}Q", *(offset + len(attribute) for offset in offsets))
    path.write_bytes(content[:place] + attribute + b"\0" + moved + content[first:])


def header_of_any(path: Path) -> dict[str, tuple[str, bytes]]:
    """As `header_of`, of a tiled file as well."""
    content = bytearray(path.read_bytes())
    content[5] &= 0xFD
    untiled = path.with_suffix(".header")
    untiled.write_bytes(content)
    return header_of(untiled)


def test_colour_tags_are_left_as_the_plate_has_them(tmp_path: Path, frame: PlateFrame, layers: Layers) -> None:
    write_layers(tmp_path / "layers.exr", layers, frame)
    # The plate says nothing, so a host takes both for the same space, whichever that is.
    assert not {"chromaticities", "colorInteropID"} & set(header_of(tmp_path / "layers.exr"))


def test_layers_of_a_display_plate_say_that_they_are_linear(
    tmp_path: Path, make_frame: MakeFrame, layers: Layers
) -> None:
    frame = make_frame("srgb", attributes=[("colorInteropID", "srgb_rec709_display")])
    write_layers(tmp_path / "layers.exr", layers, frame)
    assert header_of(tmp_path / "layers.exr")["colorInteropID"] == ("string", b"lin_rec709_scene")


@pytest.mark.parametrize(
    ("space", "identity", "primaries"),
    [
        ("Rec.2100-HLG - Display", "lin_ap1_scene", (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)),
        ("ARRI LogC4", None, None),
    ],
    ids=["other primaries", "primaries that files have no name for"],
)
def test_layers_are_tagged_as_what_they_are_or_not_at_all(
    tmp_path: Path,
    make_frame: MakeFrame,
    layers: Layers,
    space: str,
    identity: str | None,
    primaries: tuple[float, ...] | None,
) -> None:
    rec2020 = (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.3290)
    frame = make_frame(space, attributes=[("chromaticities", "float[8]", rec2020), ("colorInteropID", "hlg")])
    write_layers(tmp_path / "layers.exr", layers, frame)
    with OpenEXR.File(str(tmp_path / "layers.exr")) as file:
        header = file.header()
        said = header.get("colorInteropID"), header.get("chromaticities")
    assert said == (identity, None if primaries is None else pytest.approx(primaries))


@pytest.mark.parametrize(
    ("name", "attributes", "space", "said"),
    [
        ("p.1001.exr", [("colorInteropID", "lin_ap1_scene")], "lin_rec709", "lin_rec709_scene"),
        ("p.1001.exr", [("colorInteropID", "srgb_rec709_scene")], "acescg", "lin_ap1_scene"),
        ("p.1001.exr", [("chromaticities", "float[8]", AP1)], "lin_rec709", "lin_rec709_scene"),
        ("p.1001.exr", [("chromaticities", "float[8]", AP1)], "acescg", "lin_ap1_scene"),
        ("p.1001.dpx", [("dpx:Transfer", "Linear")], "acescg", "lin_ap1_scene"),
    ],
    ids=["other primaries", "encoded", "chromaticities", "the same", "a DPX file's transfer"],
)
def test_layers_do_not_repeat_what_the_host_has_overruled(
    tmp_path: Path, make_frame: MakeFrame, layers: Layers, name: str, attributes: list, space: str, said: str
) -> None:
    kind = "uint16" if name.endswith("dpx") else "half"
    frame = make_frame(space, name, attributes=attributes, pixel_type=kind)
    write_layers(tmp_path / "layers.exr", layers, frame)
    assert color_space_of_file(oiio.ImageInput.open(str(tmp_path / "layers.exr")).spec()) == ColorSpace.parse(said)


@pytest.mark.parametrize(
    "attribute",
    [
        ("chromaticities", "float[8]", (float("nan"),) * 8),
        ("chromaticities", "float[2]", (0.3, 0.3)),
        ("chromaticities", "string", "Rec.709"),
    ],
)
def test_chromaticities_that_are_none_are_not_believed(
    tmp_path: Path, make_frame: MakeFrame, layers: Layers, attribute: tuple[object, ...]
) -> None:
    frame = make_frame("acescg", attributes=[attribute])
    source = PlateSource(str(frame.header.path))
    with pytest.raises(ColorSpaceUnknown):
        check_plate(source, [1001])
    assert check_plate(replace(source, fallback_color_space="acescg"), [1001]).color_space_source == "option"
    write_layers(tmp_path / "layers.exr", layers, frame)
    assert "chromaticities" not in header_of(tmp_path / "layers.exr")


def test_layers_of_a_png_plate_are_exr(tmp_path: Path, image_file: ImageWriter, layers: Layers) -> None:
    image_file(tmp_path / "p.1001.png", np.full((HEIGHT, WIDTH, 3), 128, np.uint8), pixel_type="uint8")
    frame = read_plate_frame(PlateSource(str(tmp_path / "p.####.png"), 0, "srgb"), 1001)
    write_layers(tmp_path / "layers.exr", layers, frame)
    write_comp(tmp_path / "comp.exr", frame.rgb, frame)
    assert_same_bits(read_layers(tmp_path / "layers.exr"), layers)


def test_the_same_layers_are_the_same_bytes(tmp_path: Path, make_frame: MakeFrame, layers: Layers) -> None:
    frame = make_frame(attributes=[("DateTime", "")])
    for name in ("a.exr", "b.exr"):
        write_layers(tmp_path / name, layers, frame)
    assert (tmp_path / "a.exr").read_bytes() == (tmp_path / "b.exr").read_bytes()
    # No time of writing, which would differ a second later.
    assert "capDate" not in header_of(tmp_path / "plate.1001.exr")
    assert "capDate" not in header_of(tmp_path / "a.exr")


@pytest.mark.parametrize(
    ("name", "pixel_type", "space", "stored"),
    [
        ("p.1001.exr", "half", "acescg", HALF),
        ("p.1001.exr", "float", "acescg", FLOAT),
        ("p.1001.exr", "half", "srgb", FLOAT),
        ("p.1001.tif", "uint16", "acescg", FLOAT),
        ("p.1001.png", "uint16", "srgb", FLOAT),
        ("p.1001.png", "uint8", "srgb", FLOAT),
        ("p.1001.dpx", "uint16", "ARRI LogC4", FLOAT),
    ],
)
def test_a_comp_is_the_plate_bit_for_bit_outside_the_matte(
    tmp_path: Path,
    make_frame: MakeFrame,
    random: np.random.Generator,
    name: str,
    pixel_type: str,
    space: str,
    stored: int,
) -> None:
    frame = make_frame(space, name, pixel_type=pixel_type)
    plate_linear = to_linear(frame.rgb, frame.format.color_space)
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[10:20, 10:30] = random.random((10, 20), dtype=np.float32)
    layers = solve_layers(plate_linear, random.random((HEIGHT, WIDTH, 3), dtype=np.float32), alpha)
    write_comp(tmp_path / "comp.exr", over(layers.premult, layers.matte, plate_linear), frame)
    assert channels_of(tmp_path / "comp.exr") == dict.fromkeys("BGR", stored)
    comp = oiio.ImageInput.open(str(tmp_path / "comp.exr")).read_image(0, 0, 0, 3, oiio.FLOAT)
    outside = layers.matte == 0
    np.testing.assert_array_equal(comp[outside].view(np.uint32), plate_linear[outside].view(np.uint32))
    assert (comp[10:20, 10:30] != plate_linear[10:20, 10:30]).any()


def test_one_channel_that_half_does_not_hold_makes_a_comp_of_floats(
    tmp_path: Path, random: np.random.Generator
) -> None:
    spec = oiio.ImageSpec(WIDTH, HEIGHT, 3, "half")
    spec.channelformats = ("half", "float", "half")
    output = oiio.ImageOutput.create("exr")
    assert output.open(str(tmp_path / "p.1001.exr"), spec)
    assert output.write_image(random.random((HEIGHT, WIDTH, 3), dtype=np.float32))
    assert output.close()
    frame = read_plate_frame(PlateSource(str(tmp_path / "p.1001.exr"), 0, "acescg"), 1001)
    write_comp(tmp_path / "comp.exr", frame.rgb, frame)
    assert channels_of(tmp_path / "comp.exr") == dict.fromkeys("BGR", FLOAT)


def test_names_of_frames() -> None:
    folder = Path("/takes/v003")
    assert layers_file(folder, 1001) == folder / "layers.1001.exr"
    assert layers_file(folder, 7) == folder / "layers.0007.exr"
    assert comp_file(folder, 123456) == folder / "comp.123456.exr"
    assert residual_file(folder, 1001) == folder / "residual.1001.exr"
    assert model_file(folder, 1001) == folder / "model.1001.exr"


def test_names_beyond_ascii(tmp_path: Path, frame: PlateFrame, layers: Layers) -> None:
    folder = tmp_path / "Übergang 桜 (v2)"
    folder.mkdir()
    write_layers(folder / "layers é.1001.exr", layers, frame)
    assert_same_bits(read_layers(folder / "layers é.1001.exr"), layers)


def test_only_whole_files_get_the_name_and_nothing_else_stays(
    tmp_path: Path, frame: PlateFrame, layers: Layers
) -> None:
    folder = tmp_path / "v001.partial"
    folder.mkdir()
    path = layers_file(folder, 1001)
    (folder / "layers.1001.exr.tmp").write_bytes(b"left by a crash")
    write_layers(path, layers, frame)
    write_layers(path, layers, frame)  # a frame written again replaces itself
    assert [file.name for file in folder.iterdir()] == ["layers.1001.exr"]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9, 0.999999])
def test_a_full_disk_is_said_and_keeps_what_was_there(
    tmp_path: Path, frame: PlateFrame, layers: Layers, share: float
) -> None:
    folder = tmp_path / "v001.partial"
    folder.mkdir()
    path = layers_file(folder, 1001)
    write_layers(path, layers, frame)
    before = path.read_bytes()
    with largest_file(int(len(before) * share)), pytest.raises(DiskFull) as refused:
        write_layers(path, layers, frame)
    assert refused.value.argument == "take_root"
    assert refused.value.value == str(path)
    assert "space" in refused.value.remedy
    assert [file.name for file in folder.iterdir()] == ["layers.1001.exr"]
    assert path.read_bytes() == before


def test_a_folder_that_is_none_is_refused(tmp_path: Path, frame: PlateFrame, layers: Layers) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "gone", tmp_path / "file"):
        with pytest.raises(FolderNotWritable):
            write_layers(layers_file(folder, 1001), layers, frame)


def test_a_folder_in_the_files_place_stays(tmp_path: Path, frame: PlateFrame, layers: Layers) -> None:
    path = layers_file(tmp_path, 1001)
    path.mkdir()
    with pytest.raises(FileNotWritten):
        write_layers(path, layers, frame)
    assert path.is_dir()
    assert not (tmp_path / "layers.1001.exr.tmp").exists()


def test_layers_of_another_size_are_refused(tmp_path: Path, frame: PlateFrame, layers: Layers) -> None:
    smaller = Layers(layers.pixels[:-1])
    with pytest.raises(LayersSizeMismatch, match="size") as refused:
        write_layers(tmp_path / "layers.exr", smaller, frame)
    assert refused.value.value == "60x39 for a plate of 60x40"
    with pytest.raises(LayersSizeMismatch):
        write_comp(tmp_path / "comp.exr", frame.rgb[:, :-1], frame)
    assert [file.name for file in tmp_path.iterdir()] == ["plate.1001.exr"]


def test_what_is_no_layers_file_is_refused(tmp_path: Path, frame: PlateFrame, layers: Layers) -> None:
    with pytest.raises(LayersUnreadable):
        read_layers(tmp_path / "gone.exr")
    with pytest.raises(LayersUnreadable, match="layers file: its channels are R, G, B"):
        read_layers(tmp_path / "plate.1001.exr")
    path = tmp_path / "layers.exr"
    write_layers(path, layers, frame)
    whole = shutil.copy(path, tmp_path / "whole.exr")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 10)
    with pytest.raises(LayersUnreadable, match="cut off"):
        read_layers(path)
    assert_same_bits(read_layers(Path(whole)), layers)


def test_a_residual_may_be_negative_and_lies_where_the_plate_does(
    tmp_path: Path, make_frame: MakeFrame, random: np.random.Generator
) -> None:
    frame = make_frame(origin=(7, 9), display=(0, 0, 100, 80), pixel_type="float")
    residual = random.uniform(-3, 3, (HEIGHT, WIDTH, 3)).astype(np.float16)
    write_residual(residual_file(tmp_path, 1001), residual, frame)
    with OpenEXR.File(str(tmp_path / "residual.1001.exr")) as file:
        assert list(file.channels()) == ["RGB"]
        np.testing.assert_array_equal(file.channels()["RGB"].pixels, residual)
        assert [corner.tolist() for corner in file.header()["dataWindow"]] == [[7, 9], [66, 48]]
    with pytest.raises(LayersSizeMismatch):
        write_residual(tmp_path / "r.exr", residual[1:], frame)


def test_what_the_model_made_comes_back_bit_for_bit_and_says_what_it_is(
    tmp_path: Path, random: np.random.Generator
) -> None:
    edit, composite = random.random((2, 12, 20, 3), dtype=np.float32)
    output = ModelOutput.of(edit, random.random((12, 20), dtype=np.float32), composite)
    np.testing.assert_allclose(output.edit_model_rgb, edit, rtol=2**-11)
    path = model_file(tmp_path, 1001)
    write_model_output(path, output)
    again = read_model_output(path)
    for name in ("edit_model_rgb", "alpha", "composite_model_rgb"):
        one, other = getattr(again, name), getattr(output, name)
        assert one.dtype == other.dtype == np.float16
        np.testing.assert_array_equal(one.view(np.uint16), other.view(np.uint16))
    with OpenEXR.File(str(path)) as file:
        assert file.header()["veraEditSpace"] == "model"
        np.testing.assert_array_equal(file.channels()["RGBA"].pixels[..., :3], output.edit_model_rgb)
        np.testing.assert_array_equal(file.channels()["RGBA"].pixels[..., 3], output.alpha)
        np.testing.assert_array_equal(file.channels()["composite"].pixels, output.composite_model_rgb)
    first = path.read_bytes()
    write_model_output(path, output)
    assert path.read_bytes() == first


def test_layers_and_what_the_model_made_are_not_taken_for_each_other(
    tmp_path: Path, frame: PlateFrame, layers: Layers
) -> None:
    write_layers(tmp_path / "layers.exr", layers, frame)
    with pytest.raises(LayersUnreadable, match=r"what the model made.*straight\.R"):
        read_model_output(tmp_path / "layers.exr")
