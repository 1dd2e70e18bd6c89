"""What a node says of its picture."""

from __future__ import annotations

from typing import Any

from . import knobs


class FrameRange:
    def __init__(self, first: int, last: int, increment: int = 1) -> None:
        self._first, self._last, self._increment = first, last, increment

    def first(self) -> int:
        return self._first

    def last(self) -> int:
        return self._last

    def increment(self) -> int:
        return self._increment


class Format:
    def __init__(self, width: int, height: int, pixel_aspect: float = 1.0, name: str = "") -> None:
        self._size, self._aspect, self._name = (width, height), pixel_aspect, name

    def width(self) -> int:
        return self._size[0]

    def height(self) -> int:
        return self._size[1]

    def pixelAspect(self) -> float:
        return self._aspect

    def name(self) -> str:
        return self._name


class Pictured:
    """The part of a node that is asked for its picture."""

    def firstFrame(self) -> int:
        return self.frameRange().first()

    def lastFrame(self) -> int:
        return self.frameRange().last()

    def frameRange(self) -> FrameRange:
        self._check("frameRange")
        return FrameRange(*loaded_pixels().range_of(self))

    def channels(self) -> list[str]:
        self._check("channels")
        return sorted(loaded_pixels().evaluate(self, knobs.frame_now[-1], "main").planes)

    def format(self) -> Format:
        self._check("format")
        return Format(*loaded_pixels().format_of(self, knobs.frame_now[-1]))

    def width(self) -> int:
        return self.format().width()

    def height(self) -> int:
        return self.format().height()

    def pixelAspect(self) -> float:
        return self.format().pixelAspect()

    def metadata(self, key: str | None = None, time: float | None = None, view: str = "main") -> Any:
        self._check("metadata")
        said = loaded_pixels().metadata_of(self, knobs.frame_now[-1] if time is None else time, view)
        return said if key is None else said.get(key)

    def hasError(self) -> bool:
        self._check("hasError")
        try:
            loaded_pixels().evaluate(self, knobs.frame_now[-1], "main")
        except RuntimeError:
            return True
        return False

    error = hasError

    def treeHasError(self) -> bool:
        return self.hasError()


def loaded_pixels() -> Any:
    """What evaluates; numpy is loaded when it is first asked for, not with `import nuke`."""
    from . import pixels

    return pixels
