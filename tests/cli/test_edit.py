"""`vera-edit edit`, `watch`, `cancel` and `resume` against an engine that keeps to a script."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from vera_client.bridge.convert import to_dict
from vera_edit.v1.takes_pb2 import Take
from vera_engine.cli.edit_request import SeedsInvalid, parse_seeds, take_root
from vera_engine.cli.region_text import RegionTextInvalid, parse_region, region_text
from vera_engine.cli.take_result import FIELDS, duration, seam_text
from vera_engine.errors import InvalidArgument
from vera_engine.takes.take import VISIBLE_SEAM


def test_the_last_line_of_json_has_every_field(edit, shot):
    said = edit("--seed", "4", "--label", "wide", "--json")
    assert said.status == 0, said.err
    result = said.json
    assert tuple(result) == FIELDS
    assert result.pop("take_id")
    assert result == {
        "state": "finished",
        "take": str(shot / "takes" / "shell" / "v001"),
        "version": "v001",
        "node": "shell",
        "frames": "1001-1003",
        "finished_frames": "",
        "prompt": "steps",
        "seed": 4,
        "label": "wide",
        "note": "",
        "starred": False,
        "base": None,
        "windows": 1,
        "seam": None,
        "seams": [],
        "color": None,
        "existing": False,
        "warnings": [],
        "seconds": {"total": 1.5, "queued": 0.0, "model": 0.0, "pixels": 0.0},
        "error": None,
    }


def test_the_same_request_again_is_told_and_not_made(edit):
    edit("--seed", "4")
    again = edit("--seed", "4", "--json")
    assert (again.json["version"], again.json["existing"]) == ("v001", True)
    assert "v001 is there already" in again.err
    assert edit("--seed", "4", "--again", "--json").json["version"] == "v002"
    assert edit("--seed", "5", "--json").json["version"] == "v003"


@pytest.mark.parametrize("name", ["folder", "partial", "version", "id"])
def test_a_part_of_a_take_again(edit, say, shot, name):
    """What is not said is the base's: its node and take root too."""
    base = edit("--node", "hero", "--json").json
    names = {
        "folder": base["take"] + "/",
        "partial": base["take"] + ".partial",
        "version": "v001",
        "id": base["take_id"],
    }
    said = say("edit", "--base", names[name], "--frames", "1002", "--strength", "0.5", "--json")
    assert said.status == 0, said.err
    assert said.json["take"] == str(shot / "takes" / "hero" / "v002")
    assert (said.json["base"], said.json["frames"], said.json["prompt"]) == ("v001", "1001-1003", "steps")
    assert said.json["seam"] == 2.25
    assert said.json["seams"][1] == {"between": [1002, 1003], "seam": 2.25, "kind": "repair"}
    assert "frames 1002, the rest from v001" in said.err
    assert "strength 0.5" in said.err
    assert "largest seam 2.25! (above 1.5 it may be seen)" in said.err


def test_variants(edit, shot):
    said = edit("--seeds", "7,1-2")
    assert said.status == 0, said.err
    assert said.out.splitlines() == [str(shot / "takes" / "shell" / f"v00{number}") for number in (1, 2, 3)]
    assert "v002 (2 of 3): frames 1001-1003; seed 1" in said.err
    both = edit("--seeds", "8-9", "--json").json
    assert [take["seed"] for take in both["takes"]] == [8, 9]
    assert (both["state"], both["error"]) == ("finished", None)


def test_what_was_asked_for_before_a_refusal_goes_on_and_is_told(edit, say):
    said = edit("--seeds", "11-14", "--json")
    assert (said.status, said.json["error"]["kind"]) == (2, "QueueFull")
    assert "vera-edit: the engine goes on with v001, v002\n" in said.err
    assert [take["seed"] for take in say("takes", "--json").json["takes"]] == [11, 12]


def test_a_failed_take_says_why(edit):
    said = edit("--prompt", "fail", "--json")
    assert said.status == 1
    assert (said.json["state"], said.json["take"], said.json["version"]) == ("failed", None, "v001")
    assert said.json["error"]["kind"] == "NotFinite"
    assert said.err.endswith("error: The model gave NaN.\n  Another seed.\n")


def test_a_refused_request_has_no_take(edit):
    said = edit("--prompt", "", "--json")
    assert said.status == 2
    assert tuple(said.json) == FIELDS
    assert {name: value for name, value in said.json.items() if value is not None} == {
        "state": "failed",
        "error": {
            "kind": "PromptEmpty",
            "argument": "prompt",
            "value": "'' – nichts",
            "reason": "The prompt is empty.",
            "remedy": "Say what shall be in the shot.",
        },
    }


