"""`vera-edit edit` as a shell sees it."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.exr_files import write_exr

SECONDS = 240.0
SAY = [sys.executable, "-m", "vera_engine.cli.main"]


@pytest.fixture
def words(shot: Path, tiny_model: Path, state_dir: Path) -> list[str]:
    """The command line of a take, for options to be added to."""
    words = [*SAY, "edit", str(shot / "plate" / "plate.####.exr")]
    words += ["--frames", "1001-1005", "--edit", "add", "--prompt", "add a red ball", "--seed", "3"]
    words += ["--colorspace", "lin_rec709", "--mask", str(shot / "mask" / "mask.%04d.exr")]
    return [*words, "--model", str(tiny_model), "--device", "cpu", "--threads", "1", "--state-dir", str(state_dir)]


@pytest.fixture
def long_shot(shot: Path) -> Path:
    """The shot with 24 frames: two windows of the tiny model."""
    random = np.random.default_rng(11)
    mask = np.zeros((64, 96, 1), np.float32)
    mask[16:48, 24:72] = 1
    for frame in range(1006, 1025):
        write_exr(shot / "plate" / f"plate.{frame}.exr", random.random((64, 96, 3), np.float32) * 2, "RGB")
        write_exr(shot / "mask" / f"mask.{frame}.exr", mask, "Y")
    return shot


@pytest.fixture
def say(state_dir: Path) -> Callable[..., dict[str, Any]]:
    """Says a command line to the engine that runs; the object of --json."""

    def say_it(*words: object, status: int = 0) -> dict[str, Any]:
        command = [*SAY, *map(str, words), "--state-dir", str(state_dir)]
        ended = run([*command, "--json"])
        assert ended.returncode == status, ended.stderr
        result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        return result

    return say_it


def layers(directory: str) -> dict[str, str]:
    """Name -> SHA-256 of a version's layers."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in Path(directory).glob("layers.*.exr")}


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_a_take_and_its_last_line(words: list[str], shot: Path) -> None:
    ended = run([*words, "--write-comp", "--json"])
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout.splitlines()[-1])
    directory = shot / "vera_takes" / "shell" / "v001"
    assert {name: result[name] for name in ("state", "take", "version", "frames")} == {
        "state": "finished",
        "take": str(directory),
        "version": "v001",
        "frames": "1001-1005",
    }
    assert {name: result[name] for name in ("base", "windows", "seam", "existing", "error")} == {
        "base": None,
        "windows": 1,
        "seam": None,
        "existing": False,
        "error": None,
    }
    assert sorted(result["seconds"]) == ["model", "pixels", "queued", "total"]
    assert result["seconds"]["total"] > 0
    for frame in range(1001, 1006):
        assert (directory / f"layers.{frame}.exr").is_file()
        assert (directory / f"comp.{frame}.exr").is_file()

    without_json = run([*words, "--node", "other", "--take-root", str(shot / "root")])
    assert without_json.stdout == f"{shot / 'root' / 'other' / 'v001'}\n"
    assert "finished" in without_json.stderr


def test_a_take_finished_anew_and_proved(words: list[str], say: Callable[..., dict[str, Any]], shot: Path) -> None:
    """Its base stays as it is; both are exact, and the mask's box is held out of one frame of the new one."""
    ended = run([*words, "--matte-black", "0", "--matte-white", "1", "--json"])
    assert ended.returncode == 0, ended.stderr
    base = json.loads(ended.stdout.splitlines()[-1])
    space = "Linear Rec.709 (sRGB)"
    assert {**base["color"], "config": ""} == {"plate": space, "found_by": "option", "layers": space, "config": ""}
    before = layers(base["take"])
    made = say("finish", base["take"], "--frames", "1002", "--holdout", shot / "mask" / "mask.%04d.exr", "--residual")
    assert (made["state"], made["base"], made["windows"]) == ("finished", "v001", 1)
    assert layers(base["take"]) == before
    after = layers(made["take"])
    assert [name for name, digest in after.items() if before[name] != digest] == ["layers.1002.exr"]
    assert (Path(made["take"]) / "residual.1002.exr").is_file()

    proved = {take: run([*SAY, "check", take, "--json"]) for take in (base["take"], made["take"])}
    assert [ended.returncode for ended in proved.values()] == [0, 0]
    frames = [json.loads(ended.stdout.splitlines()[-1])["frames"][1] for ended in proved.values()]
    assert frames[0]["matte_coverage"] > frames[1]["matte_coverage"] > 0


