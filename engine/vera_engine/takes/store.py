"""Versions on disk: `<take root>/<node id>/v003`, complete whenever it is there, and `v003.partial` until then.

Several engines may share a take root. A version belongs to the engine whose `mkdir` of `v003.partial` made it; the
`take.json` inside says which take that is, and no directory is touched whose `take.json` names another one.

What a partial directory holds beside the layers and latents to be is in its working files; `take.json` says `finished`
once nothing is left to do but to remove those and to rename.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from vera_engine.errors import FailedPrecondition, NotFound, PermissionRefused
from vera_engine.plates.disk import DiskFull, to_disk, write_error, write_file
from vera_engine.takes.notes import NOTE_NAME
from vera_engine.takes.take import Take, TakeState
from vera_engine.takes.version import VERSION_PATTERN, partial_directory_of

RECORD_NAME = "take.json"
PROGRESS_NAME = "progress.json"
WORKING_NAMES = (PROGRESS_NAME, "base.json", "worker.json")
"""What is done, what of the base is kept, who works on it: of no use once a take is finished."""

DELETED = "deleted"
"""The state of a version whose files are being removed; no take has it."""
NOT_THE_WORKERS = (NOTE_NAME, f"{NOTE_NAME}.tmp")
"""Written by the server whenever an artist notes something."""


class TakeRootUnwritable(PermissionRefused):
    """No version can be made below the take root."""


class TakeFilesMissing(NotFound):
    """A take's directory is gone, or belongs to another take by now."""


class DiskTooFull(FailedPrecondition):
    """The layers would not fit on the disk of the take root."""


def reserve_version(take_root: Path, node_id: str, after: int = 0) -> Path:
    """Makes the next free `vNNN.partial` of a node and returns the `vNNN` it will become.

    The number is above all that are there, finished or not, and above `after` (the last one known to have been used),
    so that a deleted take's number is not given to another. Safe against other engines on the same take root.

    Raises:
        TakeRootUnwritable: where a folder cannot be made.
    """
    node_folder = take_root / node_id
    try:
        node_folder.mkdir(parents=True, exist_ok=True)
        number = after
        while True:
            number = max(number, *version_numbers(node_folder), 0) + 1
            version = node_folder / f"v{number:03d}"
            partial = partial_directory_of(version)
            try:
                partial.mkdir()
            except FileExistsError:
                continue
            if not version.exists():
                return version
            partial.rmdir()  # another engine finished this very version between the listing and the mkdir
    except OSError as error:
        raise _unwritable(take_root, error) from error


