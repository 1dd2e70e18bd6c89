"""What the engine still knows after it was killed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from vera_engine.plates.frames import FrameRange
from vera_engine.takes.database import MOST_EVENTS_AT_ONCE, TakeDatabase, TakeNotFound
from vera_engine.takes.events import FrameWritten, Preview, QueuedAt, StateChanged, WindowDone
from vera_engine.takes.request import BaseTake, MaskReference, PlateReference
from vera_engine.takes.take import LaneKind, TakeState


def test_takes_and_events_are_there_after_the_process_was_killed(tmp_path):
    path = tmp_path / "killed.sqlite3"
    script = f"""
import os, signal
from pathlib import Path
from vera_engine.plates.frames import FrameSet
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.request import EditType, PlateReference, TakeRequest, TakeSettings
from vera_engine.takes.events import QueuedAt, StateChanged
from vera_engine.takes.take import Take, TakeState

database = TakeDatabase(Path({str(path)!r}))
frames = FrameSet.parse("1-2")
request = TakeRequest("hero", EditType.ADD, "a ball", frames, PlateReference("/p.####.exr"))
settings = TakeSettings(1, 2, 3.0)
directory = Path("/takes/hero/v001")
take = Take("t1", "r1", "v001", TakeState.QUEUED, request, settings, directory, 1.0, frames, (48, 32), (2,))
database.add(take)
database.add_event("t1", StateChanged(take))
database.add_event("t1", QueuedAt(1))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    database = TakeDatabase(path)
    (take,) = database.takes()
    assert database.unfinished() == ["t1"]
    assert (take.take_id, take.request.prompt) == ("t1", "a ball")
    assert database.events("t1", 0) == [(1, StateChanged(take)), (2, QueuedAt(1))]
    database.close()


def test_events_count_up_by_one_within_each_take(database, reserved_take):
    first, second = reserved_take(), reserved_take()
    database.add(first)
    database.add(second)
    sequences = [
        database.add_event(take.take_id, FrameWritten(frame)) for frame in (1001, 1002) for take in (first, second)
    ]
    assert sequences == [1, 1, 2, 2]
    assert database.events(first.take_id, 1) == [(2, FrameWritten(1002))]
    assert database.events(first.take_id, 2) == []


def test_a_change_of_state_is_kept_with_its_event(database, reserved_take):
    take = reserved_take()
    database.add(take)
    database.add_event(take.take_id, StateChanged(replace(take, state=TakeState.CANCELLED)))
    assert database.get(take.take_id).state is TakeState.CANCELLED
    assert database.unfinished() == []


def test_takes_come_in_the_order_they_were_made(database, reserved_take):
    takes = [reserved_take(node_id=node) for node in ("b", "a", "b")]
    for take in takes:
        database.add(take)
    assert [take.take_id for take in database.takes()] == [take.take_id for take in takes]
    assert database.unfinished() == [take.take_id for take in takes]
    assert [take.take_id for take in database.takes(takes[1].directory.parent)] == [takes[1].take_id]


def test_a_request_id_makes_one_take(database, reserved_take):
    take = reserved_take()
    database.add(take)
    assert database.find_request(take.request_id) == take
    assert database.find_request("another") is None
    with pytest.raises(sqlite3.IntegrityError):
        database.add(replace(reserved_take(), request_id=take.request_id))


def test_of_a_deleted_take_only_its_version_number_stays(database, reserved_take):
    take = replace(reserved_take(), version="v012")
    database.add(take)
    database.add_event(take.take_id, QueuedAt(1))
    database.delete(take.take_id)
    assert (database.takes(), database.events(take.take_id, 0)) == ([], [])
    assert database.last_version(take.directory.parent) == 12
    assert database.last_version(take.directory.parent.with_name("other")) == 0
    with pytest.raises(TakeNotFound) as caught:
        database.get(take.take_id)
    assert caught.value.value == take.take_id


def test_the_queue_goes_by_priority_and_then_by_turn(database, reserved_take):
    takes = [reserved_take(priority=priority) for priority in (0, 5, -1, 5)]
    for take in takes:
        database.add(take)
    turns = [takes[n].take_id for n in (1, 3, 0, 2)]
    assert database.unfinished() == turns
    assert [take_id for take_id, _ in database.work(LaneKind.MODEL)] == turns
    assert database.next_in_turn(LaneKind.MODEL) == takes[1]
    database.to_the_end(takes[1].take_id)
    assert database.unfinished() == [takes[n].take_id for n in (3, 1, 0, 2)]
    database.update(replace(takes[3], cancel_requested=True))
    assert database.next_in_turn(LaneKind.MODEL) == takes[1]
    assert database.unfinished_count() == 4
    database.update(replace(takes[3], state=TakeState.CANCELLED))
    assert database.unfinished_count() == 3


