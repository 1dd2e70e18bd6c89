"""A picture: planes of 32-bit floats over one box.

Boxes are Nuke's: x and y of the lower left corner, r and t beyond the upper right one, y upward. Rows of a plane go
downward, as in files. Outside its box a picture is black.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import graph

Box = tuple[int, int, int, int]
RGBA = ("rgba.red", "rgba.green", "rgba.blue", "rgba.alpha")


@dataclass(frozen=True)
class Picture:
    """Planes over one box."""

    format: tuple[int, int, float]
    """Width, height and pixel aspect."""
    box: Box
    planes: dict[str, np.ndarray]
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        x, y, r, t = self.box
        return t - y, r - x

    def plane(self, channel: str) -> np.ndarray:
        """Black where there is no such channel."""
        return self.planes.get(channel, np.zeros(self.shape, np.float32))

    def over_box(self, box: Box) -> Picture:
        """The same over another box."""
        return replace(self, box=box, planes={name: self._moved(plane, box) for name, plane in self.planes.items()})

    def _moved(self, plane: np.ndarray, box: Box) -> np.ndarray:
        if box == self.box:
            return plane
        x, y, r, t = box
        moved = np.zeros((t - y, r - x), np.float32)
        left, right = max(x, self.box[0]), min(r, self.box[2])
        low, high = max(y, self.box[1]), min(t, self.box[3])
        if left < right and low < high:
            rows = slice(t - high, t - low), slice(left - x, right - x)
            mine = slice(self.box[3] - high, self.box[3] - low), slice(left - self.box[0], right - self.box[0])
            moved[rows] = plane[mine]
        return moved


def black() -> Picture:
    """Of the script's format."""
    width, height, aspect = root_format()
    return Picture((width, height, aspect), (0, 0, width, height), {})


def root_format() -> tuple[int, int, float]:
    words = str(graph.root()["format"].value()).split()
    return int(words[0]), int(words[1]), float(words[6])


def channels_of(said: str, picture: Picture) -> list[str]:
    """The channels that a knob names."""
    if said == "all":
        return list(picture.planes)
    if said == "none":
        return []
    if said in graph.layers:
        return graph.layers[said]
    raise RuntimeError(f"no channels {said!r}")
