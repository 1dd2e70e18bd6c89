"""Frames of a take made again: the others stay the base's own files, bit for bit, and anchor the new ones."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.takes.making import Made, TakeMaking, again, layers_of, repairing, write_plate
from vera_engine.plates.exr import read_layers
from vera_engine.takes.base import BaseOfAnotherPlate, BaseUnusable
from vera_engine.takes.keep import keep_frames
from vera_engine.takes.latents import Piece, Timeline
from vera_engine.takes.request import AskedSettings, BaseTake
from vera_engine.takes.take import TakeState

ANOTHER_SEED = AskedSettings(seed=8)


@pytest.fixture(scope="module")
def base(tiny_model: Path, take_plates: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two ranges, the first of 49 frames and four windows."""
    return TakeMaking(tiny_model, take_plates, tmp_path_factory.mktemp("base")).make("1001-1040,1044-1049")


def name(frame: int) -> str:
    return f"layers.{frame}.exr"


def assert_only_made_again(repaired: Made, base: Made, frames: set[int]) -> None:
    """Frames are new, all others the very files of the base."""
    assert layers_of(repaired.take.directory).keys() == layers_of(base.take.directory).keys()
    for file in base.take.directory.glob("layers.*.exr"):
        is_kept = int(file.name.split(".")[1]) not in frames
        copy = repaired.take.directory / file.name
        assert os.path.samefile(file, copy) is is_kept, file.name
        assert (file.read_bytes() == copy.read_bytes()) is is_kept, file.name


def timeline(made: Made, run: int = 0) -> Timeline:
    return Timeline(made.take.directory, [Piece(**piece) for piece in made.record["latents"]], run)


def test_frames_in_the_middle(making: TakeMaking, base: Made) -> None:
    repaired = making.repair(base, "1018-1024", settings=ANOTHER_SEED, prompt="add a blue ball")
    assert_only_made_again(repaired, base, set(range(1018, 1025)))
    record = repaired.record
    assert record["base_take"] == {
        "version": "v001",
        "take_id": base.take.take_id,
        "directory": os.path.relpath(base.take.directory, repaired.take.directory),
    }
    assert record["made"] == [{"first_frame": 1018, "last_frame": 1024}]
    assert [(seam["between"], seam["kind"]) for seam in record["seams"]] == [
        ([1017, 1018], "repair"),
        ([1024, 1025], "repair"),
    ]
    visible = [seam for seam in record["seams"] if seam["seam"] > 1.5]
    assert len([text for text in record["warnings"] if "seam" in text]) == len(visible)
    assert record["request"]["prompt"] == "add a blue ball"
    assert record["settings"] == {"seed": 8, "num_inference_steps": 2, "guidance_scale": 2.0, "preset": "standard"}
    assert sorted(map(int, record["plate"])) == sorted(map(int, base.record["plate"]))
    assert record["frames"]["1001"] == base.record["frames"]["1001"]
    assert set(record["files"]) == {path.name for path in repaired.take.directory.iterdir()} - {"take.json"}


def test_latents_outside_stay_and_know_the_seed_they_came_from(making: TakeMaking, base: Made) -> None:
    repaired = making.repair(base, "1018-1024", settings=ANOTHER_SEED)
    before, after = timeline(base).read(0, 10), timeline(repaired).read(0, 10)
    # 1018 is frame index 17, the first of latent 5; 1024 is index 23, in latent 6
    assert after.seeds == (7, 7, 7, 7, 7, 8, 8, 7, 7, 7, 7)
    same = [bool((before.latents[:, :, i] == after.latents[:, :, i]).all()) for i in range(11)]
    assert same == [True] * 5 + [False] * 2 + [True] * 4
    assert timeline(repaired, 1).read(0, 2).latents.tobytes() == timeline(base, 1).read(0, 2).latents.tobytes()
    (new,) = [piece for piece in repaired.record["latents"] if piece not in base.record["latents"]]
    assert new["file"] == f"latents.{len(base.record['latents']) + 1:03d}.safetensors"


@pytest.mark.parametrize("frames", ["1001", "1001-1004", "1039-1040", "1044-1049", "1003-1005,1030,1046"])
def test_ends_whole_ranges_and_several_at_once(making: TakeMaking, base: Made, frames: str) -> None:
    repaired = making.repair(base, frames, settings=ANOTHER_SEED)
    assert_only_made_again(repaired, base, set(repaired.take.request.frames))


