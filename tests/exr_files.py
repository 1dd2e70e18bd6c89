"""EXR files as a host would write them, for tests of all rooms."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio


def write_exr(path: Path, pixels: np.ndarray, channels: Iterable[str], color_space: str = "") -> None:
    """Half float, (H, W, C) of any float dtype; folders that lack are made.

    Args:
        path: The file's.
        pixels: One value for each channel.
        channels: Their names; of a text each letter.
        color_space: What the file says of its values; empty: nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    names = tuple(channels)
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], len(names), "half")
    spec.channelnames = names
    spec.attribute("compression", "zips")
    if color_space:
        spec.attribute("oiio:ColorSpace", color_space)
    output = oiio.ImageOutput.create("exr")
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.ascontiguousarray(pixels)), output.geterror()
    assert output.close()
