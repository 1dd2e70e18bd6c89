"""The whole way: a tiny model measured on held-out clips, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.tiny_model import make_tiny_model
from vera_engine.cli.main import main
from vera_engine.evaluation.report import Row, markdown, summary


def test_means_leave_out_what_could_not_be_measured() -> None:
    rows = [
        Row("add", "add a ball", {"matte_iou": 0.5, "hint_iou": 0.25, "psnr_layers_over_plate": float("nan")}, 1.0),
        Row("add", "add a box", {"matte_iou": 1.0, "hint_iou": 0.5, "psnr_layers_over_plate": 40.0}, 3.0),
        Row("background", "a sky", {"band_sad": 30.0, "hint_band_sad": 60.0}, 2.0),
    ]
    means = summary(rows)
    assert means["add"]["clips"] == 2
    assert means["add"]["iou_gain"] == pytest.approx(0.375)
    assert means["add"]["psnr_layers_over_plate"] == 40.0
    assert means["add"]["seconds"] == 2.0
    assert means["background"]["band_sad_ratio"] == 0.5
    table = markdown(means, "tiny")
    assert "| matte IoU | 0.75 |  |" in table
    assert "| SAD in a band around the outline (pixels) |  | 30.0 |" in table


def test_the_command_measures_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = tmp_path / "model", tmp_path / "report"
    make_tiny_model(model, num_inference_steps=1)
    assert main(["evaluate", str(model), "--add", "2", "--background", "1", "--frames", "5", "--out", str(out)]) == 0
    report = json.loads((out / "report.json").read_text())
    assert [clip["edit_type"] for clip in report["clips"]] == ["add", "add", "background"]
    assert report["settings"]["size"] == [48, 32]
    # Doing nothing is perfect outside the edit, whatever a model makes.
    assert report["means"]["add"]["psnr_doing_nothing"] == 60.0
    assert 0 <= report["means"]["add"]["matte_iou"] <= 1
    assert (out / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert "object addition (2 clips)" in capsys.readouterr().out


def test_without_a_mask_nothing_is_said_of_hints(tmp_path: Path) -> None:
    model, out = tmp_path / "model", tmp_path / "report"
    make_tiny_model(model, num_inference_steps=1)
    arguments = ["--add", "1", "--background", "0", "--frames", "1", "--without-mask", "--out", str(out)]
    assert main(["evaluate", str(model), *arguments]) == 0
    means = json.loads((out / "report.json").read_text())["means"]
    assert "hint_iou" not in means["add"]
    assert np.isfinite(means["add"]["matte_iou"])


def test_more_frames_than_the_window_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_tiny_model(tmp_path / "model")
    assert main(["evaluate", str(tmp_path / "model"), "--frames", "21", "--out", str(tmp_path / "out")]) == 2
    assert "1 to 17 frames" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
