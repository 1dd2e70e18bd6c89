"""Takes made window by window; stopped anywhere, they go on and end as if they never had been."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import resource
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.exr_files import write_exr
from tests.takes.making import Made, TakeMaking, again, layers_of, write_plate
from vera_engine.plates.disk import DiskFull, FolderNotWritable
from vera_engine.plates.exr import read_layers
from vera_engine.plates.layers import over
from vera_engine.plates.source import FrameMissing, PlateSource, read_plate_frame
from vera_engine.plates.write import ImageNotWritten
from vera_engine.takes import delivery, store
from vera_engine.takes.heartbeat import Heartbeat, TakeHeldElsewhere
from vera_engine.takes.keep import NothingToKeep, keep_frames
from vera_engine.takes.progress import PROGRESS_NAME, Progress
from vera_engine.takes.request import AskedSettings, MaskReference, PlateReference
from vera_engine.takes.take import TakeState

FRAMES = "1001-1027"
"""Two windows of the tiny model: 1001-1013 and 1014-1027."""
FIRST = "1001-1013"


@pytest.fixture(scope="module")
def undisturbed(tiny_model: Path, take_plates: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return TakeMaking(tiny_model, take_plates, tmp_path_factory.mktemp("undisturbed")).make(FRAMES)


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: what a disk that is full does to every larger write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def frames_of(event: dict[str, Any]) -> list[tuple[int, int]]:
    return [(part["first_frame"], part["last_frame"]) for part in event["frames"]]


def test_several_ranges_with_handles_mask_and_comps(making: TakeMaking) -> None:
    mask = MaskReference(PlateReference(str(making.plates / "mask.####.exr")))
    made = making.make("1002-1003,1010-1012", mask=mask, handles=1, write_comp=True)
    frames = [*range(1001, 1005), *range(1009, 1014)]
    assert layers_of(made.take.directory).keys() == {
        f"{kind}.{frame}.exr" for kind in ("layers", "comp") for frame in frames
    }
    assert [(piece["run"], piece["first"], piece["last"]) for piece in made.record["latents"]] == [(0, 0, 1), (1, 0, 1)]
    assert made.record["seams"] == []
    assert sorted(map(int, made.record["mask"])) == frames
    source = PlateSource(str(making.plates / "plate.####.exr"), color_space="lin_rec709")
    for frame in (1001, 1013):
        plate = read_plate_frame(source, frame).rgb
        layers = read_layers(made.take.directory / f"layers.{frame}.exr")
        comp = read_plate_frame(PlateSource(str(made.take.directory / "comp.####.exr"), 0, source.color_space), frame)
        assert np.array_equal(comp.rgb, over(layers.premult, layers.matte, plate).astype(np.float16))


@pytest.mark.parametrize("frames", ["1001", "1001-1002", "1049"])
def test_takes_of_a_frame_or_two(making: TakeMaking, frames: str) -> None:
    made = making.make(frames)
    assert len(layers_of(made.take.directory)) == len(made.take.frames)
    assert [sorted(window["frames"][0].values()) for window in made.record["windows"]] == [
        [made.take.frames.first, made.take.frames.last]
    ]


def test_what_a_take_leaves(undisturbed: Made, making: TakeMaking) -> None:
    take, record = undisturbed.take, undisturbed.record
    frames = range(1001, 1028)
    layers = [f"layers.{frame}.exr" for frame in frames]
    latents = ["latents.001.safetensors", "latents.002.safetensors"]
    outputs = [f"model.{frame}.exr" for frame in frames]
    assert names(take.directory) == [*latents, *layers, *outputs, "take.json"]
    assert not take.partial_directory.exists()
    assert [window["frames"] for window in record["windows"]] == [
        [{"first_frame": 1001, "last_frame": 1013}],
        [{"first_frame": 1014, "last_frame": 1027}],
    ]
    assert [(piece["first"], piece["last"]) for piece in record["latents"]] == [(0, 3), (4, 7)]
    assert sorted(map(int, record["frames"])) == list(frames)
    assert sorted(map(int, record["plate"])) == list(frames)
    assert set(record["files"]) == {*latents, *layers, *outputs}
    for name, digest in layers_of(take.directory).items():
        assert record["files"][name] == {"size": (take.directory / name).stat().st_size, "sha256": digest}
    (seam,) = record["seams"]
    assert (seam["between"], seam["kind"]) == ([1013, 1014], "window")
    assert seam["seam"] >= 0
    assert (record["state"], record["base_take"], record["error"]) == ("finished", None, None)
    assert (record["device"], record["model"]["name"]) == ("cpu float32", "tiny")
    assert record["model"]["weights_sha256"] == making.model.weights_sha256


def test_what_is_said_of_a_take(undisturbed: Made) -> None:
    states = [event["event"] for event in undisturbed.events if event["event"] in list(TakeState)]
    assert states == ["checking", "running", "writing"] * 2
    steps = [(e["window"], e["step"], e["step_count"], e["window_count"]) for e in undisturbed.named("step_done")]
    assert steps == [(1, 1, 2, 2), (1, 2, 2, 2), (2, 1, 2, 2), (2, 2, 2, 2)]
    assert [event["frame"] for event in undisturbed.named("frame_written")] == list(range(1001, 1028))
    assert [frames_of(event) for event in undisturbed.named("window_done")] == [[(1001, 1013)], [(1014, 1027)]]
    assert [event["window"] for event in undisturbed.named("window_done")] == [1, 2]


def test_previews_are_small_pictures(making: TakeMaking) -> None:
    made = making.make("1001-1005", settings=AskedSettings(seed=7, num_inference_steps=9))
    previews = made.named("preview")
    assert [(event["window"], event["step"]) for event in previews] == [(1, 4), (1, 8)]
    picture = Image.open(io.BytesIO(base64.b64decode(previews[0]["png"])))
    assert picture.size == (3 * 48 // 8, 32 // 8)


def test_the_same_request_gives_the_same_bits_and_another_seed_others(undisturbed: Made, making: TakeMaking) -> None:
    same = making.make(FRAMES)
    for name in names(undisturbed.take.directory):
        if name != "take.json":
            assert (same.take.directory / name).read_bytes() == (undisturbed.take.directory / name).read_bytes(), name
    other = making.make(FRAMES, settings=AskedSettings(seed=8, num_inference_steps=2))
    assert not layers_of(other.take.directory).items() & layers_of(same.take.directory).items()


@pytest.mark.parametrize(
    "moment",
    [
        {"event": "step_done", "window": 1},
        {"event": "frame_written", "frame": 1005},
        {"event": "window_done", "window": 1},
        {"event": "step_done", "window": 2, "step": 1},
        {"event": "frame_written", "frame": 1020},
        {"event": "window_done", "window": 2},
    ],
    ids=lambda moment: "-".join(map(str, moment.values())),
)
def test_a_take_that_was_stopped_ends_as_if_it_never_was(
    undisturbed: Made, making: TakeMaking, moment: dict[str, Any]
) -> None:
    take = making.reserve(FRAMES)
    stopped = making.stop_at(take, **moment)
    done = len(stopped.named("window_done"))
    assert len(Progress.read(take.partial_directory, take.take_id).windows) == done
    assert "worker.json" not in names(take.partial_directory)
    before = {name: (take.partial_directory / name).stat().st_ino for name in names(take.partial_directory)}

    resumed = making.attempt(again(take))
    assert layers_of(take.directory) == layers_of(undisturbed.take.directory)
    assert {event["window"] for event in resumed.named("step_done")} == set(range(done + 1, 3))
    kept = [name for window in resumed.record["windows"][:done] for name in layers_in(window)]
    assert all((take.directory / name).stat().st_ino == before[name] for name in kept)
    assert names(take.directory) == names(undisturbed.take.directory)


def layers_in(window: dict[str, Any]) -> list[str]:
    ((first, last),) = frames_of(window)
    return [f"layers.{frame}.exr" for frame in range(first, last + 1)]


def test_windows_that_nobody_was_told_of_are_told(making: TakeMaking) -> None:
    take = making.reserve(FRAMES)
    making.stop_at(take, event="window_done", window=1)
    resumed = making.stop_at(again(take), event="step_done", window=2)
    assert [frames_of(event) for event in resumed.named("window_done")] == [[(1001, 1013)]]
    told = again(take, finished_frames=Progress.read(take.partial_directory, take.take_id).frames)
    assert [event["window"] for event in making.attempt(told).named("window_done")] == [2]


@pytest.mark.parametrize("damage", ["layers.1004.exr", "latents.001.safetensors", "gone", PROGRESS_NAME])
def test_what_is_damaged_is_made_again(undisturbed: Made, making: TakeMaking, damage: str) -> None:
    take = making.reserve(FRAMES)
    making.stop_at(take, event="step_done", window=2)
    if damage == "gone":
        (take.partial_directory / "layers.1013.exr").unlink()
    else:
        path = take.partial_directory / damage
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(content)
    resumed = making.attempt(again(take))
    assert layers_of(take.directory) == layers_of(undisturbed.take.directory)
    assert resumed.named("step_done")[0]["window"] == 1
    warned = [event["text"] for event in resumed.named("warning")]
    assert len(warned) == (damage != PROGRESS_NAME)
    assert all("1001-1013 are made once more" in text and "damaged" in text for text in warned)
    assert resumed.record["warnings"] == warned


def test_a_plate_that_was_changed_meanwhile_is_noticed(making: TakeMaking, tmp_path: Path) -> None:
    making.plates = tmp_path / "plates"
    making.plates.mkdir()
    write_plate(making.plates, range(1001, 1050))
    take = making.reserve(FRAMES)
    making.stop_at(take, event="step_done", window=2)
    os.utime(making.plates / "plate.1003.exr")  # touched, and no pixel is another
    untouched = making.stop_at(again(take), event="step_done", window=2)
    assert untouched.named("warning") == []
    shutil.copy(making.plates / "plate.1040.exr", making.plates / "plate.1003.exr")
    changed = making.attempt(again(take))
    (warning,) = changed.named("warning")
    assert "1001-1013 are made once more: files of the plate" in warning["text"]
    assert layers_of(take.directory) == layers_of(making.make(FRAMES).take.directory)


def test_a_plate_that_is_gone_fails_the_take_and_loses_nothing(making: TakeMaking, tmp_path: Path) -> None:
    making.plates = tmp_path / "plates"
    making.plates.mkdir()
    write_plate(making.plates, range(1001, 1030))
    take = making.reserve(FRAMES)
    making.stop_at(take, event="window_done", window=1)
    (making.plates / "plate.1020.exr").rename(tmp_path / "elsewhere")
    with pytest.raises(FrameMissing, match="1020"):
        making.attempt(again(take))
    (tmp_path / "elsewhere").rename(making.plates / "plate.1020.exr")
    assert {event["window"] for event in making.attempt(again(take)).named("step_done")} == {2}


def test_a_full_disk_ends_in_a_typed_failure_and_the_take_goes_on_later(undisturbed: Made, making: TakeMaking) -> None:
    take = making.reserve(FRAMES)
    with contextlib.ExitStack() as filled:

        def fill(event: dict[str, Any]) -> None:
            if event["event"] == "frame_written" and event["frame"] == 1020:
                filled.enter_context(largest_file(1000))

        with pytest.raises(DiskFull) as caught:
            making.attempt(take, fill)
    unwritten = Path(str(caught.value.value))  # of several frames that are written at once
    assert unwritten.parent == take.partial_directory
    assert int(unwritten.name.split(".")[1]) > 1020
    assert not unwritten.exists()
    resumed = making.attempt(again(take))
    assert {event["window"] for event in resumed.named("step_done")} == {2}
    assert layers_of(take.directory) == layers_of(undisturbed.take.directory)


def test_a_take_root_that_vanishes_ends_in_a_typed_failure_and_the_take_goes_on_later(
    undisturbed: Made, making: TakeMaking
) -> None:
    take = making.reserve(FRAMES)
    take_root = take.directory.parent.parent

    def vanish(event: dict[str, Any]) -> None:
        if event["event"] == "frame_written" and event["frame"] == 1020:
            take_root.rename(take_root.with_name("elsewhere"))

    with pytest.raises(FolderNotWritable) as caught:
        making.attempt(take, vanish)
    unwritten = Path(str(caught.value.value))  # of several frames that are written at once
    assert unwritten.parent == take.partial_directory
    assert 1020 < int(unwritten.name.split(".")[1]) < 1028
    with pytest.raises(store.TakeFilesMissing):
        making.attempt(again(take))
    take_root.with_name("elsewhere").rename(take_root)
    resumed = making.attempt(again(take))
    assert {event["window"] for event in resumed.named("step_done")} == {2}
    assert layers_of(take.directory) == layers_of(undisturbed.take.directory)


def test_a_worker_that_died_before_the_very_last_step(making: TakeMaking) -> None:
    made = making.make("1001-1003")
    made.take.directory.rename(made.take.partial_directory)
    finished = making.attempt(again(made.take))
    assert finished.events == []
    assert made.take.directory.is_dir()


def test_another_engines_take_is_not_touched(making: TakeMaking) -> None:
    take = making.reserve(FRAMES)
    with Heartbeat(take.partial_directory, take.take_id, "theirs"):
        before = {path.name: path.stat().st_ino for path in take.partial_directory.iterdir()}
        with pytest.raises(TakeHeldElsewhere):
            making.attempt(take)
        assert {path.name: path.stat().st_ino for path in take.partial_directory.iterdir()} == before


def test_plates_and_prompts_are_encoded_once(making: TakeMaking) -> None:
    first = making.make("1001-1005")
    entries = making.cache.size().entries
    assert entries == 3  # the prompt, the empty one, the plate
    second = making.make("1001-1005", settings=AskedSettings(seed=8, num_inference_steps=2))
    assert making.cache.size().entries == entries
    assert layers_of(second.take.directory) != layers_of(first.take.directory)
    for entry in (making.folder / "cache").iterdir():
        entry.write_bytes(entry.read_bytes()[:-1])
    third = making.make("1001-1005")
    assert layers_of(third.take.directory) == layers_of(first.take.directory)
    assert making.cache.size().entries == entries


def test_a_mask_that_says_nothing_is_warned_of_at_the_end(making: TakeMaking, tmp_path: Path) -> None:
    for frame in range(1001, 1028):
        write_exr(tmp_path / f"black.{frame}.exr", np.zeros((34, 50, 1), np.float32), "Y")
    write_exr(tmp_path / "black.1020.exr", np.full((34, 50, 1), 0.5, np.float32), "Y")
    mask = MaskReference(PlateReference(str(tmp_path / "black.####.exr")))
    assert making.make(FRAMES, mask=mask).named("warning") == []  # an object that comes in late
    write_exr(tmp_path / "black.1020.exr", np.zeros((34, 50, 1), np.float32), "Y")
    made = making.make(FRAMES, mask=mask)
    assert ["no room" in event["text"] for event in made.named("warning")] == [True]
    assert made.record["warnings"] == [made.named("warning")[0]["text"]]


def test_a_stopped_take_keeps_what_it_has(undisturbed: Made, making: TakeMaking) -> None:
    take = making.reserve(FRAMES)
    with pytest.raises(NothingToKeep):
        keep_frames(again(take, state=TakeState.CANCELLED), "ours")
    making.stop_at(take, event="frame_written", frame=1020)
    record = keep_frames(again(take, state=TakeState.CANCELLED), "ours")
    assert sorted(map(int, record["frames"])) == list(range(1001, 1014))
    assert record["warnings"] == [f"{FIRST} of {FRAMES} were made: the take was cancelled, and these kept."]
    assert names(take.directory) == [
        "latents.001.safetensors",
        *(f"{kind}.{frame}.exr" for kind in ("layers", "model") for frame in range(1001, 1014)),
        "take.json",
    ]
    assert layers_of(take.directory).items() <= layers_of(undisturbed.take.directory).items()
    assert store.read_record(take.directory) == record
    assert making.repair(Made(take), "1009-1013").record["base_take"]["take_id"] == take.take_id


def test_what_the_model_made_is_kept_where_its_layers_cannot_be_written(
    making: TakeMaking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ImageNotWritten("The image could not be written.")

    take = making.reserve("1001-1002")
    monkeypatch.setattr(delivery, "write_layers", refuse)
    with pytest.raises(ImageNotWritten):
        making.attempt(take)
    assert "model.1001.exr" in names(take.partial_directory)


def test_a_take_that_was_asked_of_another_model_says_so(making: TakeMaking) -> None:
    take = replace(making.reserve("1001-1005"), model="small-2025")
    made = making.attempt(take)
    warned = f"It was asked of the model small-2025, and is made by {making.model.name}, which the engine has now."
    assert made.record["warnings"] == [warned]
    same = making.attempt(replace(making.reserve("1001-1005"), model=making.model.name))
    assert same.record["warnings"] == []
