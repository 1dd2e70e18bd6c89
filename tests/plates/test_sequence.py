from __future__ import annotations

import os
from pathlib import Path

import pytest

from vera_engine.plates.sequence import PatternInvalid, SequencePattern, SingleFile, find_sequence


@pytest.mark.parametrize(
    ("pattern", "frame", "name"),
    [
        ("plate.####.exr", 1001, "plate.1001.exr"),
        ("plate.%04d.exr", 7, "plate.0007.exr"),
        ("plate.####.exr", 7, "plate.0007.exr"),
        ("plate.####.exr", 12345, "plate.12345.exr"),
        ("plate.#.exr", 7, "plate.7.exr"),
        ("plate.%d.exr", 7, "plate.7.exr"),
        ("plate_%06d.exr", 42, "plate_000042.exr"),
        ("plate.####.exr", -5, "plate.-005.exr"),
        ("####.exr", 1, "0001.exr"),
        ("Plate (v2) ü.####.exr", 1001, "Plate (v2) ü.1001.exr"),
    ],
)
def test_frames_find_their_files(pattern: str, frame: int, name: str) -> None:
    assert SequencePattern.parse(f"/shots/a b/{pattern}").file(frame) == Path("/shots/a b") / name


@pytest.mark.parametrize("frame", [-1234, -5, -1, 0, 9, 10000])
def test_both_notations_agree_with_printf(frame: int) -> None:
    written = "plate.%04d.exr" % frame  # noqa: UP031
    assert SequencePattern.parse("plate.%04d.exr").file(frame).name == written
    assert SequencePattern.parse("plate.####.exr").file(frame).name == written


def test_folders_may_look_like_patterns() -> None:
    assert SequencePattern.parse("/a#b/100%d/plate.##.exr").file(3) == Path("/a#b/100%d/plate.03.exr")


def test_frames_on_disk_are_listed_and_look_alikes_are_not(tmp_path: Path) -> None:
    for name in (
        "plate.1003.exr",
        "plate.1001.exr",
        "plate.10000.exr",
        "plate.-005.exr",
        "plate.0007.exr",
        "plate.007.exr",  # three digits
        "plate.01001.exr",  # a zero too many
        "plate.1001.exr.tmp",
        "plateX1001.exr",
        "plate.1001.png",
        "plate.abcd.exr",
    ):
        (tmp_path / name).touch()
    (tmp_path / "plate.1002.exr").mkdir()
    assert SequencePattern.parse(f"{tmp_path}/plate.####.exr").frames() == [-5, 7, 1001, 1003, 10000]


def test_letters_that_mean_something_in_expressions_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a+b[1] (x).0001.exr").touch()
    (tmp_path / "aab1 x.0002.exr").touch()
    assert SequencePattern.parse(f"{tmp_path}/a+b[1] (x).####.exr").frames() == [1]


def test_no_folder_has_no_frames(tmp_path: Path) -> None:
    assert SequencePattern.parse(f"{tmp_path}/none/plate.####.exr").frames() == []


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("/a/plate.1001.exr", "plate.####.exr"),
        ("/a/plate_v002_0001.tif", "plate_v002_####.tif"),
        ("/a/plate.exr", "Write ####"),
        ("/a/####/plate.exr", "Write ####"),
        ("/a/plate.####.%04d.exr", "Keep one"),
        ("/a/##.plate.##.exr", "Keep one"),
        ("/a/plate.%4d.exr", "Write ####"),
        ("", "Write ####"),
    ],
)
def test_a_path_without_one_place_for_the_number_is_refused(pattern: str, remedy: str) -> None:
    with pytest.raises(PatternInvalid) as refused:
        SequencePattern.parse(pattern, "mask.source.path")
    assert refused.value.argument == "mask.source.path"
    assert refused.value.value == pattern
    assert remedy in refused.value.remedy


def test_names_of_files_that_are_not_unicode_are_told(tmp_path: Path) -> None:
    latin = tmp_path / os.fsdecode(b"pl\xe4te.1001.exr")
    try:
        latin.touch()
    except OSError:
        pytest.skip("this file system has names in Unicode only")
    with pytest.raises(PatternInvalid, match="not Unicode") as refused:
        find_sequence(str(tmp_path))
    assert refused.value.value.isascii()
    (tmp_path / "other.1001.exr").touch()
    with pytest.raises(PatternInvalid, match="2 sequences") as several:
        find_sequence(str(tmp_path))
    assert "other.####.exr" in several.value.reason
    several.value.reason.encode()


