"""What all frames of a plate have in common, and what written files take over from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from vera_engine.plates.color import ColorSpace
from vera_engine.plates.image import Window


@dataclass(frozen=True)
class PlateFormat:
    """What all frames of a plate have in common. Pixels are those of the data window."""

    color_space: ColorSpace
    data_window: Window
    display_window: Window
    pixel_aspect: float = 1.0
    """Width of a pixel by its height, as shown; 2 for anamorphic plates."""
    color_space_source: str = "host"
    """Who said the colour space: "host", "file", "option" (the fallback) or "rules"."""
    is_beyond_half: bool = field(default=False, compare=False)
    """Whether any frame has light, linear in `color_space.linear`, that half float rounds: all but halves that are
    linear already. Frames need not be alike in that."""

    @property
    def width(self) -> int:
        """Pixels across the data window."""
        return self.data_window.width

    @property
    def height(self) -> int:
        """Rows of the data window."""
        return self.data_window.height
