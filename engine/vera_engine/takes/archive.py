"""Takes that are at rest: found, noted, resumed, kept and deleted, this engine's own and those that others left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from vera_engine.errors import FailedPrecondition, InvalidArgument
from vera_engine.takes import store
from vera_engine.takes.database import TakeDatabase, decoded
from vera_engine.takes.events import StateChanged
from vera_engine.takes.heartbeat import check_free
from vera_engine.takes.lane import TakeRunning
from vera_engine.takes.listing import finished_take, node_folders, take_on_disk, takes_on_disk
from vera_engine.takes.notes import check_notes, read_notes, write_notes
from vera_engine.takes.queue import TakeQueue
from vera_engine.takes.rules import check_absolute
from vera_engine.takes.take import Take, TakeState
from vera_engine.takes.version import partial_directory_of, version_directory

STOPPED = (TakeState.CANCELLED, TakeState.FAILED)


class TakeUnclear(InvalidArgument):
    """A take named by id and by directory, or by neither."""


class TakeNotStopped(FailedPrecondition):
    """What can be done with a cancelled or failed take alone."""


class TakeStarred(FailedPrecondition):
    """A take that an artist marked as one to keep."""


class TakeShared(FailedPrecondition):
    """A take that other takes are based on."""


class TakeCopied(FailedPrecondition):
    """A take whose folder was copied: one id, and files in two places."""


class TakeArchive:
    """All that is done with takes while nobody makes them. Belongs to the event loop of its queue."""

    def __init__(self, database: TakeDatabase, queue: TakeQueue, engine_id: str) -> None:
        """Args:
        database: The engine's records.
        queue: Where resumed takes go.
        engine_id: As for `check_free`.
        """
        self._database = database
        self._queue = queue
        self._engine_id = engine_id
        self._files = asyncio.Lock()
        """Held while a take's folder is changed: what one call finds there, another must not take away."""

    async def find(self, take_id: str, directory: str = "") -> Take:
        """The take of an id, or of a version directory, with the notes it has now.

        A take that stopped here and that another engine finished meanwhile is finished.

        Raises:
            TakeUnclear, PathNotAbsolute, TakeNotFound, TakeHeldElsewhere
        """
        if bool(take_id) is bool(directory):
            raise TakeUnclear(
                "A take is named by its id or by its directory, and by one of them.",
                argument="take_id",
                value=take_id,
                remedy="Give one.",
            )
        if take_id:
            take = self._database.get(take_id)
        else:
            check_absolute("directory", directory)
            version = version_directory(Path(directory))
            known = self._database.find_directory(version) or await self._by_another_path(version)
            if known is None:
                return await asyncio.to_thread(take_on_disk, Path(directory), self._engine_id)
            take = known
        if take.state in STOPPED:
            record = await asyncio.to_thread(store.finished_record, take)
            if record is not None:
                take = finished_take(take, record)
                self._queue.news.publish(take.take_id, StateChanged(take))
        return await asyncio.to_thread(_with_notes, take)

    async def takes(self, node_id: str, take_root: str) -> list[Take]:
        """Takes by creation, oldest first: the engine's own, and below a take root also what others left there.

        Args:
            node_id: Only this node's; empty: all nodes'.
            take_root: Only those below it; empty: all roots, the engine's own takes alone.
        """
        rows = self._database.rows(Path(take_root) / node_id if take_root and node_id else None)

        def read() -> list[Take]:
            own = [take for take in decoded(rows) if node_id in ("", take.request.node_id)]
            if not take_root:
                return [_with_notes(take) for take in own]
            own = [take for take in own if take.directory.parent.parent == Path(take_root)]
            known = {take.directory for take in own}
            others = [
                take
                for folder in node_folders(Path(take_root), node_id)
                for take in takes_on_disk(folder, known, self._engine_id)
            ]
            return sorted([*map(_with_notes, own), *others], key=lambda take: take.created_at)

        return await asyncio.to_thread(read)

    async def update(
        self, take: Take, label: str | None = None, note: str | None = None, starred: bool | None = None
    ) -> Take:
        """Changes what is said of a take; what is None stays as it is.

        Raises:
            NoteInvalid, DiskFull, FolderNotWritable, FileNotWritten
        """
        async with self._files:
            before = (await asyncio.to_thread(_with_notes, take)).notes
            notes = replace(
                before,
                label=before.label if label is None else label,
                note=before.note if note is None else note,
                starred=before.starred if starred is None else starred,
            )
            check_notes(notes)
            await asyncio.to_thread(write_notes, notes, take.directory, take.partial_directory)
            if not self._is_own(take):
                return replace(take, notes=notes)
            take = replace(self._database.get(take.take_id), notes=notes)
            self._database.update(take)
            return take

    async def resume(self, take: Take) -> Take:
        """Queues a stopped take again; it goes on after its last finished window.

        One that another engine stopped, or whose folder was moved, is this engine's from then on.

        Raises:
            TakeNotStopped, TakeFilesMissing, TakeHeldElsewhere, DiskFull, FolderNotWritable, FileNotWritten
            TakeCopied: The take that it is a copy of is there as well.
        """
        async with self._files:
            take = await self._stopped(take)
            if not self._is_own(take):
                await self._check_not_copied(take)
            queued = replace(take, state=TakeState.QUEUED, error=None)
            await asyncio.to_thread(store.record_state, queued)
            if not self._is_own(take):
                self._database.adopt(take)
            self._queue.resume(take)
            return self._database.get(take.take_id)

    async def keep_frames(self, take: Take) -> Take:
        """Makes a finished version of the frames that a stopped take has.

        Raises:
            TakeNotStopped, TakeFilesMissing, TakeHeldElsewhere, NothingToKeep, DiskFull, FolderNotWritable,
            FileNotWritten
        """
        async with self._files:
            take = await self._stopped(take)
            # Imported here: it brings image libraries, and the engine answers before they are there
            from vera_engine.takes.keep import keep_frames

            record = await asyncio.to_thread(keep_frames, take, self._engine_id)
            kept = finished_take(take, record)
            if self._is_own(take):
                self._queue.news.publish(take.take_id, StateChanged(kept))
            return kept

    async def delete(self, take: Take, force: bool = False) -> None:
        """Removes a take and its files.

        Args:
            take: The take.
            force: Though it is starred, or other takes are based on it.

        Raises:
            TakeRunning: while it, or a take based on it, is queued or runs.
            TakeStarred, TakeShared: unless forced.
            TakeHeldElsewhere: another engine works on it.
            FolderNotWritable, FileNotWritten: some of it could not be removed.
        """
        async with self._files:
            if self._is_own(take):
                take = await asyncio.to_thread(_with_notes, self._database.get(take.take_id))
            if not take.state.is_final:
                raise TakeRunning(
                    f"The take is {take.state}.",
                    argument="take_id",
                    value=take.take_id,
                    remedy="Cancel it first, then delete it.",
                )
            if take.notes.starred and not force:
                raise TakeStarred(
                    "The take is starred.",
                    argument="take_id",
                    value=take.take_id,
                    remedy="Take its star away first, or say that it may be deleted all the same.",
                )
            await self._check_not_shared(take, force)
            await asyncio.to_thread(_delete_files, take, self._engine_id)
            if self._is_own(take):
                self._database.delete(take.take_id)
                self._queue.news.wake(take.take_id)

    async def _stopped(self, take: Take) -> Take:
        """The take as it is now, cancelled or failed, its folder there and nobody's."""
        if self._is_own(take):
            take = self._database.get(take.take_id)
        if take.state not in STOPPED:
            raise TakeNotStopped(
                f"The take is {take.state}.",
                argument="take_id",
                value=take.take_id,
                remedy="This can be done with a cancelled or failed take.",
            )
        await asyncio.to_thread(check_free, take.partial_directory, self._engine_id)
        return take

    async def _check_not_shared(self, take: Take, force: bool) -> None:
        """Raises where takes are based on it; one that is still to be made is never left without its base."""
        lies_elsewhere = self._database.knows(take.take_id) and not self._is_own(take)
        own = [] if lies_elsewhere else self._database.based_on(take.take_id)
        node_folder = take.directory.parent
        known = self._database.directories(node_folder)
        others = await asyncio.to_thread(takes_on_disk, node_folder, known, self._engine_id)
        based = [*own, *(each for each in others if each.request.base and each.request.base.take_id == take.take_id)]
        unfinished = [each for each in based if not each.state.is_final]
        if unfinished:
            raise TakeRunning(
                f"It is the base of {_named(unfinished)}, which is still to be made.",
                argument="take_id",
                value=take.take_id,
                remedy="Wait for it, or cancel it first.",
            )
        if based and not force:
            raise TakeShared(
                f"It is the base of {_named(based)}.",
                argument="take_id",
                value=take.take_id,
                remedy="Say that it may be deleted all the same: the frames they share are theirs as well, and stay.",
            )

    async def _by_another_path(self, version: Path) -> Take | None:
        """The engine's own take in a folder that it knows by another path, as through a link or another mount."""
        record = await asyncio.to_thread(_record_of, version)
        if record is None or not self._database.knows(record["take_id"]):
            return None
        known = self._database.get(record["take_id"])
        return known if await asyncio.to_thread(_are_one, known.directory, version) else None

    async def _check_not_copied(self, take: Take) -> None:
        """Raises where the engine knows the take in another folder, and that one is there."""
        if not self._database.knows(take.take_id):
            return
        known = self._database.get(take.take_id)
        for directory in (known.directory, known.partial_directory):
            record = await asyncio.to_thread(store.read_record, directory)
            if record is not None and record["take_id"] == take.take_id:
                raise TakeCopied(
                    f"This folder is a copy: the take itself lies in {directory}.",
                    argument="directory",
                    value=take.directory,
                    remedy="Resume it there. Or keep this one's frames, which needs no engine's memory of it.",
                )

    def _is_own(self, take: Take) -> bool:
        """Whether the engine's memory is of this very folder: copied and moved ones hold takes of the same ids."""
        return self._database.knows(take.take_id) and self._database.get(take.take_id).directory == take.directory


def _record_of(version: Path) -> dict[str, Any] | None:
    """The `take.json` of a version directory or of its partial one, where it names a take."""
    record = store.read_record(version) or store.read_record(partial_directory_of(version))
    return record if record is not None and "take_id" in record else None


def _are_one(version: Path, other: Path) -> bool:
    """Whether two paths lead to one version, finished or not."""
    for one, same in ((version, other), (partial_directory_of(version), partial_directory_of(other))):
        with contextlib.suppress(OSError):
            if one.samefile(same):
                return True
    return False


def _with_notes(take: Take) -> Take:
    """The take with the notes that lie beside it: another engine may have changed them."""
    notes = read_notes(take.directory, take.partial_directory)
    return take if notes is None else replace(take, notes=notes)


def _delete_files(take: Take, engine_id: str) -> None:
    if store.is_there(take.partial_directory):
        check_free(take.partial_directory, engine_id)
    store.delete_files(take)


def _named(takes: Iterable[Take]) -> str:
    return ", ".join(f"{take.version} of {take.request.node_id}" for take in takes)
