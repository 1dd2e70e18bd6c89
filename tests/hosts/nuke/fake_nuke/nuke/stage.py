"""What surrounds the graph: dialogs, menus, progress, the viewer. Tests look at it and set it; real Nuke has no such
module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import callbacks, graph, knobs, main_thread
from .main_thread import require

views = ["main"]
clipboard: list[str] = []
messages: list[str] = []
"""What was said to the artist."""
printed: list[str] = []
"""What was said on the terminal."""
answers: list[Any] = []
"""What the artist will say to the next questions."""
questions: list[str] = []
is_rendering = [False]
"""The artist renders, and what comes from other threads is served between its frames."""
executed: list[tuple[str, int, str]] = []
"""Frames that were rendered: node, frame and view."""
bars: list[Bar] = []
"""Those that are open."""
all_bars: list[Bar] = []
"""Those that were ever opened."""
plugin_paths: list[str] = []
viewers: list[graph.Node] = []
menus: dict[str, Menu] = {}
undo_depth = [0]
undo_steps: list[str] = []
"""Those that are begun and not ended."""
undone: list[str] = []
"""The names of those that could be taken back."""
changes: list[tuple[str, str]] = []
"""Knobs that were set while undo was not disabled: the step that it was in, or none, and the knob's name."""


def reset() -> None:
    """A new session, as far as tests can tell."""
    graph.clear()
    callbacks.added.clear()
    for each in (
        callbacks.failures,
        clipboard,
        messages,
        answers,
        questions,
        executed,
        bars,
        all_bars,
        plugin_paths,
        viewers,
        changes,
    ):
        each.clear()
    main_thread.served.clear()
    main_thread.pump()
    menus.clear()
    views[:] = ["main"]
    is_rendering[:] = [False]
    knobs.frame_now[:] = [knobs.DEFAULT_FRAME]
    undo_depth[:] = [0]
    undo_steps.clear()
    undone.clear()


def message(prompt: str) -> None:
    require("message")
    messages.append(prompt)


def ask(prompt: str) -> bool:
    require("ask")
    questions.append(prompt)
    if not answers:
        raise AssertionError(f"nobody answers: {prompt}")
    return answers.pop(0)


def choice(title: str, prompt: str, options: list[str], default: int = 0) -> int | None:
    """The number of what is chosen; None where the artist cancels."""
    require("choice")
    questions.append(f"{title}: {', '.join(options)}")
    if not answers:
        raise AssertionError(f"nobody answers: {prompt}")
    answer = answers.pop(0)
    return None if answer is None else options.index(answer)


@dataclass
class Bar:
    """A progress bar on the screen."""

    name: str
    text: str = ""
    progress: int = 0
    is_cancelled: bool = False
    """The artist has pressed its Cancel."""


class ProgressTask:
    """What drives a bar, from any thread; the bar goes with the last reference to this."""

    def __init__(self, name: str = "") -> None:
        self._bar = Bar(name)
        bars.append(self._bar)
        all_bars.append(self._bar)

    def setProgress(self, percent: int) -> None:
        if not isinstance(percent, int) or not 0 <= percent <= 100:
            raise TypeError(f"setProgress takes a whole number from 0 to 100, not {percent!r}")
        self._bar.progress = percent

    def setMessage(self, text: str) -> None:
        self._bar.text = text

    def isCancelled(self) -> bool:
        return self._bar.is_cancelled

    def __del__(self) -> None:
        bars[:] = [each for each in bars if each is not self._bar]


class Undo:
    """What can be undone is not kept here; pairs of calls are counted."""

    def __init__(self, name: str = "") -> None:
        self._name = name

    def __enter__(self) -> Undo:
        return self

    def __exit__(self, *_: object) -> None:
        return

    @staticmethod
    def begin(name: str = "") -> None:
        require("Undo.begin")
        undo_steps.append(name)

    @staticmethod
    def end() -> None:
        require("Undo.end")
        if not undo_steps:
            raise RuntimeError("No step of undo was begun")
        undone.append(undo_steps.pop())

    @staticmethod
    def disable() -> None:
        undo_depth[0] += 1

    @staticmethod
    def enable() -> None:
        undo_depth[0] -= 1
        if undo_depth[0] < 0:
            raise RuntimeError("Undo enabled more often than disabled")

    @staticmethod
    def disabled() -> bool:
        return undo_depth[0] > 0


def _recorded(node: graph.Node, knob: knobs.Knob) -> None:
    if undo_depth[0] == 0 and not callbacks.is_reading[-1]:
        changes.append((undo_steps[-1] if undo_steps else "", knob.name()))


knobs.changed.append(_recorded)


class _Viewer:
    def __init__(self, node: graph.Node) -> None:
        self._node = node

    def node(self) -> graph.Node:
        return self._node


def activeViewer() -> _Viewer | None:
    require("activeViewer")
    return _Viewer(viewers[-1]) if viewers else None


class Menu:
    """A menu and what is in it, by path."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.commands: dict[str, tuple[str | Callable[..., Any], str]] = {}
        self.menus: dict[str, Menu] = {}

    def name(self) -> str:
        return self._name

    def addMenu(self, name: str, icon: str = "", **_: Any) -> Menu:
        return self.menus.setdefault(name, Menu(name))

    def addCommand(self, name: str, command: str | Callable[..., Any] = "", shortcut: str = "", icon: str = "") -> None:
        self.commands[name] = (command, icon)

    def findItem(self, name: str) -> Menu | None:
        return self.menus.get(name)

    menu = findItem


def menu(name: str) -> Menu:
    if name not in ("Nuke", "Nodes", "Node Graph", "Properties", "Viewer"):
        raise RuntimeError(f"no menu {name}")
    return menus.setdefault(name, Menu(name))


def toolbar(name: str, create: bool = True) -> Menu:
    return menu(name)


def pluginAddPath(path: str, addToSysPath: bool = True) -> None:
    import sys

    plugin_paths.insert(0, str(path))
    if addToSysPath and str(path) not in sys.path:
        sys.path.insert(0, str(path))


def pluginPath() -> list[str]:
    return list(plugin_paths)


def run_startup(folder: Path) -> None:
    """Nuke starts with a folder on its path: `init.py`, then, with a window, `menu.py`."""
    import nuke

    pluginAddPath(str(folder))
    for name in ("init.py", "menu.py") if nuke.GUI else ("init.py",):
        file = folder / name
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), {"__file__": str(file), "__name__": name})
