"""`vera-edit takes list`: one line a take, by take root."""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path
from typing import Any

from vera_client import VeraClient
from vera_engine.cli.outcome import DONE, print_json
from vera_engine.cli.table import table
from vera_engine.cli.take_result import frames_text, largest_seam, seam_text, take_result
from vera_engine.errors import NotFound
from vera_engine.plates.frames import FrameSet

JSON_HELP = """
A star marks takes that were starred. SEAM is the largest of the take's seams: about 1 is as smooth as the clip itself,
above 1.5 (said with a !) it may be seen. With --json: {"takes": [objects as `vera-edit edit` prints], "error": null}.
"""

HEADS = ("NODE", "TAKE", "", "STATE", "FRAMES", "SEED", "SEAM", "BASE", "LABEL", "NOTE")
RIGHT = (5, 6)


class TakeRootMissing(NotFound):
    """A take root that is not there."""


def run(client: VeraClient, arguments: argparse.Namespace) -> int:
    """Print the takes, as JSON or as tables."""
    is_here = arguments.address is None  # an engine elsewhere may have folders that are not here
    if is_here and arguments.take_root and not arguments.take_root.is_dir():
        raise TakeRootMissing(
            "There is no such folder.",
            argument="take_root",
            value=arguments.take_root,
            remedy="Name the folder that the takes of nodes lie in, as in vera_takes beside the plate.",
        )
    root = str(arguments.take_root.absolute()) if arguments.take_root else ""
    takes = client.list_takes(arguments.node, root)
    if arguments.json:
        print_json({"takes": [take_result(take) for take in takes], "error": None})
    else:
        print("\n".join(in_words(takes)))
    return DONE


def in_words(takes: list[dict[str, Any]]) -> list[str]:
    """A table for each take root, nodes by name, takes by version."""
    if not takes:
        return ["There are no takes."]
    lines: list[str] = []
    for root, below in groupby(sorted(takes, key=_place), key=_root):
        lines += ["", root] if lines else [root]
        lines += table(HEADS, [_row(take) for take in below], right=RIGHT)
    return lines


def _row(take: dict[str, Any]) -> tuple[str, ...]:
    return (
        take["request"]["node_id"],
        take["version"],
        "*" if take["starred"] else "",
        take["state"],
        _frames(take),
        str(take["request"]["settings"].get("seed", "-")),
        f"{seam_text(largest_seam(take)):<5}",  # its mark stands beside the figures, not below them
        take["base_version"] or "-",
        take["label"] or "-",
        _one_line(take["note"]) or "-",
    )


def _frames(take: dict[str, Any]) -> str:
    """All that a version has; of one that is not finished also how many are done."""
    frames = frames_text(take["frames"])
    if take["state"] == "finished" or not frames:
        return frames
    done = sum(len(FrameSet.from_dicts([one])) for one in take["finished_frames"])
    return f"{frames} ({done} done)" if done else frames


def _one_line(text: str) -> str:
    return " / ".join(line.strip() for line in text.splitlines() if line.strip())


def _root(take: dict[str, Any]) -> str:
    return str(Path(take["directory"]).parent.parent)


def _place(take: dict[str, Any]) -> tuple[str, str, int, str]:
    """By number, so that v1000 comes after v999."""
    return _root(take), take["request"]["node_id"], len(take["version"]), take["version"]
