"""Knobs: values, expressions, and their text in a script."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import expressions, tcl
from .main_thread import require

if TYPE_CHECKING:
    from .graph import Node

STARTLINE, ENDLINE = 0x1000, 0x2000
DISABLED, INVISIBLE = 0x80, 0x400
NO_ANIMATION, DO_NOT_WRITE, NO_UNDO = 0x100, 0x200, 0x80000
ALWAYS_SAVE = 0x20000
DEFAULT_FRAME = 1

changed: list[Callable[[Node, Knob], None]] = []
"""What is told of every value that is set."""
frame_now: list[float] = [DEFAULT_FRAME]
"""The script's frame; the last is the one that counts."""


class Knob:
    """A string, and what all knobs share."""

    number = 1
    """What a script calls its kind by."""
    starts_line: bool | None = True
    """Where nothing else is said; of those with None it always is."""

    def __init__(self, name: str, label: str | None = None) -> None:
        self._name, self._label, self._tooltip = name, label, ""
        self._flags = STARTLINE if self.starts_line else 0
        self._visible = self._enabled = True
        self._node: Node | None = None
        self._text = self._default = ""
        self.is_user = True

    def name(self) -> str:
        return self._name

    def label(self) -> str:
        return self._name if self._label is None else self._label

    def setLabel(self, label: str) -> None:
        self._label = label

    def tooltip(self) -> str:
        return self._tooltip

    def setTooltip(self, tooltip: str) -> None:
        self._tooltip = tooltip

    def Class(self) -> str:
        return type(self).__name__

    def node(self) -> Node:
        if self._node is None:
            raise ValueError("A PythonObject is not attached to a node")
        return self._node

    def fullyQualifiedName(self) -> str:
        return f"{self.node().fullName()}.{self._name}"

    def setFlag(self, flag: int) -> None:
        self._flags |= flag

    def clearFlag(self, flag: int) -> None:
        self._flags &= ~flag

    def getFlag(self, flag: int) -> bool:
        return bool(self._flags & flag)

    def setVisible(self, visible: bool) -> None:
        require("setVisible")
        self._visible = visible

    def visible(self) -> bool:
        return self._visible

    def setEnabled(self, enabled: bool) -> None:
        require("setEnabled")
        self._enabled = enabled

    def enabled(self) -> bool:
        return self._enabled

    def value(self) -> Any:
        return self._text

    def getValue(self) -> Any:
        return self.value()

    def getText(self) -> str:
        return self._text

    def setText(self, text: str) -> None:
        self.setValue(text)

    def setValue(self, value: Any) -> bool:
        self._checked("setValue")
        if not isinstance(value, str):
            raise TypeError(f"{self._name}: expected a string, not {value!r}")
        before, self._text = self._text, value
        self.told(before != value)
        return True

    def told(self, is_other: bool) -> None:
        """Says that the value was set."""
        if self._node is not None and is_other:
            for tell in changed:
                tell(self._node, self)

    def _checked(self, what: str) -> None:
        require(f"{what} of {self._name}")
        if self._node is not None:
            self._node.require_alive()

    def hasExpression(self, index: int = -1) -> bool:
        return False

    def isAnimated(self, channel: int = -1) -> bool:
        return False

    def notDefault(self) -> bool:
        return self._text != self._default

    def evaluated(self, frame: float) -> str:
        """What `[value knob]` gives."""
        return str(self.value())

    def numeric(self, frame: float, field: str = "") -> float:
        """What an expression takes it for."""
        raise expressions.ExpressionError(f"{self._name} is no number")

    def toScript(self, quote: bool = True) -> str:
        return tcl.quote(self._text) if quote else self._text

    def fromScript(self, script: str) -> None:
        self._text = script
        self.told(True)

    def freeze(self) -> None:
        """What it holds now is its default."""
        self._default = self._text

    def details(self) -> list[str]:
        """The words of `addUserKnob` that are its own."""
        return []

    def read_details(self, details: dict[str, str]) -> None:
        """Takes them in again."""


class String_Knob(Knob):
    pass


class EvalString_Knob(String_Knob):
    """Text with Tcl in it, which is done only when it is asked for."""

    def evaluate(self) -> str:
        return self.evaluated(frame_now[-1])

    def evaluated(self, frame: float) -> str:
        return tcl.substitute(self._text, lambda name: self.node().text_of(name, frame))


class Multiline_Eval_String_Knob(EvalString_Knob):
    number = 43


class File_Knob(EvalString_Knob):
    number = 2

    def evaluated(self, frame: float) -> str:
        return numbered(self.getEvaluatedValue(frame), frame)

    def getEvaluatedValue(self, frame: float | None = None) -> str:
        now = frame_now[-1] if frame is None else frame
        return tcl.substitute(self._text, lambda name: self.node().text_of(name, now))

    def fromUserText(self, text: str) -> None:
        self.setValue(text)


class PyScript_Knob(Knob):
    number = 22
    starts_line = None

    def __init__(self, name: str, label: str | None = None, script: str = "") -> None:
        super().__init__(name, label)
        self._text = script

    def command(self) -> str:
        return self._text

    def execute(self) -> None:
        """What a press does."""
        self.node().run_script(self._text, self)

    def details(self) -> list[str]:
        return ["T", self._text]

    def read_details(self, details: dict[str, str]) -> None:
        self._text = self._default = details.get("T", "")


