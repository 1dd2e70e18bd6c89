"""The windows of a take, and where frames of different windows meet: worked out before a model is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from vera_engine.model.settings import ModelSettings
from vera_engine.pipeline.windows import Window, frames_of_latents, plan_repair
from vera_engine.plates.frames import FrameRange, FrameSet
from vera_engine.takes.take import SeamKind

SEAM_REACH = 4
"""How many frame differences on either side of a join say what is usual there."""


@dataclass(frozen=True)
class TakeWindow:
    """One run of the model over a slice of one of the take's frame ranges."""

    number: int
    """From 1, in the order they are made in."""
    run: int
    """Which of the take's ranges, from 0; each has a latent timeline of its own."""
    span: FrameRange
    """That range: its first frame is frame index 0."""
    window: Window
    frames: FrameSet
    """What it delivers, of what is to be made."""

    @property
    def latent_count(self) -> int:
        """Latents that the model sees."""
        return self.window.stop - self.window.start

    def host_frame(self, index: int) -> int:
        """The frame at an index of the run; indices past its end mean its last frame, which is repeated there."""
        return min(self.span.first + index, self.span.last)


FRAMES_IN_PART = 16
"""How many frames are finished between two looks at what would be left if the machine stopped now."""


@dataclass(frozen=True)
class Join:
    """Two neighboring frames that were not made together."""

    before: int
    after: int
    kind: SeamKind
    measured_after: int
    """The number of the window with which both sides are there."""
    around: FrameRange
    """The two and their neighbors, as far as each side was made in one piece."""


def plan_take(frames: FrameSet, made: FrameSet, model: ModelSettings) -> tuple[TakeWindow, ...]:
    """The windows that make `made`, each range of `frames` on its own.

    Args:
        frames: All frames of the finished version.
        made: Those the model makes: all of them, or with a base take those made again.
        model: Says how long a window is, and its overlap.
    """
    windows: list[TakeWindow] = []
    for run, span in enumerate(frames.ranges):
        again = [(part.first - span.first, part.last - span.first) for part in made.ranges if part.first in span]
        if not again:
            continue
        for window in plan_repair(len(span), again, model.window_latents, model.overlap_latents):
            delivered = (span.first + i for i in frames_of_latents(window.first, window.last, len(span)))
            of_window = FrameSet.of(frame for frame in delivered if frame in made)
            windows.append(TakeWindow(len(windows) + 1, run, span, window, of_window))
    return tuple(windows)


def plan_finish(made: FrameSet) -> tuple[FrameSet, ...]:
    """The parts in which frames are finished that no model makes."""
    frames = list(made)
    return tuple(FrameSet.of(frames[start : start + FRAMES_IN_PART]) for start in range(0, len(frames), FRAMES_IN_PART))


def joins_of(frames: FrameSet, windows: Sequence[TakeWindow]) -> tuple[Join, ...]:
    """Where frames of different windows meet, or of a window and of the base take, rising."""
    maker = {frame: window.number for window in windows for frame in window.frames}
    joins = []
    for span in frames.ranges:
        pieces = _pieces(span, [maker.get(frame, 0) for frame in span])  # 0: the base's
        for before, after in pairwise(pieces):
            numbers = maker.get(before.last, 0), maker.get(after.first, 0)
            joins.append(
                Join(
                    before.last,
                    after.first,
                    SeamKind.REPAIR if 0 in numbers else SeamKind.WINDOW,
                    max(numbers),
                    FrameRange(max(before.first, before.last - SEAM_REACH), min(after.last, after.first + SEAM_REACH)),
                )
            )
    return tuple(joins)


def _pieces(span: FrameRange, makers: Sequence[int]) -> list[FrameRange]:
    """Frames of a range that one window made, or none, in one piece each."""
    starts = [0, *(i for i in range(1, len(makers)) if makers[i] != makers[i - 1]), len(makers)]
    return [FrameRange(span.first + start, span.first + stop - 1) for start, stop in pairwise(starts)]