def test_what_comes_before_a_take_is_counted_by_its_size(database, reserved_take):
    short, long = {"window_latents": (5,)}, {"window_latents": (5, 5, 2)}
    takes = [replace(reserved_take(priority=p), **size) for p, size in ((0, short), (0, long), (1, short), (0, short))]
    takes[2] = replace(takes[2], working_size=(96, 64))
    for take in takes:
        database.add(take)
    count, work = database.work_before(takes[3].take_id, running=None)
    # four steps a window; the short one of the long take counts for 2/5 of one
    assert (count, dict(work)) == (3, {"5x48x32x2": 4 + 4 * 12 / 5, "5x96x64x2": 4})
    count, work = database.work_before(takes[3].take_id, running=takes[2].take_id)
    assert (count, dict(work)) == (2, {"5x48x32x2": 4 + 4 * 12 / 5})
    assert database.work_before(takes[2].take_id, running=None) == (0, [])


def test_takes_are_found_by_what_they_are(database, reserved_take):
    base = replace(reserved_take(), fingerprint="same")
    based = reserved_take(base=BaseTake(base.take_id, str(base.directory)))
    for take in (base, based):
        database.add(take)
    assert database.find_directory(based.directory) == based
    assert database.find_directory(based.directory.with_name("v099")) is None
    assert database.based_on(base.take_id) == [based]
    assert database.based_on(based.take_id) == []
    assert database.find_fingerprint("same") == []  # not finished yet
    finished = replace(base, state=TakeState.FINISHED)
    database.update(finished)
    assert database.find_fingerprint("same") == [finished]
    assert database.find_fingerprint("other") == []
    assert (database.knows(base.take_id), database.knows("nobody")) == (True, False)
    database.delete(base.take_id)
    assert (database.find_fingerprint("same"), database.knows(base.take_id)) == ([], False)


def test_only_the_newest_preview_has_its_picture(database, reserved_take):
    take, other = reserved_take(), reserved_take()
    for each in (take, other):
        database.add(each)
        database.add_event(each.take_id, Preview("AAAA", 1, 1))
    database.add_event(take.take_id, FrameWritten(1001))
    assert database.add_event(take.take_id, Preview("BBBB", 1, 2)) == 3
    assert database.events(take.take_id, 0) == [
        (1, Preview("", 1, 1)),
        (2, FrameWritten(1001)),
        (3, Preview("BBBB", 1, 2)),
    ]
    assert database.events(other.take_id, 0) == [(1, Preview("AAAA", 1, 1))]


def test_an_event_and_what_the_take_is_by_it_are_kept_together(database, reserved_take):
    take = reserved_take()
    database.add(take)
    done = (FrameRange(1001, 1002),)
    database.add_event(take.take_id, WindowDone(1, 2, done), replace(take, finished_frames=done))
    assert database.get(take.take_id).finished_frames == done


def test_many_events_come_in_portions_without_a_gap(database, reserved_take):
    take = reserved_take()
    database.add(take)
    for frame in range(MOST_EVENTS_AT_ONCE + 3):
        database.add_event(take.take_id, FrameWritten(frame))
    first = database.events(take.take_id, 0)
    rest = database.events(take.take_id, first[-1][0])
    assert [number for number, _ in first + rest] == list(range(1, MOST_EVENTS_AT_ONCE + 4))


def test_uploads_of_takes_that_may_still_be_made_are_in_use(database, reserved_take):
    def using(upload_id: str, **fields: object) -> None:
        take = reserved_take(plate=PlateReference("/p.####.exr", upload_id=upload_id))
        database.add(replace(take, **fields))

    mask = MaskReference(PlateReference("/m.####.exr", upload_id="mask"))
    database.add(reserved_take(mask=mask))
    using("waits")
    using("stopped late", state=TakeState.FAILED, finished_frames=(FrameRange(1001, 1001),))
    using("stopped early", state=TakeState.CANCELLED)
    using("finished", state=TakeState.FINISHED, finished_frames=(FrameRange(1001, 1003),))
    assert database.uploads_in_use() == {"mask", "waits", "stopped late"}


def test_measured_steps_are_kept_by_machine(database):
    database.keep_pace("one", "5x48x32x1", 2.0)
    database.keep_pace("one", "5x48x32x1", 3.0)
    database.keep_pace("two", "5x48x32x1", 9.0)
    assert database.paces("one") == {"5x48x32x1": 3.0}


def test_events_of_a_long_take_come_in_pages_of_some_size(database, reserved_take, monkeypatch):
    monkeypatch.setattr("vera_engine.takes.database.MOST_EVENT_BYTES_AT_ONCE", 5000)
    take = reserved_take(prompt="long " * 500)
    database.add(take)
    for _ in range(7):
        database.add_event(take.take_id, StateChanged(take))
    pages, last = [], 0
    while page := database.events(take.take_id, last):
        pages.append(len(page))
        last = page[-1][0]
    assert (sum(pages), max(pages)) == (7, 1)
    assert all(event.take == take for _, event in database.events(take.take_id, 0))


def test_a_take_that_was_deleted_or_lay_elsewhere_is_adopted(database, reserved_take, tmp_path):
    take = reserved_take()
    database.add(take)
    database.delete(take.take_id)
    moved = replace(take, directory=tmp_path / "moved" / "v007", version="v007")
    for _ in range(2):
        database.adopt(moved)
    assert database.get(take.take_id) == moved
    assert database.find_directory(moved.directory) == moved
    assert database.find_directory(take.directory) is None
