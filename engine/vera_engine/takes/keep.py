"""A stopped take made into a finished version of the frames that it has."""

from __future__ import annotations

from typing import Any

from vera_engine.errors import FailedPrecondition
from vera_engine.plates.exr import comp_file, layers_file, model_file, residual_file
from vera_engine.plates.frames import FrameSet
from vera_engine.takes import store
from vera_engine.takes.kept import keep_base
from vera_engine.takes.progress import Progress, still_whole
from vera_engine.takes.record import write_finished
from vera_engine.takes.take import Take


class NothingToKeep(FailedPrecondition):
    """A take that was stopped before its first window was done."""


def keep_frames(take: Take) -> dict[str, Any]:
    """Gives a cancelled or failed take its final name with the windows that are done; returns its `take.json`.

    Frames that were not made are left out; in a repair they stay those of the base.

    Raises:
        NothingToKeep: No window is done.
        TakeFilesMissing: Its folder is gone or is another take's.
        BaseUnusable: The base is gone, and with it frames that this take does not have yet.
        DiskFull, FolderNotWritable, FileNotWritten
    """
    directory = store.open_partial(take)
    progress = Progress.read(directory, take.take_id)
    windows = still_whole(directory, progress.windows, lambda: None)
    if not windows:
        raise NothingToKeep(
            "No window of the take is finished, and so no frame.",
            argument="take_id",
            value=take.take_id,
            remedy="Resume it, or delete it.",
        )
    made = FrameSet.of(frame for window in windows for frame in window.frames)
    for frame in take.request.made_frames:
        if frame not in made:  # written by a window that was not finished
            for file in (layers_file, model_file, comp_file, residual_file):
                file(directory, frame).unlink(missing_ok=True)
    base = None if take.request.base is None else keep_base(take, directory, made)
    warnings = [*progress.warnings, *(() if base is None else base.warnings)]
    if made != take.request.made_frames:
        warnings.append(f"{made} of {take.request.made_frames} were made: the take was {take.state}, and these kept.")
    record = write_finished(take, directory, windows, base, warnings)
    store.complete(take)
    return record
