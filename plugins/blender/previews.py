# SPDX-License-Identifier: GPL-3.0-or-later
"""What the model is at, as a picture for panels: kept outside the file, so that nothing of it is saved."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy.utils.previews

_collection: bpy.utils.previews.ImagePreviewCollection | None = None
_shown: dict[str, bytes] = {}
"""By node: the PNG file that is shown."""


def show(node_id: str, png: bytes) -> None:
    """Shows a picture for a node in place of the one before; an empty one changes nothing."""
    if _collection is None or not png or _shown.get(node_id) == png:
        return
    picture = _collection[node_id] if node_id in _collection else _collection.new(node_id)
    size, pixels = _read(png)
    picture.image_size = size
    picture.image_pixels_float = pixels
    _shown[node_id] = png


def icon_of(node_id: str) -> int | None:
    """The number by which a layout draws a node's picture; None: it has none."""
    return _collection[node_id].icon_id if _collection is not None and node_id in _collection else None


def forget(node_id: str) -> None:
    """Shows no picture for a node any more."""
    _shown.pop(node_id, None)
    if _collection is not None and node_id in _collection:
        del _collection[node_id]


def _read(png: bytes) -> tuple[tuple[int, int], list[float]]:
    """Size and RGBA pixels. By way of an image of Blender's, which is gone again: its own reader of icons would leave a
    thumbnail of every picture in the user's folder of them."""
    with tempfile.TemporaryDirectory(prefix="vera-edit-") as folder:
        file = Path(folder) / "preview.png"
        file.write_bytes(png)
        image = bpy.data.images.load(str(file))
        try:
            return tuple(image.size), list(image.pixels)
        finally:
            bpy.data.images.remove(image)


def register() -> None:
    global _collection
    _collection = bpy.utils.previews.new()


def unregister() -> None:
    global _collection
    bpy.utils.previews.remove(_collection)
    _collection = None
    _shown.clear()
