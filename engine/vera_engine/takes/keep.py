"""A stopped take made into a finished version of the frames that it has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vera_engine.errors import FailedPrecondition
from vera_engine.plates.exr import comp_file, layers_file, model_file, residual_file
from vera_engine.plates.frames import FrameSet
from vera_engine.takes.attempt import attempt_at
from vera_engine.takes.kept import keep_base
from vera_engine.takes.progress import Progress, still_whole
from vera_engine.takes.record import write_finished
from vera_engine.takes.take import Take


class NothingToKeep(FailedPrecondition):
    """A take that was stopped before its first window was done."""


def keep_frames(take: Take, engine_id: str) -> dict[str, Any]:
    """Gives a cancelled or failed take its final name with the windows that are done; returns its `take.json`.

    Frames that were not made are left out; in a repair they stay those of the base.

    Args:
        take: The take.
        engine_id: As for `check_free`; nobody else works on the take meanwhile.

    Raises:
        NothingToKeep: No window is done.
        TakeFilesMissing: Its folder is gone or is another take's.
        TakeHeldElsewhere: Another engine works on it.
        BaseUnusable: The base is gone, and with it frames that this take does not have yet.
        DiskFull, FolderNotWritable, FileNotWritten
    """
    with attempt_at(take, lambda _: None, lambda: None, engine_id) as (directory, _, check_going_on):
        return _kept(take, directory, check_going_on)


def _kept(take: Take, directory: Path, check_going_on: Callable[[], None]) -> dict[str, Any]:
    progress = Progress.read(directory, take.take_id)
    windows = still_whole(directory, progress.windows, check_going_on)
    if not windows:
        raise NothingToKeep(
            "No window of the take is finished, and so no frame.",
            argument="take_id",
            value=take.take_id,
            remedy="Resume it, or delete it.",
        )
    made = FrameSet.of(frame for window in windows for frame in window.frames)
    # What the model made for a take that is only finished anew is its base's, and may be all that is left of it.
    made_anew = (layers_file, comp_file, residual_file, *(() if take.request.finish_only else (model_file,)))
    for frame in take.request.made_frames:
        if frame not in made:  # written by a window that was not finished
            for file in made_anew:
                file(directory, frame).unlink(missing_ok=True)
    base = None if take.request.base is None else keep_base(take, directory, made)
    warnings = [*progress.warnings, *(() if base is None else base.warnings)]
    if made != take.request.made_frames:
        warnings.append(f"{made} of {take.request.made_frames} were made: the take was {take.state}, and these kept.")
    return write_finished(take, directory, windows, base, warnings)
