"""Clients that hang up in the middle of a change: it is made whole, or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from vera_edit.v1 import takes_pb2 as pb
from vera_edit.v1 import takes_pb2_grpc
from vera_engine.plates.frames import FrameSet
from vera_engine.server.interceptor import Activity, CallInterceptor
from vera_engine.server.take_service import TakeService
from vera_engine.takes import keep, store
from vera_engine.takes.archive import TakeArchive
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.queue import TakeQueue
from vera_engine.takes.request import EditType, PlateReference, TakeRequest, TakeSettings
from vera_engine.takes.take import Take, TakeState
from vera_engine.takes.worker_process import WorkerCommand, WorkerProcess

SLOW = 1.0  # seconds that a share takes
SECONDS = 60.0


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Any, TakeDatabase, TakeQueue], Awaitable[None]]], None]:
    """Runs a scene with a client of a server whose queue does not work: takes wait in it."""

    def play(scene: Callable[[Any, TakeDatabase, TakeQueue], Awaitable[None]]) -> None:
        async def run() -> None:
            database = TakeDatabase(tmp_path / "engine.sqlite3")
            worker = WorkerProcess(WorkerCommand("small", "cpu", None, tmp_path, tmp_path / "log"))
            queue = TakeQueue(database, worker, worker)
            archive = TakeArchive(database, queue, "ours")
            server = grpc.aio.server(interceptors=[CallInterceptor(None, Activity())])
            service = TakeService(database, queue, None, archive, None)  # no way in: its takes are there
            takes_pb2_grpc.add_TakeServiceServicer_to_server(service, server)
            address = f"unix:{tmp_path}/engine.sock"
            server.add_insecure_port(address)
            await server.start()
            try:
                async with grpc.aio.insecure_channel(address) as channel:
                    await asyncio.wait_for(scene(takes_pb2_grpc.TakeServiceStub(channel), database, queue), SECONDS)
            finally:
                await server.stop(0)
                database.close()

        asyncio.run(run())

    return play


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """A take that waits, its version reserved."""
    plate = PlateReference("/plates/shot.####.exr", color_space="lin_rec709")
    request = TakeRequest("hero", EditType.ADD, "a red ball", FrameSet.parse("1001-1003"), plate)
    directory = store.reserve_version(tmp_path / "takes", "hero")
    settings = TakeSettings(seed=7, num_inference_steps=4, guidance_scale=1.5)
    state, frames = TakeState.QUEUED, request.made_frames
    take = Take("a", "r", directory.name, state, request, settings, directory, 1.0, frames, (48, 32), (2,))
    store.record_state(take)
    return take


def slowly(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> list[str]:
    """Makes a function take long; returns what is appended to when it is done."""
    function, ended = getattr(owner, name), []

    def slow(*arguments: Any) -> Any:
        time.sleep(SLOW)
        try:
            return function(*arguments)
        finally:
            ended.append(name)

    monkeypatch.setattr(owner, name, slow)
    return ended


async def hangs_up(call: grpc.aio.UnaryUnaryCall[Any, Any]) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_take_is_cancelled_though_nobody_waits_for_it(play, take, monkeypatch):
    async def scene(client: Any, database: TakeDatabase, queue: TakeQueue) -> None:
        queue.add(take)
        slowly(monkeypatch, store, "record_state")
        await hangs_up(client.CancelTake(pb.CancelTakeRequest(take_id="a"), timeout=SLOW / 4))
        while database.get("a").state is not TakeState.CANCELLED:
            await asyncio.sleep(0.05)
        assert queue.is_idle

    play(scene)


def test_frames_are_kept_before_anything_else_is_done_to_the_take(play, take, monkeypatch):
    async def scene(client: Any, database: TakeDatabase, queue: TakeQueue) -> None:
        database.add(replace(take, state=TakeState.CANCELLED))
        ended = slowly(monkeypatch, keep, "still_whole")
        await hangs_up(client.KeepFrames(pb.KeepFramesRequest(take_id="a"), timeout=SLOW / 4))
        resumed = await client.ResumeTake(pb.ResumeTakeRequest(take_id="a"))
        assert ended == ["still_whole"]
        assert resumed.take.state == pb.TAKE_STATE_QUEUED

    play(scene)