def version_numbers(node_folder: Path) -> list[int]:
    """The numbers of a node's versions, finished or not."""
    matches = (VERSION_PATTERN.fullmatch(entry.name) for entry in node_folder.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def check_disk_room(folder: Path, needed_bytes: int) -> None:
    """Checks that the disk which `folder` lies on, or will lie on, has that much room.

    Raises:
        DiskTooFull: where it has not.
        TakeRootUnwritable: where the folder cannot be looked at.
    """
    try:
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free_bytes = shutil.disk_usage(existing).free
    except OSError as error:
        raise _unwritable(folder, error) from error
    if free_bytes < needed_bytes:
        raise DiskTooFull(
            f"The layers need about {needed_bytes / 1e6:.0f} MB and the disk has {free_bytes / 1e6:.0f} MB left.",
            argument="take_root",
            value=folder,
            remedy="Free some room, or choose a take root on another disk.",
        )


def read_record(directory: Path) -> dict[str, Any] | None:
    """The `take.json` of a version directory; None where none is there or it is not whole."""
    try:
        record = json.loads((directory / RECORD_NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def write_record(directory: Path, record: dict[str, Any]) -> None:
    """Writes `take.json`, whole or not at all.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten
    """
    write_file(directory / RECORD_NAME, f"{json.dumps(record, indent=2, ensure_ascii=False)}\n".encode())


def check_own(take: Take) -> dict[str, Any] | None:
    """The `take.json` in the take's partial directory; None where none is there that is whole.

    Raises:
        TakeFilesMissing: where the directory is gone, or is another take's.
        FolderNotWritable, FileNotWritten: where that cannot be found out.
    """
    record = read_record(take.partial_directory)
    if not is_there(take.partial_directory) or (record is not None and record["take_id"] != take.take_id):
        raise _missing(take)
    return record


def is_there(directory: Path) -> bool:
    """Whether there is such a directory.

    Raises:
        FolderNotWritable, FileNotWritten: It cannot be found out, as on a share that has gone stale.
    """
    try:
        return directory.is_dir()
    except OSError as error:
        raise write_error(directory, error) from error


def record_state(take: Take) -> None:
    """Writes into the partial directory what became of the take, so that the folder speaks for itself.

    Where nothing is left to do but to rename it, it stays as it is.

    Raises:
        TakeFilesMissing: where that directory is not the take's own any more.
        DiskFull, FolderNotWritable, FileNotWritten
    """
    record = check_own(take)
    if record is not None and record.get("state") == TakeState.FINISHED:
        return
    write_record(take.partial_directory, take.as_dict())  # all of it: another engine may go on with what this one left


def finished_record(take: Take) -> dict[str, Any] | None:
    """The `take.json` of the finished version, where this very take is finished on disk; else None.

    Where all is done but the renaming, because whoever was about to do it was killed, that is done now.
    """
    record = read_record(take.directory)
    if record is None:
        record = read_record(take.partial_directory)
        if record is None or record["take_id"] != take.take_id or record.get("state") != TakeState.FINISHED:
            return None
        complete(take)
    return record if record["take_id"] == take.take_id else None


def open_partial(take: Take) -> Path:
    """The take's partial directory, with all that earlier attempts left in it but for files that were never whole.

    Raises:
        TakeFilesMissing: where it is gone or is another take's.
        DiskFull, FolderNotWritable, FileNotWritten
    """
    record_state(take)
    for entry in take.partial_directory.glob("*.tmp"):
        if entry.name not in NOT_THE_WORKERS:
            entry.unlink(missing_ok=True)
    return take.partial_directory


def remove_strays(directory: Path, names: Collection[str]) -> None:
    """Removes from a partial directory what an attempt made that others went on without: no finished version has it.

    Folders are not ours: servers and indexers put theirs into any. Nor is a take worth less for a file that cannot be
    removed, as one that is being read is on some shares.
    """
    for entry in directory.iterdir():
        if entry.name not in names and entry.name not in (RECORD_NAME, *NOT_THE_WORKERS, *WORKING_NAMES):
            with contextlib.suppress(OSError):
                entry.unlink()


def complete(take: Take) -> None:
    """Gives the partial directory, whose files are on the disk, its final name.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten
    """
    try:
        for name in WORKING_NAMES:
            (take.partial_directory / name).unlink(missing_ok=True)
        to_disk(take.partial_directory)
        take.partial_directory.rename(take.directory)
        to_disk(take.directory.parent)
    except OSError as error:
        record = read_record(take.directory)
        if record is not None and record["take_id"] == take.take_id:
            return  # another engine saw that nothing but this was left to do, and was quicker
        raise write_error(take.directory, error) from error


def delete_files(take: Take) -> None:
    """Removes the take's directory, finished or not; a directory that is not this take's is left alone.

    A finished version loses its final name first, and its record says that it is deleted and goes last: no half-deleted
    one is ever taken for a whole one, and what stopped the deletion can be done away with and the rest be deleted.

    Raises:
        FolderNotWritable, FileNotWritten: Some of it could not be removed.
    """
    try:
        if finished_record(take) is not None:
            take.directory.rename(take.partial_directory)
        record = read_record(take.partial_directory)
        if record is None or record["take_id"] != take.take_id:
            return
        with contextlib.suppress(DiskFull):  # then there is no room to say it, and all the more reason to delete
            write_record(take.partial_directory, {**record, "state": DELETED})
        for entry in take.partial_directory.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != RECORD_NAME:
                entry.unlink(missing_ok=True)
        shutil.rmtree(take.partial_directory)
    except OSError as error:
        raise write_error(take.partial_directory, error) from error


def _unwritable(take_root: Path, error: OSError) -> TakeRootUnwritable:
    return TakeRootUnwritable(
        f"Takes cannot be written there: {error.strerror}.",
        argument="take_root",
        value=take_root,
        remedy="Choose a folder you may write to, or ask for this one to be opened.",
    )


def _missing(take: Take) -> TakeFilesMissing:
    return TakeFilesMissing(
        "The take's folder is gone, or another take lies in it.",
        argument="directory",
        value=take.partial_directory,
        remedy="Generate the take again.",
    )
