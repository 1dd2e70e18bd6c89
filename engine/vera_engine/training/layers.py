"""A clip in layers, whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

EditType = Literal["add", "background"]


@dataclass(frozen=True)
class LayeredClip:
    """One training or test clip. Tensors are float32, display sRGB or coverage, 0 to 1.

    `composite` is `alpha * edit + (1 - alpha) * source` to the bit.
    """

    edit_type: EditType
    instruction: str
    source: Tensor
    """(T, 3, H, W): the plate."""
    edit: Tensor
    """(T, 3, H, W): straight color of the edit; black where an addition has nothing but shadow."""
    alpha: Tensor
    """(T, 1, H, W): the matte, soft shadows included."""
    composite: Tensor
    """(T, 3, H, W)"""
    mask: Tensor
    """(T, 1, H, W): where the edit may happen, as an artist gives it; all zero where there is no hint."""
    color: str
    """The color word of the instruction."""
    pattern: str
    """The object's shape, a key of `SHAPES`, or the background's pattern, a key of `BACKGROUNDS`."""
    shadow: Tensor
    """(T, 1, H, W): the part of the matte that is soft shadow; zero for backgrounds."""
    size: str = ""
    """The object's size word, a key of `SIZES`."""
    motion: str = "still"
    """The object's motion, a key of `MOTIONS`."""
    position: str = ""
    """The third of the frame that the object is in, a key of `POSITIONS`; "" for backgrounds."""
    hint: str = ""
    """The kind of the mask, a key of `OBJECT_HINTS` or `SUBJECT_HINTS`; "": there is none."""

    @property
    def hinted(self) -> bool:
        """Whether there is a mask."""
        return bool(self.hint)
