"""Pictures for people: PNG files of plates, edits and mattes, and labelled contact sheets of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vera_engine.errors import InvalidArgument
from vera_engine.plates.color import ColorSpace, plate_to_rec709
from vera_engine.plates.layers import Layers, over
from vera_engine.plates.resize import resize
from vera_engine.plates.srgb import decode_signed_srgb, encode_signed_srgb
from vera_engine.plates.write import write_image

_CHECKER_DARK, _CHECKER_LIGHT = 0.35, 0.55  # sRGB
_BACKGROUND, _INK = 0.11, 0.86  # sRGB
_GAP = 8  # pixels between cells
_FONT_SIZE = 18  # pixels


class PictureInvalid(InvalidArgument):
    """Something that cannot be shown: values outside 0..1, rows that do not fit the sheet."""


def plate_picture(plate_linear: NDArray[np.float32], space: ColorSpace) -> NDArray[np.float32]:
    """A plate or comp (H, W, 3), linear in the primaries of `space`, as sRGB 0..1; brighter than white is white."""
    return encode_signed_srgb(np.clip(plate_to_rec709(plate_linear, space), np.float32(0), np.float32(1)))


def matte_picture(matte: NDArray[np.floating]) -> NDArray[np.float32]:
    """A matte (H, W), 0..1, as gray (H, W, 3) of the same values."""
    return np.repeat(matte.astype(np.float32)[..., np.newaxis], 3, axis=-1)


def edit_picture(layers: Layers, space: ColorSpace, square: int = 16) -> NDArray[np.float32]:
    """The premultiplied edit merged over a gray checkerboard, in linear light, as sRGB (H, W, 3), 0..1.

    Args:
        layers: In the linear primaries of `space`.
        space: The plate's.
        square: Side of the checkerboard's squares, pixels.
    """
    rows, columns = np.indices(layers.matte.shape) // square
    gray = np.where((rows + columns) % 2, np.float32(_CHECKER_LIGHT), np.float32(_CHECKER_DARK))
    checkerboard = np.repeat(decode_signed_srgb(gray)[..., np.newaxis], 3, axis=-1)
    return plate_picture(over(layers.premult, layers.matte, checkerboard), space)


def write_png(path: Path, picture: NDArray[np.float32]) -> None:
    """Writes sRGB values (H, W, 3) or gray (H, W), 0..1, as an 8-bit PNG; complete or not at all.

    Raises:
        PictureInvalid: Values outside 0..1, or not (H, W) or (H, W, 3).
        DiskFull, FolderNotWritable, FileNotWritten, ImageNotWritten
    """
    rgb = _checked(picture, str(path))
    height, width, channels = rgb.shape
    write_image(path, rgb, oiio.ImageSpec(width, height, channels, oiio.UINT8), "png")


def png_of(picture: NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file of sRGB values (H, W, 3), 0..255."""
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    return content.getvalue()


def contact_sheet(
    rows: Sequence[tuple[str, Sequence[NDArray[np.float32]]]],
    path: Path,
    column_labels: Sequence[str],
    image_width: int = 320,
) -> None:
    """Writes a labelled sheet as PNG: a row of pictures beside each label, a label over each column.

    Args:
        rows: Label and pictures, (H, W, 3) sRGB or (H, W) gray, float32, 0..1. All of one aspect, or nearly.
        path: The PNG.
        column_labels: One for each picture of a row.
        image_width: Pixels; every picture is resized to it, and to the height that the first one then has.

    Raises:
        PictureInvalid: No rows, a row with another number of pictures than `column_labels`, values outside 0..1.
        DiskFull, FolderNotWritable, FileNotWritten, ImageNotWritten
    """
    if not rows or not column_labels:
        raise PictureInvalid("A contact sheet needs a row and a column.", argument="rows", value=len(rows))
    for label, pictures in rows:
        if len(pictures) != len(column_labels):
            raise PictureInvalid(
                f"Row '{label}' has {len(pictures)} pictures for {len(column_labels)} columns.",
                argument="rows",
                value=label,
            )
    font = ImageFont.load_default(size=_FONT_SIZE)
    first_height, first_width = rows[0][1][0].shape[:2]
    image_height = max(1, round(image_width * first_height / first_width))
    left = 2 * _GAP + max(round(font.getlength(label)) for label, _ in rows)
    top = 2 * _GAP + _FONT_SIZE
    sheet = Image.new(
        "RGB",
        (left + len(column_labels) * (image_width + _GAP), top + len(rows) * (image_height + _GAP)),
        (round(_BACKGROUND * 255),) * 3,
    )
    draw = ImageDraw.Draw(sheet)
    ink = (round(_INK * 255),) * 3
    for column, label in enumerate(column_labels):
        middle = left + column * (image_width + _GAP) + image_width // 2
        draw.text((middle, top // 2), label, fill=ink, font=font, anchor="mm")
    for row, (label, pictures) in enumerate(rows):
        upper = top + row * (image_height + _GAP)
        draw.text((_GAP, upper + image_height // 2), label, fill=ink, font=font, anchor="lm")
        for column, picture in enumerate(pictures):
            cell = resize(_checked(picture, f"{label}, {column_labels[column]}"), image_width, image_height)
            rgb = np.broadcast_to(np.round(cell * 255), (image_height, image_width, 3)).astype(np.uint8)
            sheet.paste(Image.fromarray(rgb), (left + column * (image_width + _GAP), upper))
    write_png(path, np.asarray(sheet, np.float32) / np.float32(255))


def _checked(picture: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """The picture as (H, W, 1) or (H, W, 3)."""
    planes = picture[..., np.newaxis] if picture.ndim == 2 else picture
    if planes.ndim != 3 or planes.shape[2] not in (1, 3):
        raise PictureInvalid("A picture is (H, W) or (H, W, 3).", argument=name, value=picture.shape)
    if not ((planes >= 0) & (planes <= 1)).all():
        raise PictureInvalid(
            "A picture's values lie in 0..1.", argument=name, value=f"{picture.min():g} to {picture.max():g}"
        )
    return planes