@pytest.mark.parametrize(
    ("words", "argument"),
    [
        (["--frames", "1003-1001"], "frames"),
        (["--frames", "1001-1100x2"], "frames"),
        (["--seeds", "4-1"], "seeds"),
        (["--mask-means", "keep"], "mask_means"),
        (["--invert-mask"], "invert_mask"),
        (["--invert-holdout"], "invert_holdout"),
        (["--margin", "8"], "margin"),
        (["--region", "10,20,30"], "region"),
        (["--nan", "skip"], "plate.nan"),
        (["--detail", "sharp"], "finish.detail"),
        (["--base", "v007"], "take"),
        (["--base", "/no/such/v001"], "directory"),
        (["--edit", "ad"], "edit_type"),
    ],
)
def test_what_is_wrong_is_named(edit, words, argument):
    said = edit(*words, "--json")
    assert said.status == 2
    assert said.json["error"]["argument"] == argument
    assert f"  {argument}: " in said.err


@pytest.mark.parametrize(
    ("words", "argument"),
    [
        (["--frames", "1001"], "plate"),
        (["/p.####.exr", "--frames", "1001", "--prompt", "a"], "edit"),
        (["/p.####.exr", "--frames", "1001", "--edit", "add"], "prompt"),
        (["--base", "v001", "--frames", "1001", "--colorspace", "srgb"], "colorspace"),
        (["--base", "v001", "--frames", "1001", "--frame-offset", "0"], "frame_offset"),
        (["--base", "v001", "--frames", "1001", "--layer", "beauty"], "layer"),
    ],
)
def test_what_only_a_base_makes_needless(say, engine, words, argument):
    said = say("edit", *words, "--json")
    assert said.status == 2
    assert said.json["error"]["argument"] == argument
    assert engine.processes() == []


def asked(engine) -> dict:
    """The newest request as the engine has it."""
    takes = [Take.FromString(file.read_bytes()) for file in (engine.state_dir / "scripted").glob("*.take")]
    return to_dict(max(takes, key=lambda take: take.created_at).request)


def test_every_word_reaches_the_engine(edit, engine, shot):
    said = edit(
        *("--colorspace", "ARRI LogC4", "--view", "left", "--part", "1", "--layer", "beauty", "--nan", "zero"),
        *("--exposure", "-1.5", "--region", "1003:10,20,30,40", "--region", "1001:0,0,30,40", "--margin", "8"),
        *("--holdout", shot / "keep.mov", "--invert-holdout", "--frame-offset", "5", "--residual", "--write-comp"),
        *("--detail", "smooth", "--matte-black", "0.1", "--matte-white", "0.9", "--refine", "0.5", "--despill", "0.25"),
        *("--highlights", "4"),
    )
    assert said.status == 0, said.err
    request = asked(engine)
    assert request["plate"] == {
        "path": str(shot / "plate" / "plate.####.exr"),
        "frame_offset": 5,
        "color_space": "",  # the shell's word counts after the files' own
        "fallback_color_space": "ARRI LogC4",
        "view": "left",
        "part": "1",
        "layer": "beauty",
        "nan": "zero",
    }
    assert request["exposure"] == -1.5
    first, last = ({"x": x, "y": y, "width": 30, "height": 40} for x, y in ((0, 0), (10, 20)))
    keys = [{"frame": 1001, "box": first}, {"frame": 1003, "box": last}]
    assert request["region"] == {"boxes": {"keys": keys}, "margin": 8}
    holdout = request["holdout"]
    assert (holdout["source"]["path"], holdout["source"]["frame_offset"]) == (str(shot / "keep.mov"), 5)
    assert (holdout["meaning"], holdout["invert"]) == ("", True)
    assert request["finish"] == {
        "black": 0.1,
        "white": 0.9,
        "detail": "smooth",
        "refine": 0.5,
        "despill": 0.25,
        "highlights": 4.0,
    }
    assert (request["write_residual"], request["write_comp"], request["finish_only"]) == (True, True, False)


def test_what_is_not_said_is_left_to_the_engine(edit, engine):
    assert edit().status == 0
    request = asked(engine)
    assert {"exposure", "region", "holdout", "mask"} & request.keys() == set()
    assert request["finish"] == {"detail": ""}


def test_a_take_is_finished_anew(edit, say, engine, shot):
    base = edit("--node", "hero", "--seed", "4", "--json").json
    said = say("finish", base["take"], "--frames", "1002", "--detail", "edit", "--no-holdout", "--json")
    assert said.status == 0, said.err
    assert said.json["take"] == str(shot / "takes" / "hero" / "v002")
    assert (said.json["base"], said.json["frames"]) == ("v001", "1001-1003")
    assert "frames 1002, the rest from v001; finished anew, without the model" in said.err
    request = asked(engine)
    assert (request["finish_only"], request["without_holdout"]) == (True, True)
    assert request["finish"] == {"detail": "edit"}
    assert say("finish", "v001", "--node", "hero", "--again").status == 0
    assert asked(engine)["frames"] == [{"first_frame": 1001, "last_frame": 1003}]


def test_takes_go_beside_the_plates_own_folder(shot):
    folder = shot / "plate"
    for plate in (folder / "plate.####.exr", folder / "plate.1001.exr", folder, f"{folder}/"):
        assert take_root(None, str(plate), None) == shot / "vera_takes"
    with pytest.raises(InvalidArgument):
        take_root(None, "/plate.####.exr", None)