@pytest.mark.parametrize(
    ("wrong", "kind", "argument"),
    [
        (["--frames", "1005-1001"], "FrameRangeInvalid", "frames"),
        (["--frames", "all"], "FrameRangeInvalid", "frames"),
        (["--frames", "1001-1005x2"], "FrameRangeInvalid", "frames"),
        (["--frames", "1001-1003", "--handles", "3"], "FrameMissing", "plate.path"),
        (["--handles", "-1"], None, "handles"),
        (["--strength", "0.5"], None, "strength"),
        (["--prompt", "a " * 50_000], None, "prompt"),
        (["--label", "two\nlines"], None, "label"),
        (["--frames", "1001-1009"], "FrameMissing", "plate.path"),
        (["--edit", "ad"], "InvalidRequest", "edit_type"),
        (["--mask-means", "both"], "InvalidRequest", "mask.meaning"),
        (["--colorspace", "acescq"], "ColorSpaceUnknown", "plate.fallback_color_space"),
        (["--region", "900,0,10,10"], "RegionEmpty", "region"),
        (["--holdout", "no.####.exr"], "PlateNotFound", "holdout.source.path"),
        (["--highlights", "0.5"], "FinishInvalid", "finish.highlights"),
        (["--steps", "0"], None, "settings.num_inference_steps"),
        (["--seed", "-1"], None, "settings.seed"),
        (["--mask", "", "--mask-means", "keep"], "InvalidArgument", "mask_means"),
        (["--model", "/no/such/model"], "EngineMismatch", "model"),
    ],
)
def test_what_is_refused_is_said(
    words: list[str], shot: Path, wrong: list[str], kind: str | None, argument: str
) -> None:
    ended = run([*words, *wrong, "--json"])
    result = json.loads(ended.stdout.splitlines()[-1])
    assert ended.returncode == (3 if kind == "EngineMismatch" else 2)
    assert result["state"] == "failed"
    assert result["take"] is None
    assert result["error"]["argument"] == argument
    assert kind in (None, result["error"]["kind"])
    assert ended.stderr.splitlines()[-3:][0].startswith("error: ")
    assert f"  {argument}: " in ended.stderr
    assert not (shot / "vera_takes").exists()


