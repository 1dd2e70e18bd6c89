"""Columns on a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """A line of heads and one a row, each column as wide as its widest cell.

    On a terminal lines are cut to its width, so that each stays one line; elsewhere nothing is cut.

    Args:
        heads: Of the columns.
        rows: Cells of one line each.
        right: Columns of figures, which stand to the right.
    """
    rows = [heads, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(_cut("  ".join(cells).rstrip()))
    return lines


def _cut(line: str) -> str:
    if not sys.stdout.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else f"{line[: width - 1]}…"
