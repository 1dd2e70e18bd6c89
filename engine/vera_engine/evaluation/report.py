"""An evaluation's figures as Markdown, with the paper's rows beside them, and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vera_engine.evaluation.measure import CODEC, COMPOSITE, LAYERS, NOTHING, VACE
from vera_engine.evaluation.paper import PAPER_ROWS, Preservation
from vera_engine.evaluation.records import Record
from vera_engine.plates.disk import write_file
from vera_engine.training.datasets.sample import Skipped

EDIT_TYPES = {"add": "object addition", "background": "background change"}
METHODS = {
    LAYERS: "layers over the plate",
    COMPOSITE: "the model's own composite branch",
    CODEC: "the codec's round trip alone",
    NOTHING: "doing nothing",
    VACE: "VACE",
}
KEPT = {"psnr": ("PSNR", ".1f"), "ssim": ("SSIM", ".3f"), "lpips": ("LPIPS", ".3f"), "flickering": ("TF", ".3f")}
"""Figures of every method: how the table calls and writes them."""

EDIT = {
    "matte_iou": ("matte IoU", ".2f"),
    "hint_iou": ("the hint's own IoU", ".2f"),
    "sad": ("matte SAD (pixels a frame)", ".1f"),
    "mse": ("matte MSE", ".4f"),
    "gradient": ("matte gradient error", ".1f"),
    "connectivity": ("matte connectivity error", ".1f"),
    "band_sad": ("SAD in a band around the outline (pixels a frame)", ".1f"),
    "hint_band_sad": ("the hint's own SAD there", ".1f"),
    "band_sad_ratio": ("ratio of these two", ".2f"),
    "shadow_correlation": ("soft shadow, correlation with the true one", ".2f"),
    "object_there": ("an object is there (share)", ".2f"),
    "area_right": ("its area within 0.3 to 3 times the true one (share)", ".2f"),
    "color_right": ("named color right (share)", ".2f"),
    "shape_right": ("named shape right (share)", ".2f"),
    "position_right": ("in the named third (share)", ".2f"),
    "motion_right": ("moves as named (share)", ".2f"),
    "edit_psnr": ("new background, PSNR to the true one (dB)", ".1f"),
}
"""Figures of the layers, in the table's order."""


READING = (
    "PSNR in dB, capped at 60 for each clip. PSNR and SSIM: more is better; LPIPS: less. TF is VBench's temporal "
    "flickering of the whole picture: 1 where nothing moves."
)
COMPARING = (
    "Rows in the paper are its authors' own, on their clips of 832x480 and with models of full size: they can be set "
    "beside ours only where this data set is that test set."
)
NOT_THE_PAPERS_MARGIN = "That says what layers are good for; it is not the paper's margin, which is over other editors."
NOT_PLACED = "Objects were added without a mask. No text says where exactly, so nothing is said of what lies outside."


@dataclass(frozen=True)
class Table:
    """A part of a report."""

    heading: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    quoted: Sequence[Sequence[str]] = ()
    """Rows below them that others measured."""
    notes: Sequence[str] = ()

    @property
    def all_rows(self) -> list[Sequence[str]]:
        """Ours, then theirs."""
        return [*self.rows, *self.quoted]


@dataclass(frozen=True)
class Report:
    """All that an evaluation found."""

    title: str
    settings: Mapping[str, Any]
    records: Sequence[Record]
    skipped: Sequence[Skipped]
    without_lpips: str
    """Why there is no LPIPS; empty where there is."""

    def of_type(self, edit_type: str) -> list[Record]:
        """The records of one edit type."""
        return [record for record in self.records if record.edit_type == edit_type]

    @property
    def edit_types(self) -> list[str]:
        """Those that there are clips of."""
        return [edit_type for edit_type in EDIT_TYPES if self.of_type(edit_type)]


def means(report: Report) -> dict[str, dict[str, Any]]:
    """By edit type: clips, seconds, the mean of every method's and of the edit's figures; null where none was measured.

    A figure comes with how many clips it is the mean of.
    """
    found: dict[str, dict[str, Any]] = {}
    for edit_type in report.edit_types:
        records = report.of_type(edit_type)
        methods = {
            method: {name: _mean([record.methods[method][name] for record in records]) for name in KEPT}
            for method in METHODS
            if all(method in record.methods for record in records)
        }
        edit: dict[str, dict[str, Any]] = {
            name: {"mean": _mean(values), "clips": sum(not math.isnan(value) for value in values)}
            for name in EDIT
            if (values := [record.edit[name] for record in records if name in record.edit])
        }
        own, hint = (edit.get(name, {"mean": None})["mean"] for name in ("band_sad", "hint_band_sad"))
        if own is not None and hint:
            edit["band_sad_ratio"] = {"mean": own / hint, "clips": edit["hint_band_sad"]["clips"]}
        seconds = _mean([record.seconds for record in records])
        found[edit_type] = {"clips": len(records), "seconds": seconds, "methods": methods, "edit": edit}
    return found