class Text_Knob(Knob):
    """A line of text; a rule where it has none."""

    number = 26
    starts_line = False

    def __init__(self, name: str, label: str | None = None, text: str = "") -> None:
        super().__init__(name, label)
        self._text = text

    def details(self) -> list[str]:
        return ["T", self._text] if self._text and not self.getFlag(DO_NOT_WRITE) else []

    def read_details(self, details: dict[str, str]) -> None:
        self._text = self._default = details.get("T", "")

    def notDefault(self) -> bool:
        return False


class Tab_Knob(Knob):
    number = 20

    def notDefault(self) -> bool:
        return False


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


class Enumeration_Knob(Array_Knob):
    number = 4

    def __init__(self, name: str, label: str | None = None, values: list[str] | None = None) -> None:
        super().__init__(name, label)
        self._choices = list(values or [])

    def values(self) -> list[str]:
        return list(self._choices)

    def setValues(self, values: list[str]) -> None:
        self._checked("setValues")
        self._choices = list(values)

    def numValues(self) -> int:
        return len(self._choices)

    def enumName(self, index: int) -> str:
        return self._choices[index]

    def cast(self, value: float) -> str:
        return self._choices[int(value)] if 0 <= int(value) < len(self._choices) else ""

    def setValue(self, value: Any, channel: int | None = None) -> bool:
        if isinstance(value, str):
            if value not in self._choices:
                raise TypeError(f"Bad value for argument 1 of knob {self._name}: {value!r} is none of {self._choices}")
            value = self._choices.index(value)
        return super().setValue(value)

    def evaluated(self, frame: float) -> str:
        return str(self.cast(self.component(0, frame)))

    def spell(self, value: float) -> str:
        return tcl.quote(str(self.cast(value)))

    def parse(self, text: str) -> float:
        if text in self._choices:
            return float(self._choices.index(text))
        raise ValueError(text)

    def fromScript(self, script: str) -> None:
        if script in self._choices:  # a choice of several words stands there unbraced
            self._values = [float(self._choices.index(script))]
            self.told(True)
        elif script.startswith("{"):
            super().fromScript(script)
        else:
            raise tcl.TclError(f"{self._name}: no value {script!r}")

    def details(self) -> list[str]:
        return ["M", "{" + tcl.join(self._choices) + "}"]

    def read_details(self, details: dict[str, str]) -> None:
        self._choices = tcl.split(details.get("M", ""))


class Color_Space_Knob(Enumeration_Knob):
    """A Read's: any name of the configuration is one of its values."""

    def setValue(self, value: Any, channel: int | None = None) -> bool:
        if isinstance(value, str) and value not in self._choices:
            self._choices.append(value)
        return super().setValue(value)

    def fromScript(self, script: str) -> None:
        if script not in self._choices:
            self._choices.append(script)
        super().fromScript(script)


class ShuffleLinks(Knob):
    """A Shuffle2's mappings: pairs of what a channel was and what it becomes, written with their places."""

    order = ("red", "green", "blue", "alpha")

    def setValue(self, value: Any) -> bool:
        if isinstance(value, str):
            return super().setValue(value)
        words = [str(len(value))]
        for *_, was, becomes in value:
            place = (-1, -1) if was in ("white", "black") else (0, self._place(was))
            words += [was, *map(str, place), becomes, "0", str(self._place(becomes))]
        return super().setValue(" ".join(words))

    def _place(self, channel: str) -> int:
        return self.order.index(channel.rpartition(".")[2])


class ColorChip_Knob(Array_Knob):
    """A color in one number, written as 0xrrggbbaa."""

    def cast(self, value: float) -> int:
        return int(value)

    def spell(self, value: float) -> str:
        return f"{int(value):#x}" if value else "0"

    def parse(self, text: str) -> float:
        return float(int(text, 0))


class Link_Knob(Knob):
    """A knob of an inner node, shown on its group."""

    number = 41

    def __init__(self, name: str, label: str | None = None) -> None:
        super().__init__(name, label)
        self._target = ""

    def makeLink(self, node: str, knob: str) -> None:
        self._target = f"{node}.{knob}"

    def setLink(self, target: str) -> None:
        self._target = target

    def getLink(self) -> str:
        return self._target

    def getLinkedKnob(self) -> Knob | None:
        node, _, knob = self._target.rpartition(".")
        group: Any = self.node()
        inner = group.node(node)
        return None if inner is None else inner.knob(knob)

    def _linked(self) -> Knob:
        linked = self.getLinkedKnob()
        if linked is None:
            raise RuntimeError(f"{self._name} links to nothing: {self._target}")
        return linked

    def value(self) -> Any:
        return self._linked().value()

    def setValue(self, value: Any) -> bool:
        return self._linked().setValue(value)

    def numeric(self, frame: float, field: str = "") -> float:
        return self._linked().numeric(frame, field)

    def notDefault(self) -> bool:
        return False

    def details(self) -> list[str]:
        return ["T", self._target]

    def read_details(self, details: dict[str, str]) -> None:
        self._target = details.get("T", "")


BY_NUMBER = {
    kind.number: kind
    for kind in (
        String_Knob,
        File_Knob,
        Int_Knob,
        Enumeration_Knob,
        Boolean_Knob,
        Double_Knob,
        WH_Knob,
        BBox_Knob,
        AColor_Knob,
        Tab_Knob,
        PyScript_Knob,
        Text_Knob,
        Link_Knob,
        Multiline_Eval_String_Knob,
    )
}


def numbered(path: str, frame: float) -> str:
    """The path with the frame's number in it."""
    path = re.sub(r"%0(\d+)d", lambda marks: f"{round(frame):0{int(marks[1])}d}", path)
    return re.sub(r"#+", lambda marks: f"{round(frame):0{len(marks[0])}d}", path)


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
