"""How far the running take is, and how long it and those behind it will take."""

from __future__ import annotations

import time
from collections.abc import Iterable

from vera_engine.takes.database import TakeDatabase, Work
from vera_engine.takes.events import StepDone
from vera_engine.takes.pace import Paces, StepSize, step_count
from vera_engine.takes.take import LaneKind, Take
from vera_engine.takes.worker_process import WorkerEvent


class Forecast:
    """What is measured while takes run, kept for those to come."""

    def __init__(self, database: TakeDatabase, machine: str) -> None:
        """Args:
        database: Where measured steps are kept.
        machine: Names model and device.
        """
        self._database = database
        self._machine = machine
        self._paces = Paces(database.paces(machine))
        self._running: Take | None = None
        self._steps = 0
        """Of the window that is being made."""
        self._expected_end: float | None = None
        """By `time.monotonic`."""

    def begin(self, take: Take) -> None:
        """The take's turn has come."""
        self._running = take
        self._steps = 0
        seconds = self._paces.seconds([(str(StepSize.of(take)), step_count(take))])
        self._expected_end = None if seconds is None else time.monotonic() + seconds

    def end(self) -> None:
        """Nothing runs."""
        self._running = None
        self._expected_end = None

    def step_done(self, event: WorkerEvent) -> StepDone:
        """The worker's word on a step, and how long the rest will take."""
        assert self._running is not None
        self._steps = event["step_count"]
        in_window, in_others = event["step_count"] - event["step"], step_count(self._running, event["window"])
        known = self._paces.measured(StepSize.of(self._running))
        pace = event["seconds_per_step"]
        seconds_left = in_window * pace + in_others * (pace if known is None else known)
        self._expected_end = time.monotonic() + seconds_left
        return StepDone(event["step"], event["step_count"], event["window"], event["window_count"], pace, seconds_left)

    def window_done(self, event: WorkerEvent) -> None:
        """Learns what a step takes, all that a window has besides included; nothing of a window done before."""
        if self._running is None or event["seconds"] is None:
            return
        size = StepSize.of(self._running)
        steps = self._steps_of(self._running, event["window"])
        if not size.tokens or not steps:
            return
        seconds = event["seconds"] / steps
        self._steps = 0
        self._database.keep_pace(self._machine, str(size), self._paces.learn(size, seconds))

    def _steps_of(self, take: Take, window: int) -> float:
        """Of full length, that a window (from 1) took; frames, where no model ran.

        0 where the plan has fewer windows: it was made for another model than makes the take now.
        """
        if window > len(take.window_latents):
            return 0
        latents = take.window_latents[window - 1]
        if take.lane is LaneKind.FINISH:
            return latents
        return self._steps * latents / max(take.window_latents)

    def seconds(self, work: Iterable[Work]) -> float | None:
        """Until work that comes after the running take is done; None where no step was ever measured."""
        if self._running is not None and self._expected_end is None:
            return None
        running = 0.0 if self._expected_end is None else max(0.0, self._expected_end - time.monotonic())
        waiting = self._paces.seconds(work)
        return None if waiting is None else running + waiting
