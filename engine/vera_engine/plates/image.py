"""An image file opened for reading: its header, windows and channels. Every failure is typed and names the file."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vera_engine.errors import FailedPrecondition, InvalidArgument, PermissionRefused


class PlateUnreadable(FailedPrecondition):
    """A file that is no image, is cut off, or is damaged."""


class PlateForbidden(PermissionRefused):
    """A file that this user may not read."""


class NoRgbChannels(InvalidArgument):
    """A plate without channels R, G and B, or a mask without one of A, Y, R."""


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
    """One image of a file: the first of its parts that has the channels asked for."""

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
    def pixel_type(self) -> str:
        """`half`, `float`, `uint8`, ...: how the file stores the first of the channels asked for."""
        return str(self.spec.channelformat(self.channels[0]))


@dataclass(frozen=True)
class Role:
    """What a file is read as."""

    noun: str
    """`plate` or `mask`, in messages."""
    argument: str
    """The argument named in errors."""
    choices: tuple[str, ...]
    """Sets of one-letter channels, the first that a part has is read: `("RGB",)`, `("A", "Y", "R")`."""

    def places(self, spec: oiio.ImageSpec) -> tuple[int, ...]:
        """Places of the channels to read, in either case of letters; empty where the part has none of the sets."""
        places = {name.upper(): place for place, name in reversed(list(enumerate(spec.channelnames)))}
        for choice in self.choices:
            if all(name in places for name in choice):
                return tuple(places[name] for name in choice)
        return ()


class ImageReader:
    """An open file, at the part that has the wanted channels."""

    def __init__(self, opened: oiio.ImageInput, header: Header, role: Role) -> None:
        self._opened = opened
        self.header = header
        self._role = role

    def check_ends(self) -> None:
        """Reads the first and the last row (of tiles, in a tiled file): one of them is what a cut-off file lacks,
        whichever end it was written from.

        Raises:
            PlateUnreadable: They cannot be read.
        """
        spec, first, end = self.header.spec, min(self.header.channels), max(self.header.channels) + 1
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
            if pixels is None:
                raise self._damaged()

    def read(self) -> NDArray[np.float32]:
        """The wanted channels as (height, width, channels) float32 over the data window: half and float as stored,
        integers scaled to 0..1. Straight alpha is not multiplied in.

        Raises:
            PlateUnreadable: Any part of the file is cut off or damaged.
            PixelsNotFinite: A wanted channel holds NaN or infinity.
        """
        first, end = min(self.header.channels), max(self.header.channels) + 1
        pixels: NDArray[Any] | None = self._opened.read_image(self.header.part, 0, first, end, oiio.FLOAT)
        if pixels is None:
            raise self._damaged()
        pixels = pixels.reshape(self.header.spec.height, self.header.spec.width, end - first)
        wanted: NDArray[np.float32] = np.ascontiguousarray(pixels[..., [c - first for c in self.header.channels]])
        bad = ~np.isfinite(wanted).all(axis=-1)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise PixelsNotFinite(
                f"{int(bad.sum())} pixels are not finite (NaN or infinite), the first at "
                f"x {column + self.header.spec.x}, y {row + self.header.spec.y}.",
                argument=self._role.argument,
                value=self.header.path,
                remedy="Render these pixels again, or replace them before the node.",
            )
        return wanted

    def _damaged(self) -> PlateUnreadable:
        return PlateUnreadable(
            f"The file is cut off or damaged: {self._opened.geterror().strip()}.",
            argument=self._role.argument,
            value=self.header.path,
            remedy="Render or copy this frame again.",
        )


@contextmanager
def open_image(path: Path, role: Role) -> Iterator[ImageReader]:
    """Opens a file at the first of its parts that has the role's channels.

    Raises:
        PlateForbidden: The file may not be read.
        PlateUnreadable: It is no image, or one of a kind that is not supported (deep, volume).
        NoRgbChannels: No part has the channels.
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
    settings = oiio.ImageSpec()
    settings.attribute("oiio:UnassociatedAlpha", 1)  # else the colours of a PNG come multiplied by its alpha
    opened = oiio.ImageInput.open(str(path), settings)
    if opened is None:
        raise PlateUnreadable(
            f"This file of the {role.noun} is cut off, or no image: {oiio.geterror().strip()}.",
            argument=role.argument,
            value=path,
            remedy="Render or copy this frame again.",
        )
    try:
        yield ImageReader(opened, _find_part(opened, path, role), role)
    finally:
        opened.close()


def _find_part(opened: oiio.ImageInput, path: Path, role: Role) -> Header:
    names: list[str] = []
    part = 0
    while opened.seek_subimage(part, 0):
        spec = oiio.ImageSpec(opened.spec())
        if spec.deep or spec.depth > 1:
            raise PlateUnreadable(
                f"This file holds {'deep' if spec.deep else 'volume'} pixels, which are not supported.",
                argument=role.argument,
                value=path,
                remedy="Flatten it to an ordinary image.",
            )
        places = role.places(spec)
        if places:
            return Header(path, part, spec, places)
        names.extend(spec.channelnames)
        part += 1
    opened.geterror()  # clears the error of looking past the last part
    wanted = " or ".join(", ".join(choice) for choice in role.choices)
    raise NoRgbChannels(
        f"The {role.noun} has no channels {wanted}; it has {', '.join(names) or 'none at all'}.",
        argument=role.argument,
        value=path,
        remedy=f"Write the {role.noun} with {wanted} as its base layer.",
    )