def markdown(report: Report) -> str:
    """The whole report as text."""
    found = means(report)
    lines = [f"# {report.title}"]
    for table in (kept_table(report, found), edit_table(found)):
        lines += ["", f"## {table.heading}", "", _row(table.heads), "|---|" + "---|" * (len(table.heads) - 1)]
        lines += [_row([f"*{row[0]}*" if row in table.quoted else row[0], *row[1:]]) for row in table.all_rows]
        lines += ["", *(f"- {note}" for note in table.notes)] if table.notes else []
    if report.skipped:
        lines += ["", f"## Skipped: {len(report.skipped)}", ""]
        lines += [f"- `{each.name}`: {each.reason}" for each in report.skipped]
    return "\n".join(lines) + "\n"


def kept_table(report: Report, found: dict[str, dict[str, Any]]) -> Table:
    """What every method keeps outside the edit; the paper's rows below ours."""
    heads = [""]
    for edit_type, words in EDIT_TYPES.items():
        first, *others = (head for head, _ in KEPT.values())
        heads += [f"{words} ({len(report.of_type(edit_type))}): {first}", *others]
    rows = []
    for method, label in METHODS.items():
        if any(method in each["methods"] for each in found.values()):
            figures = [found[t]["methods"].get(method, {}) if t in found else {} for t in EDIT_TYPES]
            rows.append([label, *(_cell(each.get(name), KEPT[name][1]) for each in figures for name in KEPT)])
    quoted = [
        [f"{row.method}, in the paper", *_paper_cells(row.add), *_paper_cells(row.background)] for row in PAPER_ROWS
    ]
    return Table("What is kept outside the edit", heads, rows, quoted, _kept_notes(report, found))


def _paper_cells(values: Preservation) -> list[str]:
    """PSNR, SSIM and LPIPS; the paper's flickering is only told as the same for all."""
    forms = [form for _, form in KEPT.values()]
    return [_cell(value, form) for value, form in zip((*values, None), forms, strict=True)]


def _kept_notes(report: Report, found: dict[str, dict[str, Any]]) -> list[str]:
    """What has to be known to read that table."""
    notes = [READING, COMPARING]
    margins = [
        f"{each['methods'][LAYERS]['psnr'] - each['methods'][COMPOSITE]['psnr']:.1f} dB ({EDIT_TYPES[edit_type]})"
        for edit_type, each in found.items()
        if each["methods"][LAYERS]["psnr"] is not None
    ]
    if margins:
        notes.append(f"Layers over the model's own composite branch: {', '.join(margins)}. {NOT_THE_PAPERS_MARGIN}")
    if report.without_lpips:
        notes.append(f"LPIPS was not measured: {report.without_lpips}.")
    if not report.settings.get("with_mask", True):
        notes.append(NOT_PLACED)
    return notes


def edit_table(found: dict[str, dict[str, Any]]) -> Table:
    """Mattes, and what the instruction asks for; with the count of clips where it is not all of them."""
    heads = ["", *(f"{EDIT_TYPES[edit_type]} ({each['clips']})" for edit_type, each in found.items())]
    rows = []
    for name, (label, form) in EDIT.items():
        figures = [(each["edit"].get(name), each["clips"]) for each in found.values()]
        if any(figure is not None and figure["clips"] for figure, _ in figures):
            rows.append([label, *(_counted(figure, form, clips) for figure, clips in figures)])
    rows.append(["seconds a clip", *(_cell(each["seconds"], ".2f") for each in found.values())])
    return Table("Mattes, and what was asked for", heads, rows)


def write_report(folder: Path, report: Report) -> None:
    """Writes `report.md` and `report.json`.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten
    """
    write_file(folder / "report.md", markdown(report).encode())
    content = {
        "title": report.title,
        "settings": dict(report.settings),
        "lpips_missing": report.without_lpips or None,
        "means": means(report),
        "clips": [record.as_dict() for record in report.records],
        "skipped": [{"name": each.name, "reason": each.reason} for each in report.skipped],
    }
    write_file(folder / "report.json", (json.dumps(content, indent=2) + "\n").encode())


def _mean(values: Sequence[float]) -> float | None:
    """The mean of what is not NaN; None where nothing is left."""
    kept = [value for value in values if not math.isnan(value)]
    return float(np.mean(kept)) if kept else None


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _counted(figure: dict[str, Any] | None, form: str, clips: int) -> str:
    if figure is None or not figure["clips"]:
        return ""
    text = format(figure["mean"], form)
    return text if figure["clips"] == clips else f"{text} (of {figure['clips']})"
