"""The worker as its engine sees it: a real process, a real model, lines in and lines out."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.takes.making import TakeMaking, layers_of
from vera_engine.takes.request import AskedSettings
from vera_engine.takes.take import Take

SECONDS = 300.0
"""Far more than any answer takes: a test that hangs ends."""


class Worker:
    """`python -m vera_engine.takes.worker`, and what it says."""

    def __init__(self, model: Path, state_dir: Path) -> None:
        state_dir.mkdir(exist_ok=True)
        words = ["--model", str(model), "--device", "cpu", "--threads", "1", "--state-dir", str(state_dir)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vera_engine.takes.worker", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self._said: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(json.loads(line))
        self._said.put(None)

    def tell(self, **message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def until(self, *events: str) -> list[dict[str, Any]]:
        """All that is said, up to the first of these events."""
        said: list[dict[str, Any]] = []
        while not said or said[-1]["event"] not in events:
            event = self._said.get(timeout=SECONDS)
            assert event is not None, said
            said.append(event)
        return said

    def make(self, take: Take) -> list[dict[str, Any]]:
        self.tell(submit=take.as_dict())
        return self.until("finished", "cancelled", "failed")


@pytest.fixture
def worker(tiny_model: Path, tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tiny_model, tmp_path / "state")
    yield worker
    with worker.process:
        worker.process.kill()


def test_a_worker_through_a_day(worker: Worker, making: TakeMaking, tmp_path: Path) -> None:
    # A take from its first line to its last
    settings = AskedSettings(seed=7, num_inference_steps=5)
    take = making.reserve("1001-1020", settings=settings)
    said = worker.make(take)
    assert {event.get("take_id", take.take_id) for event in said} == {take.take_id}
    names = [event["event"] for event in said]
    assert names[0] == "checking"
    assert names[-1] == "finished"
    assert names.count("loaded") == 1
    assert names.count("step_done") == 10
    assert names.count("preview") == 2
    assert names.count("window_done") == 2
    assert names.count("frame_written") == 20
    # the same bits as in any other process
    assert layers_of(take.directory) == layers_of(making.make("1001-1020", settings=settings).take.directory)

    # One that is stopped within a step keeps its finished windows, and goes on later
    long = making.reserve("1001-1020", settings=AskedSettings(seed=7, num_inference_steps=900))
    worker.tell(submit=long.as_dict())
    worker.until("step_done")
    worker.tell(cancel=long.take_id)
    assert [event["event"] for event in worker.until("cancelled")].count("step_done") <= 2

    # One that fails says so in an artist's words, and the worker lives
    failing = making.reserve("1001-1005")
    failing.partial_directory.rename(tmp_path / "elsewhere")
    (failed,) = worker.make(failing)
    assert (failed["error"]["kind"], failed["error"]["argument"]) == ("TakeFilesMissing", "directory")
    (tmp_path / "elsewhere").rename(failing.partial_directory)
    again = worker.make(failing)
    assert again[-1]["event"] == "finished"
    assert "loaded" not in [event["event"] for event in again]

    # One whose colors were named by another configuration waits for an engine that has it
    elsewhere = making.reserve("1001-1005")
    said = worker.make(replace(elsewhere, color=replace(elsewhere.color, config="/shows/other.ocio")))
    assert [event["event"] for event in said] == ["failed"]
    assert (said[0]["error"]["kind"], said[0]["error"]["value"]) == ("ColorConfigDiffers", "/shows/other.ocio")
    assert worker.make(elsewhere)[-1]["event"] == "finished"

    # What it encoded lies in the engine's cache
    assert len(list((tmp_path / "state" / "cache").glob("*.safetensors"))) >= 3


def test_a_cancelled_take_goes_on_where_it_was(worker: Worker, making: TakeMaking) -> None:
    settings = AskedSettings(seed=7, num_inference_steps=5)
    take = making.reserve("1001-1020", settings=settings)
    worker.tell(submit=take.as_dict())
    worker.until("window_done")
    worker.tell(cancel=take.take_id)
    assert worker.until("cancelled", "finished")[-1]["event"] == "cancelled"
    worker.process.kill()
    worker.process.wait()
    resumed = making.attempt(take)
    assert {event["window"] for event in resumed.named("step_done")} == {2}
    assert layers_of(take.directory) == layers_of(making.make("1001-1020", settings=settings).take.directory)


def test_the_engines_end_is_the_workers(worker: Worker, making: TakeMaking) -> None:
    take = making.reserve("1001-1020", settings=AskedSettings(seed=7, num_inference_steps=900))
    worker.tell(submit=take.as_dict())
    worker.until("step_done")
    assert worker.process.stdin is not None
    worker.process.stdin.close()
    assert worker.process.wait(SECONDS) == 0
    making.stop_at(take, event="step_done")  # nobody holds it
