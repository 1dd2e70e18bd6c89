"""Files written so that a name never stands for half a file: beside it first, to the disk, then renamed.

Standard library only, so that the server can use it without loading image libraries.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from vera_engine.errors import FailedPrecondition, PermissionRefused, VeraEditError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EBADF, errno.ENOTSUP)
"""What some network and user-space file systems, which see to names themselves, say to it."""


class DiskFull(FailedPrecondition):
    """No room left for a file, by the disk, a quota or a limit on file size."""


class FolderNotWritable(PermissionRefused):
    """A folder that this user may not write into, or that is not there."""


class FileNotWritten(FailedPrecondition):
    """A disk, or a network share, that did not take a file."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives an empty file beside `path` to be written; on leaving, it is on the disk under `path`'s name.

    Whatever stood under that name is replaced in that instant and not before. Where anything fails it stays, and the
    temporary file `<name>.tmp` is removed.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten: For any OSError, also of the body.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.unlink(missing_ok=True)
        temporary.touch()
        yield temporary
        to_disk(temporary)
        os.replace(temporary, path)
        to_disk(path.parent)
    except OSError as error:
        _remove(temporary)
        raise write_error(path, error) from error
    except BaseException:
        _remove(temporary)
        raise


def write_file(path: Path, content: bytes) -> None:
    """Writes a file, whole or not at all.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read_if_there(path: Path) -> bytes | None:
    """A file's content; None where there is no such file.

    Raises:
        FolderNotWritable, FileNotWritten: It cannot be read now, as on a share that is gone for a moment. That says
            nothing of whether it is there.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise write_error(path, error) from error


def to_disk(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no folders; its file system journals renames by itself
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (error.errno in _NO_FOLDER_SYNC and path.is_dir()):
            raise
    finally:
        os.close(descriptor)


def write_error(path: Path, error: OSError) -> VeraEditError:
    """What the system said when `path` was written, as a typed error in an artist's words."""
    if error.errno in _FULL:
        return DiskFull(
            f"There is no room to write this file: {error.strerror}.",
            argument="take_root",
            value=path,
            remedy="Free some space; what is written already is kept.",
        )
    if error.errno in _REFUSED or isinstance(error, FileNotFoundError | NotADirectoryError):
        return FolderNotWritable(
            f"This file cannot be written: {error.strerror}.",
            argument="take_root",
            value=path,
            remedy="Make the folder, or let the user who runs the engine write into it.",
        )
    return FileNotWritten(
        f"This file cannot be written: {error.strerror}.",
        argument="take_root",
        value=path,
        remedy="Look whether the disk or the network share is there; what is written already is kept.",
    )


def _remove(temporary: Path) -> None:
    with contextlib.suppress(OSError):  # what stopped the writing may stop this too; the next attempt removes it first
        temporary.unlink(missing_ok=True)
