"""Takes as their own folders tell of them: those that other engines left on a take root they share with this one."""

from __future__ import annotations

import logging
from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from vera_engine.errors import VeraEditError
from vera_engine.plates.frames import FrameSet
from vera_engine.takes import store
from vera_engine.takes.database import TakeNotFound
from vera_engine.takes.heartbeat import HEARTBEAT_NAME, check_free
from vera_engine.takes.notes import read_notes
from vera_engine.takes.request import TakeRequest, TakeSettings
from vera_engine.takes.take import Notes, Refusal, Seam, Take, TakeColor, TakeSeconds, TakeState
from vera_engine.takes.version import VERSION_PATTERN, partial_directory_of, version_directory

log = logging.getLogger(__name__)


def take_on_disk(directory: Path, own_engine_id: str) -> Take:
    """A finished take, or one that was stopped and that nobody works on.

    Args:
        directory: Its version directory, which need not be there where the partial one is.
        own_engine_id: As for `check_free`.

    Raises:
        TakeNotFound: Neither is there, or its `take.json` is not what this engine writes.
        TakeHeldElsewhere: Another engine works on it.
    """
    directory = version_directory(directory)
    partial = partial_directory_of(directory)
    try:
        record = store.read_record(directory)
        if record is not None:
            return replace(_finished(directory, record), notes=read_notes(directory) or Notes())
        record = store.read_record(partial)
        if record is not None and record.get("state") == TakeState.FINISHED:
            check_free(partial, own_engine_id)
            finished = _finished(directory, record)
            store.complete(finished)  # whoever was about to was killed
            return replace(finished, notes=read_notes(directory) or Notes())
        if record is not None and record.get("state") == store.DELETED:
            check_free(partial, own_engine_id)
            return _half_deleted(directory, record)
        if record is not None and not _waits_elsewhere(partial, record):
            check_free(partial, own_engine_id)
            return replace(_stopped(directory, record), notes=read_notes(partial) or Notes())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log.info("%s: its take.json cannot be read: %r", directory, error)
    raise TakeNotFound(
        "There is no take in the folder.",
        argument="directory",
        value=directory,
        remedy="Name a version's own folder, as /shots/takes/node/v003.",
    )


def takes_on_disk(node_folder: Path, known: Set[Path], own_engine_id: str) -> list[Take]:
    """What `take_on_disk` finds in a node's folder, but for `known` version directories."""
    takes = []
    try:
        entries = sorted(entry for entry in node_folder.iterdir() if VERSION_PATTERN.fullmatch(entry.name))
    except OSError:
        return []
    for directory in dict.fromkeys(map(version_directory, entries)):
        if directory not in known:
            try:
                takes.append(take_on_disk(directory, own_engine_id))
            except VeraEditError as error:
                log.info("%s is not listed: %s", directory, error.reason)
    return takes


def node_folders(take_root: Path, node_id: str) -> list[Path]:
    """The folder of a node, or of all nodes where none is named."""
    if node_id:
        return [take_root / node_id]
    try:
        return sorted(entry for entry in take_root.iterdir() if entry.is_dir())
    except OSError:
        return []


def finished_take(take: Take, record: dict[str, Any]) -> Take:
    """The take, finished as its `take.json` says."""
    return replace(
        take,
        state=TakeState.FINISHED,
        error=None,
        frames=FrameSet.of(map(int, record["frames"])),
        finished_frames=FrameSet.from_dicts(record["made"]).ranges,
        seconds=TakeSeconds(**record["seconds"]),
        seams=tuple(map(Seam.from_record, record["seams"])),
        warnings=tuple(record["warnings"]),
    )


def _finished(directory: Path, record: dict[str, Any]) -> Take:
    request = TakeRequest.from_dict({"priority": 0, "reuse": False, **record["request"]})
    take = Take(
        take_id=record["take_id"],
        request_id=record["take_id"],
        version=directory.name,
        state=TakeState.FINISHED,
        request=request,
        settings=TakeSettings(**record["settings"]),
        directory=directory,
        created_at=record["created_at"],
        frames=request.made_frames,
        working_size=tuple(record["working_size"]),
        window_latents=tuple(len(window["weights"]) for window in record["windows"]),
        color=TakeColor.from_record(record.get("color")),
    )
    return finished_take(take, record)


def _stopped(directory: Path, record: dict[str, Any]) -> Take:
    take = replace(Take.from_dict(record), directory=directory, version=directory.name)
    if take.state in (TakeState.CANCELLED, TakeState.FAILED):
        return take
    gone = Refusal(
        "EngineGone", "The engine that made it ended without a word.", remedy="Resume it, or keep its frames."
    )
    return replace(take, state=TakeState.FAILED, error=gone)


def _half_deleted(directory: Path, record: dict[str, Any]) -> Take:
    """What is left of a take, for the rest to be deleted."""
    was_finished = isinstance(record["frames"], dict)
    left = _finished(directory, record) if was_finished else _stopped(directory, {**record, "state": TakeState.FAILED})
    reason = "Its deletion stopped halfway: some of its files could not be removed."
    return replace(left, state=TakeState.FAILED, error=Refusal("HalfDeleted", reason, remedy="Delete it again."))


def _waits_elsewhere(partial: Path, record: dict[str, Any]) -> bool:
    """Whether it is in another engine's queue for all that can be seen: nobody works on it, nor stopped it.

    A worker that was killed leaves its heartbeat behind. Without one a take was never begun, or it was resumed: then
    its record is newer than what was done. One that failed where that could not be written has the older record.
    """
    if record.get("state") in (TakeState.CANCELLED, TakeState.FAILED) or (partial / HEARTBEAT_NAME).exists():
        return False
    said, done = (_written(partial / name) for name in (store.RECORD_NAME, store.PROGRESS_NAME))
    return done <= said


def _written(file: Path) -> int:
    """When, in nanoseconds; 0 where there is no such file."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
