"""The evaluation's page: tables, and every clip's pictures beside its figures. It needs nothing but its folder."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vera_engine.evaluation.generate import Made, brought_to
from vera_engine.evaluation.measure import LAYERS
from vera_engine.evaluation.metrics import FloatArray
from vera_engine.evaluation.records import Record
from vera_engine.evaluation.report import EDIT, EDIT_TYPES, KEPT, Report, Table, edit_table, kept_table, means
from vera_engine.plates.disk import write_file
from vera_engine.plates.picture import png_of
from vera_engine.training.datasets.sample import LayeredSample, over

WIDTH = 320
"""Pixels across a picture, at most."""
WORST = 6
"""Clips of each edit type that the page names as the worst."""
_GAP = 2  # pixels between frames
_SQUARES = 18
"""Of the checkerboard behind the edit, across."""
_DARK, _LIGHT = 0.35, 0.55

STYLE = """
body { background: #1c1c1c; color: #ddd; font: 14px/1.5 system-ui, sans-serif; margin: 2em }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 2em } h3 { font-size: 1em; margin: 1.6em 0 .2em }
a { color: #8ab8ff } code { color: #999 } p, li { max-width: 60em }
table { border-collapse: collapse; margin: 1em 0 } td, th { padding: .2em .8em; text-align: right }
td:first-child, th:first-child { text-align: left } th { color: #999; font-weight: normal; vertical-align: bottom }
tr { border-top: 1px solid #333 } .quoted td { color: #888; font-style: italic } .wrong { color: #ff8a70 }
.clip { display: flex; gap: .4em } figure { flex: 1; margin: 0; max-width: 320px } img { display: block; width: 100% }
figcaption { color: #999; font-size: 12px }
"""


def write_pictures(folder: Path, sample: LayeredSample, made: Made, vace: FloatArray | None) -> dict[str, str]:
    """Writes a clip's pictures, its first, middle and last frame one below the other.

    Returns:
        By what they show: files, relative to the folder.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten
    """
    rows, columns = np.indices(made.matte.shape[1:]) // max(1, made.matte.shape[2] // _SQUARES)
    checker = np.where((rows + columns) % 2, np.float32(_DARK), np.float32(_LIGHT))[..., None].repeat(3, axis=-1)
    shown: dict[str, FloatArray | None] = {
        "plate": sample.source,
        "mask": sample.mask,
        "matte": made.matte,
        "edit": over(made.edit, made.matte, checker),
        "layers over the plate": made.comp,
        "composite branch": made.composite,
        "true matte": sample.alpha,
        "true composite": sample.composite,
        "VACE": vace,
    }
    files = {}
    (folder / "pictures").mkdir(exist_ok=True)
    for label, layer in shown.items():
        if layer is not None:
            files[label] = f"pictures/{sample.name}.{label.replace(' ', '-')}.png"
            write_file(folder / files[label], png_of(np.round(strip(layer) * 255).astype(np.uint8)))
    return files


def strip(layer: FloatArray) -> FloatArray:
    """First, middle and last frame of (T, H, W, 3) or (T, H, W), 0 to 1, as one picture (h, w, 3)."""
    count, height, width = layer.shape[:3]
    frames = layer[sorted({0, count // 2, count - 1})]
    if width > WIDTH:
        frames = brought_to(frames, WIDTH, max(1, round(height * WIDTH / width)))
    if frames.ndim == 3:
        frames = np.repeat(frames[..., None], 3, axis=-1)
    gap = np.zeros((_GAP, frames.shape[2], 3), np.float32)
    pieces = [piece for frame in frames for piece in (frame, gap)][:-1]
    joined: FloatArray = np.clip(np.concatenate(pieces), 0, 1)
    return joined


def write_page(folder: Path, report: Report) -> None:
    """Writes `index.html` beside the pictures.

    Raises:
        DiskFull, FolderNotWritable, FileNotWritten
    """
    found = means(report)
    title = html.escape(report.title)
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>',
        f"<h1>{title}</h1>",
        *map(_table, (kept_table(report, found), edit_table(found))),
    ]
    if report.skipped:
        skipped = "".join(f"<li>{html.escape(each.name)}: {html.escape(each.reason)}</li>" for each in report.skipped)
        parts.append(f"<h2>Skipped: {len(report.skipped)}</h2><ul>{skipped}</ul>")
    for edit_type in report.edit_types:
        records = report.of_type(edit_type)
        parts += [f"<h2>{EDIT_TYPES[edit_type].capitalize()}</h2>", _worst(records), *map(_clip, records)]
    write_file(folder / "index.html", ("".join(parts) + "</html>\n").encode())


def _worst(records: Sequence[Record]) -> str:
    """Links to the clips whose mattes, or pictures outside, are farthest from the truth."""

    def value(record: Record) -> float:
        iou = record.edit.get("matte_iou", math.nan)
        return record.methods[LAYERS]["psnr"] / 100 if math.isnan(iou) else iou

    ranked = sorted((record for record in records if not math.isnan(value(record))), key=value)[:WORST]
    links = ", ".join(f'<a href="#{html.escape(each.name)}">{html.escape(each.name)}</a>' for each in ranked)
    return f"<p>Look first at the worst: {links}</p>" if links else ""


def _clip(record: Record) -> str:
    name = html.escape(record.name)
    figures = "".join(
        f'<figure><a href="{html.escape(file)}"><img src="{html.escape(file)}" alt="{label}" loading="lazy"></a>'
        f"<figcaption>{label}</figcaption></figure>"
        for label, file in record.pictures.items()
    )
    size = f"{record.frames} frames of {record.size[0]}x{record.size[1]}"
    return (
        f'<h3 id="{name}">{html.escape(record.instruction)}</h3><p><code>{name}, {size}</code>: {_words(record)}</p>'
        f'<div class="clip">{figures}</div>'
    )


def _words(record: Record) -> str:
    """A clip's figures in a line, what is wrong in red."""
    words = []
    layers = record.methods[LAYERS]
    words += [f"{KEPT[name][0]} {format(layers[name], KEPT[name][1])}" for name in KEPT if not math.isnan(layers[name])]
    for name, (label, form) in EDIT.items():
        value = record.edit.get(name, math.nan)
        if math.isnan(value):
            continue
        if label.endswith("(share)"):
            text = label.removesuffix(" (share)")
            words.append(text if value else f'<span class="wrong">not: {text}</span>')
        else:
            words.append(f"{label} {format(value, form)}")
    return "; ".join(words)


def _table(table: Table) -> str:
    lines = ["<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in table.heads) + "</tr>"]
    for row in table.all_rows:
        kind = ' class="quoted"' if row in table.quoted else ""
        lines.append(f"<tr{kind}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>")
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in table.notes)
    return f"<h2>{html.escape(table.heading)}</h2><table>{''.join(lines)}</table>{notes}"
