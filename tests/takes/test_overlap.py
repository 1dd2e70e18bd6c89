"""Frames on their way to the disk: one is read, one finished and one written at a time, and none is ever half there."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from vera_engine.takes.overlap import WriteBehind, read_ahead

SECONDS = 60.0


def test_the_next_frame_is_read_while_one_is_worked_on_and_none_further() -> None:
    begun = {frame: threading.Event() for frame in range(4)}

    def load(frame: int) -> int:
        begun[frame].set()
        return frame * 10

    loaded: Iterator[tuple[int, int]] = read_ahead(range(4), load)
    assert next(loaded) == (0, 0)
    assert begun[1].wait(SECONDS)  # though nobody has asked for it
    assert not begun[2].is_set()
    assert list(loaded) == [(1, 10), (2, 20), (3, 30)]


def test_what_cannot_be_read_is_told_in_its_turn() -> None:
    def load(frame: int) -> int:
        if frame == 2:
            raise ValueError(frame)
        return frame

    loaded = read_ahead(range(4), load)
    assert [next(loaded), next(loaded)] == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="2"):
        next(loaded)


def test_a_frame_is_written_while_the_next_is_made_and_told_when_it_is_there() -> None:
    may_write = threading.Event()
    told: list[tuple[int, str]] = []

    def write(frame: int) -> str:
        assert may_write.wait(SECONDS)
        return f"file {frame}"

    with WriteBehind(lambda frame, written: told.append((frame, written))) as writer:
        writer.write(1001, lambda: write(1001))  # returns at once
        assert told == []
        may_write.set()
        writer.write(1002, lambda: write(1002))  # waits for the first
        assert told == [(1001, "file 1001")]
    assert told == [(1001, "file 1001"), (1002, "file 1002")]


def test_a_frame_that_cannot_be_written_ends_it() -> None:
    def full() -> str:
        raise OSError("no room")

    def write(frames: list[int]) -> None:
        with WriteBehind(lambda frame, written: None) as writer:
            for frame in frames:
                writer.write(frame, full)

    for frames in ([1001], [1001, 1002]):  # found at the end, or with the next
        with pytest.raises(OSError, match="no room"):
            write(frames)


def test_what_is_being_written_when_all_is_stopped_is_written_to_its_end() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def write() -> str:
        begun.set()
        assert may_end.wait(SECONDS)
        ended.set()
        return ""

    told: list[int] = []

    def stopped() -> None:
        with WriteBehind(lambda frame, written: told.append(frame)) as writer:
            writer.write(1001, write)
            assert begun.wait(SECONDS)
            may_end.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert ended.is_set()
    assert told == []