def test_a_repair_of_a_repair(making: TakeMaking, base: Made) -> None:
    once = making.repair(base, "1010-1014", settings=ANOTHER_SEED)
    twice = making.repair(once, "1013-1018", settings=AskedSettings(seed=9))
    assert_only_made_again(twice, once, set(range(1013, 1019)))
    # 1010 is index 9, latent 3; 1013 and 1014 lie in latent 3 and 4 and are made again by the second one
    assert timeline(twice).read(2, 6).seeds == (7, 9, 9, 9, 7)
    shutil.rmtree(once.take.directory)
    assert read_layers(twice.take.directory / name(1010)).matte.shape == (34, 50)


def test_a_repair_that_was_stopped_ends_as_if_it_never_was(making: TakeMaking, base: Made) -> None:
    undisturbed = making.repair(base, "1003-1030", settings=ANOTHER_SEED)
    copied = making.folder / "takes" / "hero" / "v777"
    shutil.copytree(base.take.directory, copied)
    asked = {**repairing(base), "base": BaseTake(base.take.take_id, str(copied)), "settings": ANOTHER_SEED}
    take = making.reserve("1003-1030", **asked)
    making.stop_at(take, event="step_done", window=2)
    shutil.rmtree(copied)  # what is kept is there by now
    making.attempt(again(take))
    assert layers_of(take.directory) == layers_of(undisturbed.take.directory)


def test_less_strength_stays_nearer_to_the_base(making: TakeMaking, base: Made) -> None:
    steps = AskedSettings(seed=8, num_inference_steps=8)
    differences = []
    for strength in (0.3, 0.7, 1.0):
        repaired = making.repair(base, "1018-1024", strength=strength, settings=steps)
        new, old = timeline(repaired).read(5, 6).latents, timeline(base).read(5, 6).latents
        differences.append(float(np.abs(new.astype(np.float32) - old).mean()))
    assert 0 < differences[0] < differences[1] < differences[2]


def test_kept_frames_get_the_comp_that_the_base_lacks(making: TakeMaking, base: Made) -> None:
    repaired = making.repair(base, "1046", write_comp=True, settings=ANOTHER_SEED)
    whole = making.make("1044-1049", write_comp=True)
    comps = {path.name for path in repaired.take.directory.glob("comp.*.exr")}
    assert comps == {f"comp.{frame}.exr" for frame in base.take.frames}
    assert layers_of(repaired.take.directory)["comp.1049.exr"] == layers_of(whole.take.directory)["comp.1049.exr"]


def test_a_plate_of_other_pixels_is_refused_by_whoever_reads_it(making: TakeMaking, tmp_path: Path) -> None:
    making.plates = tmp_path / "plates"
    making.plates.mkdir()
    write_plate(making.plates, range(1001, 1030))
    base = making.make("1001-1020")
    take = making.reserve("1005-1006", **repairing(base))
    shutil.copy(making.plates / "plate.1029.exr", making.plates / "plate.1004.exr")  # a frame around, not one of them
    with pytest.raises(BaseOfAnotherPlate, match="1004"):
        making.attempt(take)
    assert not take.directory.exists()


def test_a_base_that_lacks_a_file_is_refused(making: TakeMaking) -> None:
    base = making.make("1001-1005")
    take = making.reserve("1005", **repairing(base))
    (base.take.directory / name(1002)).unlink()
    with pytest.raises(BaseUnusable, match=r"layers\.1002\.exr"):
        making.attempt(take)


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system, where there is one."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm")) if os.access("/dev/shm", os.W_OK) else tmp_path
    yield folder
    shutil.rmtree(folder)


def test_where_links_cannot_be_made_files_are_copied_and_that_is_said(making: TakeMaking, other_disk: Path) -> None:
    base = making.make("1001-1005")
    repaired = making.repair(base, "1005", settings=ANOTHER_SEED, take_root=str(other_disk))
    for frame in range(1001, 1005):
        file = repaired.take.directory / name(frame)
        assert file.read_bytes() == (base.take.directory / name(frame)).read_bytes()
    is_other = os.stat(other_disk).st_dev != os.stat(base.take.directory).st_dev
    said = [text for text in repaired.record["warnings"] if "copied" in text]
    assert len(said) == is_other
    assert not is_other or said[0].startswith("9 files of the base v001")


def test_a_stopped_repair_keeps_what_it_has_and_the_base_for_the_rest(making: TakeMaking, base: Made) -> None:
    take = making.reserve(
        "1003-1030", settings=ANOTHER_SEED, **{k: v for k, v in repairing(base).items() if k != "settings"}
    )
    making.stop_at(take, event="frame_written", frame=1030)  # the last one of a window that is not done
    record = keep_frames(again(take, state=TakeState.FAILED), "ours")
    ((first, last),) = [(part["first_frame"], part["last_frame"]) for part in record["made"]]
    assert (first, last < 1030) == (1003, True)
    assert_only_made_again(Made(take), base, set(range(first, last + 1)))
    assert any("the take was failed" in text for text in record["warnings"])
