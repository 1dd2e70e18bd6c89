"""`vera-edit info`."""

from __future__ import annotations

import json
import os


def test_it_says_what_the_model_knows(vera_edit, model):
    done = vera_edit("info", "--model", model)
    assert done.returncode == 0, done.stderr
    lines = {line[:12].strip(): line[12:] for line in done.stdout.splitlines()}
    assert lines["works at"] == "192x128, 128x192; 17 frames in one window"
    assert lines["words"] == "a ball red"
    assert lines["by itself"] == "12 steps, guidance 2.5"
    assert lines["background"] == "needs a mask of the subject"
    assert lines["engine"].startswith("not running")


def test_color_spaces_are_those_of_the_configuration(vera_edit, model, tmp_path):
    names = vera_edit("info", "--model", model, "--color-spaces", OCIO="").stdout.splitlines()
    assert {"lin_rec709", "acescg", "srgb", "ACEScg", "ARRI LogC4", "S-Log3 S-Gamut3.Cine"} <= set(names)
    lost = vera_edit("info", "--model", model, OCIO=str(tmp_path / "lost.ocio"))
    assert lost.returncode == 0
    assert "color       none: " in lost.stdout


def test_json_holds_the_same_and_tells_no_token(vera_edit, model, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    said = {
        "address": f"unix:{state}/gone.sock",
        "token": "hush",
        "process_id": os.getpid(),
        "engine_version": "0.1.0",
        "interface_version": 1,
    }
    (state / "engine.json").write_text(json.dumps(said))
    done = vera_edit("info", "--model", model, "--json")
    assert "hush" not in done.stdout
    facts = json.loads(done.stdout)
    assert facts["model"]["working_sizes"] == [[192, 128], [128, 192]]
    assert facts["model"]["vocabulary"] == ["red", "ball", "a"]
    assert facts["device"]["torch"].startswith("2.")
    assert facts["device"]["device"].split()[0] in {"cpu", "cuda", "mps"}
    assert facts["state_dir"] == str(state)
    assert facts["engine"]["process_id"] == os.getpid()
    assert facts["engine"]["answers"] is False


def test_no_such_model_is_a_typed_error(vera_edit, tmp_path):
    done = vera_edit("info", "--model", tmp_path / "none")
    assert done.returncode in {1, 2}
    assert done.stderr.startswith("error: There is no such model folder.")
    assert str(tmp_path / "none") in done.stderr
    assert "Traceback" not in done.stderr
