"""What all knobs share: a name, flags, a node, a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import expressions, tcl
from ..main_thread import require

if TYPE_CHECKING:
    from ..nodes import Node

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
