"""Real engines: a process each, on a real socket, with a tiny model of random weights and plates on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest

from tests.exr_files import write_exr
from vera_edit.v1 import engine_pb2_grpc, takes_pb2_grpc
from vera_edit.v1 import takes_pb2 as pb
from vera_engine.takes.store import read_record

SECONDS = 600.0
"""Far more than any call takes: a test that hangs ends."""


class Engine:
    """A running `vera-edit serve`."""

    def __init__(self, model: Path, state_dir: Path, *options: str) -> None:
        self.state_dir = state_dir
        command = [sys.executable, "-m", "vera_engine.cli.main", "serve", "--model", str(model), "--device", "cpu"]
        self.process = subprocess.Popen(
            [*command, "--state-dir", str(state_dir), "--threads", "1", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.ready_line = self.process.stdout.readline()
        if not self.ready_line:
            raise AssertionError(self.process.stderr.read())
        self.port_file = json.loads((state_dir / "engine.json").read_text())
        self.channel = grpc.insecure_channel(self.port_file["address"])
        self.takes = takes_pb2_grpc.TakeServiceStub(self.channel)
        self.engine = engine_pb2_grpc.EngineServiceStub(self.channel)

    def create(self, take: pb.TakeRequest, request_id: str | None = None) -> pb.Take:
        request = pb.CreateTakeRequest(request_id=request_id or uuid.uuid4().hex, take=take)
        return self.takes.CreateTake(request, timeout=SECONDS).take

    def events(self, take: pb.Take, after_sequence: int = 0) -> Iterator[pb.TakeEvent]:
        request = pb.WatchTakeRequest(take_id=take.take_id, after_sequence=after_sequence)
        for response in self.takes.WatchTake(request, timeout=SECONDS):
            yield response.event

    def until(self, take: pb.Take, event: str) -> None:
        """Waits for the first event of that name."""
        for happened in self.events(take):
            if happened.WhichOneof("event") == event:
                return
        raise AssertionError(f"the take ended without {event}")

    def finish(self, take: pb.Take) -> pb.Take:
        """Waits for the take's end."""
        for _ in self.events(take):
            pass
        return self.takes.GetTake(pb.GetTakeRequest(take_id=take.take_id), timeout=SECONDS).take

    def worker(self) -> psutil.Process:
        (worker,) = psutil.Process(self.process.pid).children()
        return worker

    def kill(self) -> None:
        """Kill -9; waits until its worker is gone as well."""
        workers = psutil.Process(self.process.pid).children()
        self.process.kill()
        self.process.wait()
        self.channel.close()
        _, alive = psutil.wait_procs(workers, timeout=SECONDS)
        assert alive == []

    def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        self.channel.close()
        self.process.terminate()
        code = self.process.wait(SECONDS)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    from tests.tiny_model import make_tiny_model  # torch: for those alone who make takes

    folder = tmp_path_factory.mktemp("model")
    make_tiny_model(folder)
    return folder


@pytest.fixture
def start_engine(tmp_path, tiny_model) -> Iterator[Callable[..., Engine]]:
    """Starts engines of one state folder, and ends those that still live."""
    engines = []

    def start(*options: str, state_dir: Path = tmp_path / "state") -> Engine:
        engines.append(Engine(tiny_model, state_dir, *options))
        return engines[-1]

    yield start
    for engine in engines:
        if engine.process.poll() is None:
            engine.stop()


@pytest.fixture(scope="module")
def engine(tmp_path_factory, tiny_model) -> Iterator[Engine]:
    """One engine for all tests of a module that leave it as it is."""
    engine = Engine(tiny_model, tmp_path_factory.mktemp("state"))
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def plates(tmp_path_factory) -> Path:
    """Frames 1001-1020 of `plate`, 50x34, values to 4, and a `mask` with a soft square; `big` is 400x300."""
    folder = tmp_path_factory.mktemp("Szene 04 – Übergang 桜")
    random = np.random.default_rng(5)
    mask = np.zeros((34, 50, 1), np.float16)
    mask[8:24, 10:30] = 1
    mask[24:26, 10:30] = 0.5
    for frame in range(1001, 1021):
        plate = random.uniform(0, 4, (34, 50, 3)).astype(np.float16)
        write_exr(folder / f"plate.{frame}.exr", plate, "RGB", "lin_rec709_scene")
        write_exr(folder / f"mask.{frame}.exr", mask, "Y")
    return folder


@pytest.fixture
def asked(plates, tmp_path) -> Callable[..., pb.TakeRequest]:
    """A request that can be run: three frames of an object addition, with the fields given."""

    def make(**fields: object) -> pb.TakeRequest:
        request = pb.TakeRequest(
            node_id="hero",
            edit_type=pb.EDIT_TYPE_OBJECT_ADDITION,
            prompt="add a red ball",
            frames=[pb.FrameRange(first_frame=1001, last_frame=1003)],
            plate=pb.PlateSource(path=str(plates / "plate.####.exr")),
            settings=pb.TakeSettings(seed=11),
            take_root=str(tmp_path / "takes"),
        )
        for name, value in fields.items():
            if isinstance(value, str | int | float | bool):
                setattr(request, name, value)
            elif isinstance(value, list):
                request.ClearField(name)
                getattr(request, name).extend(value)
            else:
                getattr(request, name).CopyFrom(value)
        return request

    return make


def frames(text: str) -> list[pb.FrameRange]:
    """Ranges as in `1011-1018,1040`, good or bad."""
    ranges = [part.split("-") for part in text.split(",") if part]
    return [pb.FrameRange(first_frame=int(part[0]), last_frame=int(part[-1])) for part in ranges]


def files_of(take: pb.Take) -> dict[str, bytes]:
    """What a finished take wrote, but for `take.json`, which knows its own seconds."""
    folder = Path(take.directory)
    assert read_record(folder)["take_id"] == take.take_id
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "take.json"}
