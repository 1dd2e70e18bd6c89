"""`vera-edit takes`, `cache` and `unload` against an engine that keeps to a script."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from vera_engine.cli.cache import size_text


@pytest.fixture
def two_takes(edit, say, shot):
    """v001, and v002 that is based on it; the latter starred, with a note."""
    edit("--seed", "4", "--label", "wide")
    say("edit", "--base", "v001", "--frames", "1002", "--seed", "5")
    say("takes", "star", "v002")
    say("takes", "note", "v002", "zu tief\nsonst gut")
    return shot / "takes"


def test_a_table_of_takes(two_takes, say):
    table = [
        str(two_takes),
        "NODE   TAKE     STATE     FRAMES     SEED   SEAM  BASE  LABEL  NOTE",
        "shell  v001     finished  1001-1003     4  -      -     wide   -",
        "shell  v002  *  finished  1001-1003     5  2.25!  v001  -      zu tief / sonst gut",
    ]
    for words in ([], [two_takes], ["list", two_takes], ["--node", "shell"]):
        said = say("takes", *words)
        assert (said.status, said.out.splitlines()) == (0, table)
    assert say("takes", two_takes.parent).out == "There are no takes.\n"
    assert say("takes", "--node", "other", "--json").json == {"takes": [], "error": None}


def test_several_roots_are_several_tables(edit, say, tmp_path):
    edit("--take-root", tmp_path / "b")
    edit("--take-root", tmp_path / "a", "--node", "two")
    edit("--take-root", tmp_path / "a", "--node", "one")
    lines = say("takes").out.splitlines()
    assert lines[0] == str(tmp_path / "a")
    assert [line.split()[0] for line in lines[2:4]] == ["one", "two"]
    assert lines[4:6] == ["", str(tmp_path / "b")]


def test_the_list_as_json(two_takes, say):
    takes = say("takes", two_takes, "--json").json["takes"]
    assert [(take["version"], take["base"], take["starred"], take["seam"]) for take in takes] == [
        ("v001", None, False, None),
        ("v002", "v001", True, 2.25),
    ]
    assert takes[1]["note"] == "zu tief\nsonst gut"


def test_all_that_is_known_of_a_take(two_takes, say):
    record = {"model": {"name": "small", "weights_sha256": {}}, "working_size": [192, 128], "plate_size": [960, 540]}
    coverage = {"1001": {"matte_coverage": 0.125}, "1002": {"matte_coverage": 0.0}, "1003": {"matte_coverage": 0.25}}
    put_record(two_takes / "shell" / "v002", **record, frames=coverage, device="cpu float32", engine_version="0.1.0")
    said = say("takes", "show", two_takes / "shell" / "v002")
    lines = {line[:10].strip(): line[10:] for line in said.out.splitlines()}
    assert lines["take"] == "v002 of shell, starred"
    assert lines["note"] == "zu tief"
    assert lines[""] == "sonst gut"
    assert lines["edit"] == "add: steps"
    assert lines["settings"] == "seed 5, 3 steps"
    assert lines["base"] == "v001; made again: 1002"
    assert lines["seams"] == "1001/1002 1.25 (window), 1002/1003 2.25! (repair)"
    assert lines["model"] == "small at 192x128, plate 960x540, engine 0.1.0"
    assert lines["matte"] == "covers 0.0% to 25.0% of the picture; empty in 1 of 3 frames"
    assert "label" not in lines
    assert say("takes", "show", "v002", "--json").json["record"]["frames"] == coverage


def test_how_a_take_sees_its_plate_and_is_finished(edit, say, shot):
    plain = edit("--seed", "4", "--json").json
    words = ["--colorspace", "LogC4", "--layer", "beauty", "--nan", "zero", "--exposure", "-1.5", "--detail", "edit"]
    words += ["--region", "1,2,30,40", "--margin", "8", "--holdout", shot / "keep.mov", "--despill", "0.5"]
    fine = edit(*words, "--seed", "5", "--json")
    assert "vera-edit: plate in LogC4 (said by --colorspace), layers in linear LogC4\n" in fine.err
    color = {"plate": "LogC4", "found_by": "option", "layers": "linear LogC4", "config": "studio"}
    assert (plain["color"], fine.json["color"]) == (None, color)
    shown = " ".join(say("takes", "show", "v002").out.split())
    for fact in (
        "plate.####.exr, layer beauty, what is not finite read as 0 color",
        "color LogC4 (said by --colorspace), layers in linear LogC4 hold-out",
        f"hold-out {shot / 'keep.mov'} region 1,2,30,40, margin 8 finish detail edit, despill 0.5 settings",
        "settings seed 5, 3 steps, exposure -1.5",
    ):
        assert fact in shown
    differences = say("takes", "compare", "v001", "v002", "--json").json["differences"]
    assert differences["region"] == [None, "1,2,30,40, margin 8"]
    assert differences["finish"] == [None, "detail edit, despill 0.5"]
    assert differences["exposure"] == [None, -1.5]
    say("finish", "v002")
    assert "base      v002; finished anew: 1001-1003\n" in say("takes", "show", "v003").out


def test_a_failed_take_shows_its_error(edit, say):
    edit("--prompt", "fail")
    said = say("takes", "show", "v001")
    assert "state     failed: The model gave NaN. Another seed." in said.out
    assert "v001.partial" in said.out


def test_what_two_takes_differ_in(two_takes, say):
    """Frame 1003 is the base's own."""
    files = {str(frame): {"file": f"{frame}.exr", "sha256": f"{frame}"} for frame in (1001, 1002, 1003)}
    put_record(two_takes / "shell" / "v001", plate=files, frames=coverage_of({1001: 0.1, 1002: 0.2, 1003: 0.3}))
    files["1002"] = {"file": "1002.exr", "sha256": "other"}
    put_record(two_takes / "shell" / "v002", plate=files, frames=coverage_of({1001: 0.1, 1002: 0.25, 1003: 0.3}))
    said = say("takes", "compare", "v001", two_takes / "shell" / "v002")
    assert said.status == 0
    assert said.out.splitlines() == [
        "             shell/v001                      shell/v002",
        "seed         4                               5",
        "base         -                               v001",
        "made again   -                               1002",
        "seams        -                               1001/1002 1.25, 1002/1003 2.25!",
        "plate files  3 frames, other pixels in 1002  3 frames, other pixels in 1002",
        "",
        "the same: state, edit, prompt, steps, frames, windows, plate",
        "",
        "matte, part of the picture:",
        "FRAME  shell/v001  shell/v002  CHANGE",
        "1001                             same",
        "1002       20.00%      25.00%  +5.00%",
        "1003                             same",
    ]
    result = say("takes", "compare", "v001", "v002", "--json").json
    assert result["differences"]["seed"] == [4, 5]
    assert "prompt" not in result["differences"]
    assert result["coverage"] == {"1001": [0.1, 0.1], "1002": [0.2, 0.25], "1003": [0.3, 0.3]}
    assert (result["a"]["version"], result["b"]["version"]) == ("v001", "v002")


