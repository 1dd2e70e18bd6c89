"""What every attempt at a take begins and goes on with: what earlier ones left, and what is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from vera_engine.plates.frames import frames_as_text
from vera_engine.takes import store
from vera_engine.takes.events import WindowDone
from vera_engine.takes.heartbeat import Heartbeat
from vera_engine.takes.progress import Progress, WindowRecord, still_whole
from vera_engine.takes.take import Take, TakeState

Report = Callable[[dict[str, Any]], None]


@contextmanager
def attempt_at(
    take: Take, report: Report, check_cancelled: Callable[[], None], engine_id: str
) -> Iterator[tuple[Path, Report, Callable[[], None]]]:
    """Holds a take's partial directory against other engines; what leaves without an exception has made it complete.

    Gives the directory, the report less states that it has just told, and what has to be called at every step and
    frame: it raises where the take is to be stopped, or the directory is no longer held.

    Raises:
        What `store.check_own`, `Heartbeat` and `store.open_partial` raise.
    """
    store.check_own(take)
    with Heartbeat(take.partial_directory, take.take_id, engine_id) as heart:

        def check_going_on() -> None:
            check_cancelled()
            heart.check()

        directory = store.open_partial(take)
        report = without_repeated_states(report)
        report({"event": TakeState.CHECKING})
        yield directory, report, check_going_on
    store.complete(take)


def what_is_done(
    take: Take,
    directory: Path,
    as_planned: Callable[[Sequence[WindowRecord]], Sequence[WindowRecord]],
    check_going_on: Callable[[], None],
) -> tuple[Progress, list[str]]:
    """What earlier attempts finished of the take and is still as they left it, up to the first window that is not.

    All windows after that one go too, for they are anchored to it; the second result says so.

    Args:
        take: The take.
        directory: Its partial directory.
        as_planned: Picks the first of the windows, as many as would be made so now.
        check_going_on: Called for every file.
    """
    found = Progress.read(directory, take.take_id)
    whole = still_whole(directory, as_planned(found.windows), check_going_on)
    done = tuple(takewhile(lambda window: window.seen.are_unchanged(take.request, check_going_on), whole))
    lost = [frame for window in found.windows[len(done) :] for frame in window.frames]
    if not lost:
        return found, []
    reason = (
        "files of the plate, the mask or the hold-out were changed since"
        if len(done) < len(whole)
        else "another model made them, or their files are damaged"
    )
    return replace(found, windows=done), [f"Frames {frames_as_text(lost)} are made once more: {reason}."]


def without_repeated_states(report: Report) -> Report:
    """Says a state only where it is another one than before."""
    last: list[TakeState] = []

    def say(event: dict[str, Any]) -> None:
        if isinstance(event["event"], TakeState):
            if last == [event["event"]]:
                return
            last[:] = [event["event"]]
        report(event)

    return say


def told(report: Report, take: Take, progress: Progress, warnings: Iterable[str]) -> Progress:
    """Says what has not been said of this take yet; returns the progress with it."""
    for text in warnings:
        if text not in (*take.warnings, *progress.warnings):
            report({"event": "warning", "text": text})
            progress = replace(progress, warnings=(*progress.warnings, text))
    return progress


def report_window(report: Report, window: WindowRecord, window_count: int) -> None:
    """Says that a window is on the disk for good."""
    report(
        {
            "event": WindowDone.name,
            "window": window.number,
            "window_count": window_count,
            "frames": window.frames.as_dicts(),
            "seconds": window.model_seconds + window.pixel_seconds,
        }
    )


def report_untold_windows(report: Report, take: Take, progress: Progress, window_count: int) -> None:
    """Says of those windows that they are done whose worker was killed before it could."""
    known = {frame for part in take.finished_frames for frame in part}
    for window in progress.windows:
        if not known.issuperset(window.frames):
            report_window(report, window, window_count)
