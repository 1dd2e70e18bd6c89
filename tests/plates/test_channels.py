"""Files of several pictures, written by OpenEXR's own module."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from vera_engine.plates.exr import write_comp
from vera_engine.plates.image import Window
from vera_engine.plates.mask import check_mask, read_mask_frame
from vera_engine.plates.source import ChannelsUnclear, NoRgbChannels, PlateSource, check_plate, read_plate_frame

Planes = dict[str, float]
SCANLINES = OpenEXR.scanlineimage


def planes_of(values: Planes, kind: type = np.float16) -> dict[str, np.ndarray]:
    return {name: np.full((4, 6), value, kind) for name, value in values.items()}


def rgb(prefix: str, value: float, names: str = "RGB") -> Planes:
    return {f"{prefix}{name}": value + place / 4 for place, name in enumerate(names)}


def write(path: Path, *parts: tuple[dict[str, object], Planes]) -> None:
    if len(parts) == 1:
        header, values = parts[0]
        with OpenEXR.File({"type": SCANLINES, **header}, planes_of(values)) as file:
            file.write(str(path))
        return
    with OpenEXR.File(
        [OpenEXR.Part({"type": SCANLINES, **header}, planes_of(values)) for header, values in parts]
    ) as file:
        file.write(str(path))


def read(path: Path, **how: str) -> float:
    """The red value of the picture that is read, having made sure that green and blue are its own."""
    source = PlateSource(str(path), color_space="acescg", **how)
    check_plate(source, [1])
    pixel = read_plate_frame(source, 1).rgb[2, 3]
    assert pixel.tolist() == [pixel[0], pixel[0] + 0.25, pixel[0] + 0.5]
    return float(pixel[0])


LAYERED = ({}, {**rgb("", 1), "A": 0.0, **rgb("diffuse.", 2), **rgb("ViewLayer.Spec.", 3), "depth.Z": 9.0})
PARTS = (
    ({"name": "depth"}, {"depth.Z": 9.0}),
    ({"name": "rgba"}, {**rgb("", 1), "A": 0.5}),
    ({"name": "diffuse"}, rgb("diffuse.", 2)),
    ({"name": "2"}, {"red": 3.0, "green": 3.25, "blue": 3.5}),
)
VIEWS_WITHIN = (
    {"multiView": ["left", "right"]},
    {**rgb("", 1), **rgb("right.", 2), **rgb("diffuse.left.", 3), **rgb("diffuse.right.", 4)},
)
VIEWS_AS_PARTS = (
    ({"name": "rgba_left", "view": "left"}, rgb("", 1)),
    ({"name": "rgba_right", "view": "right"}, rgb("", 2)),
    ({"name": "spec_right", "view": "right"}, rgb("", 3)),
)


@pytest.mark.parametrize(
    ("parts", "how", "expected"),
    [
        ((LAYERED,), {}, 1),
        ((LAYERED,), {"layer": "Diffuse"}, 2),
        ((LAYERED,), {"layer": "ViewLayer.Spec"}, 3),
        ((LAYERED,), {"layer": "spec"}, 3),
        ((LAYERED,), {"layer": "rgba"}, 1),
        ((({"name": "plate"}, rgb("", 6)),), {"part": "Plate"}, 6),
        ((({}, rgb("", 6)),), {"part": "0"}, 6),
        ((({}, rgb("beauty.", 4)),), {}, 4),
        ((({}, {**rgb("Fg.Combined.", 5), **rgb("Fg.Diffuse.", 2)}),), {}, 5),
        ((({}, {**rgb("a.", 1), **rgb("a.b.", 2)}),), {"layer": "a"}, 1),
        ((({}, rgb("", 6, "rgb")),), {}, 6),
        (PARTS, {}, 1),
        (PARTS, {"part": "diffuse"}, 2),
        (PARTS, {"layer": "diffuse"}, 2),
        (PARTS, {"part": "1"}, 1),
        (PARTS, {"part": "2"}, 3),  # a name comes before a number
        ((VIEWS_WITHIN,), {}, 1),  # OpenEXR's default view
        ((VIEWS_WITHIN,), {"view": "right"}, 2),
        ((VIEWS_WITHIN,), {"view": "left", "layer": "diffuse"}, 3),
        ((VIEWS_WITHIN,), {"view": "RIGHT", "layer": "diffuse"}, 4),
        (VIEWS_AS_PARTS, {"view": "left"}, 1),
        (VIEWS_AS_PARTS, {"view": "right"}, 2),
        (VIEWS_AS_PARTS, {"view": "right", "layer": "spec"}, 3),
    ],
)
def test_a_clear_picture_is_read(tmp_path: Path, parts: tuple, how: dict[str, str], expected: float) -> None:
    write(tmp_path / "p.exr", *parts)
    assert read(tmp_path / "p.exr", **how) == expected


@pytest.mark.parametrize(
    ("parts", "how", "argument", "said"),
    [
        ((({}, {**rgb("a.", 1), **rgb("b.", 2)}),), {}, "plate.layer", "layer a, layer b"),
        (VIEWS_AS_PARTS, {"layer": "rgba"}, "plate.view", "of view left in part rgba_left"),
        (VIEWS_AS_PARTS, {"view": "center"}, "plate.view", "of view right"),
        (PARTS, {"part": "depth"}, "plate.part", "layer diffuse"),
        (PARTS, {"part": "7"}, "plate.part", "layer rgba"),
        ((LAYERED,), {"layer": "depth"}, "plate.layer", "the base channels, layer ViewLayer.Spec, layer diffuse"),
        ((VIEWS_WITHIN,), {"view": "left", "layer": "spec"}, "plate.layer", "layer diffuse of view left"),
    ],
)
def test_an_unclear_choice_names_what_there_is(
    tmp_path: Path, parts: tuple, how: dict[str, str], argument: str, said: str
) -> None:
    write(tmp_path / "p.exr", *parts)
    with pytest.raises(ChannelsUnclear) as refused:
        read(tmp_path / "p.exr", **how)
    assert refused.value.argument == argument
    assert said in str(refused.value)
    assert "p.exr" in refused.value.reason


def test_pixels_windows_and_metadata_are_those_of_the_part(tmp_path: Path) -> None:
    def corners(*places: int) -> tuple[np.ndarray, np.ndarray]:
        return np.array(places[:2], np.int32), np.array(places[2:], np.int32)

    shown = {"displayWindow": corners(0, 0, 11, 9), "pixelAspectRatio": 2.0}
    write(
        tmp_path / "p.exr",
        ({"name": "bg", **shown}, rgb("", 1)),
        ({"name": "fg", "dataWindow": corners(3, 2, 8, 5), **shown}, rgb("", 2)),
    )
    source = PlateSource(str(tmp_path / "p.exr"), color_space="acescg", part="fg")
    plate = check_plate(source, [1])
    assert (plate.data_window, plate.display_window) == (Window(3, 2, 6, 4), Window(0, 0, 12, 10))
    assert plate.pixel_aspect == 2
    frame = read_plate_frame(source, 1)
    write_comp(tmp_path / "comp.exr", frame.rgb, frame)
    with OpenEXR.File(str(tmp_path / "comp.exr")) as file:
        assert len(file.parts) == 1
        assert not {"name", "view", "chunkCount"} & set(file.header())
        assert [corner.tolist() for corner in file.header()["dataWindow"]] == [[3, 2], [8, 5]]


def test_pages_without_names_are_chosen_by_number(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (6, 4), (51 * page, 0, 0)) for page in (1, 2)]
    pages[0].save(tmp_path / "p.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ChannelsUnclear, match="the base channels in part 0, the base channels in part 1"):
        check_plate(PlateSource(str(tmp_path / "p.tif"), color_space="srgb"), [1])
    second = PlateSource(str(tmp_path / "p.tif"), color_space="srgb", part="1")
    np.testing.assert_allclose(read_plate_frame(second, 1).rgb[0, 0], [0.4, 0, 0])


def test_whole_numbers_of_openexr_are_what_they_are(tmp_path: Path) -> None:
    with OpenEXR.File(
        {"type": OpenEXR.tiledimage, "tiles": OpenEXR.TileDescription()},
        {name: np.full((4, 6), value, np.uint32) for name, value in zip("RGB", (3, 0, 65504), strict=True)},
    ) as file:
        file.write(str(tmp_path / "p.exr"))
    frame = read_plate_frame(PlateSource(str(tmp_path / "p.exr"), color_space="acescg"), 1)
    assert frame.rgb[1, 1].tolist() == [3, 0, 65504]


def test_a_masks_layer_or_a_channel_of_any_name(tmp_path: Path) -> None:
    write(
        tmp_path / "p.exr",
        ({}, {**rgb("", 1), **rgb("roto.", 0.25), "roto.alpha": 0.5, "id.Z": 0.75, "two.Y": 0.125}),
    )
    plate = check_plate(PlateSource(str(tmp_path / "p.exr"), color_space="acescg"), [1])
    for layer, expected in (("roto", 0.5), ("id.z", 0.75), ("roto.G", 0.5), ("two", 0.125)):
        source = PlateSource(str(tmp_path / "p.exr"), layer=layer)
        check_mask(source, [1], plate)
        assert read_mask_frame(source, 1, plate)[0, 0] == expected, layer
    with pytest.raises(ChannelsUnclear) as refused:
        check_mask(PlateSource(str(tmp_path / "p.exr"), layer="id"), [1], plate)
    assert refused.value.argument == "mask.source.layer"
    write(tmp_path / "n.exr", ({}, {"id.Z": 0.75}))
    with pytest.raises(NoRgbChannels):
        check_mask(PlateSource(str(tmp_path / "n.exr")), [1], plate)
