"""Tcl's lists and escapes, as far as Nuke's knobs speak them."""

from __future__ import annotations

SPECIAL = '\\[]{}$"'
"""What Tcl reads as more than itself in the value of a file knob."""


def escape(path: str) -> str:
    """A path as a file knob takes it: with forward slashes, and nothing in it evaluated."""
    return "".join(f"\\{letter}" if letter in SPECIAL else letter for letter in path.replace("\\", "/"))


def split_list(text: str) -> list[str]:
    """The elements of a Tcl list: bare words, `"quoted"` and `{braced}` ones, their outer marks taken off."""
    words: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return words
        end = _end_of_word(text, at)
        word = text[at:end]
        if word[0] == "{" or (word[0] == '"' and word[-1] == '"' and len(word) > 1):
            word = word[1:-1]
        words.append(word)
        at = end


def _end_of_word(text: str, start: int) -> int:
    """Where the word that starts there is over."""
    opening = text[start]
    depth, at = 0, start
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            at += 2
            continue
        if opening == "{":
            depth += (letter == "{") - (letter == "}")
            if depth == 0:
                return at + 1
        elif opening == '"':
            if letter == '"' and at > start:
                return at + 1
        elif letter.isspace():
            return at
        at += 1
    return len(text)
