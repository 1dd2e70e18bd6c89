"""Image files, whole or not there at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vera_engine.errors import Internal
from vera_engine.plates.disk import replacing

_PROBE_BYTES = 1 << 20


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
        DiskFull, FolderNotWritable, FileNotWritten, ImageNotWritten
    """
    with replacing(path) as temporary:
        _write(temporary, pixels, spec, file_format)


def _write(temporary: Path, pixels: NDArray[Any], spec: oiio.ImageSpec, file_format: str) -> None:
    output = oiio.ImageOutput.create(file_format)
    if output is None:
        raise ImageNotWritten(f"OpenImageIO cannot write {file_format}: {oiio.geterror().strip()}.")
    written = output.open(str(temporary), spec) and output.write_image(np.ascontiguousarray(pixels))
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
