"""Layers finished anew of what the model made before: through the finishing worker's own way, without the model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.exr_files import write_exr
from tests.takes.making import Made, TakeMaking, again, repairing
from vera_engine.plates.exr import model_file, read_layers, read_model_output
from vera_engine.plates.finish_settings import Detail
from vera_engine.takes import store
from vera_engine.takes.base import BaseUnusable, FinishOnlyUnclear, ModelOutputMissing
from vera_engine.takes.keep import keep_frames
from vera_engine.takes.plan import FRAMES_IN_PART
from vera_engine.takes.request import AskedFinish, AskedSettings, EditType, MaskReference, PlateReference
from vera_engine.takes.take import TakeState

FRAMES = "1001-1020"
SHARP = AskedFinish(black=0.3, white=0.7, detail=Detail.SMOOTH)


@pytest.fixture(scope="module")
def base(tiny_model: Path, take_plates: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    making = TakeMaking(tiny_model, take_plates, tmp_path_factory.mktemp("base"))
    return making.make(FRAMES, settings=AskedSettings(seed=7, num_inference_steps=1))


def finished(making: TakeMaking, base: Made, frames: str = FRAMES, **fields: object) -> Made:
    return making.attempt(making.reserve(frames, **{**repairing(base), "finish_only": True, **fields}))


def file_of(made: Made, kind: str, frame: int) -> Path:
    return made.take.directory / f"{kind}.{frame}.exr"


def test_what_the_model_made_is_kept_as_it_was(base: Made) -> None:
    output = read_model_output(file_of(base, "model", 1003))
    assert output.edit_model_rgb.shape == output.composite_model_rgb.shape == (32, 48, 3)
    assert output.alpha.shape == (32, 48)
    assert output.edit_model_rgb.std() > 0


def test_the_same_settings_give_the_same_layers(making: TakeMaking, base: Made) -> None:
    made = finished(making, base)
    for frame in made.take.frames:
        assert file_of(made, "layers", frame).read_bytes() == file_of(base, "layers", frame).read_bytes()
        assert file_of(made, "model", frame).samefile(file_of(base, "model", frame))
    (latents,) = {piece["file"] for piece in made.record["latents"]} - {"latents.002.safetensors"}
    assert (made.take.directory / latents).samefile(base.take.directory / latents)
    for name in ("frames", "plate", "windows", "latents", "seams", "model", "device", "plate_size", "working_size"):
        assert made.record[name] == base.record[name], name
    assert made.record["base_take"]["take_id"] == base.take.take_id
    assert made.record["request"]["finish_only"]


def test_what_is_said_while_it_is_made(making: TakeMaking, base: Made) -> None:
    made = finished(making, base)
    assert [event["event"] for event in made.events if event["event"] in list(TakeState)] == ["checking", "writing"] * 2
    assert [event["frame"] for event in made.named("frame_written")] == list(made.take.frames)
    parts = [
        len(range(part["frames"][0]["first_frame"], part["frames"][0]["last_frame"] + 1))
        for part in made.named("window_done")
    ]
    assert parts == list(made.take.window_latents) == [FRAMES_IN_PART, 20 - FRAMES_IN_PART]
    assert made.named("step_done", "preview", "running") == []
    assert made.record["seconds"]["model"] == 0


def test_other_settings_change_the_layers_of_the_frames_asked_for_alone(making: TakeMaking, base: Made) -> None:
    made = finished(making, base, "1004-1005", finish=SHARP)
    changed = [f for f in made.take.frames if not file_of(made, "layers", f).samefile(file_of(base, "layers", f))]
    assert changed == [1004, 1005]
    sharp, soft = (read_layers(file_of(each, "layers", 1004)).matte for each in (made, base))
    assert not np.array_equal(sharp, soft)
    kept, own = made.record["finished"]
    assert (kept["frames"], own["frames"]) == (
        [{"first_frame": 1001, "last_frame": 1003}, {"first_frame": 1006, "last_frame": 1020}],
        [{"first_frame": 1004, "last_frame": 1005}],
    )
    assert kept["finish"] == base.record["finished"][0]["finish"] != own["finish"]
    assert (own["finish"]["black"], own["finish"]["detail"], own["finish"]["highlights"]) == (0.3, "smooth", 1.0)
    # what is not said is what the take before it was finished with
    third = finished(making, made, "1004", finish=AskedFinish(black=0.2))
    assert third.record["finished"][-1]["finish"] == {**own["finish"], "black": 0.2}
    assert len(third.record["finished"]) == 3


def test_a_hold_out_can_come_afterwards_with_comp_and_residual(making: TakeMaking, base: Made, tmp_path: Path) -> None:
    white = np.zeros((34, 50, 1), np.float32)
    white[:, 20:] = 1
    for frame in (1001, 1002):
        write_exr(tmp_path / f"hold.{frame}.exr", white, "Y")
    holdout = MaskReference(PlateReference(str(tmp_path / "hold.####.exr")))
    made = finished(making, base, "1001-1002", holdout=holdout, write_comp=True, write_residual=True)
    before, after = (read_layers(file_of(each, "layers", 1002)) for each in (base, made))
    assert (before.matte[:, 20:] > 0).any()
    assert not after.matte[:, 20:].any()
    assert np.array_equal(after.matte[:, :20], before.matte[:, :20])
    assert {file_of(made, kind, frame).is_file() for kind in ("comp", "residual") for frame in made.take.frames} == {
        True
    }
    assert sorted(made.record["holdout"]) == ["1001", "1002"]
    assert made.record["finished"][-1]["holdout"]["source"]["path"] == str(tmp_path / "hold.####.exr")
    without = finished(making, made, "1001-1002", without_holdout=True)
    assert file_of(without, "layers", 1002).read_bytes() == file_of(base, "layers", 1002).read_bytes()


def test_it_goes_on_where_it_was_stopped(making: TakeMaking, base: Made) -> None:
    fields = {**repairing(base), "finish_only": True, "finish": SHARP}
    take = making.reserve(FRAMES, **fields)
    making.stop_at(take, event="frame_written", frame=1018)
    resumed = making.attempt(take)
    assert [event["frame"] for event in resumed.named("frame_written")] == [1017, 1018, 1019, 1020]
    whole = finished(making, base, finish=SHARP)
    for frame in take.frames:
        assert file_of(resumed, "layers", frame).read_bytes() == file_of(whole, "layers", frame).read_bytes()

    stopped = making.reserve(FRAMES, **fields)
    making.stop_at(stopped, event="window_done", window=1)
    record = keep_frames(again(stopped, state=TakeState.CANCELLED), "ours")
    assert record["made"] == [{"first_frame": 1001, "last_frame": 1016}]
    assert (stopped.directory / "layers.1020.exr").samefile(file_of(base, "layers", 1020))


def test_what_the_model_made_outlives_the_base_of_a_stopped_take(making: TakeMaking, tmp_path: Path) -> None:
    base = making.make(FRAMES)
    take = making.reserve(FRAMES, **repairing(base), finish_only=True, finish=SHARP)
    making.stop_at(take, event="window_done", window=1)
    shutil.rmtree(base.take.directory)
    with pytest.raises(BaseUnusable):  # for the frames that were not made again there are no layers left
        keep_frames(again(take, state=TakeState.CANCELLED), "ours")
    assert model_file(take.partial_directory, 1020).is_file()
    assert making.attempt(take).record["made"] == [{"first_frame": 1001, "last_frame": 1020}]


def test_a_repair_may_be_based_on_it(making: TakeMaking, base: Made) -> None:
    made = finished(making, base, finish=SHARP)
    repaired = making.repair(made, "1010", settings=AskedSettings(seed=8, num_inference_steps=1))
    assert repaired.record["settings"]["seed"] == 8
    assert repaired.record["finished"][-1]["finish"]["black"] == 0.3
    assert file_of(repaired, "layers", 1003).samefile(file_of(made, "layers", 1003))
    assert not file_of(repaired, "model", 1010).samefile(file_of(made, "model", 1010))


@pytest.mark.parametrize(
    ("fields", "argument"),
    [
        ({"prompt": "a blue ball"}, "prompt"),
        ({"edit_type": EditType.BACKGROUND}, "edit_type"),
        ({"settings": AskedSettings(seed=8)}, "settings.seed"),
        ({"strength": 0.5}, "strength"),
        ({"exposure": 1.0}, "exposure"),
        ({"mask": MaskReference(PlateReference("/m.####.exr"))}, "mask"),
    ],
)
def test_what_only_the_model_could_change_is_refused(making: TakeMaking, base: Made, fields, argument: str) -> None:
    with pytest.raises(FinishOnlyUnclear) as caught:
        finished(making, base, **fields)
    assert caught.value.argument == argument


def test_a_take_that_does_not_keep_what_the_model_made_cannot_be_finished(making: TakeMaking, base: Made) -> None:
    made = finished(making, base, "1001-1003")
    record = made.record  # as an engine left it that did not keep them
    record["files"] = {name: file for name, file in record["files"].items() if not name.startswith("model.")}
    record["request"] = {
        name: value
        for name, value in record["request"].items()
        if name not in ("holdout", "region", "finish", "exposure", "finish_only", "write_residual", "without_holdout")
    }
    del record["finished"], record["color"], record["holdout"]
    record["frames"] = {f: {"matte_coverage": 0.1, "matte_max": 1.0} for f in record["frames"]}
    store.write_record(made.take.directory, record)
    for file in made.take.directory.glob("model.*.exr"):
        file.unlink()
    with pytest.raises(ModelOutputMissing, match="1001-1020") as caught:
        finished(making, made)
    assert "again" in caught.value.remedy
    # but frames of it can be made again, and those can
    repaired = making.repair(made, "1002", settings=AskedSettings(num_inference_steps=1))
    assert finished(making, repaired, "1002", finish=SHARP).take.frames == base.take.frames


def test_no_torch_is_loaded_for_it(making: TakeMaking, base: Made, tmp_path: Path) -> None:
    take = making.reserve("1001", **{**repairing(base), "finish_only": True, "finish": SHARP})
    state = tmp_path / "state"
    state.mkdir()
    script = (
        "import json, sys\nfrom pathlib import Path\n"
        "from vera_engine.takes.take import Take\nfrom vera_engine.takes.worker import Finisher, make\n"
        "take, state = Take.from_dict(json.loads(sys.argv[1])), Path(sys.argv[2])\n"
        "make(Finisher(state), take, lambda event: print(event['event']), lambda: None)\n"
        "assert not {'torch', 'diffusers', 'transformers'} & set(sys.modules)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, json.dumps(replace(take).as_dict()), str(state)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split()[-1] == "finished"