def stop_after(words: list[str], said: str) -> dict[str, Any]:
    """Ctrl-C as soon as stderr says something; the last line of --json."""
    with subprocess.Popen(
        [*words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores Ctrl-C, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        heard = ""
        while said not in heard:
            line = process.stderr.readline()
            assert line, heard
            heard += line
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    result: dict[str, Any] = json.loads(stdout.splitlines()[-1])
    return result


def test_ctrl_c_cancels_the_take(words: list[str], shot: Path) -> None:
    result = stop_after([*words, "--steps", "1000"], "running")
    assert (result["state"], result["take"], result["version"]) == ("cancelled", None, "v001")
    assert not (shot / "vera_takes" / "shell" / "v001").exists()


def test_a_long_take_is_stopped_resumed_and_kept(
    words: list[str], long_shot: Path, say: Callable[..., dict[str, Any]]
) -> None:
    """A resumed take's layers are those of one that was never stopped; what was finished can be kept instead."""
    long = [*words, "--frames", "1001-1024", "--steps", "150"]
    stopped = stop_after(long, "window 1 of 2 is on disk")
    assert (stopped["state"], stopped["windows"]) == ("cancelled", 2)
    first, last = stopped["finished_frames"].split("-")
    assert (first, 1001 < int(last) < 1024) == ("1001", True)
    resumed = say("resume", "v001", "--node", "shell", "--take-root", long_shot / "vera_takes")
    assert (resumed["state"], resumed["frames"]) == ("finished", "1001-1024")
    assert resumed["seam"] == max(seam["seam"] for seam in resumed["seams"])

    again = stop_after([*long, "--again"], "window 1 of 2 is on disk")
    partial = long_shot / "vera_takes" / "shell" / "v002.partial"
    kept = say("resume", partial, "--keep-frames")
    assert (kept["state"], kept["frames"]) == ("finished", again["finished_frames"])
    undisturbed = json.loads(run([*long, "--again", "--json"]).stdout.splitlines()[-1])
    assert layers(undisturbed["take"]) == layers(resumed["take"])
    assert layers(kept["take"]).items() <= layers(resumed["take"]).items()


def test_a_part_of_a_take_again(words: list[str], long_shot: Path, say: Callable[..., dict[str, Any]]) -> None:
    base = json.loads(run([*words, "--frames", "1001-1024", "--json"]).stdout.splitlines()[-1])
    repair = ["edit", "--base", base["take"], "--frames", "1010-1012", "--seed", "9", "--label", "higher"]
    repaired = say(*repair)
    assert (repaired["base"], repaired["version"], repaired["frames"]) == ("v001", "v002", "1001-1024")
    assert (repaired["prompt"], repaired["seed"], repaired["label"]) == ("add a red ball", 9, "higher")
    assert [seam["between"] for seam in repaired["seams"] if seam["kind"] == "repair"] == [[1009, 1010], [1012, 1013]]
    old, new = layers(base["take"]), layers(repaired["take"])
    assert {name for name in old if old[name] != new[name]} == {f"layers.{frame}.exr" for frame in (1010, 1011, 1012)}
    assert say(*repair)["existing"] is True
    assert say("edit", "--base", base["take"], "--frames", "1011", "--strength", "0.3")["seed"] == 3

    shown = say("takes", "show", repaired["take"])
    assert shown["record"]["take_id"] == repaired["take_id"]
    compared = say("takes", "compare", base["take"], repaired["take"])
    assert compared["differences"]["seed"] == [3, 9]
    assert {frame for frame, (a, b) in compared["coverage"].items() if a != b} <= {"1010", "1011", "1012"}
    say("takes", "star", base["take"])
    listed = say("takes", long_shot / "vera_takes")["takes"]
    assert [(take["version"], take["base"], take["starred"]) for take in listed] == [
        ("v001", None, True),
        ("v002", "v001", False),
        ("v003", "v001", False),
    ]


@pytest.mark.parametrize(
    ("wrong", "argument"),
    [
        (["--frames", "1020-1030"], "frames"),
        (["--frames", "1003", "--strength", "0"], "strength"),
        (["--frames", "1003", "--strength", "1.5"], "strength"),
    ],
)
def test_what_a_base_does_not_allow(
    words: list[str], say: Callable[..., dict[str, Any]], wrong: list[str], argument: str
) -> None:
    base = json.loads(run([*words, "--json"]).stdout.splitlines()[-1])
    assert say("edit", "--base", base["take"], *wrong, status=2)["error"]["argument"] == argument


def test_cache_and_memory_are_told_and_freed(words: list[str], say: Callable[..., dict[str, Any]]) -> None:
    run(words)
    cache = say("cache")
    assert {kind["name"] for kind in cache["kinds"]} >= {"text", "plate", "mask"}
    assert sum(kind["size_bytes"] for kind in cache["kinds"]) > 0
    cleared = say("cache", "--clear")
    assert cleared["freed_bytes"] > 0
    assert [kind["entry_count"] for kind in cleared["kinds"]] == [0] * len(cleared["kinds"])
    assert say("unload")["unloaded"] is True
    assert say("unload")["unloaded"] is False


def test_an_engine_that_cannot_start_is_a_failure(words: list[str], tmp_path: Path) -> None:
    ended = run([*words, "--state-dir", str(tmp_path / "new"), "--model", "/no/such/model", "--json"])
    assert ended.returncode == 3
    error = json.loads(ended.stdout.splitlines()[-1])["error"]
    assert error["kind"] == "EngineUnavailable"
    assert "There is no such model folder" in error["reason"]


def test_a_plate_at_the_root_needs_a_take_root(words: list[str]) -> None:
    ended = run([*words[:4], "/plate.####.exr", *words[5:]])
    assert ended.returncode == 2
    assert "--take-root" in ended.stderr


def test_help_says_where_takes_go() -> None:
    ended = run([sys.executable, "-m", "vera_engine.cli.main", "edit", "--help"])
    assert ended.returncode == 0
    assert "/shots/010/vera_takes" in ended.stdout
    assert "plate.%04d.exr" in ended.stdout
