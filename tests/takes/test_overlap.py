"""Frames on their way to the disk: several at once, told in order, and none is ever half there."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from vera_engine.takes.deliver import frames_at_once
from vera_engine.takes.overlap import at_once

SECONDS = 60.0
HD, OPEN_GATE = 1920 * 1080, 4096 * 3112


def test_so_many_are_made_at_once_and_no_more() -> None:
    begun = {frame: threading.Event() for frame in range(5)}
    may_end = {frame: threading.Event() for frame in range(5)}

    def make(frame: int) -> int:
        begun[frame].set()
        assert may_end[frame].wait(SECONDS)
        return frame * 10

    made: Iterator[tuple[int, int]] = at_once(range(5), make, 2)
    may_end[0].set()
    assert next(made) == (0, 0)
    assert begun[1].wait(SECONDS)
    assert begun[2].wait(SECONDS)  # in the place of the first
    assert not begun[3].is_set()
    for event in may_end.values():
        event.set()
    assert list(made) == [(1, 10), (2, 20), (3, 30), (4, 40)]


def test_what_is_ready_early_is_told_in_its_turn() -> None:
    first_may_end, second_ended = threading.Event(), threading.Event()

    def make(frame: int) -> int:
        if frame == 0:
            assert first_may_end.wait(SECONDS)
        if frame == 1:
            second_ended.set()
        return frame

    told: list[int] = []

    def tell() -> None:
        told.extend(frame for frame, _ in at_once(range(3), make, 3))

    teller = threading.Thread(target=tell)
    teller.start()
    assert second_ended.wait(SECONDS)
    assert told == []
    first_may_end.set()
    teller.join(SECONDS)
    assert told == [0, 1, 2]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_cannot_be_made_is_told_in_its_turn_and_ends_it(count: int) -> None:
    begun: list[int] = []

    def make(frame: int) -> int:
        begun.append(frame)
        if frame == 1:
            raise OSError("no room")
        return frame

    made = at_once(range(100), make, count)
    assert next(made) == (0, 0)
    with pytest.raises(OSError, match="no room"):
        next(made)
    assert len(begun) <= 1 + 1 + count


def test_what_is_being_made_when_all_is_stopped_is_made_to_its_end() -> None:
    begun, may_end = threading.Event(), threading.Event()
    ended: list[int] = []

    def make(frame: int) -> None:
        if frame == 1:
            begun.set()
            assert may_end.wait(SECONDS)
        ended.append(frame)

    def stopped() -> None:
        for frame, _ in at_once(range(100), make, 2):
            assert frame == 0
            assert begun.wait(SECONDS)
            may_end.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert set(ended) >= {0, 1}
    assert len(ended) <= 4
    after = list(ended)
    assert threading.active_count() < 100
    assert ended == after  # nothing goes on


def test_no_frames_are_no_work() -> None:
    assert list(at_once([], str, 4)) == []


def test_as_many_at_once_as_there_are_cores_and_memory_for() -> None:
    assert 2 <= frames_at_once(HD) <= 8
    assert frames_at_once(OPEN_GATE) == 2  # of which each may take half of 1.2 GB
    assert frames_at_once(1) >= frames_at_once(HD)
