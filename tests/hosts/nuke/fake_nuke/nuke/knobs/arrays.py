"""Knobs that hold numbers: each of them may be an expression or a curve of keys."""

from __future__ import annotations

from typing import Any

from .. import expressions, tcl
from .base import NO_ANIMATION, Knob, frame_now


class Array_Knob(Knob):
    """Numbers, each of which may be an expression or a curve of keys."""

    fields: tuple[str, ...] = ("",)

    def __init__(self, name: str, label: str | None = None) -> None:
        super().__init__(name, label)
        self._values: list[Any] = [0.0] * len(self.fields)
        self._defaults = list(self._values)
        self._range = (0.0, 1.0)

    def cast(self, value: float) -> Any:
        return float(value)

    def value(self, index: int | None = None) -> Any:
        values = [self.cast(self.component(k, frame_now[-1])) for k in range(len(self._values))]
        if index is not None:
            return values[index]
        return values[0] if len(values) == 1 else values

    def getValue(self, channel: int | None = None) -> Any:
        if channel is not None:
            return float(self.component(channel, frame_now[-1]))
        return float(self.component(0, frame_now[-1])) if len(self._values) == 1 else self.value()

    def getValueAt(self, frame: float, index: int = 0) -> float:
        return float(self.component(index, frame))

    def valueAt(self, frame: float, index: int = 0) -> float:
        return self.getValueAt(frame, index)

    def setValue(self, value: Any, channel: int | None = None) -> bool:
        self._checked("setValue")
        before = list(self._values)
        if channel is not None:
            self._values[channel] = float(value)
        elif isinstance(value, (list, tuple)):
            if len(value) != len(self._values):
                raise TypeError(f"{self._name} has {len(self._values)} values, not {len(value)}")
            self._values = [float(each) for each in value]
        else:
            self._values = [float(value)] * len(self._values)
        self.told(before != self._values)
        return True

    def setValueAt(self, value: float, frame: float, index: int = 0) -> bool:
        self._checked("setValueAt")
        keys = self._values[index] if isinstance(self._values[index], dict) else {}
        self._values[index] = {**keys, float(frame): float(value)}
        self.told(True)
        return True

    def setRange(self, low: float, high: float) -> None:
        self._range = (float(low), float(high))

    def min(self) -> float:
        return self._range[0]

    def max(self) -> float:
        return self._range[1]

    def setExpression(self, expression: str, channel: int = -1) -> bool:
        self._checked("setExpression")
        if self.getFlag(NO_ANIMATION):
            raise RuntimeError(f"{self._name} takes no expression")
        for k in range(len(self._values)) if channel < 0 else [channel]:
            self._values[k] = expression
        self.told(True)
        return True

    def hasExpression(self, index: int = -1) -> bool:
        return any(isinstance(value, str) for value in (self._values if index < 0 else [self._values[index]]))

    def isAnimated(self, channel: int = -1) -> bool:
        values = self._values if channel < 0 else [self._values[channel]]
        return any(isinstance(value, (str, dict)) for value in values)

    def clearAnimated(self, channel: int = -1) -> bool:
        self._checked("clearAnimated")
        self._values = [self.component(k, frame_now[-1]) for k in range(len(self._values))]
        return True

    def getKeyList(self) -> list[float]:
        return sorted({frame for value in self._values if isinstance(value, dict) for frame in value})

    def setAnimated(self, channel: int = -1) -> bool:
        return True

    def component(self, index: int, frame: float) -> float:
        value = self._values[index]
        if isinstance(value, dict):
            return _between(value, frame)
        if isinstance(value, str):
            return expressions.evaluate(value, lambda name: self.node().number_of(name, frame))
        return float(value)

    def numeric(self, frame: float, field: str = "") -> float:
        if field and field not in self.fields:
            raise expressions.ExpressionError(f"{self._name} has no field {field}")
        return self.component(self.fields.index(field) if field else 0, frame)

    def evaluated(self, frame: float) -> str:
        return " ".join(f"{self.component(k, frame):g}" for k in range(len(self._values)))

    def notDefault(self) -> bool:
        return self._values != self._defaults

    def freeze(self) -> None:
        self._defaults = list(self._values)

    def spell(self, value: float) -> str:
        return f"{value:.9g}"

    def toScript(self, quote: bool = True) -> str:
        if len(self._values) == 1 and not self.isAnimated():
            return self.spell(self._values[0])
        parts = []
        for value in self._values:
            if isinstance(value, str):
                parts.append("{" + tcl.quote(value) + "}")
            elif isinstance(value, dict):
                parts.append("{curve " + " ".join(f"x{x:g} {y:.9g}" for x, y in sorted(value.items())) + "}")
            else:
                parts.append(self.spell(value))
        if len(set(parts)) == 1 and isinstance(self, WH_Knob):
            parts = parts[:1]
            if not self.isAnimated():
                return parts[0]
        return "{" + " ".join(parts) + "}"

    def fromScript(self, script: str) -> None:
        parts = [self._component_from(part) for part in tcl.split(script)]
        if len(parts) == 1:
            parts *= len(self._values)
        if len(parts) != len(self._values):
            raise tcl.TclError(f"{self._name}: {script}")
        self._values = parts
        self.told(True)

    def _component_from(self, part: str) -> Any:
        try:
            return self.parse(part)
        except ValueError:
            words = tcl.split(part)
        if words[0] != "curve":
            return words[0]
        keys = {}
        for x, y in zip(words[1::2], words[2::2], strict=True):
            keys[float(x.lstrip("x"))] = float(y)
        return keys

    def parse(self, text: str) -> float:
        return float(text)


