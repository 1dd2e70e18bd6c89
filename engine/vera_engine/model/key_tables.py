"""Tables that say which tensor of somebody's checkpoint stands for which of the engine's. Standard library only.

A table is a TOML file; those that come along are in `layouts/`. A new layout is a new table, not code:

    component = "transformer"               # or "vae", "text_encoder"
    about = "whose names these are"
    prefixes = ["module."]                  # taken off where every name has it

    [[include]]                             # optional, any number: the rows of another table, by its file's name
    table = "transformer-wan"
    names = "source"                        # "target": with the names of its right side on both sides
    source = "{branch}."                    # put before the names on the left,
    target = "branches.{branch}."           # and on the right

    [words.branch]                          # what may stand for {branch} on the left, and what it becomes
    "rgb" = "edit"

    [keys]                                  # the first row that fits a name decides
    "blocks.{layer}.attn.q.*" = "blocks.{layer}.attn1.to_q.*"
    "blocks.{layer}.attn.qkv.*" = { to = ["…to_q.*", "…to_k.*", "…to_v.*"], split = 0 }

`{word}` stands for one of its words, or for a number where the table has no words for it; `*` for the rest of a name. A
row's right side is a name, or a table of: `to` (a name, or several: each gets the tensor, or its piece along the axis
`split`), `transpose` (the axes in their new order), `reshape` (true: only the order of the numbers counts), `spare`
(true: taken where nothing else fills the place), or `drop` (why the tensor is not needed).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vera_engine.errors import InvalidArgument, NotFound

LAYOUTS = Path(__file__).parent / "layouts"
COMPONENTS = ("transformer", "vae", "text_encoder")
_PLACEHOLDER = re.compile(r"\{(\w+)\}|(\*)")
_ROW_SETTINGS = {"to": (str, list), "split": int, "transpose": list, "reshape": bool, "spare": bool, "drop": str}
_TABLE_SETTINGS = {"component": str, "about": str, "prefixes": list, "include": list, "words": dict, "keys": dict}
_INCLUDE_SETTINGS = {"table": str, "names": str, "source": str, "target": str}


class KeyTableMissing(NotFound):
    """There is no key table of that name."""


class KeyTableInvalid(InvalidArgument):
    """A key table that means nothing; the error names the row."""


@dataclass(frozen=True)
class Change:
    """What is done to a tensor on its way: first transposed, then cut, then reshaped."""

    transpose: tuple[int, ...] = ()
    """The axes in their new order; none: as they are."""
    split: int | None = None
    """The axis it is cut along."""
    piece: int = 0
    """Which piece."""
    pieces: int = 1
    """Of how many equal ones."""
    reshape: bool = False
    """Whether it takes its place's shape, in the order of its numbers."""


UNCHANGED = Change()


@dataclass(frozen=True)
class Place:
    """Where one place's numbers come from."""

    source: str
    change: Change = UNCHANGED


@dataclass(frozen=True)
class Placement:
    """What a table makes of a checkpoint's names."""

    table: KeyTable
    places: Mapping[str, Place]
    """By the engine's name."""
    unplaced: tuple[str, ...]
    """Names that no row fits."""
    twice: tuple[str, ...]
    """Names for whose place another tensor was there before."""
    dropped: Mapping[str, str]
    """Names that the table knows and leaves out, with its reason."""


@dataclass(frozen=True)
class Row:
    """A pattern of names, and what becomes of them."""

    source: str
    targets: tuple[str, ...]
    """Patterns; none: dropped."""
    split: int | None = None
    transpose: tuple[int, ...] = ()
    reshape: bool = False
    spare: bool = False
    drop: str = ""

    @property
    def changes(self) -> tuple[Change, ...]:
        """One for each target."""
        count = len(self.targets) if self.split is not None else 1
        return tuple(
            Change(self.transpose, self.split, index if count > 1 else 0, count, self.reshape)
            for index in range(len(self.targets))
        )


@dataclass(frozen=True)
class KeyTable:
    """A layout of one component: rows in the order that decides, and the words of their placeholders."""

    name: str
    component: str
    about: str
    prefixes: tuple[str, ...]
    words: Mapping[str, Mapping[str, str]]
    rows: tuple[Row, ...]

    def place(self, names: Collection[str]) -> Placement:
        """Find the places of a checkpoint's tensors, by name alone."""
        prefix = next((p for p in self.prefixes if names and all(name.startswith(p) for name in names)), "")
        patterns = [(row, self._pattern(row.source)) for row in self.rows]
        places: dict[str, Place] = {}
        spares: dict[str, Place] = {}
        unplaced, twice, dropped = [], [], {}
        for name in names:
            bare = name.removeprefix(prefix)
            row, match = next(
                ((row, match) for row, pattern in patterns if (match := pattern.fullmatch(bare))), (None, None)
            )
            if row is None or match is None:
                unplaced.append(name)
                continue
            if row.drop:
                dropped[name] = row.drop
            for target, change in zip(row.targets, row.changes, strict=True):
                filled = self._fill(target, match)
                if row.spare:
                    spares[filled] = Place(name, change)
                elif filled in places:
                    twice.append(name)
                else:
                    places[filled] = Place(name, change)
        for target, place in spares.items():
            if target in places:
                dropped[place.source] = f"the same as {places[target].source}"
            else:
                places[target] = place
        return Placement(self, places, tuple(unplaced), tuple(dict.fromkeys(twice)), dropped)

    def _pattern(self, source: str) -> re.Pattern[str]:
        """The names that a left side stands for."""
        seen: set[str] = set()

        def group(found: re.Match[str]) -> str:
            word = found[1] or "rest"
            if word in seen:
                return f"(?P={word})"
            seen.add(word)
            if found[2]:
                return "(?P<rest>.+)"
            choices = sorted(self.words.get(word, ()), key=len, reverse=True)
            return f"(?P<{word}>{'|'.join(map(re.escape, choices)) or '[0-9]+'})"

        return re.compile(_replaced(source, group, escape=True))

    def _fill(self, target: str, match: re.Match[str]) -> str:
        """A right side with what the left side found."""

        def word(found: re.Match[str]) -> str:
            said = match[found[1] or "rest"]
            return self.words.get(found[1], {}).get(said, said) if found[1] else said

        return _replaced(target, word, escape=False)


