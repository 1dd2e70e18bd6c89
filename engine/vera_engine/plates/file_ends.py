"""Whether an image file is whole, told by its bytes, for formats whose readers do not tell."""

from __future__ import annotations

import os
import re
from pathlib import Path

import OpenImageIO as oiio

_ENDS = {
    # What closes a file that has to be read from its beginning to its last row: PNG's last chunk, JPEG's last marker.
    ".png": b"IEND\xaeB`\x82",
    ".jpg": b"\xff\xd9",
    ".jpeg": b"\xff\xd9",
}
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)
"""But for those that stand within a scan."""
_JPEG_END = b"\xd9"
_JPEG_WITHOUT_LENGTH = (b"\xd8", b"\x01")
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


def is_cut_off(path: Path, spec: oiio.ImageSpec, file_format: str) -> bool:
    """Whether a file ends before its pixels do, in a format whose reader does not tell: OpenImageIO reads zeros at the
    end of a Cineon file, and of a progressive JPEG file what there is of its scans.

    Args:
        path: The file.
        spec: What it says of itself.
        file_format: OpenImageIO's name of it.
    """
    if file_format == "jpeg":
        return not (is_closed(path) or _has_jpeg_end(path.read_bytes()))
    return file_format == "cineon" and _is_cineon_cut_off(path, spec)


def _has_jpeg_end(content: bytes) -> bool:
    """Whether the last marker comes after the last scan, whatever follows it: telephones append videos."""
    place = 0
    while marker := _JPEG_MARKER.search(content, place):
        place = marker.end()
        if marker[1] == _JPEG_END:
            return True
        if marker[1] not in _JPEG_WITHOUT_LENGTH:
            place += int.from_bytes(content[place : place + 2], "big")
    return False


def _is_cineon_cut_off(path: Path, spec: oiio.ImageSpec) -> bool:
    if spec.get_int_attribute("oiio:BitsPerSample") != _CINEON_BITS:
        return False
    with path.open("rb") as file:
        magic, first_pixel = file.read(4), file.read(4)
    begin = int.from_bytes(first_pixel, "big" if magic == _CINEON_BIG_ENDIAN else "little")
    words = -(-spec.width * spec.height * spec.nchannels // _VALUES_IN_WORD)
    return path.stat().st_size < begin + words * _CINEON_WORD_BYTES
