"""An image file opened for reading: its header, windows and pixels. Every failure is typed and names the file."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vera_engine.errors import FailedPrecondition, InvalidArgument, PermissionRefused
from vera_engine.plates.channels import Choice, Role, choose_picture
from vera_engine.plates.cleared_header import clear_header
from vera_engine.plates.file_ends import is_closed, is_cut_off
from vera_engine.plates.nan_policy import NanPolicy
from vera_engine.plates.upright import check_upright

_FLATTEST = 1e-6
_DPX_YCBCR = "Cb"
"""How OpenImageIO's names of such elements begin: it makes RGB of them by a matrix of its own, and limits that."""


class PlateUnreadable(FailedPrecondition):
    """A file that is no image, is cut off, or is damaged."""


class PlateForbidden(PermissionRefused):
    """A file that this user may not read."""


class PixelsNotFinite(InvalidArgument):
    """Pixels that are NaN or infinite."""


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels: `x`, `y` is its upper left one."""

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}{self.x:+d}{self.y:+d}"


@dataclass(frozen=True)
class Header:
    """One picture of a file, as the file describes it; of a movie, as its stream does."""

    path: Path
    part: int
    spec: oiio.ImageSpec
    """All that the file says of itself."""
    channels: tuple[int, ...]
    """Places of the channels asked for, in the order asked for."""

    @property
    def data_window(self) -> Window:
        return Window(self.spec.x, self.spec.y, self.spec.width, self.spec.height)

    @property
    def display_window(self) -> Window:
        spec = self.spec
        return Window(spec.full_x, spec.full_y, spec.full_width, spec.full_height)

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel by its height, as shown; 1 where the file says what OpenEXR would not take for one, as a
        header does that was filled in by half."""
        said = float(self.spec.get_float_attribute("PixelAspectRatio", 1.0))
        return said if _FLATTEST <= said <= 1 / _FLATTEST else 1.0

    @property
    def pixel_type(self) -> str:
        """`half`, `float`, `uint8`, ...: how the file stores the first of the channels asked for."""
        return str(self.spec.channelformat(self.channels[0]))

    @property
    def pixel_types(self) -> frozenset[str]:
        """Those of all channels asked for, which may differ."""
        return frozenset(str(self.spec.channelformat(channel)) for channel in self.channels)


@dataclass(frozen=True)
class Pixels:
    """The channels of one frame that its role asks for."""

    values: NDArray[np.float32]
    """(height, width, channels) over the data window. All finite."""
    header: Header
    not_finite: int
    """How many pixels had a value that was NaN or infinite and is 0 here."""


class ImageReader:
    """An open file, at the part that has the wanted channels."""

    def __init__(self, opened: oiio.ImageInput, header: Header, role: Role) -> None:
        self._opened = opened
        self.header = header
        self._role = role

    def check_ends(self) -> None:
        """Reads the first and the last row (of tiles, in a tiled file): one of them is what a cut-off file lacks,
        whichever end it was written from. Of a file that can only be read from its beginning, whether it was closed
        is enough.

        Raises:
            PlateUnreadable: They cannot be read.
        """
        if is_cut_off(self.header.path, self.header.spec, self._opened.format_name()):
            raise self._damaged()
        if is_closed(self.header.path):
            return
        first, end = min(self.header.channels), max(self.header.channels) + 1
        spec = self._opened.spec_dimensions(self.header.part)  # rows are counted as the file does
        for row in (spec.y, spec.y + spec.height - 1):
            if spec.tile_width:
                top = spec.y + (row - spec.y) // spec.tile_height * spec.tile_height
                bottom = min(top + spec.tile_height, spec.y + spec.height)
                across = (spec.x, spec.x + spec.width)
                pixels = self._opened.read_tiles(
                    self.header.part, 0, *across, top, bottom, 0, 1, first, end, oiio.FLOAT
                )
            else:
                pixels = self._opened.read_scanlines(self.header.part, 0, row, row + 1, 0, first, end, oiio.FLOAT)
            if pixels is None or self._opened.has_error:
                raise self._damaged()

    def read(self, nan: NanPolicy) -> Pixels:
        """The wanted channels: half, float and OpenEXR's uint by their values, other integers scaled to 0..1. Straight
        alpha is not multiplied in.

        Raises:
            PlateUnreadable: Any part of the file is cut off or damaged.
            PixelsNotFinite: A wanted channel holds NaN or infinity, and that is to be refused.
        """
        header = self.header
        if is_cut_off(header.path, header.spec, self._opened.format_name()):
            raise self._damaged()
        first, end = min(header.channels), max(header.channels) + 1
        kind = oiio.UINT32 if header.pixel_type == "uint" and self._opened.format_name() == "openexr" else oiio.FLOAT
        pixels: NDArray[Any] | None = self._opened.read_image(header.part, 0, first, end, kind)
        if pixels is None or self._opened.has_error:
            raise self._damaged()
        pixels = pixels.reshape(header.spec.height, header.spec.width, end - first)
        if header.channels != tuple(range(first, end)):
            pixels = pixels[..., [channel - first for channel in header.channels]]
        values = np.ascontiguousarray(pixels, np.float32)
        return Pixels(values, header, zero_not_finite(values, nan, header, self._role))

    def _damaged(self) -> PlateUnreadable:
        return PlateUnreadable(
            f"The file is cut off or damaged: {_complaint(self._opened.geterror) or 'it is too short'}.",
            argument=self._role.argument,
            value=self.header.path,
            remedy="Render or copy this frame again.",
        )