def built_in_tables(component: str) -> tuple[KeyTable, ...]:
    """The tables that come along for a component."""
    return tuple(_built_in(name) for name in sorted(path.stem for path in LAYOUTS.glob(f"{component}-*.toml")))


def read_table(path: Path) -> KeyTable:
    """Read a key table.

    Raises:
        KeyTableMissing: There is no such file, or it includes a table that does not come along.
        KeyTableInvalid: It is not TOML, or a setting or row means nothing.
    """
    try:
        stored = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise KeyTableMissing("There is no such key table.", argument="table", value=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KeyTableInvalid(f"The key table is not TOML: {error}.", argument="table", value=path) from error
    _check_settings(stored, _TABLE_SETTINGS, path, "the table")
    component = stored.get("component")
    if component not in COMPONENTS:
        raise KeyTableInvalid(
            "The key table says no component.",
            argument="table",
            value=path,
            remedy=f"Write component = with one of {', '.join(COMPONENTS)}.",
        )
    words: dict[str, dict[str, str]] = {}
    rows = [_read_row(source, value, path) for source, value in stored.get("keys", {}).items()]
    for include in stored.get("include", []):
        _check_settings(include, _INCLUDE_SETTINGS, path, "[[include]]")
        included = _built_in(include.get("table", ""))
        for word, choices in included.words.items():
            turned = {becomes: becomes for becomes in choices.values()}
            words[word] = words.get(word, {}) | (turned if include.get("names") == "target" else dict(choices))
        rows += [_included(row, include, path) for row in included.rows]
    for word, choices in stored.get("words", {}).items():
        if not all(isinstance(becomes, str) for becomes in choices.values()):
            raise KeyTableInvalid(f"The words of {{{word}}} are not all texts.", argument="table", value=path)
        words[word] = choices
    prefixes = tuple(str(prefix) for prefix in stored.get("prefixes", []))
    table = KeyTable(path.stem, component, str(stored.get("about", path.name)), prefixes, words, tuple(rows))
    _check_placeholders(table, path)
    return table


@cache
def _built_in(name: str) -> KeyTable:
    path = LAYOUTS / f"{name}.toml"
    if not path.is_file():
        raise KeyTableMissing(
            "No such key table comes along.",
            argument="table",
            value=name,
            remedy=f"There are {', '.join(sorted(layout.stem for layout in LAYOUTS.glob('*.toml')))}.",
        )
    return read_table(path)


def _read_row(source: str, value: Any, path: Path) -> Row:
    """A row of `[keys]`."""
    settings = {"to": value} if isinstance(value, str) else value
    if not isinstance(settings, dict) or ("to" in settings) == ("drop" in settings):
        raise KeyTableInvalid(
            f"The row {source} says neither one place nor why there is none.", argument="table", value=path
        )
    _check_settings(settings, _ROW_SETTINGS, path, f"the row {source}")
    to = settings.get("to", [])
    return Row(
        source,
        (to,) if isinstance(to, str) else tuple(map(str, to)),
        settings.get("split"),
        tuple(settings.get("transpose", ())),
        settings.get("reshape", False),
        settings.get("spare", False),
        settings.get("drop", ""),
    )


def _included(row: Row, include: Mapping[str, str], path: Path) -> Row:
    """Another table's row under this one's prefixes."""
    before, after = include.get("source", ""), include.get("target", "")
    targets = tuple(after + target for target in row.targets)
    match include.get("names", "source"):
        case "source":
            return Row(before + row.source, targets, row.split, row.transpose, row.reshape, row.spare, row.drop)
        case "target" if len(row.targets) == 1:
            return Row(before + row.targets[0], targets)
    raise KeyTableInvalid(
        f"The row {row.source} cannot be included by its {include['names']} names.", argument="table", value=path
    )


def _check_settings(settings: Mapping[str, Any], known: Mapping[str, Any], path: Path, where: str) -> None:
    """Refuse settings of another name or kind."""
    for name, value in settings.items():
        if name not in known or not isinstance(value, known[name]):
            raise KeyTableInvalid(
                f"{name} in {where} is not a setting of key tables, or of the wrong kind.",
                argument="table",
                value=path,
                remedy=f"Known are {', '.join(known)}.",
            )


def _check_placeholders(table: KeyTable, path: Path) -> None:
    """Refuse right sides that ask for what the left side does not find."""
    for row in table.rows:
        found = {match[0] for match in _PLACEHOLDER.finditer(row.source)}
        lacking = sorted({match[0] for target in row.targets for match in _PLACEHOLDER.finditer(target)} - found)
        if lacking or row.source.count("*") > 1:
            raise KeyTableInvalid(
                f"The row {row.source} has {', '.join(lacking) or 'several *'} without a counterpart.",
                argument="table",
                value=path,
            )


def _replaced(text: str, by: Any, *, escape: bool) -> str:
    """A pattern with its placeholders replaced, and what is between them escaped."""
    parts, end = [], 0
    for found in _PLACEHOLDER.finditer(text):
        between = text[end : found.start()]
        parts += [re.escape(between) if escape else between, by(found)]
        end = found.end()
    return "".join(parts) + (re.escape(text[end:]) if escape else text[end:])
