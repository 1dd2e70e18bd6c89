"""Knobs whose value is one of several words, or another knob's."""

from __future__ import annotations

from typing import Any

from .. import tcl
from .arrays import Array_Knob
from .base import Knob


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
