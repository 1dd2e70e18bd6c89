"""Whether a PNG or JPEG file says its colour space itself: OpenImageIO takes each that says nothing for sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from vera_engine.plates.color_config import are_same_primaries

_ASSUMED = "srgb_rec709_scene"
_BT709_AND_SRGB = (1, 13)
"""H.273's numbers of what is assumed."""
_EXIF_SRGB = 1
_BT709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
_WHITE_POINT_FIRST = 2  # in PNG's cHRM, of numbers
_PNG_UNIT = 100_000
_LONGEST_CHUNK = 32  # of those whose content is looked at
_CODES_APART = 3
"""By how many of 255 codes a profile's colours may lie from sRGB's and still be it: writers round their curves."""


def says_color_space(spec: oiio.ImageSpec, path: Path, file_format: str) -> bool:
    """Whether a file says itself what OpenImageIO has as its colour space.

    Of a PNG file a cICP chunk does, an ICC profile that is sRGB, an sRGB chunk, or gAMA beside the primaries of BT.709;
    of a JPEG file an ICC profile or an EXIF note, either of sRGB. What is said first in this order counts.

    Args:
        spec: What OpenImageIO says of it.
        path: The file.
        file_format: `png` or `jpeg`.
    """
    return _png_says_so(spec, path) if file_format == "png" else _jpeg_says_so(spec)


def _png_says_so(spec: oiio.ImageSpec, path: Path) -> bool:
    cicp = spec.getattribute("CICP")
    if cicp is not None:  # of numbers that it does not know OpenImageIO says what it assumes anyhow
        return tuple(cicp[:2]) == _BT709_AND_SRGB or spec.get_string_attribute("oiio:ColorSpace") != _ASSUMED
    profile = _profile_of(spec)
    if profile is not None:
        return _is_srgb(profile)
    chunks = _chunks_before_pixels(path)
    if b"sRGB" in chunks:
        return True
    corners = np.frombuffer(chunks.get(b"cHRM", b""), ">u4") / _PNG_UNIT
    said = np.roll(corners, -_WHITE_POINT_FIRST)
    return b"gAMA" in chunks and said.size == len(_BT709) and are_same_primaries(said.tolist(), _BT709)


def _jpeg_says_so(spec: oiio.ImageSpec) -> bool:
    profile = _profile_of(spec)
    return _is_srgb(profile) if profile is not None else spec.get_int_attribute("Exif:ColorSpace") == _EXIF_SRGB


def _chunks_before_pixels(path: Path) -> dict[bytes, bytes]:
    """The short chunks of a PNG file's header, by name."""
    chunks: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        file.seek(8)  # the signature
        while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
            length = int.from_bytes(head[:4], "big")
            kept = file.read(min(length, _LONGEST_CHUNK))
            chunks[head[4:]] = kept
            file.seek(length - len(kept) + 4, io.SEEK_CUR)  # what is left of it, and its checksum
    return chunks


def _profile_of(spec: oiio.ImageSpec) -> bytes | None:
    profile = spec.getattribute("ICCProfile")
    return None if profile is None else bytes(profile)


@lru_cache(maxsize=16)
def _is_srgb(profile: bytes) -> bool:
    """Whether colours in a profile are those of sRGB: by numbers, as descriptions are anybody's."""
    # Imported here: few files have one
    from PIL import Image, ImageCms

    codes = np.arange(0, 256, 51, dtype=np.uint8)
    lattice = np.stack(np.meshgrid(codes, codes, codes), axis=-1).reshape(len(codes), -1, 3)
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        seen = ImageCms.profileToProfile(Image.fromarray(lattice), own, srgb, renderingIntent=intent)
    except (ImageCms.PyCMSError, OSError):
        return False
    assert seen is not None  # it is not done in place
    return int(np.abs(np.asarray(seen, np.int16) - lattice).max()) <= _CODES_APART
