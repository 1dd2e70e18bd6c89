"""What a take says of itself while it is made: read back as written, and believed only as far as it is true."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from vera_engine.errors import VeraEditError
from vera_engine.plates.disk import FolderNotWritable
from vera_engine.plates.frames import FrameSet
from vera_engine.takes.latents import Piece
from vera_engine.takes.plan import plan_take
from vera_engine.takes.progress import (
    PROGRESS_NAME,
    FileWritten,
    MadeBy,
    Progress,
    WindowRecord,
    as_planned,
    still_whole,
)
from vera_engine.takes.seen import FileSeen, SeenFiles
from vera_engine.takes.take import Seam, SeamKind

FRAMES = FrameSet.parse("1001-1040")
WEIGHTS = {"vae/a.safetensors": "0" * 64}


@pytest.fixture
def plan():
    return plan_take(FRAMES, FRAMES, SimpleNamespace(window_latents=5, overlap_latents=2))


@pytest.fixture
def records(plan, tmp_path: Path) -> tuple[WindowRecord, ...]:
    """All windows of the plan, each with a file of its own."""
    made = []
    for window in plan:
        name = f"latents.{window.number:03d}.safetensors"
        (tmp_path / name).write_bytes(b"latents %d" % window.number)
        made.append(
            WindowRecord(
                number=window.number,
                piece=Piece(name, window.run, window.window.first, window.window.last),
                slice=(window.window.start, window.window.stop),
                weights=window.window.weights,
                frames=window.frames,
                files={name: FileWritten.of(tmp_path / name)},
                statistics={
                    frame: {"matte_coverage": 0.1 * window.number, "matte_max": 1.0} for frame in window.frames
                },
                seen=SeenFiles({1001: FileSeen("plate.1001.exr", "a" * 64, 3, 2**62 + 1)}, {}),
                mask_range=None if window.number == 1 else (0.0, 0.5),
                seams=(Seam(1013, 1014, 0.8, SeamKind.WINDOW),),
                plate_size=(50, 34),
                made_by=MadeBy("tiny", "0.1.0", "cpu float32", WEIGHTS),
                model_seconds=1.5,
                pixel_seconds=0.25,
            )
        )
    return tuple(made)


def test_it_comes_back_as_it_was(records, tmp_path: Path):
    progress = Progress("take", records, ("Mind the gap – 桜",))
    progress.write(tmp_path)
    assert Progress.read(tmp_path, "take") == progress
    assert progress.frames == FRAMES.ranges
    assert Progress("take", records[:1]).frames == FrameSet.parse("1001-1013").ranges


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"take_id": "take"', b'{"take_id": "take", "windows": [{}]}', b"\xff"]
)
def test_what_cannot_be_read_says_that_nothing_is_done(tmp_path: Path, content: bytes):
    (tmp_path / PROGRESS_NAME).write_bytes(content)
    assert Progress.read(tmp_path, "take") == Progress("take")


def test_another_takes_progress_is_not_believed(records, tmp_path: Path):
    Progress("another", records).write(tmp_path)
    assert Progress.read(tmp_path, "take") == Progress("take")
    assert Progress.read(tmp_path / "gone", "take") == Progress("take")


def test_windows_count_up_to_the_first_whose_files_are_not_whole(records, tmp_path: Path):
    assert still_whole(tmp_path, records, lambda: None) == records
    second = tmp_path / "latents.002.safetensors"
    for content in (b"latents 3", b"latents", b"latents 2 "):
        second.write_bytes(content)
        assert still_whole(tmp_path, records, lambda: None) == records[:1]
    second.unlink()
    assert still_whole(tmp_path, records, lambda: None) == records[:1]
    second.mkdir()
    assert still_whole(tmp_path, records, lambda: None) == records[:1]


def test_windows_count_up_to_the_first_that_is_not_in_the_plan(records, plan):
    assert as_planned(records, plan, WEIGHTS) == records
    assert as_planned(records[:2], plan, WEIGHTS) == records[:2]
    others = [
        replace(records[1], slice=(2, 8)),
        replace(records[1], weights=(1.0, 0.4, 0.0, 0.0, 0.0)),
        replace(records[1], frames=FrameSet.parse("1014-1024")),
        replace(records[1], piece=replace(records[1].piece, last=9)),
        replace(records[1], made_by=replace(records[1].made_by, weights_sha256={})),
    ]
    for other in others:
        assert as_planned((records[0], other, *records[2:]), plan, WEIGHTS) == records[:1]
    elsewhere = replace(records[1], made_by=replace(records[1].made_by, device="cuda bfloat16"))
    assert len(as_planned((records[0], elsewhere, *records[2:]), plan, WEIGHTS)) == len(records)


def test_a_file_that_is_gone_right_after_it_was_written_is_said_by_name(tmp_path: Path) -> None:
    gone = tmp_path / "lost share" / "layers.1001.exr"
    with pytest.raises(FolderNotWritable) as caught:
        FileWritten.of(gone)
    assert str(caught.value.value) == str(gone)
    assert not FileWritten(0, "").is_whole(gone)


@pytest.mark.parametrize("error", [errno.ESTALE, errno.EIO, errno.EACCES])
def test_what_cannot_be_read_just_now_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    layers = tmp_path / "layers.1001.exr"
    layers.write_bytes(b"a frame")
    written = FileWritten.of(layers)
    Progress("a take").write(tmp_path)

    def unreadable(path: Path, *arguments: object, **more: object) -> None:
        raise OSError(error, "not now", str(path))

    monkeypatch.setattr(Path, "open", unreadable)
    monkeypatch.setattr(Path, "read_bytes", unreadable)
    for read in (lambda: written.is_whole(layers), lambda: Progress.read(tmp_path, "a take")):
        with pytest.raises(VeraEditError, match="not now"):
            read()
    monkeypatch.undo()
    assert written.is_whole(layers)
