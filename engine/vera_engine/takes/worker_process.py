"""The processes that make takes, seen from the engine: a small interface, so that a pool may stand behind it.

One holds the model; another makes takes that need none (`LaneKind.FINISH`), and never says `running`, `step_done`,
`preview` or `loaded`.

The child speaks JSON lines over its own pipes, and nothing else does: what a library prints goes to the log.

To the child: `{"submit": <take as a dictionary>}`, `{"cancel": <take id>}`; the end of its input is its own end.

From the child, one object a line, its kind under `event`, and but for `loaded` with the `take_id` it is about:

- `checking`, `running`, `writing`: the state the take is in now.
- `step_done`: `step`, `step_count`, `window`, `window_count`, all from 1; `seconds_per_step` in this window so far.
- `preview`: `png` in base64, `window`, `step`; every few steps.
- `frame_written`: `frame`; its layers are in the partial directory, final with its window.
- `window_done`: `window`, `window_count`, `frames` as `[{"first_frame", "last_frame"}, ...]`, `seconds` of the whole
  window, reading and writing included. Said once all of it is on disk for good; a worker that goes on with a take says
  so of windows done before as well, with `seconds` null.
- `warning`: `text`, a sentence.
- `loaded`: `device`; the model is in memory.
- `finished`, `cancelled`, `failed`: the end. `failed` has `error`, the fields of a `Refusal`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vera_engine.takes.take import LaneKind, Take

WorkerEvent = dict[str, Any]
"""One line of the child, decoded; or `{"event": "died", "reason": ...}`, which only `WorkerProcess` says."""

LONGEST_LINE_BYTES = 1 << 20


@dataclass(frozen=True)
class WorkerHealth:
    """How the worker is."""

    alive: bool
    model_loaded: bool
    process_id: int | None
    device: str
    """As the model was loaded, `cpu float32`; before that, the device asked for."""


class Worker(Protocol):
    """What the queue needs of whoever makes the takes: one at a time."""

    async def submit(self, take: Take) -> None:
        """Begins a take; `events` tells of it."""

    def events(self) -> AsyncIterator[WorkerEvent]:
        """What happens from now on, without end."""

    async def cancel(self, take_id: str) -> None:
        """Asks for the take to be stopped; it ends with `cancelled` within one step."""

    def health(self) -> WorkerHealth: ...

    async def kill(self) -> None:
        """Ends the worker at once. The next `submit` starts another."""


@dataclass(frozen=True)
class WorkerCommand:
    """How the child is started."""

    model: str
    """`small`, or a model folder."""
    device: str
    threads: int | None
    state_dir: Path
    log: Path
    lane: LaneKind = LaneKind.MODEL
    """Which takes it makes."""

    def arguments(self) -> list[str]:
        threads = [] if self.threads is None else ["--threads", str(self.threads)]
        return [
            *(sys.executable, "-m", "vera_engine.takes.worker"),
            *("--model", self.model, "--device", self.device, "--state-dir", str(self.state_dir), *threads),
            *("--lane", str(self.lane)),
        ]


class WorkerProcess:
    """A child process, started with the first take and again after it died."""

    def __init__(self, command: WorkerCommand) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[WorkerEvent] = asyncio.Queue()
        self._device = command.device
        self._model_loaded = False

    async def submit(self, take: Take) -> None:
        if self._process is None:
            await self._start()
        await self._send({"submit": take.as_dict()})

    async def cancel(self, take_id: str) -> None:
        await self._send({"cancel": take_id})

    async def events(self) -> AsyncIterator[WorkerEvent]:
        while True:
            yield await self._events.get()

    def health(self) -> WorkerHealth:
        process_id = None if self._process is None else self._process.pid
        return WorkerHealth(process_id is not None, self._model_loaded, process_id, self._device)

    async def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._reader is not None:
            await asyncio.shield(self._reader)  # whoever asked may hang up; what the child's end means is still told

    async def _start(self) -> None:
        while not self._events.empty():  # the last words of one that died while it had nothing to do
            self._events.get_nowait()
        with self._command.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command.arguments(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LONGEST_LINE_BYTES,
                start_new_session=True,  # Ctrl-C in the engine's terminal is the engine's to answer
            )
        self._reader = asyncio.create_task(self._read(self._process))

    async def _send(self, message: dict[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            return  # it died a moment ago: `died` is among the events, or about to be
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            await self._process.stdin.drain()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        reason = ""
        try:
            async for line in process.stdout:
                event = json.loads(line)
                if event["event"] == "loaded":
                    self._device = event["device"]
                    self._model_loaded = True
                self._events.put_nowait(event)
        except ValueError as error:
            reason = f"it said what cannot be read ({error})"
            process.kill()
        code = await process.wait()
        self._process = None
        self._model_loaded = False
        self._events.put_nowait({"event": "died", "reason": reason or _how_it_ended(code)})


def _how_it_ended(code: int) -> str:
    if code == -9:
        return "it was killed (signal 9), which is what happens when memory runs out"
    return f"it was ended by signal {-code}" if code < 0 else f"it ended with code {code}"
