"""The way in: what a request becomes, once, and what it reserves where it is refused: nothing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.takes.conftest import to_the_end, until_waiting
from tests.takes.test_base import write_version
from vera_engine.model.settings import ModelSettings
from vera_engine.plates.frames import FrameSet
from vera_engine.takes import store
from vera_engine.takes.base import BaseNotFinished, BaseNotFound
from vera_engine.takes.database import TakeDatabase, TakeNotFound
from vera_engine.takes.intake import BaseUnclear, QueueFull, RequestIdMissing, TakeIntake
from vera_engine.takes.notes import read_notes
from vera_engine.takes.queue import TakeQueue
from vera_engine.takes.request import AskedSettings, BaseTake, PlateReference, TakeRequest, TakeSettings
from vera_engine.takes.rules import PathNotAbsolute, PromptInvalid
from vera_engine.takes.take import Notes, TakeState

Scene = Callable[[TakeIntake, TakeQueue], Awaitable[None]]
MOST_QUEUED = 4


@pytest.fixture
def play(run, database: TakeDatabase, model: ModelSettings, tmp_path: Path) -> Callable[[Scene], None]:
    """Runs a scene with an intake whose queue works."""

    def play(scene: Scene) -> None:
        run(lambda queue, _: scene(TakeIntake(database, queue, model, tmp_path / "own", MOST_QUEUED), queue))

    return play


@pytest.fixture
def asked(request_of, plate: PlateReference, tmp_path: Path) -> Callable[..., TakeRequest]:
    """A request that can be run."""
    return lambda **fields: request_of(**{"plate": plate, "take_root": str(tmp_path / "takes"), **fields})


def versions(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.glob("takes/*/v*"))


def test_a_request_becomes_a_take_with_nothing_left_open(play, asked, tmp_path):
    async def scene(intake: TakeIntake, queue: TakeQueue) -> None:
        admitted = await intake.create("r1", asked(prompt="finish", label="wide", handles=0))
        take = admitted.take
        assert not admitted.existing
        assert (take.version, take.state, take.notes) == ("v001", TakeState.QUEUED, Notes("wide"))
        assert (str(take.frames), take.working_size, take.window_latents) == ("1001-1003", (48, 32), (2,))
        assert take.request.plate.color_space == "ACEScg"
        assert len(take.fingerprint) == 64
        assert take.model == "words"
        await to_the_end(queue, take)
        assert read_notes(take.directory) == Notes("wide")

    play(scene)


def test_one_request_id_makes_one_take(play, asked, tmp_path):
    async def scene(intake: TakeIntake, queue: TakeQueue) -> None:
        request = asked(prompt="wait")
        admitted = await asyncio.gather(*(intake.create("same", request) for _ in range(5)))
        assert len({each.take.take_id for each in admitted}) == 1
        again = await intake.create("same", asked(prompt="another"))
        assert again.take.request.prompt == "wait"
        with pytest.raises(RequestIdMissing):
            await intake.create("", request)

    play(scene)
    assert versions(tmp_path) == ["v001.partial"]


def test_a_request_that_is_refused_reserves_nothing(play, asked, tmp_path):
    async def scene(intake: TakeIntake, queue: TakeQueue) -> None:
        with pytest.raises(PromptInvalid):
            await intake.create("r1", asked(prompt=" "))
        assert queue.is_idle

    play(scene)
    assert versions(tmp_path) == []


def test_a_full_queue_refuses_what_comes_until_something_is_done(play, asked, database, tmp_path):
    async def scene(intake: TakeIntake, queue: TakeQueue) -> None:
        outcomes = await asyncio.gather(
            *(intake.create(f"r{n}", asked(prompt="wait")) for n in range(MOST_QUEUED + 3)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes[MOST_QUEUED:]] == [QueueFull] * 3
        # what is there already is answered all the same
        assert (await intake.create("r0", asked())).take.take_id == outcomes[0].take.take_id
        await queue.cancel(database.unfinished()[-1])
        await intake.create("later", asked(prompt="wait"))

    play(scene)
    assert len(versions(tmp_path)) == MOST_QUEUED + 1


def test_the_same_request_again_is_answered_with_its_take(play, asked, plate, tmp_path):
    seed = AskedSettings(seed=7)

    async def scene(intake: TakeIntake, queue: TakeQueue) -> None:
        first = (await intake.create("r1", asked(prompt="finish", settings=seed))).take
        unfinished = await intake.create("r2", asked(prompt="finish", settings=seed, reuse=True))
        assert not unfinished.existing
        for take in (first, unfinished.take):
            await to_the_end(queue, take)

        again = await intake.create("r3", asked(prompt="finish", settings=seed, reuse=True, label="again"))
        assert (again.existing, again.take.take_id) == (True, unfinished.take.take_id)
        assert again.take.state is TakeState.FINISHED
        for request in (
            asked(prompt="finish", settings=seed),  # not asked for
            asked(prompt="finish", reuse=True),  # no seed
            asked(prompt="finish", settings=AskedSettings(seed=8), reuse=True),
            asked(prompt="finish", settings=seed, reuse=True, node_id="other"),
        ):
            assert not (await intake.create(f"other {request}", request)).existing

        while not queue.is_idle:
            await asyncio.sleep(0.01)
        shutil.rmtree(first.directory.with_name("v003"))  # the newest of the three
        request = asked(prompt="finish", settings=seed, reuse=True)
        assert (await intake.create("r4", request)).take.take_id == unfinished.take.take_id
        for directory in (unfinished.take.directory, first.directory):
            shutil.rmtree(directory)
        assert not (await intake.create("r5", request)).existing

    play(scene)


def test_a_take_of_fewer_frames_or_by_another_model_is_not_used_again(play, asked):
    request = asked(prompt="finish", settings=AskedSettings(seed=7), reuse=True)

    async def scene(intake: TakeIntake, queue: TakeQueue) -> None:
        take = (await intake.create("r1", request)).take
        await to_the_end(queue, take)
        record = store.read_record(take.directory)
        for number, other in enumerate(
            (
                {"made": FrameSet.parse("1001-1002").as_dicts()},
                {"model": {"name": "words", "weights_sha256": {"vae/a.safetensors": "b" * 64}}},
                {},
            )
        ):
            store.write_record(take.directory, {**record, **other})
            again = await intake.create(f"again {number}", request)
            assert again.existing is (not other)
            if again.existing:
                assert again.take.take_id == take.take_id
            else:
                await to_the_end(queue, again.take)
                shutil.rmtree(again.take.directory)

    play(scene)


@pytest.fixture
def base(asked, model, tmp_path) -> Path:
    """A finished version that another engine made."""
    directory = tmp_path / "takes" / "theirs" / "v001"
    request = asked(prompt="finish")
    request = replace(request, plate=replace(request.plate, color_space="acescg"))
    write_version(directory, request, TakeSettings(77, 5, 3.5), model)
    return directory


def repair(asked: Callable[..., TakeRequest], base: BaseTake, **fields: object) -> TakeRequest:
    plate = PlateReference("")
    return asked(edit_type=None, prompt="", plate=plate, frames=FrameSet.parse("1002"), base=base, **fields)


def test_a_base_is_named_by_its_folder(play, asked, base, tmp_path):
    async def scene(intake: TakeIntake, queue: TakeQueue) -> None:
        take = (await intake.create("r1", repair(asked, BaseTake(directory=str(base))))).take
        assert take.request.base == BaseTake("the base", str(base))
        assert (take.request.prompt, take.settings.seed, str(take.frames)) == ("finish", 77, "1001-1003")
        for bad, kind in (
            (BaseTake("the base", str(base)), BaseUnclear),
            (BaseTake(directory="theirs/v001"), PathNotAbsolute),
            (BaseTake(directory=str(base.with_name("v002"))), BaseNotFound),
            (BaseTake("the base"), TakeNotFound),  # nobody here knows that id
        ):
            with pytest.raises(kind):
                await intake.create(f"bad {kind}", repair(asked, bad))

    play(scene)


def test_a_base_is_named_by_its_id_once_it_is_finished(play, asked, database, base, tmp_path):
    async def scene(intake: TakeIntake, queue: TakeQueue) -> None:
        own = (await intake.create("r1", asked(prompt="wait"))).take
        await until_waiting(queue, own)
        with pytest.raises(BaseNotFinished, match="running"):
            await intake.create("r2", repair(asked, BaseTake(own.take_id)))
        await queue.cancel(own.take_id)
        await to_the_end(queue, own)
        with pytest.raises(BaseNotFinished, match="cancelled"):
            await intake.create("r3", repair(asked, BaseTake(own.take_id)))
        shutil.rmtree(own.partial_directory)
        shutil.copytree(base, own.directory)
        database.update(replace(own, state=TakeState.FINISHED))
        take = (await intake.create("r4", repair(asked, BaseTake(own.take_id)))).take
        assert take.request.base.directory == str(own.directory)
        assert database.based_on(take.request.base.take_id) == [take]

    play(scene)


def test_a_client_that_hangs_up_leaves_a_take_that_is_queued(play, asked, database, monkeypatch):
    reserve = store.reserve_version

    async def scene(intake: TakeIntake, queue: TakeQueue) -> None:
        task: asyncio.Task[object]

        def reserve_and_hang_up(*arguments):
            loop.call_soon_threadsafe(task.cancel)
            return reserve(*arguments)

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(store, "reserve_version", reserve_and_hang_up)
        task = asyncio.create_task(intake.create("r1", asked(prompt="finish")))
        with pytest.raises(asyncio.CancelledError):
            await task
        while database.find_request("r1") is None:
            await asyncio.sleep(0.01)
        assert (await to_the_end(queue, database.find_request("r1")))[-1] == "finished"

    play(scene)