def test_a_name_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(PatternInvalid, match="not Unicode"):
        SequencePattern.parse("/a/pl\udce4te.####.exr")


def test_text_names_the_pattern() -> None:
    assert str(SequencePattern.parse("/a/plate.%04d.exr")) == str(Path("/a/plate.####.exr"))


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("plate.1001.exr", 1001),
        ("plate_0042.png", 42),
        ("DSC01234.JPG", 1234),
        ("0007.exr", 7),
        ("plate.-005.exr", -5),
        ("take-3.tif", 3),
        ("plate.exr", 1),
        ("plate_v002.exr", 1),
        ("shot010_v002.0100.exr", 100),
        ("2k.exr", 1),
    ],
)
def test_a_single_file_is_its_frame_alone(tmp_path: Path, name: str, frame: int) -> None:
    (tmp_path / name).touch()
    found = find_sequence(str(tmp_path / name))
    assert found == SingleFile(tmp_path / name, frame)
    assert isinstance(found, SingleFile)
    assert found.frames() == [frame]
    assert (found.has(frame), found.has(frame + 1)) == (True, False)


def test_a_name_that_is_there_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "shot#1.mov").touch()
    (tmp_path / "100%d.png").touch()
    assert find_sequence(str(tmp_path / "shot#1.mov")) == tmp_path / "shot#1.mov"
    assert isinstance(find_sequence(str(tmp_path / "100%d.png")), SingleFile)
    assert isinstance(find_sequence(str(tmp_path / "shot#2.mov")), SequencePattern)
    assert find_sequence(str(tmp_path / "gone.MXF")) == tmp_path / "gone.MXF"


@pytest.mark.parametrize(
    ("names", "pattern", "frames"),
    [
        (["p.1001.exr", "p.1002.exr"], "p.####.exr", [1001, 1002]),
        (["p.0999.exr", "p.1000.exr", "p.10000.exr"], "p.####.exr", [999, 1000, 10000]),
        (["p.9.exr", "p.10.exr", "p.11.exr"], "p.#.exr", [9, 10, 11]),
        (["p.1001.exr", ".p.1002.exr", "notes.txt", "p.mp3", "Thumbs.db"], "p.####.exr", [1001]),
        (["still.exr"], "still.exr", [1]),
        (["p.-01.exr", "p.001.exr"], "p.###.exr", [-1, 1]),
    ],
)
def test_a_folder_is_its_one_sequence(tmp_path: Path, names: list[str], pattern: str, frames: list[int]) -> None:
    (tmp_path / "sub.1001.exr").mkdir()
    for name in names:
        (tmp_path / name).touch()
    found = find_sequence(f"{tmp_path}/")
    assert not isinstance(found, Path)
    assert str(found) == str(tmp_path / pattern)
    assert found.frames() == frames


def test_a_folder_may_hold_one_movie(tmp_path: Path) -> None:
    (tmp_path / "a.MOV").touch()
    assert find_sequence(str(tmp_path)) == tmp_path / "a.MOV"


def test_a_folder_with_several_sequences_names_them_all(tmp_path: Path) -> None:
    for name in ("a.1001.exr", "a.0002.exr", "a.01.exr", "b_v001.exr", "b_v002.exr", "c.mov", "A.1001.exr"):
        (tmp_path / name).touch()
    with pytest.raises(PatternInvalid, match="6 sequences") as refused:
        find_sequence(str(tmp_path), "mask.source.path")
    for name in ("A.####.exr", "a.##.exr", "a.####.exr", "b_v001.exr", "b_v002.exr", "c.mov"):
        assert name in refused.value.reason
    assert refused.value.argument == "mask.source.path"
    (tmp_path / "empty").mkdir()
    with pytest.raises(PatternInvalid, match="no images"):
        find_sequence(str(tmp_path / "empty"))


@pytest.mark.parametrize("text", ["", "/a/p.##.####.exr", "/a/p.%4d.exr", "/a/pl\udce4te.exr"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(PatternInvalid):
        find_sequence(text)
