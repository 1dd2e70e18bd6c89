"""Finished takes proved from their files: right ones are exact, and what is planted in them is found."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.exr_files import write_exr
from tests.takes.making import Made, TakeMaking, repairing
from vera_engine.plates.chosen_config import ColorConfigDiffers
from vera_engine.plates.exr import layers_file, model_file, read_layers, write_layers
from vera_engine.plates.frames import FrameSet
from vera_engine.plates.layers import Layers
from vera_engine.plates.source import PlateSource, read_plate_frame
from vera_engine.takes.region import Box, Region
from vera_engine.takes.request import AskedFinish, MaskReference, PlateReference
from vera_engine.takes.seen import PlateChanged
from vera_engine.takes.take_proof import FramesNotInTake, TakeNotFinished, prove_take

BOX = Box(10, 6, 30, 20)


@pytest.fixture(scope="module")
def module_making(tiny_model: Path, take_plates: Path, tmp_path_factory: pytest.TempPathFactory) -> TakeMaking:
    return TakeMaking(tiny_model, take_plates, tmp_path_factory.mktemp("proofs"))


@pytest.fixture(scope="module")
def base(module_making: TakeMaking) -> Made:
    """Three frames of a region, with a hold-out of the mask's box, a comp, and a matte that hides nothing of it."""
    holdout = MaskReference(PlateReference(str(module_making.plates / "mask.####.exr")))
    return module_making.make(
        "1001-1003",
        write_comp=True,
        region=Region.resting(BOX),
        holdout=holdout,
        finish=AskedFinish(black=0.0, white=1.0, despill=0.5),
    )


@pytest.fixture
def take(base: Made, tmp_path: Path) -> Path:
    """A copy of it, to be meddled with."""
    folder = tmp_path / "hero" / "v001"
    shutil.copytree(base.take.directory, folder)
    return folder


def meddle(take: Path, frame: int, plates: Path, **parts: Any) -> None:
    """Writes a frame's layers once more, with other parts; each is a function of what it was."""
    layers = read_layers(layers_file(take, frame))
    was = {"premult": layers.premult, "matte": layers.matte, "straight": layers.straight}
    assert parts.keys() <= was.keys()
    changed = Layers.of(**{name: parts.get(name, lambda part: part)(part.copy()) for name, part in was.items()})
    like = read_plate_frame(PlateSource(str(plates / "plate.####.exr"), color_space="lin_rec709"), frame)
    write_layers(layers_file(take, frame), changed, like)


def put(place: tuple[int, int], value: float) -> Any:
    def set_one(part: np.ndarray) -> np.ndarray:
        part[place] = value
        return part

    return set_one


def test_a_take_is_exact_as_it_was_made(take: Path) -> None:
    seen: list[int] = []
    proof = prove_take(take, on_frame=lambda frame, maps: seen.append((frame.frame, maps.changed.shape)))
    assert proof.exact, proof.verdict
    assert seen == [(frame, (34, 50)) for frame in (1001, 1002, 1003)]
    assert 0 < proof.largest_relative_error <= 2**-10
    assert proof.matte_coverage > 0
    assert proof.frames[0].flicker is None
    assert proof.frames[1].flicker >= 0


@pytest.mark.parametrize("place", [(2, 45), (15, 20)], ids=["outside the region", "held out"])
def test_a_matte_where_the_plate_has_to_stay_is_found(take: Path, module_making: TakeMaking, place) -> None:
    meddle(take, 1002, module_making.plates, matte=put(place, 0.5), premult=put(place, 0.25))
    proof = prove_take(take)
    assert not proof.exact
    assert [frame.changed_outside for frame in proof.frames] == [0, 1, 0]


def test_kept_frames_are_proved_by_the_bases_own_words(module_making: TakeMaking, base: Made) -> None:
    """One of them is finished anew, without the hold-out and by other thresholds."""
    anew = {**repairing(base), "finish_only": True, "without_holdout": True, "finish": AskedFinish(black=0.3)}
    made = module_making.make("1002", **anew)
    proof = prove_take(made.take.directory)
    assert proof.exact, proof.verdict
    first = prove_take(base.take.directory)
    assert proof.frames[0] == first.frames[0]
    assert proof.frames[1].matte_coverage != first.frames[1].matte_coverage


def test_what_the_model_meant_is_not_always_known(take: Path) -> None:
    """Where it is not kept, or another engine finished the frames, they are proved for the plate alone."""
    model_file(take, 1001).unlink()
    proof = prove_take(take, frames=FrameSet.parse("1001-1002"))
    assert [frame.largest_relative_error is None for frame in proof.frames] == [True, False]
    record = json.loads((take / "take.json").read_text())
    record["finished"][0]["engine_version"] = "0.0.9"
    (take / "take.json").write_text(json.dumps(record))
    proof = prove_take(take)
    assert proof.largest_relative_error is None
    assert proof.exact
    assert "what the model meant is not known" in proof.verdict


def test_a_plate_that_was_moved_is_found_where_it_is_said_to_be(
    take: Path, module_making: TakeMaking, tmp_path: Path
) -> None:
    """And one that is another by now is refused: every difference would be its own."""
    moved = tmp_path / "moved"
    moved.mkdir()
    for frame in (1001, 1002, 1003):
        shutil.copy(module_making.plates / f"plate.{frame}.exr", moved / f"p.{frame}.exr")
    assert prove_take(take, plate=str(moved / "p.####.exr")).exact
    write_exr(moved / "p.1002.exr", np.zeros((34, 50, 3), np.float32), "RGB")
    with pytest.raises(PlateChanged) as refused:
        prove_take(take, plate=str(moved / "p.####.exr"))
    assert refused.value.value == str(moved / "p.1002.exr")
    os.utime(moved / "p.1001.exr")
    shutil.copy(module_making.plates / "mask.1001.exr", moved / "h.1001.exr")
    moved_both = {"plate": str(moved / "p.####.exr"), "holdout": str(moved / "h.####.exr")}
    assert prove_take(take, **moved_both, frames=FrameSet.parse("1001")).exact
    write_exr(moved / "h.1001.exr", np.ones((34, 50, 1), np.float32), "Y")
    with pytest.raises(PlateChanged) as refused:
        prove_take(take, **moved_both, frames=FrameSet.parse("1001"))
    assert refused.value.argument == "holdout.source.path"


def test_what_cannot_be_proved_is_refused(take: Path, tmp_path: Path) -> None:
    with pytest.raises(TakeNotFinished):
        prove_take(tmp_path)
    with pytest.raises(FramesNotInTake) as refused:
        prove_take(take, frames=FrameSet.parse("1001-1005"))
    assert "1004-1005" in refused.value.reason
    record = json.loads((take / "take.json").read_text())
    record["color"]["config"] = "a studio's own"
    (take / "take.json").write_text(json.dumps(record))
    with pytest.raises(ColorConfigDiffers):
        prove_take(take)
