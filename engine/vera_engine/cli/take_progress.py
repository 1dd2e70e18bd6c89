"""What is said on stderr while takes are made: lines for what happens, a bar for the steps."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

from vera_engine.cli.take_result import color_text, duration, frames_text, largest_seam, seam_text
from vera_engine.takes.take import VISIBLE_SEAM

BAR = "{desc} |{bar}| {percentage:3.0f}%{postfix}"


class TakeProgress:
    """Lines and one bar; on something that is no terminal, lines alone: one a window instead of the bar.

    Args:
        out: Where to.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._bar: tqdm[Any] | None = None
        self._version = ""
        self._window = ""
        self._time_left = ""
        self._place: int | None = None
        self._warned: set[str] = set()

    def __enter__(self) -> TakeProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end_bar()

    def say(self, words: str) -> None:
        """One line, above the bar where there is one."""
        tqdm.write(f"vera-edit: {words}", file=self._out)

    def begin(self, take: dict[str, Any], which: str = "") -> None:
        """What the engine has accepted, or what is watched.

        Args:
            take: As the client has it.
            which: Of several, as in `2 of 4`; empty for one alone.
        """
        self._version, self._window, self._time_left, self._place = take["version"], "", "", None
        self._warned.clear()
        count = take["window_count"]
        windows = f" in {count} windows" if count > 1 else ""
        made, base = frames_text(take["frames"]), ""
        if take["base_version"]:
            asked, all_frames = frames_text(take["request"]["frames"]), made
            made, base = asked, f", {'from' if asked == all_frames else 'the rest from'} {take['base_version']}"
        settings = take["request"]["settings"]
        words = [f"seed {settings['seed']}", f"{settings['num_inference_steps']} steps"]
        if settings.get("preset"):
            words.insert(1, settings["preset"])
        if "guidance_scale" in settings:
            words.append(f"guidance {settings['guidance_scale']:g}")
        if take["request"].get("strength", 1) != 1:
            words.append(f"strength {take['request']['strength']:g}")
        if take["request"].get("finish_only"):
            words = ["finished anew, without the model"]
        self.say(f"{self._version}{f' ({which})' if which else ''}: frames {made}{windows}{base}; {', '.join(words)}")
        if color := color_text(take):
            self.say(f"plate in {color}")
        self._warn(take)

    def show(self, message: dict[str, Any]) -> None:
        """A message of `VeraClient.wait`."""
        if "queued_at" in message:
            self._queued(message["queued_at"])
        elif "step_done" in message:
            self._step(message["step_done"])
        elif "frame_written" in message and self._bar is not None:
            self._bar.set_description_str(f"{self._window} writing {message['frame_written']['frame']}")
        elif "window_done" in message:
            self._window_done(message["window_done"])
        elif "fetched" in message:
            self.say(f"fetched {message['fetched']['file_name']}")
        elif "uploaded" in message:
            self.say(f"sent {message['uploaded']['file_name']}")
        elif "engine_lost" in message:
            self._end_bar()
            self.say(f"{message['engine_lost']['reason']} Looking for it, or starting another")
        elif "engine_back" in message:
            self.say(f"the engine is back (process {message['engine_back']['process_id']})")
        elif "ended_before" in message:
            self._end_bar()
            self.say(f"{message['ended_before']['take']['state']}, and resumed")
        elif "state_changed" in message:
            self._state(message["state_changed"]["take"])

    def _queued(self, queued: dict[str, Any]) -> None:
        place, begins = queued["place"], queued.get("seconds_to_start")
        if place == self._place or (place == 1 and begins is not None and begins < 1):
            return  # said already, or about to begin
        self._place = place
        when = "" if begins is None else f", begins in about {duration(begins)}"
        self.say("next in the queue" + when if place == 1 else f"at place {place} of the queue{when}")

    def _step(self, step: dict[str, Any]) -> None:
        window = f" window {step['window']}/{step['window_count']}" if step["window_count"] > 1 else ""
        self._window = f"{self._version}{window}"
        self._time_left = f"{duration(step['seconds_left'])} left" if step["seconds_left"] else ""
        total = step["step_count"] * step["window_count"]
        if self._bar is None or self._bar.total != total:
            self._end_bar()
            self._bar = tqdm(
                desc=self._window, total=total, bar_format=BAR, file=self._out, disable=None, dynamic_ncols=True
            )
        self._bar.n = step["step_count"] * (step["window"] - 1) + step["step"]
        self._bar.set_postfix_str(self._time_left, refresh=False)
        self._bar.set_description_str(f"{self._window} step {step['step']}/{step['step_count']}")

    def _window_done(self, done: dict[str, Any]) -> None:
        if (self._bar is None or self._bar.disable) and done["window_count"] > 1:
            left = f", {self._time_left}" if self._time_left and done["window"] < done["window_count"] else ""
            frames = frames_text(done["frames"])
            self.say(f"window {done['window']} of {done['window_count']} is on disk: frames {frames}{left}")

    def _state(self, take: dict[str, Any]) -> None:
        self._end_bar()
        self._warn(take)
        if take["state"] == "queued":
            return  # its place is said
        words = take["state"]
        if words == "finished":
            words += f" in {duration(take['seconds']['total'])}"
            worst = largest_seam(take)
            words += f"; largest seam {seam_text(worst)}" if worst is not None else ""
            words += f" (above {VISIBLE_SEAM} it may be seen)" if worst is not None and worst > VISIBLE_SEAM else ""
        elif words in ("cancelled", "failed") and take["finished_frames"]:
            words += f"; frames {frames_text(take['finished_frames'])} are done: `vera-edit resume` goes on after them"
        self.say(words)

    def _warn(self, take: dict[str, Any]) -> None:
        for warning in take["warnings"]:
            if warning not in self._warned:
                self._warned.add(warning)
                self.say(f"warning: {warning}")

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