def test_a_frame_that_one_of_them_has(two_takes, say):
    put_record(two_takes / "shell" / "v001", frames=coverage_of({1001: 0.1, 1002: 0.2}))
    put_record(two_takes / "shell" / "v002", frames=coverage_of({1002: 0.2, 1003: 0.3}))
    assert say("takes", "compare", "v001", "v002").out.splitlines()[-3:] == [
        "1001       10.00%           -",
        "1002                             same",
        "1003            -      30.00%",
    ]


def test_warnings_stand_below_the_table(edit, say):
    edit("--prompt", "a bonsai")
    edit("--prompt", "a fern")
    lines = say("takes", "compare", "v001", "v002").out.splitlines()
    assert lines[1:5] == [
        "prompt  a bonsai    a fern",
        "",
        "shell/v001: 'bonsai' is a word the model does not know",
        "",
    ]


def test_takes_that_are_alike(edit, say):
    edit("--seed", "1")
    edit("--seed", "1", "--again")
    assert say("takes", "compare", "v001", "v002").out.startswith(
        "shell/v001 and shell/v002 were asked for and made alike.\n"
    )


def test_words_and_stars(edit, say, monkeypatch):
    edit("--label", "wide")
    edit()
    assert say("takes", "label", "v001", "", "--json").json["label"] == ""
    monkeypatch.setattr("sys.stdin", io.StringIO("from a file\nof two lines\n"))
    assert say("takes", "note", "v001", "-", "--json").json["note"] == "from a file\nof two lines"
    starred = say("takes", "star", "v001", "v002", "--json").json["takes"]
    assert [take["starred"] for take in starred] == [True, True]
    assert say("takes", "unstar", "v002", "--json").json["takes"][0]["starred"] is False
    assert say("takes", "star", "v001", "v009").status == 2


