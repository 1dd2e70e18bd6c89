"""Many names of tensors in few words. Standard library only."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")
"""A number that is a whole part of a dotted name."""


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names in a sentence: those that differ by numbers as one, the first few, and how many more."""
    alike = gathered(names)
    more = f" and {len(alike) - most} more" if len(alike) > most else ""
    return (", ".join(alike[:most]) or "none") + more


def gathered(names: Iterable[str]) -> list[str]:
    """Names that differ in numbers alone as one, `blocks.{0-29}.norm3.weight`, where every combination is there."""
    by_form: dict[str, list[str]] = {}
    for name in names:
        by_form.setdefault(_NUMBER.sub("#", name), []).append(name)
    said = []
    for form, members in by_form.items():
        numbers = [{int(number) for number in column} for column in zip(*map(_NUMBER.findall, members), strict=True)]
        if len(members) != math.prod(map(len, numbers)):
            said += members
            continue
        spans = iter([_span(sorted(column)) for column in numbers])
        said.append("".join(next(spans) if part == "#" else part for part in re.split("(#)", form)))
    return said


def _span(values: list[int]) -> str:
    """A number, or a set of them in braces."""
    if len(values) == 1:
        return str(values[0])
    whole = values[-1] - values[0] == len(values) - 1
    return f"{{{values[0]}-{values[-1]}}}" if whole else f"{{{','.join(map(str, values))}}}"
