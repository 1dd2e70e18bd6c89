"""Whether an image file is whole, told by its end alone, for formats that need it."""

from __future__ import annotations

import os
from pathlib import Path

import OpenImageIO as oiio

_ENDS = {
    # What closes a file that has to be read from its beginning to its last row: PNG's last chunk, JPEG's last marker.
    ".png": b"IEND\xaeB`\x82",
    ".jpg": b"\xff\xd9",
    ".jpeg": b"\xff\xd9",
}
_CINEON_BIG_ENDIAN = b"\x80\x2a\x5f\xd7"
_CINEON_BITS = 10
_CINEON_WORD_BYTES, _VALUES_IN_WORD = 4, 3


def is_closed(path: Path) -> bool:
    """Whether the last bytes are those that end a file of its format; False for formats that have no such mark."""
    end = _ENDS.get(path.suffix.lower())
    if end is None or path.stat().st_size < len(end):
        return False
    with path.open("rb") as file:
        file.seek(-len(end), os.SEEK_END)
        return file.read() == end


def is_shorter_than_pixels(path: Path, spec: oiio.ImageSpec, file_format: str) -> bool:
    """Whether a Cineon file has fewer bytes than its pixels take: OpenImageIO would read zeros there. False for formats
    whose readers tell.

    Args:
        path: The file.
        spec: What it says of itself.
        file_format: OpenImageIO's name of it.
    """
    if file_format != "cineon" or spec.get_int_attribute("oiio:BitsPerSample") != _CINEON_BITS:
        return False
    with path.open("rb") as file:
        magic, first_pixel = file.read(4), file.read(4)
    begin = int.from_bytes(first_pixel, "big" if magic == _CINEON_BIG_ENDIAN else "little")
    words = -(-spec.width * spec.height * spec.nchannels // _VALUES_IN_WORD)
    return path.stat().st_size < begin + words * _CINEON_WORD_BYTES
