"""One take at a time, through deaths of worker and engine. The worker is a real process, played by a script."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.takes.conftest import SECONDS, to_the_end, until_waiting
from vera_engine.plates.frames import FrameRange, FrameSet
from vera_engine.takes import store
from vera_engine.takes.database import TakeDatabase, TakeNotFound
from vera_engine.takes.events import FrameWritten, Preview, QueuedAt, StateChanged, StepDone, WindowDone
from vera_engine.takes.lane import TakeRunning
from vera_engine.takes.queue import TakeQueue
from vera_engine.takes.take import Seam, SeamKind, Take, TakeState
from vera_engine.takes.worker_process import WorkerProcess


def test_a_take_goes_its_way(run, database, reserved_take):
    take = replace(reserved_take(prompt="finish"), warnings=("known before",))

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(take)
        assert not queue.is_idle
        assert await to_the_end(queue, take) == [
            "queued",
            QueuedAt(1, 0.0),
            "checking",
            "running",
            StepDone(1, 1, 1, 1, 0.5, 0.0),
            "writing",
            FrameWritten(1001),
            "finished",
        ]
        assert queue.is_idle

    run(scene)
    finished = database.get(take.take_id)
    assert (take.directory / "layers.1001.exr").read_bytes() == take.take_id.encode()
    assert finished.warnings == ("known before", "mind the gap")
    assert (finished.seconds.total, finished.worker_deaths, finished.error) == (3, 0, None)
    assert finished.seams == (Seam(1001, 1002, 0.75, SeamKind.WINDOW),)
    assert finished.finished_frames == finished.frames.ranges == (FrameRange(1001, 1003),)


def places_in(events: list[object]) -> list[int]:
    return [event.place for event in events if isinstance(event, QueuedAt)]


def test_first_come_first_served_and_who_watches_is_told_the_place(run, reserved_take, tmp_path):
    first = reserved_take(node_id="a", prompt="wait")
    others = [reserved_take(node_id=node, prompt="finish") for node in ("b", "c", "b")]

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(first)
        await until_waiting(queue, first)
        for take in others:
            queue.add(take)
        watches = [asyncio.create_task(to_the_end(queue, take)) for take in others]
        while len(queue.news.watched) < 3:
            await asyncio.sleep(0)
        await queue.cancel(first.take_id)
        assert [places_in(await watch) for watch in watches] == [[1], [2, 1], [3, 2, 1]]

    run(scene)
    assert (tmp_path / "order.txt").read_text().split() == ["a", "v001", "b", "v001", "c", "v001", "b", "v002"]
    for take in others:
        assert (take.directory / "layers.1001.exr").read_bytes() == take.take_id.encode()


def test_a_place_that_nobody_asks_for_is_not_written_down(run, database, reserved_take):
    first = reserved_take(prompt="wait")
    others = [reserved_take(prompt="finish") for _ in range(3)]

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(first)
        await until_waiting(queue, first)
        for take in others:
            queue.add(take)
        await queue.cancel(first.take_id)
        assert (await to_the_end(queue, others[2]))[-1] == "finished"
        events = [event for _, event in database.events(others[1].take_id, 0)]
        assert [event.place for event in events if isinstance(event, QueuedAt)] == [2]

    run(scene)


def test_who_begins_to_watch_is_told_the_place_as_it_is_now(run, reserved_take):
    takes = [reserved_take(node_id=node, prompt="wait") for node in "abc"]

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        for take in takes:
            queue.add(take)
        await until_waiting(queue, takes[0])
        await queue.cancel(takes[1].take_id)
        async for sequence, event in queue.watch(takes[2].take_id):
            if sequence == 3:
                assert event == QueuedAt(1, None)
                return

    run(scene)


def test_the_highest_priority_comes_first_and_of_equals_the_first(run, reserved_take, tmp_path):
    running = reserved_take(node_id="running", prompt="wait")
    takes = [
        reserved_take(node_id=node, prompt="finish", priority=priority)
        for node, priority in (("c", 0), ("e", -1), ("a", 7), ("d", 0), ("b", 7))
    ]

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(running)
        await until_waiting(queue, running)
        lowest = asyncio.create_task(to_the_end(queue, takes[1]))
        for take in takes:
            queue.add(take)
            while not queue.news.watched & {takes[1].take_id} and take is takes[1]:
                await asyncio.sleep(0)
        await queue.cancel(running.take_id)
        assert places_in(await lowest) == [2, 3, 4, 5, 4, 3, 2, 1]

    run(scene)
    assert (tmp_path / "order.txt").read_text().split()[::2] == ["running", "a", "b", "c", "d", "e"]


def test_what_was_written_before_a_failure_stays_and_says_so(run, database, reserved_take):
    take = reserved_take(prompt="fail")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(take)
        assert (await to_the_end(queue, take))[-1] == "failed"

    run(scene)
    failed = database.get(take.take_id)
    assert (failed.error.kind, failed.error.argument, failed.worker_deaths) == ("PlateUnreadable", "plate.path", 0)
    assert store.read_record(take.partial_directory)["error"]["reason"] == "cut off"
    assert not take.directory.exists()


def test_a_take_whose_worker_dies_is_begun_once_more(run, reserved_take):
    take = reserved_take(prompt="die once")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(take)
        states = [event for event in await to_the_end(queue, take) if isinstance(event, str)]
        assert states == ["queued", "checking", "running", "queued", "checking", "running", "finished"]

    run(scene)
    assert (take.directory / "layers.1001.exr").read_bytes() == take.take_id.encode()


def test_a_take_whose_worker_keeps_dying_fails_and_the_next_is_made(run, database, reserved_take):
    deadly, harmless = reserved_take(prompt="die"), reserved_take(prompt="finish")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(deadly)
        queue.add(harmless)
        events = await to_the_end(queue, deadly)
        assert (events[-1], events.count("running")) == ("failed", 3)
        assert (await to_the_end(queue, harmless))[-1] == "finished"

    run(scene)
    failed = database.get(deadly.take_id)
    assert (failed.error.kind, failed.worker_deaths) == ("WorkerDied", 3)
    assert "3 times" in failed.error.reason
    assert "signal 9" in failed.error.reason
    assert not deadly.directory.exists()


def test_a_death_after_a_finished_window_does_not_count(run, database, reserved_take):
    take = reserved_take(prompt="die after windows", frames=FrameSet.parse("1001-1010"))
    take = replace(take, window_latents=(2, 2, 2, 2, 2))

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(take)
        events = await to_the_end(queue, take)
        assert (events[-1], events.count("running")) == ("finished", 6)
        done = [event for event in events if isinstance(event, WindowDone)]
        # what a worker found done it says again; who watches hears of each window once
        assert done == [WindowDone(n, 5, (FrameRange(1000 + n, 1000 + n),)) for n in range(1, 6)]

    run(scene)


def test_windows_previews_and_the_time_that_is_left(run, database, reserved_take):
    take = replace(reserved_take(prompt="windows"), window_latents=(4, 2))

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(take)
        await to_the_end(queue, take)
        events = await to_the_end(queue, take)  # as who begins to watch then is told
        first, second = FrameRange(1001, 1001), FrameRange(1002, 1002)
        assert events[4:-2] == [
            # the other window: 4 steps at half the latents, at half a second a step
            StepDone(4, 4, 1, 2, 0.5, 4 * 0.5 / 2),
            Preview("", 1, 4),
            WindowDone(1, 2, (first,)),
            StepDone(4, 4, 2, 2, 0.5, 0.0),
            Preview("22==", 2, 4),
            WindowDone(2, 2, (second,)),
        ]

    run(scene)
    # the first window: 8 s for 4 steps; the second: 4 s for 4 of half the size, as 2 s for one of the whole
    assert database.paces("a machine") == {"4x48x32x2": 2.0}
    assert database.paces("another machine") == {}


def test_takes_that_need_no_model_have_a_lane_of_their_own(run, database, reserved_take, tmp_path):
    busy = reserved_take(node_id="busy", prompt="wait")
    behind = reserved_take(node_id="behind", prompt="finish")
    slow = reserved_take(node_id="slow", prompt="wait", finish_only=True)
    last = reserved_take(node_id="last", prompt="finish", finish_only=True)
    first = reserved_take(node_id="first", prompt="finish", finish_only=True, priority=1)

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(busy)
        queue.add(slow)
        for take in (busy, slow):
            await until_waiting(queue, take)
        for take in (behind, last, first):
            queue.add(take)
        watch = asyncio.create_task(to_the_end(queue, last))
        while not queue.news.watched:
            await asyncio.sleep(0)
        await queue.cancel(slow.take_id)
        assert places_in(await watch) == [1, 2, 1]  # in its own lane, and behind none of the other
        with pytest.raises(TakeRunning):
            await queue.unload()
        assert database.get(behind.take_id).state is TakeState.QUEUED
        assert queue.length == 2
        await queue.cancel_all()

    run(scene)
    assert (tmp_path / "order.txt").read_text().split()[-4::2] == ["first", "last"]


def test_what_steps_took_says_when_the_next_turn_comes(run, database, reserved_take):
    database.keep_pace("a machine", "2x48x32x2", 3.0)
    takes = [reserved_take(node_id=node, prompt="wait") for node in "abc"]

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(takes[0])
        await until_waiting(queue, takes[0])
        began = time.monotonic()
        for take in takes[1:]:
            queue.add(take)
        places = []
        for take in takes[1:]:
            async for _, event in queue.watch(take.take_id):
                if isinstance(event, QueuedAt):
                    places.append(event)
                    break
        spent = time.monotonic() - began + SECONDS / 10
        assert [place.place for place in places] == [1, 2]
        for place, steps in zip(places, (4, 8), strict=True):
            assert steps * 3.0 - spent <= place.seconds_to_start <= steps * 3.0

    run(scene)


def test_a_worker_that_has_nothing_to_do_frees_the_model(run, reserved_take):
    first, second = reserved_take(prompt="finish"), reserved_take(prompt="finish")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(first)
        await to_the_end(queue, first)
        while worker.health().alive:
            await asyncio.sleep(0.01)
        assert not worker.health().model_loaded
        queue.add(second)
        assert (await to_the_end(queue, second))[-1] == "finished"

    run(scene, seconds_to_unload=0.05)


def test_the_model_is_freed_on_request_but_not_while_a_take_runs(run, reserved_take):
    first, second = reserved_take(prompt="wait"), reserved_take(prompt="finish")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        assert await queue.unload() is False
        queue.add(first)
        await until_waiting(queue, first)
        assert worker.health().model_loaded
        with pytest.raises(TakeRunning) as caught:
            await queue.unload()
        assert caught.value.value == first.take_id
        await queue.cancel(first.take_id)
        await to_the_end(queue, first)
        # a take that comes while the model is being freed is made all the same
        freed, _ = await asyncio.gather(queue.unload(), asyncio.to_thread(lambda: None))
        queue.add(second)
        assert freed is True
        assert (await to_the_end(queue, second))[-1] == "finished"

    run(scene)


def test_a_cancelled_take_goes_on_where_it_stopped_behind_those_that_wait(run, database, reserved_take, tmp_path):
    take, other = reserved_take(node_id="a", prompt="wait"), reserved_take(node_id="b", prompt="finish")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(take)
        await until_waiting(queue, take)
        await queue.cancel(take.take_id)
        seen = len(await to_the_end(queue, take))
        blocking = reserved_take(node_id="c", prompt="wait")
        queue.add(blocking)
        await until_waiting(queue, blocking)
        queue.add(other)
        stopped = database.get(take.take_id)
        queue.resume(replace(stopped, request=replace(stopped.request, prompt="finish")))
        await queue.cancel(blocking.take_id)
        assert (await to_the_end(queue, take, seen))[:2] == ["queued", QueuedAt(2, None)]
        numbers = [number async for number, _ in queue.watch(take.take_id)]
        assert all(after == before + 1 for before, after in pairwise(numbers))

    run(scene)
    assert (tmp_path / "order.txt").read_text().split()[::2] == ["a", "c", "b", "a"]
    finished = database.get(take.take_id)
    assert (finished.state, finished.cancel_requested, finished.error) == (TakeState.FINISHED, False, None)


def test_a_worker_that_dies_with_its_last_step_done_has_finished(run, reserved_take, tmp_path):
    take = reserved_take(prompt="finish and die")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(take)
        assert (await to_the_end(queue, take))[-1] == "finished"

    run(scene)
    assert (tmp_path / "order.txt").read_text().count("\n") == 1


def test_a_worker_that_died_while_it_had_nothing_to_do_is_replaced(run, reserved_take):
    first, second = reserved_take(prompt="finish"), reserved_take(prompt="finish")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(first)
        await to_the_end(queue, first)
        before = worker.health()
        assert (before.alive, before.device) == (True, "script")
        await worker.kill()
        assert not worker.health().alive
        queue.add(second)
        assert (await to_the_end(queue, second))[-1] == "finished"
        assert worker.health().process_id != before.process_id

    run(scene)


def test_a_worker_that_says_what_cannot_be_read_is_ended(run, database, reserved_take):
    take = reserved_take(prompt="babble")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(take)
        assert (await to_the_end(queue, take))[-1] == "failed"

    run(scene)
    assert "cannot be read" in database.get(take.take_id).error.reason


def test_a_waiting_take_is_cancelled_at_once(run, reserved_take, tmp_path):
    first, second, third = (reserved_take(node_id=node, prompt="wait") for node in "abc")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        for take in (first, second, third):
            queue.add(take)
        await until_waiting(queue, first)
        assert (await queue.cancel(second.take_id)).state is TakeState.CANCELLED
        assert (await to_the_end(queue, second))[-1] == "cancelled"
        assert (await to_the_end(queue, second)).count("checking") == 0
        await queue.cancel(first.take_id)
        await until_waiting(queue, third)
        await queue.cancel(third.take_id)
        assert (await to_the_end(queue, third))[-1] == "cancelled"
        assert (await queue.cancel(third.take_id)).state is TakeState.CANCELLED

    run(scene)
    assert "b" not in (tmp_path / "order.txt").read_text().split()
    assert store.read_record(second.partial_directory)["state"] == "cancelled"


def test_a_worker_that_does_not_stop_is_killed(run, database, reserved_take):
    hanging, next_one = reserved_take(prompt="hang"), reserved_take(prompt="finish")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(hanging)
        queue.add(next_one)
        await until_waiting(queue, hanging)
        await queue.cancel(hanging.take_id)
        assert (await to_the_end(queue, hanging))[-1] == "cancelled"
        assert (await to_the_end(queue, next_one))[-1] == "finished"

    run(scene, seconds_to_cancel=0.05)


def test_a_take_that_goes_on_is_not_killed_for_what_was_before(run, reserved_take):
    take = reserved_take(prompt="wait")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(take)
        await until_waiting(queue, take)
        process_id = worker.health().process_id
        stopped = await queue.cancel(take.take_id)
        seen = len(await to_the_end(queue, take))
        queue.resume(replace(stopped, state=TakeState.CANCELLED))
        async for _, event in queue.watch(take.take_id, seen):
            if isinstance(event, StateChanged) and event.take.state is TakeState.RUNNING:
                break
        await asyncio.sleep(0.5)  # longer than a cancelled take is given
        assert worker.health().process_id == process_id

    run(scene, seconds_to_cancel=0.3)


def test_a_watch_can_be_reopened_from_any_event(run, reserved_take):
    take = reserved_take(prompt="finish")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(take)
        all_events = [numbered async for numbered in queue.watch(take.take_id)]
        assert [sequence for sequence, _ in all_events] == list(range(1, 9))
        for after in range(9):
            assert [numbered async for numbered in queue.watch(take.take_id, after)] == all_events[after:]

    run(scene)


def test_a_watch_of_a_take_that_is_deleted_ends(run, database, reserved_take):
    running, take = reserved_take(prompt="wait"), reserved_take(prompt="wait")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(running)
        await until_waiting(queue, running)
        queue.add(take)
        watch = asyncio.create_task(to_the_end(queue, take))
        while take.take_id not in queue.news.watched:
            await asyncio.sleep(0)
        database.delete(take.take_id)
        queue.news.wake(take.take_id)
        with pytest.raises(TakeNotFound):
            await watch
        assert queue.news.watched == set()

    run(scene)


def test_an_engine_that_is_stopped_leaves_its_take_to_the_next(run, database, reserved_take):
    take = reserved_take(prompt="wait")

    async def begin(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(take)
        await until_waiting(queue, take)

    run(begin)
    left = database.get(take.take_id)
    assert (left.state, left.worker_deaths) == (TakeState.QUEUED, 0)
    database.update(replace(left, request=replace(left.request, prompt="finish")))

    async def go_on(queue: TakeQueue, worker: WorkerProcess) -> None:
        events = await to_the_end(queue, take)
        assert events[-1] == "finished"
        assert events.count("queued") == 2

    run(go_on)


def killed_engine(database: TakeDatabase, take: Take, **fields: object) -> Take:
    """Leaves the records as an engine does that is killed at a take."""
    database.add(take)
    for changed in (take, replace(take, state=TakeState.RUNNING, started_at=take.created_at, **fields)):
        database.add_event(take.take_id, StateChanged(changed))
    return changed


def test_a_take_whose_engine_died_goes_on_however_often_that_was(run, database, reserved_take):
    take = killed_engine(database, reserved_take(prompt="finish"), worker_deaths=2)
    (take.partial_directory / "layers.1001.exr").write_bytes(b"half a fra")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        assert (await to_the_end(queue, take))[-1] == "finished"

    run(scene)
    assert (take.directory / "layers.1001.exr").read_bytes() == take.take_id.encode()


def test_a_take_that_was_to_be_stopped_when_the_engine_died_is_not_begun_again(run, database, reserved_take):
    take = killed_engine(database, reserved_take(prompt="finish"), cancel_requested=True)

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        assert (await to_the_end(queue, take))[-1] == "cancelled"

    run(scene)


def test_a_take_that_was_finished_when_the_engine_died_is_finished(run, database, reserved_take, tmp_path):
    take = killed_engine(database, reserved_take(prompt="finish"))
    seconds = {"total": 1.0, "queued": 0.0, "model": 0.5, "pixels": 0.5}
    record = {"take_id": take.take_id, "frames": {"1001": {}}, "seconds": seconds, "warnings": [], "seams": []}
    made = [{"first_frame": 1001, "last_frame": 1001}]
    store.write_record(take.partial_directory, {**record, "made": made})
    store.complete(take)

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        assert (await to_the_end(queue, take))[-1] == "finished"

    run(scene)
    assert not (tmp_path / "order.txt").exists()


def test_a_take_whose_folder_was_removed_fails_alone(run, reserved_take):
    lost, other = reserved_take(prompt="finish"), reserved_take(node_id="other", prompt="finish")
    store.delete_files(lost)

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(lost)
        queue.add(other)
        assert (await to_the_end(queue, lost))[-1] == "failed"
        assert (await to_the_end(queue, other))[-1] == "finished"

    run(scene)


def test_a_take_on_a_share_that_went_stale_fails_alone(run, database, reserved_take, monkeypatch):
    lost, other = reserved_take(prompt="fail"), reserved_take(prompt="finish")
    stat = Path.stat

    def stale(path: Path, **more: object) -> os.stat_result:
        if lost.partial_directory.name in path.parts:
            raise OSError(errno.ESTALE, "Stale file handle", str(path))
        return stat(path, **more)

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        monkeypatch.setattr(Path, "stat", stale)
        queue.add(lost)
        queue.add(other)
        assert (await to_the_end(queue, lost))[-1] == "failed"
        assert (await to_the_end(queue, other))[-1] == "finished"

    run(scene)


def test_a_take_whose_cancelling_broke_off_is_cancelled_by_the_next_word(run, database, reserved_take):
    running, waiting = reserved_take(prompt="wait"), reserved_take(prompt="wait")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(running)
        await until_waiting(queue, running)
        queue.add(waiting)
        database.update(replace(database.get(waiting.take_id), cancel_requested=True))  # and then its client was gone
        assert (await queue.cancel(waiting.take_id)).state is TakeState.CANCELLED

    run(scene)


def test_a_worker_is_replaced_though_whoever_ended_it_did_not_wait(run, reserved_take):
    first, second = reserved_take(prompt="finish"), reserved_take(prompt="finish")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        queue.add(first)
        await to_the_end(queue, first)
        unloading = asyncio.create_task(queue.unload())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        unloading.cancel()
        await asyncio.gather(unloading, return_exceptions=True)
        while worker.health().alive:
            await asyncio.sleep(0.01)
        queue.add(second)
        assert (await to_the_end(queue, second))[-1] == "finished"

    run(scene)
