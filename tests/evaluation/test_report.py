"""The whole way through the command line: measured, reported, drawn, gone on with."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from tests.tiny_model import make_tiny_model
from tests.training.datasets.conftest import truth, write_mp4
from vera_engine.cli.main import main
from vera_engine.evaluation.records import Record
from vera_engine.evaluation.report import Report, markdown, means
from vera_engine.pipeline.fit import Measures
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.takes.memory_check import MemoryCheck
from vera_engine.training.datasets.sample import Skipped


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    make_tiny_model(folder, num_inference_steps=1)
    return folder


def record(name: str, edit_type: str, psnr: float, **edit: float) -> Record:
    methods = {
        method: {"psnr": value, "ssim": 0.9, "lpips": math.nan, "flickering": 0.98}
        for method, value in (("layers", psnr), ("composite_branch", 20.0), ("codec", 30.0), ("nothing", 60.0))
    }
    return Record(name, edit_type, f"add <{name}>", 5, (48, 32), 1.0, None, methods, edit)


def test_tables_by_hand():
    records = [
        record("a", "add", 50.0, matte_iou=0.5, hint_iou=0.25, color_right=1.0, motion_right=math.nan),
        record("b", "add", math.nan, matte_iou=1.0, hint_iou=0.5, color_right=0.0, motion_right=1.0),
        record("c", "background", 40.0, band_sad=30.0, hint_band_sad=60.0),
    ]
    report = Report("tiny", {"with_mask": True}, records, [Skipped("d", "cut off")], "no backbone")
    found = means(report)
    assert found["add"]["clips"] == 2
    assert found["add"]["methods"]["layers"] == {"psnr": 50.0, "ssim": 0.9, "lpips": None, "flickering": 0.98}
    assert found["add"]["edit"]["motion_right"] == {"mean": 1.0, "clips": 1}
    assert found["background"]["edit"]["band_sad_ratio"]["mean"] == 0.5
    text = markdown(report)
    assert "| layers over the plate | 50.0 | 0.900 |  | 0.980 | 40.0 | 0.900 |  | 0.980 |" in text
    assert "| *Vera-1.3B, in the paper* | 25.3 | 0.949 | 0.078 |  | 35.2 | 0.993 | 0.010 |  |" in text
    assert "| matte IoU | 0.75 |  |" in text
    assert "| moves as named (share) | 1.00 (of 1) |  |" in text
    assert "30.0 dB (object addition), 20.0 dB (background change). That says" in text
    assert "not the paper's margin" in text
    assert "LPIPS was not measured: no backbone." in text
    assert "- `d`: cut off" in text


def test_records_come_back_as_they_were():
    before = record("a", "add", math.nan, matte_iou=0.1 + 0.2, area_ratio=math.nan)
    after = Record.from_dict(json.loads(json.dumps(before.as_dict())))
    assert after.edit["matte_iou"] == before.edit["matte_iou"]
    assert math.isnan(after.edit["area_ratio"])
    assert after.size == before.size


def test_the_command_measures_reports_draws_and_goes_on(model, tmp_path, capsys):
    out = tmp_path / "report"
    command = [
        "evaluate",
        str(model),
        "synthetic",
        "--add",
        "2",
        "--background",
        "1",
        "--frames",
        "5",
        "--out",
        str(out),
    ]
    assert main([*command, "--limit", "1"]) == 0
    first = sorted((out / "clips").iterdir())
    assert [file.name.split("-")[0] for file in first] == ["add", "background"]
    written = {file: file.stat().st_mtime_ns for file in first}
    assert main(command) == 0
    assert len(list((out / "clips").iterdir())) == 3
    assert all(file.stat().st_mtime_ns == moment for file, moment in written.items()), "made once"

    report = json.loads((out / "report.json").read_text())
    assert [clip["edit_type"] for clip in report["clips"]] == ["add", "add", "background"]
    # Doing nothing is perfect outside the edit, whatever a model makes.
    assert report["means"]["add"]["methods"]["nothing"]["psnr"] == 60.0
    assert 0 <= report["means"]["add"]["edit"]["matte_iou"]["mean"] <= 1
    assert all(clip["layers_error"] < 1e-6 for clip in report["clips"])
    assert "object addition (2)" in capsys.readouterr().out

    page = (out / "index.html").read_text()
    pictures = re.findall(r'src="([^"]+)"', page)
    assert len(pictures) == 3 * 8
    assert all((out / each).read_bytes().startswith(b"\x89PNG") for each in pictures)
    assert "http" not in page, "it needs no network"
    assert (out / "report.md").read_text().startswith("# tiny on synthetic")

    assert main([*command, "--without-mask"]) == 2
    said = capsys.readouterr().err
    assert "another evaluation" in said
    assert "with_mask: True, now False" in said
    assert json.loads((out / "report.json").read_text()) == report


def test_without_a_mask_nothing_is_said_of_where_an_object_is(model, tmp_path):
    out = tmp_path / "report"
    command = ["evaluate", str(model), "synthetic", "--add", "1", "--background", "0", "--frames", "5"]
    assert main([*command, "--without-mask", "--out", str(out)]) == 0
    found = json.loads((out / "report.json").read_text())["means"]["add"]
    assert not {"matte_iou", "hint_iou", "sad"} & found["edit"].keys()
    assert found["methods"]["layers"]["psnr"] is None
    assert found["edit"]["object_there"]["clips"] == 1
    assert "No text says where exactly" in (out / "report.md").read_text()


def test_a_model_that_would_not_fit_is_loaded_with_the_measures_that_takes_have(model, tmp_path, monkeypatch):
    taken = Measures(guidance_apart=True)
    monkeypatch.setattr(MemoryCheck, "_choose", lambda self, job: taken)
    loaded = []

    def load(*given, measures: Measures):
        loaded.append(measures)
        return load_pipeline(*given, measures=measures)

    monkeypatch.setattr("vera_engine.pipeline.loading.load_pipeline", load)
    out = tmp_path / "report"
    command = ["evaluate", str(model), "synthetic", "--add", "1", "--background", "0", "--frames", "1"]
    assert main([*command, "--device", "cpu", "--out", str(out)]) == 0
    assert loaded == [taken]
    assert '"device": "cpu float32, guidance passes apart"' in (out / "report.json").read_text()


def test_netflixs_test_lines_are_measured_and_damaged_ones_named(model, tmp_path):
    clip = truth(9)
    for name, layer in (("in", clip.source), ("mask", (clip.alpha > 0.5).astype(float)), ("alpha", clip.alpha)):
        write_mp4(tmp_path / f"{name}.mp4", layer)
    line = {"video_id": "v", "prompt": "a desert", "edit_type": "background_replace", "input_path": "in.mp4"}
    line |= {"mask_path": "mask.mp4", "alpha_path": "alpha.mp4"}
    lines = [line, {**line, "edit_type": "obj_add", "alpha_path": None}]
    bad = [{**line, "input_path": "gone.mp4"}, {**line, "prompt": "a desert " * 40}]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, [*lines, *bad])))
    (tmp_path / "bad.jsonl").write_text("\n".join(map(json.dumps, bad)))
    out = tmp_path / "report"
    assert main(["evaluate", str(model), str(tmp_path / "test.jsonl"), "--frames", "5", "--out", str(out)]) == 0
    report = json.loads((out / "report.json").read_text())
    assert [(each["name"], each["frames"]) for each in report["clips"]] == [("test-00001", 5), ("test-00002", 5)]
    assert [each["name"] for each in report["skipped"]] == ["test-00003", "test-00004"]
    assert "the model reads" in report["skipped"][1]["reason"]
    background, addition = report["clips"]
    assert background["edit"]["matte_iou"] is not None
    assert addition["edit"] == {}
    # What has to stay of an addition is at least the subject that its mask isolates.
    assert addition["methods"]["nothing"]["psnr"] == 60.0
    nothing = ["evaluate", str(model), str(tmp_path / "bad.jsonl"), "--out", str(tmp_path / "nothing")]
    assert main(nothing) != 0
    assert len(json.loads((tmp_path / "nothing/report.json").read_text())["skipped"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["synthetic", "--frames", "21"], "1 to 17 frames"),
        (["benchmark", "--add", "3"], "Say synthetic"),
        (["benchmark", "--tolerance", "0.1"], "nothing to tolerate"),
        (["synthetic", "--guidance", "-1"], "guidance"),
        (["nowhere"], "no such data set"),
        (["synthetic", "--add", "0", "--background", "0"], "have to be clips"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_made(model, tmp_path, capsys, arguments, message):
    assert main(["evaluate", str(model), *arguments, "--out", str(tmp_path / "out")]) != 0
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
