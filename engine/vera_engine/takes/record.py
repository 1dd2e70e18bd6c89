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
from vera_engine.takes.kept import KeptBase
from vera_engine.takes.latents import Piece
from vera_engine.takes.progress import WindowRecord
from vera_engine.takes.seen import FileSeen
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
    seen = {
        kind: {str(f): _seen(file) for window in windows for f, file in getattr(window.seen, kind).items()}
        for kind in ("plate", "mask", "holdout")
    }
    files = {name: asdict(file) for window in windows for name, file in window.files.items()}
    pieces = [window.piece.as_dict() for window in windows if window.piece is not None]
    model_windows = [_window(window, window.piece) for window in windows if window.piece is not None]
    seams = [seam.as_record() for window in windows for seam in window.seams]
    finished = _finished(take, windows)
    if base is not None:
        kept = {str(frame) for frame in base.frames}
        statistics |= _of_frames(base.record["frames"], kept)
        if base.pieces:  # its latents are begun with, and so what they were made from
            seen["plate"] = base.record["plate"] | seen["plate"]
        seen["holdout"] |= _of_frames(base.record.get("holdout", {}), kept)
        masks = base.record["mask"]
        seen["mask"] = (masks if take.request.finish_only else _of_frames(masks, kept)) | seen["mask"]
        files |= {name: file for name, file in base.record["files"].items() if name in base.files}
        pieces = [*(piece.as_dict() for piece in base.pieces), *pieces]
        finished = [*_finished_before(base), *finished]
        if take.request.finish_only:
            model_windows, seams = base.record["windows"], base.record["seams"]
    last = windows[-1]
    return {
        "take_id": take.take_id,
        "version": take.version,
        "state": TakeState.FINISHED,
        "created_at": take.created_at,
        "request": take.request.as_record(),
        "settings": asdict(take.settings),
        "color": asdict(take.color),
        "base_take": None if base is None else _base(take, base),
        "made": made.as_dicts(),
        "finished": finished,
        **{kind: _by_frame(files_seen) for kind, files_seen in seen.items()},
        "plate_size": list(last.plate_size),
        "working_size": list(take.working_size),
        "model": {"name": last.made_by.model, "weights_sha256": last.made_by.weights_sha256},
        "engine_version": last.made_by.engine_version,
        "interface_version": INTERFACE_VERSION,
        "device": last.made_by.device,
        "warnings": list(warnings),
        "frames": _by_frame(statistics),
        "windows": model_windows,
        "latents": pieces,
        "seams": seams,
        "files": files,
        "seconds": asdict(_seconds(take, windows)),
        "error": None,
    }


def _finished(take: Take, windows: Sequence[WindowRecord]) -> list[dict[str, Any]]:
    """How layers were made of what the model made, for the frames of this take; by which engine, as another one may
    have resumed it."""
    request = take.request
    by_version: dict[str, list[int]] = {}
    for window in windows:
        by_version.setdefault(window.made_by.engine_version, []).extend(window.frames)
    return [
        {
            "frames": FrameSet.of(frames).as_dicts(),
            "finish": request.finish.settings.as_dict(),
            "exposure": request.exposure or 0.0,
            "region": None if request.region is None else request.region.as_dict(),
            "holdout": None if request.holdout is None else request.holdout.as_dict(),
            "nan": str(request.plate.nan),
            "engine_version": version,
        }
        for version, frames in by_version.items()
    ]


def _finished_before(base: KeptBase) -> list[dict[str, Any]]:
    """The same of the base, for the frames that are kept; nothing where an older engine did not say."""
    parts, kept = [], set(base.frames)
    for part in base.record.get("finished", []):
        frames = [frame for frame in FrameSet.from_dicts(part["frames"]) if frame in kept]
        if frames:
            parts.append({**part, "frames": FrameSet.of(frames).as_dicts()})
    return parts


def _of_frames(values: dict[str, Any], frames: set[str]) -> dict[str, Any]:
    return {frame: value for frame, value in values.items() if frame in frames}


def _base(take: Take, base: KeptBase) -> dict[str, str]:
    """Which take the other frames are, found from the version's own directory: a take root may be moved."""
    assert take.request.base is not None
    directory = Path(take.request.base.directory)
    try:
        found_from_here = os.path.relpath(directory, take.directory)
    except ValueError:  # on another drive
        found_from_here = str(directory)
    return {"version": base.record["version"], "take_id": base.record["take_id"], "directory": found_from_here}


def _window(window: WindowRecord, piece: Piece) -> dict[str, Any]:
    return {
        "run": piece.run,
        "frames": window.frames.as_dicts(),
        "slice": list(window.slice),
        "latents": [piece.first, piece.last],
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
