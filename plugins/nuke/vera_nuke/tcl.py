"""Tcl's lists and escapes, as far as Nuke's knobs speak them."""

from __future__ import annotations

import re

SPECIAL = '\\[]{}$"'
"""What Tcl reads as more than itself in the value of a file knob."""


def escape(path: str) -> str:
    """A path as a file knob takes it: with forward slashes, and nothing in it evaluated."""
    return "".join(f"\\{letter}" if letter in SPECIAL else letter for letter in path.replace("\\", "/"))


ESCAPED = r"\\(?:.|\Z)"
SPACE = re.compile(r"\s*")
BARE = re.compile(rf"[^\s\\]*(?:{ESCAPED}[^\s\\]*)*", re.DOTALL)
QUOTED = re.compile(rf'"[^"\\]*(?:{ESCAPED}[^"\\]*)*"?', re.DOTALL)
BRACE = re.compile(rf"[{{}}]|{ESCAPED}", re.DOTALL)


def split_list(text: str) -> list[str]:
    """The elements of a Tcl list: bare words, `"quoted"` and `{braced}` ones, their outer marks taken off."""
    words: list[str] = []
    at = _end(SPACE, text, 0)
    while at < len(text):
        end = _end_of_word(text, at)
        word = text[at:end]
        if word[0] == "{" or (word[0] == '"' and word[-1] == '"' and len(word) > 1):
            word = word[1:-1]
        words.append(word)
        at = _end(SPACE, text, end)
    return words


def _end_of_word(text: str, start: int) -> int:
    """Where the word that starts there is over."""
    if text[start] == '"':
        return _end(QUOTED, text, start)
    if text[start] != "{":
        return _end(BARE, text, start)
    depth = 0
    for mark in BRACE.finditer(text, start):  # from brace to brace: a Roto's curves are megabytes of them
        depth += (mark[0] == "{") - (mark[0] == "}")
        if depth == 0:
            return mark.end()
    return len(text)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Where a pattern that matches everywhere ends there."""
    found = pattern.match(text, start)
    assert found is not None
    return found.end()
