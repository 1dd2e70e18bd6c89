"""What can follow on the command line, read off its parser: for the shells' completions."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

FILES = ("PLATE", "MASK", "FILE")
"""Metavars that stand for files."""
FOLDERS = ("DIR", "TAKE", "TAKE_ROOT", "A", "B")
"""Metavars that stand for folders."""


@dataclass(frozen=True)
class Value:
    """What an option or a positional argument takes."""

    name: str
    words: tuple[str, ...] = ()
    """That can be given as they are."""
    is_file: bool = False
    is_folder: bool = False


@dataclass(frozen=True)
class Option:
    """An option, in all its spellings."""

    spellings: tuple[str, ...]
    help: str
    value: Value | None
    """None: it takes none."""


@dataclass(frozen=True)
class Command:
    """A command, and those below it."""

    path: tuple[str, ...]
    """Its words: `("takes", "show")`; none for the program itself."""
    help: str
    options: tuple[Option, ...] = ()
    values: tuple[Value, ...] = ()
    """Of its positional arguments, in order."""
    is_last_repeated: bool = False
    commands: tuple[Command, ...] = field(default=())

    def all(self) -> Iterator[Command]:
        """This one and all below it."""
        yield self
        for command in self.commands:
            yield from command.all()


def read_commands(parser: argparse.ArgumentParser, path: tuple[str, ...] = (), words: str = "") -> Command:
    """The tree of commands that a parser understands."""
    options, values, commands = [], [], []
    is_last_repeated = False
    for action in parser._actions:  # argparse has no public way to them
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            commands += [
                read_commands(child, (*path, name), helps.get(name, "")) for name, child in action.choices.items()
            ]
        elif action.option_strings:
            value = None if action.nargs in (0, "?") else _value(action)
            options.append(Option(tuple(action.option_strings), _help(action), value))
        else:
            values.append(_value(action))
            is_last_repeated = action.nargs in ("*", "+")
    command = Command(path, words, tuple(options), tuple(values), is_last_repeated, tuple(commands))
    unnamed = next((child for child in commands if child.path[-1] == parser.get_default("unnamed")), None)
    if unnamed is not None:  # its words may be said without its name
        own = {spelling for option in options for spelling in option.spellings}
        more = (option for option in unnamed.options if not own & set(option.spellings))
        command = replace(command, options=(*options, *more), values=unnamed.values)
    return command


def _value(action: argparse.Action) -> Value:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    choices = [str(choice) for choice in action.choices or ()]
    parts = metavar.split("|")
    # `small|DIR` is a word or a folder
    words = choices or [part for part in parts if len(parts) > 1 and not part.isupper()]
    is_path = action.type is Path
    return Value(
        name=metavar,
        words=tuple(words),
        is_file=any(part in FILES for part in parts) or (is_path and not any(part in FOLDERS for part in parts)),
        is_folder=any(part in FOLDERS for part in parts),
    )


def _help(action: argparse.Action) -> str:
    """Without what argparse would put in."""
    words = (action.help or "").replace("%%", "%")
    return "" if "%(" in words else words
