"""A process that makes takes: `python -m vera_engine.takes.worker`. Speaks JSON lines, as `worker_process` says.

It makes one take after the other, and keeps the model between them where it is the one for takes that need it. Its
engine's end is its own: no take is made that nobody waits for.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from vera_engine.errors import Cancelled, FailedPrecondition, Internal, VeraEditError
from vera_engine.model.settings import read_settings
from vera_engine.model.threads import share_processor
from vera_engine.plates.chosen_config import check_chosen, keep_configuration_in_memory
from vera_engine.takes.heartbeat import engine_id
from vera_engine.takes.lock import FileLock
from vera_engine.takes.take import LaneKind, Refusal, Take

if TYPE_CHECKING:
    from vera_engine.pipeline.pipeline import VeraPipeline
    from vera_engine.takes.memory_check import MemoryCheck

Report = Callable[[dict[str, Any]], None]

log = logging.getLogger(__name__)


class TakeFilesFailed(FailedPrecondition):
    """The system refused to read or write a file of the take."""


class TakeCancelled(Cancelled):
    """The artist stopped the take."""


class Maker(Protocol):
    """Who makes takes of one lane."""

    def make(self, take: Take, report: Report, check_cancelled: Callable[[], None]) -> None:
        """Makes a take.

        Args:
            take: Its version is reserved.
            report: Is told of states, warnings, frames and windows, as in `worker_process`.
            check_cancelled: Raises `Cancelled` where the take is to be stopped.
        """


class Mailbox:
    """What the engine asks for, read by a thread of its own so that a cancel is heard while a step is computed."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._takes: queue.SimpleQueue[Take] = queue.SimpleQueue()
        self._cancelled: set[str] = set()

    def start(self) -> None:
        threading.Thread(target=self._read, name="mailbox", daemon=True).start()

    def next_take(self) -> Take:
        """Waits for the next take."""
        return self._takes.get()

    def check_cancelled(self, take_id: str) -> None:
        """Raises `TakeCancelled` where the take is to be stopped."""
        if take_id in self._cancelled:
            raise TakeCancelled("The take was stopped.", argument="take_id", value=take_id)

    def _read(self) -> None:
        try:
            for line in self._source:
                message = json.loads(line)
                if "submit" in message:
                    take = Take.from_dict(message["submit"])
                    self._cancelled.discard(take.take_id)  # it was stopped before, and goes on now
                    self._takes.put(take)
                else:
                    self._cancelled.add(message["cancel"])
        finally:
            os._exit(0)  # the engine is gone: at once, from this thread, whatever the others are at


class ModelMaker:
    """Makes takes with one model, loaded with the first of them.

    Args:
        model: `small`, or a model folder.
        device: As `--device`.
        state_dir: The engine's; its caches and its name lie there.
        say: Tells the engine of an event that is about no take.
    """

    def __init__(self, model: str, device: str, state_dir: Path, say: Report) -> None:
        self._model = model
        self._device = device
        self._state_dir = state_dir
        self._say = say
        self._pipeline: VeraPipeline | None = None
        self._memory: MemoryCheck | None = None

    def make(self, take: Take, report: Report, check_cancelled: Callable[[], None]) -> None:
        """Makes a take, as `render_take`."""
        # Imported with the first take: plates and arrays take longer than the engine likes to wait for this process
        from vera_engine.takes.cache import ContentCache
        from vera_engine.takes.memory_check import MemoryCheck
        from vera_engine.takes.render import render_take

        settings = read_settings(self._model)
        memory = self._memory = self._memory or MemoryCheck(self._model, settings, self._device)
        render_take(
            take,
            settings,
            memory.device_description,
            functools.partial(self._load, memory),
            report,
            check_cancelled,
            ContentCache(self._state_dir / "cache"),
            engine_id(self._state_dir),
            functools.partial(memory.check, take),
        )

    def _load(self, memory: MemoryCheck) -> VeraPipeline:
        if self._pipeline is None:
            from vera_engine.pipeline.loading import load_pipeline

            self._pipeline = load_pipeline(self._model, self._device, measures=memory.measures)
            memory.loaded()
            self._say({"event": "loaded", "device": self._pipeline.device_description})
        return self._pipeline


class Finisher:
    """Makes takes of what the model made before. Never imports torch: it is ready at once, and takes little memory.

    Args:
        state_dir: The engine's; its name lies there.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def make(self, take: Take, report: Report, check_cancelled: Callable[[], None]) -> None:
        """Makes a take, as `finish_take`."""
        from vera_engine.takes.finish_take import finish_take

        finish_take(take, report, check_cancelled, engine_id(self._state_dir))


def make(maker: Maker, take: Take, report: Report, check_cancelled: Callable[[], None]) -> None:
    """Makes a take, and says how that ended."""
    try:
        if take.color.config:  # the engine may have been started anew, by another configuration
            check_chosen(take.color.config, "The take")
        maker.make(take, report, check_cancelled)
    except Cancelled:
        report({"event": "cancelled"})
    except VeraEditError as error:
        report({"event": "failed", "error": Refusal.from_error(error).__dict__})
    except OSError as error:
        log.exception("take %s", take.take_id)
        reason = f"A file could not be read or written: {error.strerror}."
        refused = TakeFilesFailed(reason, argument="path", value=error.filename or "")
        report({"event": "failed", "error": Refusal.from_error(refused).__dict__})
    except Exception as error:  # one take's fault must not end the worker, which holds the model
        log.exception("take %s", take.take_id)
        fault = Internal(f"{type(error).__name__}: {error}", remedy="The engine's log says more.")
        report({"event": "failed", "error": Refusal.from_error(fault).__dict__})
    else:
        report({"event": "finished"})


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes takes for the engine that started it.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--state-dir", required=True, type=Path)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--lane", type=LaneKind, choices=list(LaneKind), default=LaneKind.MODEL)
    arguments = parser.parse_args()
    share_processor(arguments.threads)
    keep_configuration_in_memory()

    # What libraries print must not get between the lines
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")

    def say(event: dict[str, Any]) -> None:
        output.write(json.dumps(event) + "\n")
        output.flush()

    mailbox = Mailbox(sys.stdin.buffer)
    mailbox.start()
    # An engine that was killed may leave a worker that has not noticed yet: two must not write one take
    lock = FileLock(arguments.state_dir / ("worker.lock" if arguments.lane is LaneKind.MODEL else "finisher.lock"))
    lock.acquire(wait=True)
    maker: Maker = (
        ModelMaker(arguments.model, arguments.device, arguments.state_dir, say)
        if arguments.lane is LaneKind.MODEL
        else Finisher(arguments.state_dir)
    )
    while True:
        take = mailbox.next_take()

        def report(event: dict[str, Any], take_id: str = take.take_id) -> None:
            say({**event, "take_id": take_id})

        make(maker, take, report, functools.partial(mailbox.check_cancelled, take.take_id))
        if movies := sys.modules.get("vera_engine.plates.open_movies"):  # where the take read one
            movies.close_movies()


if __name__ == "__main__":
    main()
