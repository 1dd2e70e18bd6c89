"""What Nuke calls: the scripts in a node's own knobs, and functions that were added for all nodes of a class."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import knobs
from .knobs import Knob

if TYPE_CHECKING:
    from .nodes import Node

added: dict[str, list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], str]]] = {}
"""By event: function, arguments, class of node."""
failures: list[str] = []
"""What callbacks raised; Nuke shows such a thing to the artist."""
_context: list[tuple[Node, Knob | None]] = []


def this_node() -> Node:
    if not _context:
        raise ValueError("no node is at work")
    return _context[-1][0]


def this_knob() -> Knob:
    if not _context or _context[-1][1] is None:
        raise ValueError("no knob is at work")
    return _context[-1][1]


def run(script: str, node: Node, knob: Knob | None = None) -> None:
    """A script of a knob, in a namespace of its own as `__main__` is."""
    if not script:
        return
    import nuke

    _context.append((node, knob))
    try:
        exec(compile(script, f"<{node!r}>", "exec"), {"nuke": nuke, "__name__": "__main__"})
    except Exception:
        failures.append(traceback.format_exc())
        raise
    finally:
        _context.pop()


def add(event: str, call: Callable[..., Any], args: Any, kwargs: Any, kind: str) -> None:
    added.setdefault(event, []).append((call, tuple(args), dict(kwargs or {}), kind))


def remove(event: str, call: Callable[..., Any], kind: str) -> None:
    added[event] = [each for each in added.get(event, []) if (each[0], each[3]) != (call, kind)]


def call(event: str, node: Node, knob: Knob | None = None) -> None:
    """Those that were added for a node's class, and what its own knob of that name says."""
    for function, args, kwargs, kind in list(added.get(event, ())):
        if kind in ("*", node._class):
            _context.append((node, knob))
            try:
                function(*args, **kwargs)
            finally:
                _context.pop()
    own = node._knobs.get(event)
    if own is not None:
        run(own._text, node, knob)


def created(node: Node, by_user: bool = False) -> None:
    if by_user:
        call("onUserCreate", node)
    call("onCreate", node)


def destroyed(node: Node) -> None:
    call("onDestroy", node)


def _changed(node: Node, knob: Knob) -> None:
    if knob._name in ("xpos", "ypos", "selected", "onCreate", "knobChanged", "onDestroy", "name"):
        return
    if node._parent is None or is_reading[-1] or _is_telling[-1]:
        return
    _is_telling.append(True)
    try:
        call("knobChanged", node, knob)
    finally:
        _is_telling.pop()


_is_telling = [False]
"""What a callback sets is told to no other: Nuke's are not called recursively."""
is_reading = [False]
"""While a script is read nothing is called for its values."""
knobs.changed.append(_changed)
