"""What a repair keeps of its base: the files of all other frames, bit for bit, and its latents to be anchored to.

They are hard links, so that they take no room, and stay when the base is deleted.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vera_engine.plates.disk import replacing, to_disk, write_error, write_file
from vera_engine.plates.exr import comp_file, layers_file, model_file, residual_file
from vera_engine.plates.frames import frames_as_text
from vera_engine.takes import store
from vera_engine.takes.base import BaseOfAnotherPlate, BaseUnusable
from vera_engine.takes.base_checks import is_seen_alike
from vera_engine.takes.latents import Piece
from vera_engine.takes.request import TakeRequest
from vera_engine.takes.seen import FileSeen
from vera_engine.takes.take import Take

BASE_NAME = "base.json"
"""The base's `take.json` as it was, in the partial directory: the base itself may be deleted meanwhile."""

_NO_LINKS = (errno.EPERM, errno.EACCES, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


@dataclass(frozen=True)
class KeptBase:
    """A base, its files in the take's own directory by now."""

    record: dict[str, Any]
    """Its `take.json`."""
    pieces: tuple[Piece, ...]
    frames: tuple[int, ...]
    """The frames that are kept."""
    files: frozenset[str]
    """Names of their files, and of those of its latents. A base may lack comps and residuals: they are to be made."""
    warnings: tuple[str, ...]

    def check_plate(self, seen: Mapping[int, FileSeen]) -> None:
        """Raises `BaseOfAnotherPlate` where plate files have another content than those the base was made from."""
        known = self.record["plate"]
        others = [f for f, file in seen.items() if known.get(str(f), {}).get("sha256", file.sha256) != file.sha256]
        if others:
            raise BaseOfAnotherPlate(
                f"The base was made from another plate: {frames_as_text(others)} differ.",
                argument="plate.path",
                value=self.record["request"]["plate"]["path"],
                remedy="Repair with the plate that take.json names, or make a take without a base.",
            )


def keep_base(take: Take, directory: Path, made: Container[int]) -> KeptBase:
    """Brings into a repair's partial directory what it keeps; what is there already stays.

    Args:
        take: A take with a base.
        directory: Its partial directory.
        made: The frames that are not kept.

    Raises:
        BaseUnusable: The base is not there any more, or has not all its files.
        DiskFull, FolderNotWritable, FileNotWritten
    """
    assert take.request.base is not None
    base_directory = Path(take.request.base.directory)
    record = _record(directory, base_directory)
    fits = _fits(take, record)
    frames = tuple(frame for frame in take.frames if frame not in made) if fits else ()
    pieces = tuple(Piece(**piece) for piece in record["latents"]) if fits else ()

    # 1. What it has to have
    needed = [*(layers_file(directory, frame).name for frame in frames), *(piece.file for piece in pieces)]
    if take.request.finish_only:
        needed += [model_file(directory, frame).name for frame in take.request.made_frames]

    # 2. What it may have
    wanted = [model_file, *([comp_file] if take.request.write_comp else [])]
    wanted += [residual_file] if take.request.write_residual else []
    names = [file(directory, frame).name for file in wanted for frame in frames]
    there = [name for name in names if (base_directory / name).is_file()]

    copied = [name for name in (*needed, *there) if not _link(base_directory / name, directory / name)]
    to_disk(directory)
    warnings = []
    if copied:
        warnings.append(
            f"{len(copied)} files of the base {record['version']} were copied, since no links to them could be made: "
            "they take room of their own."
        )
    return KeptBase(record, pieces, frames, frozenset([*needed, *names]), tuple(warnings))


def _fits(take: Take, record: dict[str, Any]) -> bool:
    """Whether frames of the base can stand beside those that are made now: what the model saw is alike."""
    before = TakeRequest.from_dict(record["request"])
    is_alike = is_seen_alike(take.request, before, take.frames)
    return is_alike and tuple(record["working_size"]) == tuple(take.working_size)


def _record(directory: Path, base_directory: Path) -> dict[str, Any]:
    record: dict[str, Any] | None
    try:
        record = json.loads((directory / BASE_NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        record = store.read_record(base_directory)
    if record is None or not record.get("latents"):
        raise _unusable(base_directory, "It is not there any more, or is no finished take.")
    write_file(directory / BASE_NAME, json.dumps(record).encode())
    return record


def _link(source: Path, target: Path) -> bool:
    """Makes `target` the same file as `source`, where it is not there yet; False where it had to be copied."""
    if target.exists():
        return True
    try:
        os.link(source, target)
    except FileNotFoundError as error:
        raise _unusable(source.parent, f"It lacks {source.name}.") from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise write_error(target, error) from error
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
        return False
    return True


def _unusable(base_directory: Path, reason: str) -> BaseUnusable:
    return BaseUnusable(
        f"The base of this take cannot be used. {reason}",
        argument="base_directory",
        value=base_directory,
        remedy="Make the take again with another base, or without one.",
    )
