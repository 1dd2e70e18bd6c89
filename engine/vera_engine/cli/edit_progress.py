"""What `vera-edit edit` says on stderr while a take is made: lines for what happens, a bar for the steps."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm


class EditProgress:
    """Lines and one bar; on something that is no terminal, lines alone.

    Args:
        out: Where to.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._frame_count = 0
        self._bar: tqdm[Any] | None = None
        self._stage = ""
        self._done = 0
        self._warned: list[str] = []

    def __enter__(self) -> EditProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end_bar()

    def say(self, words: str) -> None:
        """One line, above the bar where there is one."""
        tqdm.write(f"vera-edit: {words}", file=self._out)

    def begin(self, take: dict[str, Any]) -> None:
        """What the engine has accepted."""
        request = take["request"]
        frames = request["frames"]
        self._frame_count = frames["last_frame"] - frames["first_frame"] + 1
        settings = ", ".join(f"{name} {value}" for name, value in request["settings"].items())
        self.say(f"take {take['version']} of {self._frame_count} frames: {settings}")
        self._warn(take)

    def show(self, message: dict[str, Any]) -> None:
        """A message of `VeraClient.wait`."""
        if "queued_at" in message:
            self.say(f"queued at place {message['queued_at']}")
        elif "step_done" in message:
            step = message["step_done"]
            total = step["step_count"] * step["window_count"]
            self._move("denoising", total, step["step_count"] * (step["window"] - 1) + step["step"], "step")
        elif "frame_written" in message:
            self._move("writing", self._frame_count, 1 + (self._done if self._stage == "writing" else 0), "frame")
        elif "fetched" in message:
            self.say(f"fetched {message['fetched']['file_name']}")
        elif "engine_lost" in message:
            self._end_bar()
            self.say(f"{message['engine_lost']['reason']} Looking for it, or starting another")
        elif "engine_back" in message:
            self.say(f"the engine is back (process {message['engine_back']['process_id']})")
        elif "state_changed" in message:
            take = message["state_changed"]["take"]
            self._end_bar()
            self._warn(take)
            self.say(take["state"])

    def _warn(self, take: dict[str, Any]) -> None:
        for warning in take["warnings"]:
            if warning not in self._warned:
                self._warned.append(warning)
                self.say(f"warning: {warning}")

    def _move(self, stage: str, total: int, done: int, unit: str) -> None:
        if self._bar is None or self._stage != stage:
            self._end_bar()
            self._stage, self._done = stage, 0
            self._bar = tqdm(desc=stage, total=total, unit=unit, file=self._out, disable=None)
        self._bar.update(done - self._done)
        self._done = done

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar, self._stage = None, ""
