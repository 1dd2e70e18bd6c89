"""`vera-edit edit` as a shell sees it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 240.0


@pytest.fixture
def words(shot: Path, tiny_model: Path, state_dir: Path) -> list[str]:
    """The command line of a take, for options to be added to."""
    words = [sys.executable, "-m", "vera_engine.cli.main", "edit", str(shot / "plate" / "plate.####.exr")]
    words += ["--frames", "1001-1005", "--edit", "add", "--prompt", "add a red ball", "--seed", "3"]
    words += ["--colorspace", "lin_rec709", "--mask", str(shot / "mask" / "mask.%04d.exr")]
    return [*words, "--model", str(tiny_model), "--device", "cpu", "--threads", "1", "--state-dir", str(state_dir)]


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
    assert sorted(result) == ["frames", "seconds", "state", "take", "version"]
    assert sorted(result["seconds"]) == ["model", "pixels", "queued", "total"]
    assert result["seconds"]["total"] > 0
    for frame in range(1001, 1006):
        assert (directory / f"layers.{frame}.exr").is_file()
        assert (directory / f"comp.{frame}.exr").is_file()

    without_json = run([*words, "--node", "other", "--take-root", str(shot / "root")])
    assert without_json.stdout == f"{shot / 'root' / 'other' / 'v001'}\n"
    assert "finished" in without_json.stderr


@pytest.mark.parametrize(
    ("wrong", "kind", "argument"),
    [
        (["--frames", "1005-1001"], "FrameRangeInvalid", "frames"),
        (["--frames", "all"], "FrameRangeInvalid", "frames"),
        (["--frames", "1001-1009"], "FrameMissing", "plate.path"),
        (["--edit", "ad"], "InvalidRequest", "edit_type"),
        (["--mask-means", "both"], "InvalidRequest", "mask.meaning"),
        (["--colorspace", "rec2020"], "InvalidRequest", "plate.color_space"),
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
    assert ended.returncode == (1 if kind == "EngineMismatch" else 2)
    assert result["state"] == "failed"
    assert result["take"] is None
    assert result["error"]["argument"] == argument
    assert kind in (None, result["error"]["kind"])
    assert ended.stderr.splitlines()[-3:][0].startswith("error: ")
    assert f"  {argument}: " in ended.stderr
    assert not (shot / "vera_takes").exists()


def test_ctrl_c_cancels_the_take(words: list[str], shot: Path) -> None:
    with subprocess.Popen(
        [*words, "--steps", "1000", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores Ctrl-C, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        said = ""
        while "running" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    result = json.loads(stdout.splitlines()[-1])
    assert (result["state"], result["take"], result["version"]) == ("cancelled", None, "v001")
    assert not (shot / "vera_takes" / "shell" / "v001").exists()


def test_an_engine_that_cannot_start_is_a_failure(words: list[str], tmp_path: Path) -> None:
    ended = run([*words, "--state-dir", str(tmp_path / "new"), "--model", "/no/such/model", "--json"])
    assert ended.returncode == 1
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
