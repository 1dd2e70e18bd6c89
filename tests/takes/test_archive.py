"""Takes at rest: found, noted, resumed, kept, deleted, whichever engine made them."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.takes.conftest import to_the_end, until_waiting
from vera_engine.plates.disk import FileNotWritten
from vera_engine.takes import keep, store
from vera_engine.takes.archive import TakeArchive, TakeCopied, TakeNotStopped, TakeShared, TakeStarred, TakeUnclear
from vera_engine.takes.database import TakeDatabase, TakeNotFound
from vera_engine.takes.heartbeat import TakeHeldElsewhere
from vera_engine.takes.lane import TakeRunning
from vera_engine.takes.notes import NoteInvalid, read_notes
from vera_engine.takes.queue import TakeQueue
from vera_engine.takes.request import BaseTake
from vera_engine.takes.rules import PathNotAbsolute
from vera_engine.takes.take import Notes, Refusal, Seam, SeamKind, Take, TakeSeconds, TakeState

Scene = Callable[[TakeArchive, TakeQueue], Awaitable[None]]


@pytest.fixture
def play(run, database: TakeDatabase) -> Callable[[Scene], None]:
    """Runs a scene with an archive whose queue works."""

    def play(scene: Scene) -> None:
        run(lambda queue, _: scene(TakeArchive(database, queue, "ours"), queue))

    return play


def finish(take: Take, **record: object) -> Take:
    """Gives a take its final name, with a `take.json` as the worker writes it."""
    store.write_record(
        take.partial_directory,
        {
            "take_id": take.take_id,
            "created_at": take.created_at,
            "request": take.request.as_record(),
            "settings": asdict(take.settings),
            "working_size": list(take.working_size),
            "frames": {str(frame): {} for frame in take.frames},
            "made": take.request.made_frames.as_dicts(),
            "windows": [{"weights": [0.0] * latents} for latents in take.window_latents],
            "seconds": asdict(TakeSeconds(3, 1, 1, 1)),
            "warnings": ["mind"],
            "seams": [{"between": [1001, 1002], "seam": 0.75, "kind": "window"}],
            **record,
        },
    )
    (take.partial_directory / "layers.1001.exr").write_bytes(take.take_id.encode())
    store.complete(take)
    return replace(take, state=TakeState.FINISHED)


def stop(take: Take, state: TakeState = TakeState.CANCELLED) -> Take:
    """Leaves a take as an engine does that was told to stop it."""
    take = replace(take, state=state, error=Refusal("DiskFull", "full") if state is TakeState.FAILED else None)
    store.record_state(take)
    return take


def beat(take: Take, **fields: object) -> None:
    """The heartbeat of another engine that works on a take right now."""
    said = {"host": "far", "process_id": 1, "take_id": take.take_id, "engine_id": "theirs", **fields}
    (take.partial_directory / "worker.json").write_text(json.dumps(said))


def test_takes_are_found_by_id_and_by_folder(play, database, reserved_take):
    own, theirs = finish(reserved_take()), finish(reserved_take())
    database.add(own)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        for found in (
            await archive.find(own.take_id),
            await archive.find("", str(own.directory)),
            await archive.find("", f"{own.directory}.partial"),
        ):
            assert found == own
        with pytest.raises(TakeNotFound):
            await archive.find(theirs.take_id)
        found = await archive.find("", str(theirs.directory))
        assert (found.take_id, found.version, found.state) == (theirs.take_id, "v002", TakeState.FINISHED)
        assert (found.request, found.settings, found.frames) == (theirs.request, theirs.settings, theirs.frames)
        assert (found.window_latents, found.working_size) == (theirs.window_latents, theirs.working_size)
        assert (found.created_at, found.warnings) == (theirs.created_at, ("mind",))
        assert found.seams == (Seam(1001, 1002, 0.75, SeamKind.WINDOW),)
        assert found.finished_frames == theirs.frames.ranges
        for named in ((own.take_id, str(own.directory)), ("", "")):
            with pytest.raises(TakeUnclear):
                await archive.find(*named)
        with pytest.raises(PathNotAbsolute):
            await archive.find("", "hero/v001")
        with pytest.raises(TakeNotFound):
            await archive.find("", str(own.directory.with_name("v009")))

    play(scene)


def test_what_other_engines_left_is_listed_with_the_own(play, database, reserved_take, tmp_path):
    takes = [reserved_take(node_id=node) for node in ("a", "b", "a", "a", "a", "a", "a")]
    finished, other_node, own, cancelled, waiting, worked_on, left = (
        replace(take, created_at=float(number)) for number, take in enumerate(takes)
    )
    for take in (finished, other_node):
        finish(take)
    database.add(stop(own))
    stop(cancelled)
    beat(worked_on)
    beat(left, host=socket.gethostname(), process_id=2**22 + 1)  # more than any system gives
    store.record_state(left)
    (tmp_path / "takes" / "a" / "v099").mkdir()
    (tmp_path / "takes" / "a" / "v098").write_text("no folder")
    (tmp_path / "takes" / "a" / "notes").mkdir()
    (tmp_path / "takes" / "a file").write_text("")

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        root = str(tmp_path / "takes")
        listed = await archive.takes("", root)
        assert [take.take_id for take in listed] == [
            take.take_id for take in (finished, other_node, own, cancelled, left)
        ]
        assert [str(take.state) for take in listed] == ["finished", "finished", "cancelled", "cancelled", "failed"]
        assert listed[-1].error.kind == "EngineGone"
        assert [take.take_id for take in await archive.takes("b", root)] == [other_node.take_id]
        assert [take.take_id for take in await archive.takes("a", "")] == [own.take_id]
        assert [take.take_id for take in await archive.takes("", "")] == [own.take_id]
        assert await archive.takes("c", root) == []
        assert await archive.takes("", str(tmp_path / "elsewhere")) == []
        with pytest.raises(TakeHeldElsewhere):
            await archive.find("", str(worked_on.directory))
        with pytest.raises(TakeNotFound):
            await archive.find("", str(waiting.directory))

    play(scene)


def test_a_take_json_of_another_make_is_not_listed_and_hides_no_other(play, reserved_take, tmp_path):
    old, good = reserved_take(), reserved_take()
    finish(old, request={"frames": {"first_frame": 1, "last_frame": 2}})
    finish(good)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        assert [take.take_id for take in await archive.takes("", str(tmp_path / "takes"))] == [good.take_id]

    play(scene)


def test_what_is_said_of_a_take_is_changed_field_by_field(play, database, reserved_take):
    own, theirs = finish(reserved_take()), finish(reserved_take())
    database.add(own)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        for take in (own, await archive.find("", str(theirs.directory))):
            assert (await archive.update(take, label="wide")).notes == Notes("wide")
            assert (await archive.update(take, note="too deep", starred=True)).notes == Notes("wide", "too deep", True)
            changed = await archive.update(take, label="", starred=False)
            assert changed.notes == Notes("", "too deep", False) == read_notes(take.directory)
            with pytest.raises(NoteInvalid):
                await archive.update(take, label="x" * 201)
        assert database.get(own.take_id).notes == Notes("", "too deep", False)
        # another engine's word on the same take counts as well
        (own.directory / "note.json").write_text(json.dumps(asdict(Notes("theirs"))))
        assert (await archive.find(own.take_id)).notes == Notes("theirs")
        assert (await archive.takes("", ""))[0].notes == Notes("theirs")
        assert (await archive.update(own, starred=True)).notes == Notes("theirs", "", True)

    play(scene)


def test_a_take_is_named_while_it_runs(play, database, reserved_take):
    take = reserved_take(prompt="wait")

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        queue.add(take)
        await until_waiting(queue, take)
        await archive.update(await archive.find(take.take_id), label="wide")
        await queue.cancel(take.take_id)
        await to_the_end(queue, take)
        stopped = await archive.find(take.take_id)
        assert (stopped.state, stopped.notes) == (TakeState.CANCELLED, Notes("wide"))
        assert database.get(take.take_id).notes == Notes("wide")

    play(scene)


def test_a_stopped_take_is_resumed_and_no_other(play, database, reserved_take):
    take = reserved_take(prompt="wait")

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        queue.add(take)
        await until_waiting(queue, take)
        for act in (archive.resume, archive.keep_frames):
            with pytest.raises(TakeNotStopped, match="running"):
                await act(await archive.find(take.take_id))
        await queue.cancel(take.take_id)
        await to_the_end(queue, take)
        stopped = database.get(take.take_id)
        database.update(replace(stopped, request=replace(stopped.request, prompt="finish")))
        assert (await archive.resume(stopped)).state is TakeState.QUEUED
        assert (await to_the_end(queue, take))[-1] == "finished"
        with pytest.raises(TakeNotStopped, match="finished"):
            await archive.resume(await archive.find(take.take_id))

    play(scene)


def test_a_take_that_another_engine_left_is_taken_over(play, database, reserved_take):
    left = stop(replace(reserved_take(prompt="finish"), created_at=1.0), TakeState.FAILED)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        beat(left)
        with pytest.raises(TakeHeldElsewhere):
            await archive.find("", str(left.directory))
        assert not database.knows(left.take_id)
        long_ago = time.time() - 70
        os.utime(left.partial_directory / "worker.json", (long_ago, long_ago))
        found = await archive.find("", str(left.directory))
        assert (found.state, found.error.kind) == (TakeState.FAILED, "DiskFull")
        resumed = await archive.resume(found)
        assert (resumed.take_id, resumed.state, resumed.error) == (left.take_id, TakeState.QUEUED, None)
        assert (await to_the_end(queue, left))[-1] == "finished"

    play(scene)
    assert (left.directory / "layers.1001.exr").read_bytes() == left.take_id.encode()
    assert database.get(left.take_id).directory == left.directory


def test_a_stopped_take_whose_folder_is_gone_is_not_resumed(play, database, reserved_take):
    take = stop(reserved_take())
    database.add(take)
    store.delete_files(take)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        with pytest.raises(store.TakeFilesMissing):
            await archive.resume(await archive.find(take.take_id))
        assert database.get(take.take_id).state is TakeState.CANCELLED

    play(scene)


def test_a_take_that_another_engine_finished_is_finished(play, database, reserved_take):
    take = stop(reserved_take(), TakeState.FAILED)
    database.add(take)
    finish(take)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        found = await archive.find(take.take_id)
        assert (found.state, found.error) == (TakeState.FINISHED, None)
        assert database.get(take.take_id) == found

    play(scene)


@pytest.mark.parametrize("name", ["hero", "v1.0", "vvv", "version", "v"])
def test_a_folder_that_is_no_version_is_not_found(play, reserved_take, name):
    take = reserved_take()

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        with pytest.raises(TakeNotFound):
            await archive.find("", str(take.directory.with_name(name)))

    play(scene)


def test_a_take_without_a_finished_window_has_nothing_to_keep(play, database, reserved_take):
    take = stop(reserved_take())
    database.add(take)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        with pytest.raises(keep.NothingToKeep):
            await archive.keep_frames(await archive.find(take.take_id))
        assert database.get(take.take_id).state is TakeState.CANCELLED

    play(scene)


def test_a_take_is_deleted_once_it_is_final(play, database, reserved_take):
    take = reserved_take(prompt="wait")

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        queue.add(take)
        await until_waiting(queue, take)
        with pytest.raises(TakeRunning):
            await archive.delete(await archive.find(take.take_id), force=True)
        await queue.cancel(take.take_id)
        await to_the_end(queue, take)
        await archive.delete(await archive.find(take.take_id))
        with pytest.raises(TakeNotFound):
            await queue.cancel(take.take_id)
        with pytest.raises(TakeNotFound):
            await to_the_end(queue, take)

    play(scene)
    assert not take.partial_directory.exists()
    assert database.last_version(take.directory.parent) == 1


def test_a_starred_take_is_deleted_only_by_force(play, database, reserved_take):
    own, theirs = finish(reserved_take()), finish(reserved_take())
    database.add(own)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        for directory in (own.directory, theirs.directory):
            take = await archive.update(await archive.find("", str(directory)), starred=True)
            with pytest.raises(TakeStarred):
                await archive.delete(take)
            assert directory.is_dir()
            await archive.delete(take, force=True)
            assert not directory.exists()

    play(scene)


@pytest.mark.parametrize("base_is_own", [True, False])
@pytest.mark.parametrize("repair_is_own", [True, False])
def test_a_base_is_deleted_only_by_force(play, database, reserved_take, base_is_own, repair_is_own):
    base = finish(reserved_take())
    repair = finish(reserved_take(base=BaseTake(base.take_id, str(base.directory))))
    for take, is_own in ((base, base_is_own), (repair, repair_is_own)):
        if is_own:
            database.add(take)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        found = await archive.find("", str(base.directory))
        with pytest.raises(TakeShared, match="v002 of hero"):
            await archive.delete(found)
        await archive.delete(found, force=True)

    play(scene)
    assert not base.directory.exists()
    assert (repair.directory / "layers.1001.exr").exists()


def test_a_base_of_a_take_that_is_still_to_be_made_is_not_deleted(play, database, reserved_take):
    running, base = reserved_take(prompt="wait"), finish(reserved_take())
    database.add(base)
    repair = reserved_take(prompt="wait", base=BaseTake(base.take_id, str(base.directory)))

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        queue.add(running)
        await until_waiting(queue, running)
        queue.add(repair)
        with pytest.raises(TakeRunning, match="v003 of hero"):
            await archive.delete(base, force=True)
        await queue.cancel(repair.take_id)
        with pytest.raises(TakeShared):
            await archive.delete(base)
        await archive.delete(await archive.find(repair.take_id))
        await archive.delete(base)

    play(scene)
    assert not base.directory.exists()


def test_what_another_engine_works_on_is_not_deleted(play, database, reserved_take):
    take = stop(reserved_take())
    database.add(take)
    beat(take)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        for act in (archive.delete, archive.resume, archive.keep_frames):
            with pytest.raises(TakeHeldElsewhere):
                await act(await archive.find(take.take_id))

    play(scene)
    assert take.partial_directory.is_dir()


def test_of_two_who_want_other_things_of_a_take_one_is_refused(play, database, reserved_take):
    take = stop(reserved_take(prompt="finish"))
    database.add(take)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        outcomes = await asyncio.gather(archive.resume(take), archive.delete(take), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Take, TakeRunning]
        assert (await to_the_end(queue, take))[-1] == "finished"

    play(scene)


def test_a_folder_is_read_where_it_is_now(play, reserved_take, tmp_path):
    stop(reserved_take())
    Path(tmp_path / "takes").rename(tmp_path / "moved")

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        (take,) = await archive.takes("hero", str(tmp_path / "moved"))
        assert take.directory == tmp_path / "moved" / "hero" / "v001"

    play(scene)


def test_what_is_done_to_a_copied_take_is_done_to_the_copy(play, database, reserved_take, tmp_path):
    whole, stopped = finish(reserved_take()), stop(reserved_take())
    for take in (whole, stopped):
        database.add(take)
    copies = tmp_path / "copied" / "hero"
    shutil.copytree(tmp_path / "takes" / "hero", copies)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        noted = await archive.update(await archive.find("", str(copies / "v001")), note="the copy")
        assert (noted.directory, noted.notes.note) == (copies / "v001", "the copy")
        assert (await archive.find(whole.take_id)).notes == Notes()
        with pytest.raises(TakeCopied, match=re.escape(str(stopped.partial_directory))):
            await archive.resume(await archive.find("", str(copies / "v002")))
        for version in ("v001", "v002"):
            await archive.delete(await archive.find("", str(copies / version)))
        assert list(copies.iterdir()) == []
        assert (await archive.find(whole.take_id)).state is TakeState.FINISHED

    play(scene)
    assert whole.directory.is_dir()
    assert stopped.partial_directory.is_dir()


def test_a_stopped_take_that_was_moved_goes_on_where_it_lies_now(play, database, reserved_take, tmp_path):
    take = stop(reserved_take(prompt="finish"))
    database.add(take)
    (tmp_path / "takes").rename(tmp_path / "moved")
    moved = tmp_path / "moved" / "hero" / "v001"

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        resumed = await archive.resume(await archive.find("", str(moved)))
        assert (resumed.take_id, resumed.directory) == (take.take_id, moved)
        assert (await to_the_end(queue, take))[-1] == "finished"

    play(scene)
    assert database.get(take.take_id).directory == moved
    assert (moved / "layers.1001.exr").is_file()


def test_a_take_that_waits_again_in_another_engines_queue_is_not_taken_from_it(play, reserved_take):
    take = replace(stop(reserved_take()), state=TakeState.QUEUED)
    (take.partial_directory / "progress.json").write_text("{}")
    store.record_state(take)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        assert await archive.takes("hero", str(take.directory.parent.parent)) == []
        with pytest.raises(TakeNotFound):
            await archive.find("", str(take.directory))

    play(scene)


def test_a_take_of_another_engine_that_only_lacks_its_name_is_given_it(play, reserved_take):
    take = finish(reserved_take())
    record = store.read_record(take.directory)
    take.directory.rename(take.partial_directory)
    store.write_record(take.partial_directory, {**record, "state": "finished"})

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        (found,) = await archive.takes("hero", str(take.directory.parent.parent))
        assert (found.take_id, found.state) == (take.take_id, TakeState.FINISHED)

    play(scene)
    assert (take.directory / "layers.1001.exr").is_file()


def test_a_take_half_deleted_is_never_taken_for_a_whole_one(play, database, reserved_take, monkeypatch):
    take = reserved_take()
    for frame in range(1002, 1012):
        (take.partial_directory / f"layers.{frame}.exr").write_bytes(b"a frame")
    finish(take)
    record = store.read_record(take.directory)
    store.write_record(take.directory, {**record, "state": "finished"})
    database.add(replace(take, state=TakeState.FINISHED))
    unlink, left = os.unlink, iter(range(4))

    def busy(path: str, **more: object) -> None:
        if next(left, None) is None:
            raise OSError(errno.EBUSY, "Device or resource busy", path)
        unlink(path, **more)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        with monkeypatch.context() as held:
            held.setattr(os, "unlink", busy)
            with pytest.raises(FileNotWritten, match="busy"):
                await archive.delete(await archive.find(take.take_id))
        assert store.finished_record(take) is None
        assert not take.directory.exists()
        await archive.delete(await archive.find(take.take_id))
        assert not take.partial_directory.exists()
        assert not database.knows(take.take_id)

    play(scene)


def test_a_take_is_its_own_by_whatever_path(play, database, reserved_take, tmp_path):
    stopped, base = stop(reserved_take(prompt="finish")), finish(reserved_take())
    repair = reserved_take(prompt="wait", base=BaseTake(base.take_id, str(base.directory)))
    for take in (stopped, base, repair):
        database.add(take)
    (tmp_path / "link").symlink_to(tmp_path / "takes")
    linked = tmp_path / "link" / "hero"

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        with pytest.raises(TakeRunning, match="v003 of hero"):
            await archive.delete(await archive.find("", str(linked / base.version)))
        resumed = await archive.resume(await archive.find("", str(linked / stopped.version)))
        assert (resumed.take_id, resumed.directory) == (stopped.take_id, stopped.directory)

    play(scene)
    assert base.directory.is_dir()


def test_what_is_left_of_another_engines_take_can_be_deleted(play, reserved_take):
    whole, stopped = finish(reserved_take()), stop(reserved_take())
    for take, directory in ((whole, whole.directory), (stopped, stopped.partial_directory)):
        store.write_record(directory, {**store.read_record(directory), "state": store.DELETED})
        if take is whole:
            directory.rename(take.partial_directory)

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        left = await archive.takes("hero", str(whole.directory.parent.parent))
        assert [(take.state, take.error.kind) for take in left] == [(TakeState.FAILED, "HalfDeleted")] * 2
        for take in left:
            await archive.delete(take)

    play(scene)
    assert list(whole.directory.parent.iterdir()) == []


def test_a_take_whose_failure_could_not_be_written_can_be_taken_over(play, reserved_take):
    take = reserved_take()  # its record says that it is queued
    progress = take.partial_directory / "progress.json"
    progress.write_text("{}")
    later = (take.partial_directory / "take.json").stat().st_mtime + 5
    os.utime(progress, (later, later))

    async def scene(archive: TakeArchive, queue: TakeQueue) -> None:
        (found,) = await archive.takes("hero", str(take.directory.parent.parent))
        assert (found.state, found.error.kind) == (TakeState.FAILED, "EngineGone")

    play(scene)
