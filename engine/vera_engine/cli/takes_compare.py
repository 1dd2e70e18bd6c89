"""`vera-edit takes compare`: what two takes were asked for and made of, side by side where that differs."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from vera_client import VeraClient
from vera_engine.cli.outcome import DONE, print_json
from vera_engine.cli.region_text import region_text
from vera_engine.cli.table import table
from vera_engine.cli.take_address import find_take
from vera_engine.cli.take_result import color_text, frames_text, seam_text, take_result
from vera_engine.cli.takes_show import finish_text, holdout_text, read_record, source_text, statistics_of
from vera_engine.plates.frames import FrameSet

WIDTH = 110
"""Of sentences, in characters."""

JSON_HELP = """
With --json the last line is {"a": object as `vera-edit edit` prints, "b": the same, "differences": {name: [a's, b's]},
"coverage": {"1001": [0.12, 0.13], ...} (the part of the picture that the matte covers; null where a take has not that
frame), "error": null}.
"""


def run(client: VeraClient, arguments: argparse.Namespace) -> int:
    """Print what differs; takes that differ are no failure."""
    takes = [find_take(client, text, arguments.take_root, arguments.node) for text in (arguments.take, arguments.other)]
    records = [read_record(take) for take in takes]
    sides = [facts(take, record) for take, record in zip(takes, records, strict=True)]
    differences = {name: [side[name] for side in sides] for name in sides[0] if sides[0][name] != sides[1][name]}
    coverage = compare_coverage(*map(statistics_of, records))
    if arguments.json:
        a, b = map(take_result, takes)
        print_json({"a": a, "b": b, "differences": differences, "coverage": coverage, "error": None})
    else:
        print("\n".join(in_words(takes, sides[0], differences, coverage)))
    return DONE


def facts(take: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """What may differ between takes, as JSON values; null where it is not known."""
    request, settings = take["request"], take["request"]["settings"]
    mask = request.get("mask")
    return {
        "state": take["state"],
        "edit": request["edit_type"],
        "prompt": request["prompt"],
        "seed": settings.get("seed"),
        "preset": settings.get("preset") or None,
        "steps": settings.get("num_inference_steps"),
        "guidance": settings.get("guidance_scale"),
        "frames": frames_text(take["frames"]),
        "handles": request.get("handles", 0),
        "windows": take["window_count"],
        "base": take["base_version"] or None,
        "made again": frames_text(request["frames"]) if take["base_version"] else None,
        "finished anew": request.get("finish_only") or None,
        "strength": request.get("strength"),
        "seams": [f"{seam['first_side']}/{seam['second_side']} {seam_text(seam['value'])}" for seam in take["seams"]],
        "plate": source_text(request.get("plate")),
        "color": color_text(take) or None,
        "plate files": record.get("plate"),
        "mask": source_text(mask["source"]) if mask else None,
        "mask means": mask["meaning"] if mask else None,
        "mask inverted": mask["invert"] if mask else None,
        "mask files": record.get("mask"),
        "hold-out": holdout_text(request.get("holdout")) or None,
        "region": region_text(request["region"]) if request.get("region") else None,
        "exposure": request.get("exposure") or None,
        "finish": finish_text(request.get("finish")) or None,
        "model": record.get("model"),
        "device": record.get("device"),
        "engine": record.get("engine_version"),
        "warnings": list(take["warnings"]),
    }


def compare_coverage(a: dict[str, dict[str, float]], b: dict[str, dict[str, float]]) -> dict[str, list[float | None]]:
    """Of each frame that one of the takes has, how much of the picture the mattes cover, 0 to 1."""
    frames = sorted({*a, *b}, key=int)
    return {frame: [side.get(frame, {}).get("matte_coverage") for side in (a, b)] for frame in frames}


def in_words(
    takes: list[dict[str, Any]],
    facts_of_a: dict[str, Any],
    differences: dict[str, list[Any]],
    coverage: dict[str, list[float | None]],
) -> list[str]:
    """A table of what differs, a line of what does not, and the mattes frame by frame where they differ."""
    names = [f"{take['request']['node_id']}/{take['version']}" for take in takes]
    rows = [
        (name, *(_cell(name, value, values) for value in values))
        for name, values in differences.items()
        if name != "warnings"
    ]
    lines = table(("", *names), rows) if rows else [f"{names[0]} and {names[1]} were asked for and made alike."]
    warnings = [
        line
        for name, take in zip(names, takes, strict=True)
        for warning in take["warnings"]
        for line in textwrap.wrap(f"{name}: {warning}", WIDTH)
    ]
    lines += ["", *warnings] if "warnings" in differences else []
    same = [name for name, value in facts_of_a.items() if name not in differences and value]
    if same:
        lines += ["", *textwrap.wrap(f"the same: {', '.join(same)}", WIDTH)]
    if coverage:
        lines += [
            "",
            "matte, part of the picture:",
            *table(("FRAME", *names, "CHANGE"), list(_coverage(coverage)), (1, 2, 3)),
        ]
    return lines


def _coverage(coverage: dict[str, list[float | None]]) -> Iterator[tuple[str, str, str, str]]:
    """A row for each frame that differs; frames whose mattes cover the same share one."""
    for is_same, group in groupby(coverage.items(), key=lambda item: item[1][0] == item[1][1]):
        frames = list(group)
        if is_same:
            covered = FrameSet.of(int(frame) for frame, _ in frames)
            yield str(covered), "", "", "same"
            continue
        for frame, (a, b) in frames:
            change = "" if a is None or b is None else f"{b - a:+.2%}"
            yield frame, _percent(a), _percent(b), change


def _percent(part: float | None) -> str:
    return "-" if part is None else f"{part:.2%}"


def _cell(name: str, value: Any, values: list[Any]) -> str:
    """One side of a difference in one line."""
    if name.endswith("files"):
        return _files(value, values)
    if name == "model" and value:
        weights = "" if values[0] and values[1] and values[0]["name"] != values[1]["name"] else ", other weights"
        return f"{value['name']}{weights}"
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if value is None or value == "":
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _files(value: dict[str, Any] | None, values: list[dict[str, Any] | None]) -> str:
    """How many frames of a plate or mask are other files, and which."""
    if not value:
        return "-"
    others = [side for side in values if side is not value]
    other = others[0] if others and others[0] else {}
    changed = [int(frame) for frame in value if frame in other and other[frame]["sha256"] != value[frame]["sha256"]]
    words = f"{len(value)} frames"
    return f"{words}, other pixels in {FrameSet.of(changed)}" if changed else words
