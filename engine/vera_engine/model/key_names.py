"""Many names of tensors in few words. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterable


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names in a sentence: those that differ by numbers as one, the first few, and how many more."""
    alike = gathered(names)
    more = f" and {len(alike) - most} more" if len(alike) > most else ""
    return (", ".join(alike[:most]) or "none") + more


def gathered(names: Iterable[str]) -> list[str]:
    """Names that differ in a single number as one: `blocks.{0-29}.norm3.weight`."""
    by_form: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        by_form.setdefault(tuple(re.split(r"(?<![^.])\d+(?![^.])", name)), []).append(name)
    said = []
    for form, members in by_form.items():
        numbers = [re.findall(r"(?<![^.])\d+(?![^.])", name) for name in members]
        varying = [place for place in range(len(form) - 1) if len({found[place] for found in numbers}) > 1]
        if len(varying) != 1:
            said += members
            continue
        values = sorted({int(found[varying[0]]) for found in numbers})
        span = f"{{{values[0]}-{values[-1]}}}" if values[-1] - values[0] == len(values) - 1 else f"{{{_csv(values)}}}"
        filled = [*numbers[0], ""]
        filled[varying[0]] = span
        said.append("".join(part for pair in zip(form, filled, strict=True) for part in pair))
    return said


def _csv(values: list[int]) -> str:
    return ",".join(map(str, values))
