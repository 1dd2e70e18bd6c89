"""A model's figures as Markdown, JSON and a sheet of pictures."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vera_engine.evaluation.held_out import Measured, channels_last, mean
from vera_engine.evaluation.metrics import FloatArray
from vera_engine.plates.picture import contact_sheet

_LABELS = {
    "matte_iou": "matte IoU",
    "hint_iou": "the hint's own IoU",
    "object_there": "an object is there (share)",
    "color_right": "named color right (share)",
    "band_sad": "SAD in a band around the outline (pixels)",
    "hint_band_sad": "the hint's own SAD there (pixels)",
    "edit_psnr": "new background, PSNR to the true one (dB)",
    "psnr_layers_over_plate": "outside the edit: layers over plate (dB)",
    "psnr_composite_branch": "outside the edit: composite branch (dB)",
    "psnr_codec_round_trip": "outside the edit: codec's round trip (dB)",
    "psnr_doing_nothing": "outside the edit: doing nothing (dB)",
}
"""Figure -> how the table calls it, in the table's order."""

_EDIT_TYPES = {"add": "object addition", "background": "background change"}


@dataclass(frozen=True)
class Row:
    """What a measured clip leaves when its pixels are let go."""

    edit_type: str
    instruction: str
    figures: dict[str, float]
    seconds: float


def row_of(measured: Measured) -> Row:
    return Row(measured.clip.edit_type, measured.clip.instruction, measured.figures, measured.seconds)


def summary(rows: Iterable[Row]) -> dict[str, dict[str, float]]:
    """Means of every figure by edit type, with the count of clips and the ratio of the two SADs."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row.edit_type] += 1
        values[row.edit_type]["seconds"].append(row.seconds)
        for name, value in row.figures.items():
            values[row.edit_type][name].append(value)
    means = {
        edit_type: {"clips": float(counts[edit_type]), **{name: mean(found) for name, found in figures.items()}}
        for edit_type, figures in values.items()
    }
    for figures in means.values():
        if "hint_band_sad" in figures:
            figures["band_sad_ratio"] = figures["band_sad"] / figures["hint_band_sad"]
        if "hint_iou" in figures:
            figures["iou_gain"] = figures["matte_iou"] - figures["hint_iou"]
    return means


def markdown(means: dict[str, dict[str, float]], title: str) -> str:
    """A table, a column for each edit type."""
    edit_types = [edit_type for edit_type in _EDIT_TYPES if edit_type in means]
    lines = [
        f"### {title}",
        "",
        "| | " + " | ".join(f"{_EDIT_TYPES[t]} ({means[t]['clips']:.0f} clips)" for t in edit_types) + " |",
        "|---|" + "---|" * len(edit_types),
    ]
    for name, label in _LABELS.items():
        if any(name in means[edit_type] for edit_type in edit_types):
            cells = (_cell(name, means[edit_type].get(name)) for edit_type in edit_types)
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write_json(file: Path, means: dict[str, dict[str, float]], rows: Sequence[Row], settings: dict[str, Any]) -> None:
    """All figures, clip by clip."""
    report = {
        "settings": settings,
        "means": means,
        "clips": [
            {"edit_type": r.edit_type, "instruction": r.instruction, "seconds": r.seconds, **r.figures} for r in rows
        ],
    }
    file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def sheet_row(measured: Measured) -> tuple[str, list[FloatArray]]:
    """One clip's middle frame: plate, hint, matte, edit, comp, truth."""
    middle = len(measured.matte) // 2
    clip = measured.clip
    gray = np.repeat(measured.matte[middle][..., None], 3, axis=-1)
    hint = np.repeat(channels_last(clip.mask)[middle], 3, axis=-1)
    pictures = [
        channels_last(clip.source)[middle],
        hint,
        gray,
        measured.edit[middle],
        np.clip(measured.comp[middle], 0, 1),
        channels_last(clip.composite)[middle],
    ]
    return clip.instruction, pictures


def write_sheet(file: Path, rows: Sequence[tuple[str, list[FloatArray]]]) -> None:
    """A labeled sheet of pictures."""
    contact_sheet(rows, file, ("plate", "mask", "matte", "edit", "comp", "truth"))


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if "psnr" in name or "sad" in name else f"{value:.2f}"
