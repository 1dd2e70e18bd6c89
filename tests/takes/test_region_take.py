"""Takes of a part of the picture: what the model sees, where layers may be, what a repair may change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.exr_files import write_exr
from tests.plates.movies import write_movie
from tests.takes.making import Made, TakeMaking, repairing
from vera_engine.plates.exr import read_layers, read_model_output
from vera_engine.plates.frames import FrameSet
from vera_engine.plates.mask import MaskOutOfRange
from vera_engine.plates.nan_policy import NanPolicy
from vera_engine.plates.source import FrameMissing
from vera_engine.takes.base import BaseSeenOtherwise
from vera_engine.takes.region import Box, Region, RegionKind
from vera_engine.takes.request import AskedFinish, AskedSettings, MaskReference, PlateReference

ONE_STEP = AskedSettings(seed=7, num_inference_steps=1)
ALL = AskedFinish(black=0.0, white=0.01)
"""A matte that is 1 wherever the model makes anything at all."""
BOX = Region.resting(Box(10, 6, 24, 16))
MOVING = Region(RegionKind.BOXES, ((1001, Box(2, 2, 24, 16)), (1005, Box(22, 14, 24, 16))))


def layers_of_frame(made: Made, frame: int):
    return read_layers(made.take.directory / f"layers.{frame}.exr")


def inside(region: Region, frame: int, shape: tuple[int, int] = (34, 50)) -> np.ndarray:
    box = region.box(frame)
    within = np.zeros(shape, bool)
    within[box.y : box.y + box.height, box.x : box.x + box.width] = True
    return within


@pytest.mark.parametrize("region", [BOX, MOVING])
def test_nothing_changes_outside_the_region(making: TakeMaking, region: Region) -> None:
    made = making.make("1001-1005", region=region, finish=ALL, settings=ONE_STEP, write_residual=True)
    for frame in made.take.frames:
        layers = layers_of_frame(made, frame)
        within = inside(region, frame)
        assert not layers.matte[~within].any()
        assert not layers.premult[~within].any()
        assert layers.matte[within].any()
        x, y, width, height = made.record["frames"][str(frame)]["matte_box"]
        assert inside(region, frame)[y : y + height, x : x + width].all()
    assert made.record["request"]["region"] == made.take.request.region.as_dict()
    enlarged, cut = made.record["warnings"]
    assert "24x16 pixels, and the model works at 48x32" in enlarged
    assert "up to the region's side in 1001-1005" in cut
    assert made.record["finished"][0]["region"] == made.take.request.region.as_dict()


def test_the_model_sees_the_region_alone(making: TakeMaking, tmp_path: Path) -> None:
    """A plate that is the region of another gives the same picture."""
    for frame in range(1001, 1006):
        whole = oiio.ImageBuf(str(making.plates / f"plate.{frame}.exr")).get_pixels(oiio.FLOAT)
        box = MOVING.box(frame)
        write_exr(
            tmp_path / f"part.{frame}.exr", whole[box.y : box.y + box.height, box.x : box.x + box.width].copy(), "RGB"
        )
    part = PlateReference(str(tmp_path / "part.####.exr"), color_space="lin_rec709")
    cut = making.make("1001-1005", region=MOVING, settings=ONE_STEP)
    alone = making.make("1001-1005", plate=part, settings=ONE_STEP)
    for frame in cut.take.frames:
        one, other = (read_model_output(made.take.directory / f"model.{frame}.exr") for made in (cut, alone))
        assert np.array_equal(one.edit_model_rgb, other.edit_model_rgb)
        assert np.array_equal(one.alpha, other.alpha)


def test_a_brighter_plate_and_an_exposure_are_the_same_to_the_model(making: TakeMaking, tmp_path: Path) -> None:
    for frame in range(1001, 1004):
        plate = oiio.ImageBuf(str(making.plates / f"plate.{frame}.exr")).get_pixels(oiio.FLOAT)
        write_exr(tmp_path / f"dark.{frame}.exr", plate / 4, "RGB")  # two stops, exact in half
    dark = PlateReference(str(tmp_path / "dark.####.exr"), color_space="lin_rec709")
    exposed = making.make("1001-1003", plate=dark, exposure=2.0, settings=ONE_STEP, finish=ALL)
    usual = making.make("1001-1003", settings=ONE_STEP, finish=ALL)
    one, other = (read_model_output(made.take.directory / "model.1002.exr") for made in (exposed, usual))
    assert np.array_equal(one.edit_model_rgb, other.edit_model_rgb)
    # and what it made is as dark as the plate again
    dark_edit, edit = (layers_of_frame(made, 1002).straight.astype(np.float32) for made in (exposed, usual))
    assert np.allclose(dark_edit, edit / 4, rtol=2e-3, atol=1e-6)
    # the same as a region, an exposure is the base's
    assert making.repair(exposed, "1002").take.request.exposure == 2.0
    with pytest.raises(BaseSeenOtherwise) as caught:
        making.repair(exposed, "1002", exposure=1.0)
    assert caught.value.argument == "exposure"


def test_a_region_around_the_mask_and_around_a_matte(making: TakeMaking, tmp_path: Path) -> None:
    mask = MaskReference(PlateReference(str(making.plates / "mask.####.exr")))  # white from 12, 8 to 35, 25
    made = making.make("1001-1003", mask=mask, region=Region(RegionKind.MASK, margin=2), settings=ONE_STEP, finish=ALL)
    assert made.take.request.region == Region.resting(Box(10, 6, 28, 22))
    boxes = [made.record["frames"][str(frame)]["matte_box"] for frame in made.take.frames]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    again = making.attempt(
        making.reserve("1001-1003", **{**repairing(made), "region": Region(RegionKind.BASE, margin=3)})
    )
    region = again.take.request.region
    assert region is not None
    assert min(region.box(frame).x for frame in made.take.frames) == left - 3
    assert min(region.box(frame).y for frame in made.take.frames) == top - 3
    # nothing of the base's latents fits any more
    (piece,) = again.record["latents"]
    assert not (again.take.directory / piece["file"]).samefile(made.take.directory / piece["file"])
    assert not (again.take.directory / "model.1001.exr").samefile(made.take.directory / "model.1001.exr")


def test_a_repair_keeps_to_the_bases_region(making: TakeMaking) -> None:
    base = making.make("1001-1005", region=MOVING, settings=ONE_STEP)
    repaired = making.repair(base, "1003", settings=AskedSettings(seed=8))
    assert repaired.take.request.region == base.take.request.region
    assert not layers_of_frame(repaired, 1003).matte[~inside(MOVING, 1003)].any()
    same = making.reserve("1003", **{**repairing(base), "region": MOVING})
    assert same.request.region == base.take.request.region
    with pytest.raises(BaseSeenOtherwise) as caught:
        making.repair(base, "1003", region=BOX)
    assert caught.value.argument == "region"
    with pytest.raises(BaseSeenOtherwise):
        making.repair(base, "1001-1005", region=BOX, strength=0.5)
    other = making.repair(base, "1001-1005", region=BOX)
    assert other.take.request.region == BOX


def test_a_region_of_a_wide_pixel_has_the_shape_it_is_shown_in(making: TakeMaking, tmp_path: Path) -> None:
    for frame in (1001, 1002):
        spec = oiio.ImageSpec(48, 64, 3, "half")
        spec.attribute("PixelAspectRatio", 2.0)
        output = oiio.ImageOutput.create("exr")
        assert output.open(str(tmp_path / f"wide.{frame}.exr"), spec)
        assert output.write_image(np.full((64, 48, 3), 0.25, np.float32))
        assert output.close()
    making.model = replace(making.model, working_sizes=((48, 32), (32, 48), (48, 48)))
    wide = PlateReference(str(tmp_path / "wide.####.exr"), color_space="lin_rec709")
    sizes = {
        box: making.reserve("1001-1002", plate=wide, region=Region.resting(box)).working_size
        for box in (Box(0, 0, 24, 32), Box(0, 0, 24, 48), Box(0, 0, 16, 48))
    }
    assert list(sizes.values()) == [(48, 32), (48, 48), (32, 48)]
    assert making.reserve("1001-1002", plate=wide).working_size == (48, 32)


def test_a_hold_out_that_is_none_is_found_before_the_model_begins(making: TakeMaking, tmp_path: Path) -> None:
    for frame in (1001, 1002):
        write_exr(tmp_path / f"hold.{frame}.exr", np.full((34, 50, 1), frame - 1000, np.float32), "Y")
    holdout = MaskReference(PlateReference(str(tmp_path / "hold.####.exr")))
    take, said = making.reserve("1001-1002", holdout=holdout, settings=ONE_STEP), []
    with pytest.raises(MaskOutOfRange) as caught:
        making.attempt(take, said.append)
    assert caught.value.argument == "holdout.source.path"
    assert [event["event"] for event in said] == ["checking"]


def test_pixels_that_are_no_numbers_are_told(making: TakeMaking, tmp_path: Path) -> None:
    for frame in (1001, 1002):
        plate = np.full((34, 50, 3), 0.25, np.float32)
        plate[3, 4:6] = (np.nan, np.inf, 1) if frame == 1002 else 0.25
        write_exr(tmp_path / f"nan.{frame}.exr", plate, "RGB")
    source = PlateReference(str(tmp_path / "nan.####.exr"), color_space="lin_rec709", nan=NanPolicy.ZERO)
    made = making.make("1001-1002", plate=source, settings=ONE_STEP)
    assert [made.record["frames"][frame]["not_finite"] for frame in ("1001", "1002")] == [0, 2]
    assert made.record["warnings"] == ["2 pixels of the plate are NaN or infinite and were read as 0, in 1002."]
    assert FrameSet.from_dicts(made.record["made"]) == made.take.frames


def test_a_take_of_a_movie_knows_its_frames(making: TakeMaking, tmp_path: Path) -> None:
    path = write_movie(tmp_path / "plate.mp4", frame_count=8)

    def made_of(frames: str, offset: int) -> list[np.ndarray]:
        plate = PlateReference(str(path), frame_offset=offset, color_space="srgb")
        made = making.make(frames, plate=plate, settings=ONE_STEP, write_comp=True)
        assert {seen["file"] for seen in made.record["plate"].values()} == {"plate.mp4"}
        return [read_model_output(made.take.directory / f"model.{f}.exr").edit_model_rgb for f in made.take.frames]

    # one file, and so one checksum, for all frames; and yet no frame is taken for another
    first, other, same = made_of("1001-1005", -1000), made_of("1001-1005", -999), made_of("1002-1006", -1001)
    assert not any(np.array_equal(*pair) for pair in zip(first, other, strict=True))
    assert all(np.array_equal(*pair) for pair in zip(first, same, strict=True))
    with pytest.raises(FrameMissing, match="1009"):
        making.reserve("1008-1009", plate=PlateReference(str(path), frame_offset=-1000, color_space="srgb"))
