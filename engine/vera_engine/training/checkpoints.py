"""Complete states of a training run on disk: stopped anywhere, it goes on from one as if it had not been.

`checkpoints/step-00000200/` is whole as soon as it has its name; the newest few are kept.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from vera_engine.errors import FailedPrecondition
from vera_engine.training.averages import Averages
from vera_engine.training.processes import Processes

_FOLDER = "checkpoints"
_PROGRESS = "progress.json"


class RunFolderMismatch(FailedPrecondition):
    """A run folder that another training file began."""


def mismatch(place: Path, difference: str) -> RunFolderMismatch:
    """The error for what another training file began."""
    return RunFolderMismatch(
        f"Another training file began this: {difference}.",
        argument="run_folder",
        value=place,
        remedy="Go on with the training file it was begun with, or name another run folder.",
    )


def newest_checkpoint(run_folder: Path) -> Path | None:
    """The newest complete checkpoint of a run, if it has one."""
    return max(_complete(run_folder), default=None)


def save_checkpoint(
    run_folder: Path, processes: Processes, averages: Averages, progress: dict[str, Any], keep: int
) -> None:
    """Writes the state of all processes, and removes all but the newest checkpoints. All processes call it.

    Args:
        run_folder: The run's.
        processes: Their accelerator knows model and optimizer.
        averages: Of the weights.
        progress: What else is state: `step`, and JSON.
        keep: How many checkpoints stay, 1 or more.
    """
    folder = run_folder / _FOLDER / f"step-{progress['step']:08d}"
    partial = folder.with_name(f"{folder.name}.partial")
    if processes.rank == 0:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    processes.accelerator.wait_for_everyone()
    processes.accelerator.save_state(str(partial))
    if processes.rank == 0 or processes.are_sharded:
        averages.save(partial / _averages_file(processes))
    processes.accelerator.wait_for_everyone()
    if processes.rank:
        return
    (partial / _PROGRESS).write_text(json.dumps(progress, indent=1) + "\n", encoding="utf-8")
    if folder.exists():  # a run that stops at the step it began with
        shutil.rmtree(folder)
    partial.rename(folder)
    for old in sorted(_complete(run_folder))[:-keep]:
        shutil.rmtree(old)


def load_checkpoint(checkpoint: Path, processes: Processes, averages: Averages) -> dict[str, Any]:
    """Brings model, optimizer and averages to a checkpoint's state; all processes call it.

    Returns:
        What `save_checkpoint` was given as progress.

    Raises:
        RunFolderMismatch: It is of another model.
    """
    try:
        processes.accelerator.load_state(str(checkpoint))
        averages.load(checkpoint / _averages_file(processes))
    except (KeyError, RuntimeError, ValueError, FileNotFoundError) as error:
        raise mismatch(checkpoint, str(error).splitlines()[0]) from error
    progress: dict[str, Any] = json.loads((checkpoint / _PROGRESS).read_text(encoding="utf-8"))
    return progress


def _complete(run_folder: Path) -> list[Path]:
    return [folder for folder in (run_folder / _FOLDER).glob("step-*") if folder.suffix != ".partial"]


def _averages_file(processes: Processes) -> str:
    """Sharded, every process has its own, and as many processes have to come back to them."""
    return f"averages-{processes.rank}-of-{processes.count}.pt" if processes.are_sharded else "averages.pt"