@contextmanager
def open_image(path: Path, role: Role, choice: Choice) -> Iterator[ImageReader]:
    """Opens a file at the picture that the role and the choice mean.

    Raises:
        PlateForbidden: The file may not be read.
        PlateUnreadable: It is no image, or one of a kind that is not supported (deep, volume).
        NoRgbChannels, ChannelsUnclear: As `choose_picture` does.
        PlateTurned: The picture is not stored upright.
    """
    check_openable(path, role)
    settings = oiio.ImageSpec()
    settings.attribute("oiio:UnassociatedAlpha", 1)  # else the colours of a PNG come multiplied by its alpha
    opened = oiio.ImageInput.open(str(path), settings)
    if opened is None:
        raise PlateUnreadable(
            f"This file of the {role.noun} is cut off, or no image: {_complaint(oiio.geterror)}.",
            argument=role.argument,
            value=path,
            remedy="Render or copy this frame again.",
        )
    try:
        try:
            header = _find_picture(opened, path, role, choice)
        except UnicodeError as error:
            raise PlateUnreadable(
                f"The header of this file of the {role.noun} is damaged: a name in it is no text.",
                argument=role.argument,
                value=path,
                remedy="Render or copy this frame again.",
            ) from error
        yield ImageReader(opened, header, role)
    finally:
        opened.close()


def check_openable(path: Path, role: Role) -> None:
    """Raises what the system says to opening a file.

    Raises:
        PlateForbidden: It may not be read.
        PlateUnreadable: It is gone, or no file.
    """
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise PlateForbidden(
                f"This file of the {role.noun} may not be read.",
                argument=role.argument,
                value=path,
                remedy="Let the user who runs the engine read it.",
            ) from error
        raise PlateUnreadable(
            f"This file of the {role.noun} cannot be opened: {error.strerror}.", argument=role.argument, value=path
        ) from error


def zero_not_finite(values: NDArray[np.float32], nan: NanPolicy, header: Header, role: Role) -> int:
    """Sets what is NaN or infinite to 0, in place, and counts the pixels.

    Args:
        values: (H, W, C) over the data window.
        nan: Whether that is allowed.
        header: Of the picture.
        role: What it is read as.

    Raises:
        PixelsNotFinite: It is not allowed; count and first place are named.
    """
    if math.isfinite(values.min()) and math.isfinite(values.max()):
        return 0  # a NaN would be either of them
    is_bad = ~np.isfinite(values)
    bad = is_bad.any(axis=-1)
    count = int(bad.sum())
    if nan is NanPolicy.ZERO:
        values[is_bad] = 0
        return count
    row, column = np.argwhere(bad)[0]
    raise PixelsNotFinite(
        f"{count} pixels are not finite (NaN or infinite), the first at x {column + header.spec.x}, "
        f"y {row + header.spec.y}.",
        argument=role.argument,
        value=header.path,
        remedy="Render these pixels again, replace them before the node, or have them read as 0.",
    )


def _complaint(ask: Callable[[], str]) -> str:
    """What OpenImageIO says is wrong, which may repeat whatever bytes a damaged file holds."""
    try:
        return ask().strip()
    except UnicodeDecodeError:
        return "its header is damaged"


def _find_picture(opened: oiio.ImageInput, path: Path, role: Role, choice: Choice) -> Header:
    parts: list[oiio.ImageSpec] = []
    while opened.seek_subimage(len(parts), 0):
        parts.append(oiio.ImageSpec(opened.spec()))
        clear_header(parts[-1], path, opened.format_name())
    _complaint(opened.geterror)  # clears the error of looking past the last part
    flat = [spec for spec in parts if not (spec.deep or spec.depth > 1)]
    if not flat:
        raise PlateUnreadable(
            f"This file holds {'deep' if parts[0].deep else 'volume'} pixels, which are not supported.",
            argument=role.argument,
            value=path,
            remedy="Flatten it to an ordinary image.",
        )
    for spec in parts:  # raises where they are no text
        "".join([*spec.channelnames, *map(spec.get_string_attribute, ("oiio:subimagename", "view"))]).encode()
    picture = choose_picture(path, parts, role, choice)
    spec = parts[picture.part]
    check_upright(spec, path, role)
    if spec.get_string_attribute("dpx:ImageDescriptor").startswith(_DPX_YCBCR):
        raise PlateUnreadable(
            f"This file of the {role.noun} holds Y, Cb and Cr instead of RGB, which are not read of DPX files.",
            argument=role.argument,
            value=path,
            remedy="Write it as RGB.",
        )
    return Header(path, picture.part, spec, picture.channels)
