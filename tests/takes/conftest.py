"""Requests and reserved takes, and a worker whose part a script plays."""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import OpenImageIO as oiio
import pytest

from vera_engine.model.settings import ModelSettings
from vera_engine.plates.frames import FrameSet
from vera_engine.takes import store
from vera_engine.takes.database import TakeDatabase
from vera_engine.takes.events import StateChanged
from vera_engine.takes.queue import TakeQueue
from vera_engine.takes.request import EditType, PlateReference, TakeRequest, TakeSettings
from vera_engine.takes.take import LaneKind, Take, TakeState
from vera_engine.takes.worker_process import WorkerCommand, WorkerProcess

SECONDS = 300.0
"""Far more than any of it takes: a test that hangs ends."""


if TYPE_CHECKING:
    from tests.takes.making import TakeMaking


@pytest.fixture
def model() -> ModelSettings:
    return ModelSettings(
        name="words",
        vocabulary=("a", "ball", "blue", "red", "sky"),
        working_sizes=((48, 32),),
        window_frames=5,
        overlap_frames=0,
        num_inference_steps=9,
        guidance_scale=1.5,
        flow_shift=1.0,
        background_needs_mask=True,
        codec="LinearVideoCodec",
        weights_sha256={"vae/a.safetensors": "a" * 64},
    )


def write_frame(path: Path, value: float = 0.0, space: str = "lin_ap1_scene") -> None:
    """A flat plate frame, 60x40, in ACEScg."""
    spec = oiio.ImageSpec(60, 40, 3, "half")
    spec.attribute("oiio:ColorSpace", space)
    output = oiio.ImageOutput.create("exr")
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.full((40, 60, 3), value, np.float32))
    assert output.close()


@pytest.fixture
def plate(tmp_path) -> PlateReference:
    """Frames 1-3, 60x40."""
    for frame in (1, 2, 3):
        write_frame(tmp_path / f"plate.{frame}.exr")
    return PlateReference(str(tmp_path / "plate.#.exr"), frame_offset=-1000)


@pytest.fixture
def request_of() -> Callable[..., TakeRequest]:
    """A request, three frames of an object addition, with the fields given."""

    def make(**fields: object) -> TakeRequest:
        asked: dict[str, object] = {
            "node_id": "hero",
            "edit_type": EditType.ADD,
            "prompt": "a red ball",
            "frames": FrameSet.parse("1001-1003"),
            "plate": PlateReference("/plates/shot.####.exr", color_space="lin_rec709"),
        }
        return TakeRequest(**{**asked, **fields})

    return make


@pytest.fixture
def reserved_take(tmp_path: Path, request_of) -> Callable[..., Take]:
    """A take whose version is reserved below `tmp_path/takes`."""

    def make(**fields: object) -> Take:
        request = request_of(take_root=str(tmp_path / "takes"), **fields)
        directory = store.reserve_version(tmp_path / "takes", request.node_id)
        take = Take(
            take_id=uuid.uuid4().hex,
            request_id=uuid.uuid4().hex,
            version=directory.name,
            state=TakeState.QUEUED,
            request=request,
            settings=TakeSettings(seed=7, num_inference_steps=4, guidance_scale=1.5),
            directory=directory,
            created_at=time.time(),
            frames=request.made_frames,
            working_size=(48, 32),
            window_latents=(2,),
        )
        store.record_state(take)
        return take

    return make


@dataclass(frozen=True)
class ScriptedCommand(WorkerCommand):
    """Starts `scripted_worker.py` in the worker's place."""

    def arguments(self) -> list[str]:
        script = Path(__file__).with_name("scripted_worker.py")
        return [sys.executable, str(script), str(self.state_dir)]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[TakeDatabase]:
    database = TakeDatabase(tmp_path / "engine.sqlite3")
    yield database
    database.close()


@pytest.fixture
def run(database, scripted_worker) -> Callable[..., None]:
    """Runs a scene with a queue that has begun to work, and ends the queue."""

    def run(scene: Callable[[TakeQueue, WorkerProcess], Awaitable[None]], **options: float) -> None:
        async def play() -> None:
            worker = WorkerProcess(scripted_worker)
            finisher = WorkerProcess(replace(scripted_worker, lane=LaneKind.FINISH))
            queue = TakeQueue(database, worker, finisher, "a machine", **options)
            await queue.start()
            try:
                await asyncio.wait_for(scene(queue, worker), SECONDS)
            finally:
                await queue.stop()

        asyncio.run(play())

    return run


async def to_the_end(queue: TakeQueue, take: Take, after_sequence: int = 0) -> list[object]:
    """A take's events up to its end, with states as their names."""
    events = [event async for _, event in queue.watch(take.take_id, after_sequence)]
    return [str(event.take.state) if isinstance(event, StateChanged) else event for event in events]


async def until_waiting(queue: TakeQueue, take: Take) -> None:
    """Until the worker is at the take."""
    async with aclosing(queue.watch(take.take_id)) as events:
        async for _, event in events:
            if isinstance(event, StateChanged) and event.take.state is TakeState.RUNNING:
                return


@pytest.fixture
def scripted_worker(tmp_path: Path) -> ScriptedCommand:
    return ScriptedCommand("small", "auto", None, tmp_path, tmp_path / "engine.log")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny_model import make_tiny_model  # torch: for those alone who make takes

    folder = tmp_path_factory.mktemp("model")
    make_tiny_model(folder)
    return folder


@pytest.fixture(scope="session")
def take_plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plate and mask of `making.write_plate`."""
    from tests.takes.making import write_plate

    folder = tmp_path_factory.mktemp("plates")
    write_plate(folder)
    return folder


@pytest.fixture
def making(tiny_model: Path, take_plates: Path, tmp_path: Path) -> TakeMaking:
    """A worker without its process, its takes below `tmp_path`."""
    from tests.takes.making import TakeMaking

    return TakeMaking(tiny_model, take_plates, tmp_path)