def test_no_engine_is_told_apart_from_a_refusal(edit, engine):
    engine.will(die="no room on the disk")
    said = edit("--json")
    assert said.status == 3
    assert said.json["error"]["kind"] == "EngineUnavailable"
    assert edit("--address", "no address").status == 2


def test_left_to_the_engine_then_cancelled_resumed_and_watched(edit, say, shot):
    queued = edit("--prompt", "hold", "--no-wait")
    assert (queued.status, queued.out) == (0, f"{shot / 'takes' / 'shell' / 'v001.partial'}\n")
    assert edit("--prompt", "hold", "--no-wait", "--json").json["state"] == "queued"

    cancelled = say("cancel", shot / "takes" / "shell" / "v001", "--json")
    assert (cancelled.status, cancelled.json["state"]) == (0, "cancelled")
    again = say("cancel", "v001")
    assert (again.status, again.err) == (0, "vera-edit: v001 had ended before: cancelled\n")
    watched = say("watch", "v001")
    assert watched.status == 130
    assert "error: The take was cancelled." in watched.err

    assert say("resume", "v001", "--no-wait", "--json").json["state"] == "queued"
    followed = say("watch", "v001")
    assert (followed.status, followed.out) == (0, f"{shot / 'takes' / 'shell' / 'v001'}\n")
    assert "cancelled, and resumed" in followed.err
    assert say("resume", "v001").status == 2

    say("cancel", "v002")
    kept = say("resume", "v002", "--keep-frames")
    assert (kept.status, kept.out) == (0, f"{shot / 'takes' / 'shell' / 'v002'}\n")
    assert "v002 is finished with frames 1001-1002" in kept.err


def test_an_engine_that_computes_elsewhere_is_refused(edit, say, engine):
    refused = edit("--device", "cuda", "--json")  # the scripted engine computes on the cpu, whatever is asked for
    assert (refused.status, refused.json["error"]["argument"]) == (3, "device")
    assert "vera-edit stop" in refused.err
    assert say("takes", "--json").json["takes"] == []
    assert edit("--device", "cpu").status == 0
    with pytest.raises(SystemExit):
        edit("--device", "gpu")


def test_the_engines_loss_is_told(edit, engine):
    said = edit("--prompt", "die", "--json")
    assert said.status == 3
    assert "Looking for it, or starting another" in said.err
    assert said.json["state"] == "failed"
    assert said.json["error"]["argument"] == "take_id"


@pytest.mark.parametrize(
    ("texts", "region"),
    [
        ([], None),
        (["mask"], {"from_mask": True, "margin": 4}),
        (["base"], {"from_base": True, "margin": 4}),
        ([" -8, 0,640,480 "], {"box": {"x": -8, "y": 0, "width": 640, "height": 480}, "margin": 4}),
    ],
)
def test_regions(texts, region):
    assert parse_region(texts, 4) == region
    if region and texts[0] in ("mask", "base"):
        assert region_text(region) == f"{texts[0]}, margin 4"


@pytest.mark.parametrize(
    "texts", [[""], ["plate"], ["1,2,3"], ["1,2,3,-4"], ["1,2,3,4", "5,6,7,8"], ["1:1,2,3,4", "1:5,6,7,8"]]
)
def test_what_are_no_regions(texts):
    with pytest.raises(RegionTextInvalid) as refused:
        parse_region(texts, 0)
    assert refused.value.argument == "region"
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("text", "seeds"), [("4", (4,)), ("1-4", (1, 2, 3, 4)), ("9, 1-2", (9, 1, 2)), ("0-99", tuple(range(100)))]
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "-1", "1-", "4-1", "1,,2", "1-3,2", "0-100", "0-99,100", "1-99999999999"])
def test_what_are_no_seeds(text):
    with pytest.raises(SeedsInvalid) as refused:
        parse_seeds(text)
    assert (refused.value.argument, refused.value.value) == ("seeds", text)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.6, "1 min 00 s"), (192, "3 min 12 s"), (3599.6, "1 h 00 min"), (7512, "2 h 05 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_a_seam_that_may_be_seen_is_marked():
    assert [seam_text(value) for value in (None, 0.8, 1.5, 1.51)] == ["-", "0.80", "1.50", "1.51!"]
    # Said once more for hosts, which must not import the engine
    hosts = Path(__file__).parents[2] / "plugins" / "client" / "vera_client" / "host"
    in_hosts = (hosts / "take_record.py").read_text("utf-8")
    assert re.findall(r"^VISIBLE_SEAM = (.+)$", in_hosts, re.MULTILINE) == [str(VISIBLE_SEAM)]


def test_json_keeps_letters_as_they_are(edit):
    said = edit("--label", "Äpfel – zu tief", "--json")
    assert "Äpfel – zu tief" in said.out
    assert json.loads(said.out)["label"] == "Äpfel – zu tief"
