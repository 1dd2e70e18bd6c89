"""Knobs that hold text, and those that hold none."""

from __future__ import annotations

import re

from .. import tcl
from .base import DO_NOT_WRITE, Knob, frame_now


class String_Knob(Knob):
    pass


class EvalString_Knob(String_Knob):
    """Text with Tcl in it, which is done for its value and not for its text."""

    def value(self) -> str:
        try:
            return self.evaluate()
        except tcl.TclError:
            return self._text

    def evaluate(self) -> str:
        return self.evaluated(frame_now[-1])

    def evaluated(self, frame: float) -> str:
        return tcl.substitute(self._text, lambda name: self.node().text_of(name, frame))


class Multiline_Eval_String_Knob(EvalString_Knob):
    number = 43


class File_Knob(EvalString_Knob):
    number = 2

    def value(self) -> str:
        return self._text

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


def numbered(path: str, frame: float) -> str:
    """The path with the frame's number in it."""
    path = re.sub(r"%0(\d+)d", lambda marks: f"{round(frame):0{int(marks[1])}d}", path)
    return re.sub(r"#+", lambda marks: f"{round(frame):0{len(marks[0])}d}", path)