class Double_Knob(Array_Knob):
    number = 7

    def details(self) -> list[str]:
        low, high = self._range
        return [] if self._range == (0.0, 1.0) else ["R", f"{low:g}", f"{high:g}"]

    def read_details(self, details: dict[str, str]) -> None:
        if "R" in details:
            low, high = details["R"].split()
            self._range = (float(low), float(high))


class Int_Knob(Double_Knob):
    number = 3

    def cast(self, value: float) -> int:
        return int(value)

    def spell(self, value: float) -> str:
        return str(int(value))


class Boolean_Knob(Array_Knob):
    number = 6
    starts_line = None

    def __init__(self, name: str, label: str | None = None, value: bool = False) -> None:
        super().__init__(name, label)
        self._values = [float(value)]

    def cast(self, value: float) -> bool:
        return bool(value)

    def spell(self, value: float) -> str:
        return "true" if value else "false"

    def parse(self, text: str) -> float:
        return float(text == "true") if text in ("true", "false") else float(text)


class WH_Knob(Array_Knob):
    number = 14
    fields = ("w", "h")

    def value(self, index: int | None = None) -> Any:
        values = super().value(index)
        return values[0] if index is None and values[0] == values[1] else values


class XY_Knob(Array_Knob):
    number = 12
    fields = ("x", "y")


class BBox_Knob(Array_Knob):
    number = 15
    fields = ("x", "y", "r", "t")


class AColor_Knob(Array_Knob):
    number = 19
    fields = ("r", "g", "b", "a")

    def toScript(self, quote: bool = True) -> str:
        return (
            self.spell(self._values[0]) if not self.isAnimated() and len(set(self._values)) == 1 else super().toScript()
        )


class ColorChip_Knob(Array_Knob):
    """A color in one number, written as 0xrrggbbaa."""

    def cast(self, value: float) -> int:
        return int(value)

    def spell(self, value: float) -> str:
        return f"{int(value):#x}" if value else "0"

    def parse(self, text: str) -> float:
        return float(int(text, 0))


def _between(keys: dict[float, float], frame: float) -> float:
    """Linear from key to key, held outside."""
    frames = sorted(keys)
    if frame <= frames[0]:
        return keys[frames[0]]
    if frame >= frames[-1]:
        return keys[frames[-1]]
    after = next(k for k, each in enumerate(frames) if each >= frame)
    low, high = frames[after - 1], frames[after]
    return keys[low] + (keys[high] - keys[low]) * (frame - low) / (high - low)
