"""What a finished take says of itself: all that is needed to make it again, and what came of it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vera_engine.plates.frames import FrameSet
from vera_engine.takes import store
from vera_engine.takes.inputs import FileSeen
from vera_engine.takes.kept import KeptBase
from vera_engine.takes.progress import WindowRecord
from vera_engine.takes.take import INTERFACE_VERSION, Take, TakeSeconds, TakeState


def write_finished(
    take: Take,
    directory: Path,
    windows: Sequence[WindowRecord],
    base: KeptBase | None,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Leaves in a partial directory what the version is to have, and a `take.json` that says it is finished.

    Arguments as for `take_record`; returns what that does.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten
    """
    names = {name for window in windows for name in window.files} | (set() if base is None else base.files)
    record = take_record(take, windows, base, list(dict.fromkeys((*take.warnings, *warnings))))
    store.remove_strays(directory, names)
    store.write_record(directory, record)
    return record


def take_record(
    take: Take, windows: Sequence[WindowRecord], base: KeptBase | None, warnings: Sequence[str]
) -> dict[str, Any]:
    """The `take.json` of a version that has what these windows made, and all other frames of the base.

    Args:
        take: The take.
        windows: Those that are done, at least one.
        base: What is kept, where the take has a base.
        warnings: All that an artist was told.
    """
    made = FrameSet.of(frame for window in windows for frame in window.frames)
    statistics = {str(frame): values for window in windows for frame, values in window.statistics.items()}
    plate = {str(f): _seen(file) for window in windows for f, file in window.seen.plate.items()}
    mask = {str(f): _seen(file) for window in windows for f, file in window.seen.mask.items()}
    files = {name: asdict(file) for window in windows for name, file in window.files.items()}
    pieces = [window.piece.as_dict() for window in windows]
    if base is not None:
        kept = {str(frame) for frame in base.frames}
        statistics |= {frame: values for frame, values in base.record["frames"].items() if frame in kept}
        plate = base.record["plate"] | plate
        mask = {frame: file for frame, file in base.record["mask"].items() if frame in kept} | mask
        files |= {name: file for name, file in base.record["files"].items() if name in base.files}
        pieces = [*(piece.as_dict() for piece in base.pieces), *pieces]
    last = windows[-1]
    return {
        "take_id": take.take_id,
        "version": take.version,
        "state": TakeState.FINISHED,
        "created_at": take.created_at,
        "request": take.request.as_record(),
        "settings": asdict(take.settings),
        "base_take": None if base is None else _base(take, base),
        "made": made.as_dicts(),
        "plate": _by_frame(plate),
        "mask": _by_frame(mask),
        "plate_size": list(last.plate_size),
        "working_size": list(take.working_size),
        "model": {"name": last.made_by.model, "weights_sha256": last.made_by.weights_sha256},
        "engine_version": last.made_by.engine_version,
        "interface_version": INTERFACE_VERSION,
        "device": last.made_by.device,
        "warnings": list(warnings),
        "frames": _by_frame(statistics),
        "windows": [_window(window) for window in windows],
        "latents": pieces,
        "seams": [seam.as_record() for window in windows for seam in window.seams],
        "files": files,
        "seconds": asdict(_seconds(take, windows)),
        "error": None,
    }


def _base(take: Take, base: KeptBase) -> dict[str, str]:
    """Which take the other frames are, found from the version's own directory: a take root may be moved."""
    assert take.request.base is not None
    directory = Path(take.request.base.directory)
    try:
        found_from_here = os.path.relpath(directory, take.directory)
    except ValueError:  # on another drive
        found_from_here = str(directory)
    return {"version": base.record["version"], "take_id": base.record["take_id"], "directory": found_from_here}


def _window(window: WindowRecord) -> dict[str, Any]:
    return {
        "run": window.piece.run,
        "frames": window.frames.as_dicts(),
        "slice": list(window.slice),
        "latents": [window.piece.first, window.piece.last],
        "weights": list(window.weights),
        "seconds": window.model_seconds + window.pixel_seconds,
        "engine_version": window.made_by.engine_version,
        "device": window.made_by.device,
    }


def _seen(file: FileSeen) -> dict[str, Any]:
    """With size and time, so that a host sees at a glance whether the file is still the same."""
    return {"file": file.name, "sha256": file.sha256, "size": file.size, "modified_ns": file.modified_ns}


def _by_frame(values: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(values.items(), key=lambda item: int(item[0])))


def _seconds(take: Take, windows: Sequence[WindowRecord]) -> TakeSeconds:
    now = time.time()
    return TakeSeconds(
        total=now - take.created_at,
        queued=(take.started_at or now) - take.created_at,
        model=sum(window.model_seconds for window in windows),
        pixels=sum(window.pixel_seconds for window in windows),
    )