def test_deleting(edit, say, shot):
    for _ in range(3):
        edit()
    say("takes", "star", "v001")
    refused = say("takes", "delete", "v001", "--json")
    assert (refused.status, refused.json["deleted"], refused.json["error"]["kind"]) == (2, None, "TakeStarred")
    missing = say("takes", "delete", "v002", "v009")
    assert missing.status == 2
    assert say("takes", "--json").json["takes"][1]["version"] == "v002"  # none goes where one is not there
    deleted = say("takes", "delete", "--force", "v001", shot / "takes" / "shell" / "v002")
    assert deleted.err.splitlines() == [f"vera-edit: {shot / 'takes' / 'shell' / f'v00{n}'} deleted" for n in (1, 2)]
    assert [take["version"] for take in say("takes", "--json").json["takes"]] == ["v003"]


def test_a_version_that_several_nodes_have(edit, say, shot, monkeypatch):
    edit("--node", "one")
    edit("--node", "two")
    said = say("takes", "show", "v001", "--json")
    assert (said.status, said.json["error"]["kind"]) == (2, "TakeAmbiguous")
    assert f"{shot / 'takes' / 'one' / 'v001'}, {shot / 'takes' / 'two' / 'v001'}" in said.err
    assert say("takes", "show", "v001", "--node", "two", "--json").json["node"] == "two"
    monkeypatch.chdir(shot / "takes" / "one")
    assert say("takes", "show", "v001", "--json").json["node"] == "one"
    monkeypatch.chdir(shot / "takes")
    assert say("takes", "show", "two/v001", "--json").json["node"] == "two"
    assert say("takes", "show", "v001", "--take-root", shot, "--json").json["error"]["kind"] == "TakeNotFound"


def test_the_cache(say, engine):
    said = say("cache")
    assert said.out.splitlines() == [
        "KIND   ENTRIES    SIZE",
        "text         3  4.0 kB  prompts the model has read",
        "plate        2  3.0 MB  plates the model has seen",
        "",
        f"3.0 MB of 4.0 GB in {engine.state_dir / 'cache'}",
    ]
    cleared = say("cache", "--clear", "--json").json
    assert (cleared["freed_bytes"], cleared["kinds"][1]["size_bytes"], cleared["error"]) == (3_000_000, 0, None)
    assert say("cache", "--json").json["freed_bytes"] is None


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (726_700, "726.7 kB"), (5 * 10**12, "5000.0 GB")]
)
def test_sizes(size, text):
    assert size_text(size) == text


def test_unloading(say, engine):
    engine.will(loaded=True)
    assert say("unload").out == "No model was loaded.\n"
    assert engine.processes() == []  # none is started to be told so
    say("cache")
    assert say("unload", "--json").json == {"unloaded": True, "error": None}
    assert say("unload", "--json").json == {"unloaded": False, "error": None}


def test_stopping_the_engine(say, engine):
    assert say("stop").out == "No engine runs.\n"
    assert engine.processes() == []
    say("cache")
    assert say("stop", "--json").json == {"stopped": True, "error": None}
    assert say("stop", "--json").json == {"stopped": False, "error": None}


def test_takes_that_are_not_finished_are_shown_and_compared(edit, say, shot):
    edit("--seed", "4")
    edit("--prompt", "hold", "--seed", "5", "--no-wait")
    say("cancel", "v002")
    partial = shot / "takes" / "shell" / "v002.partial"
    partial.mkdir(exist_ok=True)
    take_id = say("takes", "show", "v002", "--json").json["take_id"]
    # As the engine leaves it: the take's own frames, in ranges, where a finished one tells of each.
    record = {"take_id": take_id, "state": "cancelled", "frames": [{"first_frame": 1001, "last_frame": 1003}]}
    (partial / "take.json").write_text(json.dumps(record))
    shown = say("takes", "show", "v002")
    assert (shown.status, "cancelled" in shown.out) == (0, True)
    compared = say("takes", "compare", "v001", "v002", "--json")
    assert (compared.status, compared.json["differences"]["seed"]) == (0, [4, 5])


def test_a_take_root_that_is_not_there_is_not_an_empty_one(say, tmp_path):
    said = say("takes", tmp_path / "nope")
    assert (said.status, said.out) == (2, "")
    assert str(tmp_path / "nope") in said.err


def put_record(directory: Path, **fields: object) -> None:
    """More of a take.json than the scripted engine says."""
    file = directory / "take.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def coverage_of(frames: dict[int, float]) -> dict[str, dict[str, float]]:
    return {str(frame): {"matte_coverage": coverage, "matte_max": 1.0} for frame, coverage in frames.items()}
