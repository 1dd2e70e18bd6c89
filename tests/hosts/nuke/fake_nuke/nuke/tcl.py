"""Tcl as far as scripts speak it: words, lists, quotes, and the few commands that knobs hold."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

PLAIN = re.compile(r"[^\s\"\\\[\]{}$;]+")
ESCAPED = {"\\": "\\\\", '"': '\\"', "[": "\\[", "$": "\\$", "{": "\\{", "}": "\\}", "\n": "\\n", "\t": "\\t"}
NAMED = {"n": "\n", "t": "\t", "r": "\r"}


class TclError(RuntimeError):
    """Something that is no Tcl, or Tcl that these tests have no need of."""


def quote(text: str) -> str:
    """A word as Nuke writes it into a script."""
    if PLAIN.fullmatch(text):
        return text
    return '"' + "".join(ESCAPED.get(letter, letter) for letter in text) + '"'


def join(words: list[str]) -> str:
    """A list of words, as it stands between braces."""
    return " ".join(map(quote, words))


class Reader:
    """Goes through a text word by word."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def commands(self) -> list[list[str]]:
        """The words of each command; `$name` and `[stack 0]` are left as they are."""
        found: list[list[str]] = []
        words: list[str] = []
        while True:
            self._skip(" \t")
            if self.at >= len(self.text) or self.text[self.at] in "\n;":
                if words:
                    found.append(words)
                words = []
                if self.at >= len(self.text):
                    return found
                self.at += 1
            elif self.text[self.at] == "#" and not words:
                self.at = self._line_end()
            else:
                words.append(self.word())

    def words(self) -> list[str]:
        """The elements of a list."""
        found = []
        while True:
            self._skip(" \t\n\r")
            if self.at >= len(self.text):
                return found
            found.append(self.word())

    def word(self) -> str:
        first = self.text[self.at]
        if first == "{":
            return self._braced()
        if first == '"':
            self.at += 1
            word = self._until('"')
            self.at += 1
            return word
        return self._until(" \t\n\r;")

    def _braced(self) -> str:
        depth, start = 0, self.at
        while self.at < len(self.text):
            letter = self.text[self.at]
            if letter == "\\":
                self.at += 1
            depth += (letter == "{") - (letter == "}")
            self.at += 1
            if depth == 0:
                return self.text[start + 1 : self.at - 1]
        raise TclError(f"missing close-brace: {self.text[start : start + 60]}")

    def _until(self, ends: str) -> str:
        word = ""
        bracket = 0
        while self.at < len(self.text):
            letter = self.text[self.at]
            if letter in ends and not bracket:
                return word
            bracket += (letter == "[") - (letter == "]" and bracket > 0)
            if letter == "\\" and self.at + 1 < len(self.text):
                self.at += 1
                letter = NAMED.get(self.text[self.at], self.text[self.at])
            word += letter
            self.at += 1
        if ends == '"':
            raise TclError(f"missing quote: {word[:60]}")
        return word

    def _skip(self, letters: str) -> None:
        while self.at < len(self.text) and self.text[self.at] in letters:
            self.at += 1

    def _line_end(self) -> int:
        end = self.text.find("\n", self.at)
        return len(self.text) if end < 0 else end


def split(text: str) -> list[str]:
    """The elements of a list, their quotes and escapes taken off."""
    return Reader(text).words()


def substitute(text: str, value: Callable[[str], str]) -> str:
    """The text with its commands done and its escapes undone.

    Args:
        value: What `[value name]` gives.
    """
    done, at = "", 0
    while at < len(text):
        letter = text[at]
        if letter == "\\" and at + 1 < len(text):
            done += NAMED.get(text[at + 1], text[at + 1])
            at += 2
        elif letter == "[":
            end = _closing(text, at)
            done += command(text[at + 1 : end], value)
            at = end + 1
        elif letter == "$":
            raise TclError(f"no variables here: {text}")
        else:
            done += letter
            at += 1
    return done


def command(text: str, value: Callable[[str], str]) -> str:
    """What a command gives."""
    name, *rest = _arguments(text)
    arguments = [substitute(word, value) for word in rest]
    if name == "value" and len(arguments) == 1:
        return value(arguments[0])
    if name == "file" and len(arguments) == 2 and arguments[0] in ("dirname", "rootname", "tail"):
        return _file(*arguments)
    raise TclError(f'invalid command name or arguments: "{text}"')


def _file(what: str, path: str) -> str:
    if what == "dirname":
        return posixpath.dirname(path) or "."
    return posixpath.basename(path) if what == "tail" else posixpath.splitext(path)[0]


def _arguments(text: str) -> list[str]:
    """The words of a command, commands in them left as they are."""
    words, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        start = at
        while at < len(text) and not text[at].isspace():
            at = _closing(text, at) + 1 if text[at] == "[" else at + 1
        words.append(text[start:at])
    return words


def _closing(text: str, start: int) -> int:
    depth, at = 0, start
    while at < len(text):
        if text[at] == "\\":
            at += 1
        else:
            depth += (text[at] == "[") - (text[at] == "]")
            if depth == 0:
                return at
        at += 1
    raise TclError(f"missing close-bracket: {text}")
