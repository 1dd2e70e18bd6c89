"""Which files Reads show: the fast path, and what has to be rendered instead."""

from __future__ import annotations

from pathlib import Path

import nuke
import pytest
import shots

from vera_nuke import reads, spaces, tcl

FILES = range(1001, 1006)


@pytest.fixture
def pattern(tmp_path: Path) -> Path:
    return shots.write_plate(tmp_path / "plate [v1] {a}", FILES)


def read_of(pattern: Path, **knobs: object) -> nuke.Node:
    return shots.add_read(pattern, FILES, **knobs)


@pytest.mark.parametrize(
    ("knobs", "first", "offset"),
    [
        ({}, 1001, 0),
        ({"frame": "frame+1000"}, 1, 1000),
        ({"frame": " frame - 10 "}, 1011, -10),
        ({"frame_mode": "start at", "frame": "1"}, 1, 1000),
        ({"frame_mode": "offset", "frame": "1000"}, 1, 1000),
        ({"frame_mode": "offset", "frame": "-5"}, 1006, -5),
    ],
)
def test_a_read_is_the_plate_itself(pattern: Path, knobs: dict[str, str], first: int, offset: int) -> None:
    plate = reads.sequence_of(read_of(pattern, **knobs), range(first, first + 5), "main")
    assert plate is not None
    assert plate.frame_offset == offset
    assert [plate.file(frame) for frame in (first, first + 4)] == [
        pattern.parent / f"plate.{n}.exr" for n in (1001, 1005)
    ]


@pytest.mark.parametrize(
    "knobs",
    [
        {"frame": "frame*2"},
        {"frame": "1003"},
        {"frame_mode": "start at", "frame": "[value root.first_frame]"},
        {"premultiplied": True},
        {"disable": True},
        {"first": 1002},
        {"last": 1004},
    ],
)
def test_what_shows_other_than_the_files_is_rendered(pattern: Path, knobs: dict[str, object]) -> None:
    assert reads.sequence_of(read_of(pattern, **knobs), FILES, "main") is None


def test_movies_stills_and_several_views_are_rendered(pattern: Path) -> None:
    for name in ("clip.mov", "still.exr", "still.1001.exr"):
        assert reads.sequence_of(shots.add_read(pattern.parent / name, FILES), FILES, "main") is None
    nuke.stage.views[:] = ["left", "right"]
    assert reads.sequence_of(read_of(pattern), FILES, "left") is None


def test_a_view_in_the_path(tmp_path: Path) -> None:
    nuke.stage.views[:] = ["left", "right"]
    for view in nuke.views():
        shots.write_plate(tmp_path / view, FILES, f"plate_{view[0]}")
    read = shots.add_read(tmp_path / "%V" / "plate_%v.%04d.exr", FILES)
    plate = reads.sequence_of(read, FILES, "right")
    assert plate is not None
    assert plate.file(1003) == tmp_path / "right" / "plate_r.1003.exr"


def test_expressions_in_the_path(tmp_path: Path) -> None:
    shots.save_script(tmp_path)
    shots.write_plate(tmp_path / "plate", FILES)
    read = shots.add_read(Path(), FILES, file="[file dirname [value root.name]]/plate/plate.%04d.exr")
    plate = reads.sequence_of(read, FILES, "main")
    assert plate is not None
    assert plate.file(1001) == tmp_path / "plate" / "plate.1001.exr"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("default (ACES - ACEScg)", "ACES - ACEScg"),
        ("scene_linear (Linear Rec.709 (sRGB))", "Linear Rec.709 (sRGB)"),
        ("Linear Rec.709 (sRGB)", "Linear Rec.709 (sRGB)"),
        ("Input/ARRI/ARRI LogC4", "ARRI LogC4"),
        ("scene_linear", "scene_linear"),
    ],
)
def test_names_of_a_configuration(word: str, name: str) -> None:
    assert spaces.engine_name(word) == name


@pytest.mark.parametrize(("management", "config"), [("Nuke", "aces_1.2"), ("OCIO", "nuke-default")])
def test_nukes_own_curves_name_a_whole_space_in_two_cases(management: str, config: str) -> None:
    nuke.root()["colorManagement"].setValue(management)
    nuke.root()["OCIO_config"].setValue(config)
    words = ("default (linear)", "sRGB", "AlexaV3LogC", "linear")
    assert [spaces.engine_name(word) for word in words] == ["lin_rec709", "srgb", None, "lin_rec709"]
    assert spaces.working_space() == "lin_rec709"


def test_a_raw_read_has_the_working_space_and_another_its_own(pattern: Path) -> None:
    nuke.root()["workingSpaceLUT"].setValue("ACES - ACEScg")
    raw, converted = read_of(pattern), read_of(pattern, raw=False, colorspace="texture_paint")
    found = [reads.sequence_of(read, FILES, "main") for read in (raw, converted)]
    assert [plate and plate.color_space for plate in found] == ["ACES - ACEScg", "texture_paint"]


def test_files_that_a_read_may_show(pattern: Path) -> None:
    def numbers(frames: range, is_shifted: bool = False, **knobs: object) -> list[int]:
        files = reads.files_of(read_of(pattern, **knobs), frames, "main", is_shifted)
        return [int(file.suffixes[-2][1:]) for file in files]

    assert numbers(range(1002, 1004)) == [1002, 1003]
    assert numbers(range(1004, 1010)) == [1004, 1005]
    assert numbers(range(1, 3)) == [1001]
    assert numbers(range(1002, 1004), is_shifted=True) == list(FILES)
    assert numbers(range(1004, 1010), after="loop") == list(FILES)
    assert numbers(range(1, 2), frame="frame*1001") == list(FILES)


@pytest.mark.parametrize(
    "text", ["plain", "", "with space", '{a} [b] $c "d" ;#', "trailing\\", "ünïcode", "{{a} {b {c\n}}}", "\\{ }", 'a"b']
)
def test_lists_are_read_as_tcl_reads_them(text: str) -> None:
    tkinter = pytest.importorskip("tkinter")
    interpreter = tkinter.Tcl()
    interpreter.setvar("word", text)
    packed = interpreter.eval("list name $word last {x y}")
    words = tcl.split_list(packed)
    assert (words[0], len(words), words[2:]) == ("name", 4, ["last", "x y"])
    if "\\" not in words[1]:  # elements keep their escapes
        assert words[1] == text
    assert interpreter.eval(f'return "{tcl.escape(text)}"') == text.replace("\\", "/")
