"""One take at a time, through deaths of worker and engine. The worker is a real process, played by a script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from vera_engine.takes import store
from vera_engine.takes.database import TakeDatabase, TakeNotFound
from vera_engine.takes.queue import TakeQueue, TakeRunning
from vera_engine.takes.take import FrameWritten, QueuedAt, StateChanged, StepDone, Take, TakeState
from vera_engine.takes.worker_process import WorkerProcess

SECONDS = 60.0
"""Far more than any of it takes: a test that hangs ends."""


@pytest.fixture
def database(tmp_path):
    database = TakeDatabase(tmp_path / "engine.sqlite3")
    yield database
    database.close()


@pytest.fixture
def run(database, scripted_worker):
    """Runs a scene with a queue that has begun to work, and ends the queue."""

    def run(scene: Callable[..., Awaitable[None]], seconds_to_cancel: float = SECONDS) -> None:
        async def play() -> None:
            worker = WorkerProcess(scripted_worker)
            queue = TakeQueue(database, worker, seconds_to_cancel)
            await queue.start()
            try:
                await asyncio.wait_for(scene(queue, worker), SECONDS)
            finally:
                await queue.stop()

        asyncio.run(play())

    return run


async def to_the_end(queue: TakeQueue, take: Take) -> list[object]:
    """All events of a take, with states as their names."""
    events = [event async for _, event in queue.watch(take.take_id)]
    return [str(event.take.state) if isinstance(event, StateChanged) else event for event in events]


async def until_waiting(queue: TakeQueue, take: Take) -> None:
    async for _, event in queue.watch(take.take_id):
        if isinstance(event, StateChanged) and event.take.state is TakeState.RUNNING:
            return


def test_a_take_goes_its_way(run, database, reserved_take):
    take = replace(reserved_take(prompt="finish"), warnings=("known before",))

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(take)
        assert not queue.is_idle
        assert await to_the_end(queue, take) == [
            "queued",
            QueuedAt(1),
            "checking",
            "running",
            StepDone(1, 1, 1, 1, 0.5),
            "writing",
            FrameWritten(1001),
            "finished",
        ]
        assert queue.is_idle

    run(scene)
    finished = database.get(take.take_id)
    assert (take.directory / "layers.1001.exr").read_bytes() == take.take_id.encode()
    assert finished.warnings == ("known before", "mind the gap")
    assert (finished.seconds.total, finished.attempts, finished.error) == (3, 1, None)


def test_first_come_first_served_and_each_is_told_its_place(run, reserved_take, tmp_path):
    first = reserved_take(node_id="a", prompt="wait")
    others = [reserved_take(node_id=node, prompt="finish") for node in ("b", "c", "b")]

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(first)
        await until_waiting(queue, first)
        for take in others:
            await queue.add(take)
        await queue.cancel(first.take_id)
        places = [
            [event.place for event in await to_the_end(queue, take) if isinstance(event, QueuedAt)] for take in others
        ]
        assert places == [[1], [2, 1], [3, 2, 1]]

    run(scene)
    assert (tmp_path / "order.txt").read_text().split() == ["a", "v001", "b", "v001", "c", "v001", "b", "v002"]
    for take in others:
        assert (take.directory / "layers.1001.exr").read_bytes() == take.take_id.encode()


def test_what_was_written_before_a_failure_stays_and_says_so(run, database, reserved_take):
    take = reserved_take(prompt="fail")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(take)
        assert (await to_the_end(queue, take))[-1] == "failed"

    run(scene)
    failed = database.get(take.take_id)
    assert (failed.error.kind, failed.error.argument, failed.attempts) == ("PlateUnreadable", "plate.path", 1)
    assert store.read_record(take.partial_directory)["error"]["reason"] == "cut off"
    assert not take.directory.exists()


def test_a_take_whose_worker_dies_is_begun_once_more(run, reserved_take):
    take = reserved_take(prompt="die once")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(take)
        states = [event for event in await to_the_end(queue, take) if isinstance(event, str)]
        assert states == ["queued", "checking", "running", "queued", "checking", "running", "finished"]

    run(scene)
    assert (take.directory / "layers.1001.exr").read_bytes() == take.take_id.encode()


def test_a_take_whose_worker_dies_twice_fails_and_the_next_is_made(run, database, reserved_take):
    deadly, harmless = reserved_take(prompt="die"), reserved_take(prompt="finish")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(deadly)
        await queue.add(harmless)
        assert (await to_the_end(queue, deadly))[-1] == "failed"
        assert (await to_the_end(queue, harmless))[-1] == "finished"

    run(scene)
    failed = database.get(deadly.take_id)
    assert (failed.error.kind, failed.attempts) == ("WorkerDied", 2)
    assert "signal 9" in failed.error.reason
    assert not deadly.directory.exists()


def test_a_worker_that_dies_with_its_last_step_done_has_finished(run, database, reserved_take):
    take = reserved_take(prompt="finish and die")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(take)
        assert (await to_the_end(queue, take))[-1] == "finished"

    run(scene)
    assert database.get(take.take_id).attempts == 1


def test_a_worker_that_died_while_it_had_nothing_to_do_is_replaced(run, reserved_take):
    first, second = reserved_take(prompt="finish"), reserved_take(prompt="finish")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(first)
        await to_the_end(queue, first)
        before = worker.health()
        assert (before.alive, before.device) == (True, "script")
        await worker.kill()
        assert not worker.health().alive
        await queue.add(second)
        assert (await to_the_end(queue, second))[-1] == "finished"
        assert worker.health().process_id != before.process_id

    run(scene)


def test_a_worker_that_says_what_cannot_be_read_is_ended(run, database, reserved_take):
    take = reserved_take(prompt="babble")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(take)
        assert (await to_the_end(queue, take))[-1] == "failed"

    run(scene)
    assert "cannot be read" in database.get(take.take_id).error.reason


def test_a_waiting_take_is_cancelled_at_once(run, reserved_take, tmp_path):
    first, second, third = (reserved_take(node_id=node, prompt="wait") for node in "abc")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        for take in (first, second, third):
            await queue.add(take)
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
        await queue.add(hanging)
        await queue.add(next_one)
        await until_waiting(queue, hanging)
        await queue.cancel(hanging.take_id)
        assert (await to_the_end(queue, hanging))[-1] == "cancelled"
        assert (await to_the_end(queue, next_one))[-1] == "finished"

    run(scene, seconds_to_cancel=0.05)


def test_a_watch_can_be_reopened_from_any_event(run, reserved_take):
    take = reserved_take(prompt="finish")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(take)
        all_events = [numbered async for numbered in queue.watch(take.take_id)]
        assert [sequence for sequence, _ in all_events] == list(range(1, 9))
        for after in range(9):
            assert [numbered async for numbered in queue.watch(take.take_id, after)] == all_events[after:]

    run(scene)


def test_a_take_is_deleted_once_it_is_final(run, reserved_take):
    take = reserved_take(prompt="wait")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(take)
        await until_waiting(queue, take)
        with pytest.raises(TakeRunning):
            await queue.delete(take.take_id)
        await queue.cancel(take.take_id)
        await to_the_end(queue, take)
        await queue.delete(take.take_id)
        with pytest.raises(TakeNotFound):
            await queue.cancel(take.take_id)
        with pytest.raises(TakeNotFound):
            await to_the_end(queue, take)

    run(scene)
    assert not take.partial_directory.exists()


def test_an_engine_that_is_stopped_leaves_its_take_to_the_next(run, database, reserved_take):
    take = reserved_take(prompt="wait")

    async def begin(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(take)
        await until_waiting(queue, take)

    run(begin)
    left = database.get(take.take_id)
    assert (left.state, left.attempts) == (TakeState.QUEUED, 0)
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


def test_a_take_whose_engine_died_is_begun_once_more(run, database, reserved_take):
    take = killed_engine(database, reserved_take(prompt="finish"), attempts=1)
    (take.partial_directory / "layers.1001.exr").write_bytes(b"half a fra")

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        assert (await to_the_end(queue, take))[-1] == "finished"

    run(scene)
    assert (take.directory / "layers.1001.exr").read_bytes() == take.take_id.encode()


def test_a_take_whose_engine_died_twice_fails(run, database, reserved_take):
    take = killed_engine(database, reserved_take(prompt="finish"), attempts=2)

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        assert (await to_the_end(queue, take))[-1] == "failed"

    run(scene)
    assert "died twice" in database.get(take.take_id).error.reason


def test_a_take_that_was_to_be_stopped_when_the_engine_died_is_not_begun_again(run, database, reserved_take):
    take = killed_engine(database, reserved_take(prompt="finish"), attempts=1, cancel_requested=True)

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        assert (await to_the_end(queue, take))[-1] == "cancelled"

    run(scene)


def test_a_take_that_was_finished_when_the_engine_died_is_finished(run, database, reserved_take, tmp_path):
    take = killed_engine(database, reserved_take(prompt="finish"), attempts=2)
    seconds = {"total": 1.0, "queued": 0.0, "model": 0.5, "pixels": 0.5}
    store.write_record(take.partial_directory, {"take_id": take.take_id, "seconds": seconds, "warnings": []})
    store.complete(take)

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        assert (await to_the_end(queue, take))[-1] == "finished"

    run(scene)
    assert not (tmp_path / "order.txt").exists()


def test_a_take_whose_folder_was_removed_fails_alone(run, reserved_take):
    lost, other = reserved_take(prompt="finish"), reserved_take(node_id="other", prompt="finish")
    store.delete_files(lost)

    async def scene(queue: TakeQueue, worker: WorkerProcess) -> None:
        await queue.add(lost)
        await queue.add(other)
        assert (await to_the_end(queue, lost))[-1] == "failed"
        assert (await to_the_end(queue, other))[-1] == "finished"

    run(scene)
