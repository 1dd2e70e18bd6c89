"""Image files written so that a name never stands for half a file: beside it first, to the disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Any

import OpenImageIO as oiio
from numpy.typing import NDArray

from vera_engine.errors import FailedPrecondition, Internal, PermissionRefused, VeraEditError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_PROBE_BYTES = 1 << 20


class DiskFull(FailedPrecondition):
    """No room left for a file, by the disk, a quota or a limit on file size."""


class FolderNotWritable(PermissionRefused):
    """A folder that this user may not write into, or that is not there."""


class ImageNotWritten(Internal):
    """OpenImageIO could not write, though the disk can be written to."""


def write_image(path: Path, pixels: NDArray[Any], spec: oiio.ImageSpec, file_format: str) -> None:
    """Writes an image, replacing a file of that name only once the new one is complete and on the disk.

    Args:
        path: Where to; a file `<name>.tmp` stands beside it meanwhile, and is removed where writing fails.
        pixels: (H, W, C), in the type to be stored or one that OpenImageIO converts to `spec.format`.
        spec: Size, channels, type, metadata.
        file_format: `exr` or `png`.

    Raises:
        DiskFull, FolderNotWritable, ImageNotWritten
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.unlink(missing_ok=True)
        temporary.touch()
        _write(temporary, pixels, spec, file_format)
        _to_disk(temporary)
        os.replace(temporary, path)
        if os.name == "posix":  # elsewhere a folder cannot be opened
            _to_disk(path.parent)
    except OSError as error:
        _remove(temporary)
        raise _typed(path, error) from error
    except BaseException:
        _remove(temporary)
        raise


def _write(temporary: Path, pixels: NDArray[Any], spec: oiio.ImageSpec, file_format: str) -> None:
    output = oiio.ImageOutput.create(file_format)
    if output is None:
        raise ImageNotWritten(f"OpenImageIO cannot write {file_format}: {oiio.geterror().strip()}.")
    written = output.open(str(temporary), spec) and output.write_image(pixels)
    message = output.geterror().strip()
    closed = output.close()
    if not (written and closed and _ends_readable(temporary)):
        _probe_disk(temporary)
        raise ImageNotWritten(
            f"The image could not be written: {message or output.geterror().strip() or 'it does not read back'}.",
            value=temporary,
        )


def _ends_readable(path: Path) -> bool:
    """Whether the file is whole: a library's last, buffered bytes can be lost on a full disk without an error."""
    opened = oiio.ImageInput.open(str(path))
    if opened is None:
        oiio.geterror()
        return False
    spec = opened.spec()
    last = spec.y + spec.height - 1
    whole = all(opened.read_scanlines(0, 0, row, row + 1, 0, 0, spec.nchannels) is not None for row in (spec.y, last))
    opened.geterror()
    opened.close()
    return whole


def _probe_disk(temporary: Path) -> None:
    """Raises what the system says to more bytes in this file: image libraries do not tell why writing failed."""
    with temporary.open("ab") as file:
        file.write(bytes(_PROBE_BYTES))
        file.flush()
        os.fsync(file.fileno())


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(temporary: Path) -> None:
    with contextlib.suppress(OSError):  # what stopped the writing may stop this too; the next attempt removes it first
        temporary.unlink(missing_ok=True)


def _typed(path: Path, error: OSError) -> VeraEditError:
    if error.errno in _FULL:
        return DiskFull(
            f"There is no room to write this file: {error.strerror}.",
            argument="take_root",
            value=path,
            remedy="Free some space; frames already written are kept.",
        )
    if error.errno in _REFUSED or isinstance(error, FileNotFoundError | NotADirectoryError):
        return FolderNotWritable(
            f"This file cannot be written: {error.strerror}.",
            argument="take_root",
            value=path,
            remedy="Make the folder, or let the user who runs the engine write into it.",
        )
    return ImageNotWritten(f"This file cannot be written: {error.strerror}.", argument="take_root", value=path)
