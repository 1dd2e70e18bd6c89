"""The page of `vera-edit check`: what was measured of each frame, and where, as heat maps."""

from __future__ import annotations

import base64
import html
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.disk import write_file
from vera_engine.plates.heat_map import heat_map, peaks
from vera_engine.plates.picture import matte_picture, plate_picture, png_of
from vera_engine.plates.proof import LARGEST_ERROR, FrameMaps, FrameProof, verdict_line
from vera_engine.plates.resize import resize

WIDTH = 480
"""Pixels across a picture; heat maps are brought to it by the greatest value, so that a single pixel stays."""
FULL_CHANGE = 0.1
"""Linear light: a change that is brightest in its heat map."""
FULL_FLICKER = 0.25

STYLE = """
body { background: #1c1c1c; color: #ddd; font: 14px/1.5 system-ui, sans-serif; margin: 2em }
h1 { font-size: 1.3em } .wrong { color: #ff8a70 }
table { border-collapse: collapse } td, th { padding: .3em .8em; text-align: right; vertical-align: top }
th { color: #999; font-weight: normal } td.pictures { text-align: left } tr { border-top: 1px solid #333 }
figure { display: inline-block; margin: 0 .5em .5em 0 } img { width: 20vw; image-rendering: pixelated; display: block }
figcaption { color: #999; font-size: 12px }
"""
HEADS = ("frame", "changed", "error", "matte", "flicker", "")


class CheckPage:
    """One page for one take.

    Args:
        path: `FILE.html`, which will hold its pictures itself; else a folder for `index.html` and PNG files.
        title: Of the page.
    """

    def __init__(self, path: Path, title: str) -> None:
        self._path = path
        self._title = title
        self._is_file = path.suffix.lower() in (".html", ".htm")
        self._proofs: list[FrameProof] = []
        self._rows: list[str] = []

    def add(self, proof: FrameProof, maps: FrameMaps) -> None:
        """Takes a frame in; its pictures are written at once, or kept for the file.

        Raises:
            DiskFull, FolderNotWritable, FileNotWritten
        """
        self._proofs.append(proof)
        pictures = {
            "comp": _smaller(plate_picture(maps.comp_linear, maps.space)),
            "matte": _smaller(matte_picture(maps.matte)),
            "difference from the plate": heat_map(peaks(maps.difference, WIDTH), FULL_CHANGE),
            "changed outside the matte": heat_map(peaks(maps.changed, WIDTH), FULL_CHANGE),
        }
        if maps.relative_error is not None:
            pictures["error: difference from the model's comp"] = heat_map(
                peaks(maps.relative_error, WIDTH), LARGEST_ERROR
            )
        if maps.flicker is not None:
            pictures["flicker"] = heat_map(peaks(maps.flicker, WIDTH), FULL_FLICKER)
        figures = "".join(self._figure(proof.frame, name, picture) for name, picture in pictures.items())
        error = proof.largest_relative_error
        cells = (
            proof.frame,
            proof.changed_outside,
            "" if error is None else f"{error:.1e}",
            f"{proof.matte_coverage:.2%}",
            "" if proof.flicker is None else f"{proof.flicker:.4f}",
        )
        wrong = "" if proof.is_exact else ' class="wrong"'
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        self._rows.append(f'<tr{wrong}>{row}<td class="pictures">{figures}</td></tr>')

    def write(self) -> None:
        """Writes the page, whole or not at all.

        Raises:
            DiskFull, FolderNotWritable, FileNotWritten
        """
        verdict = verdict_line(self._proofs)
        heads = "".join(f"<th>{head}</th>" for head in HEADS)
        page = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(self._title)}</title>'
            f"<style>{STYLE}</style><h1>{html.escape(self._title)}</h1><p>{html.escape(verdict)}</p>"
            "<p>Heat maps: black is exactly 0, brightest "
            f"{FULL_CHANGE:g} of linear light for differences and changes, {LARGEST_ERROR:.1e} for the error, "
            f"{FULL_FLICKER:g} for flicker, and more.</p><table><tr>{heads}</tr>{''.join(self._rows)}</table></html>\n"
        )
        self._put(self._path if self._is_file else self._path / "index.html", page.encode())

    def _figure(self, frame: int, name: str, picture: NDArray[np.float32]) -> str:
        content = png_of(np.round(picture * 255).astype(np.uint8))
        if self._is_file:
            source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        else:
            source = f"{name.split()[0].rstrip(':')}.{frame:04d}.png"
            self._put(self._path / source, content)
        words = html.escape(name)
        return f'<figure><img src="{source}" alt="{words}"><figcaption>{words}</figcaption></figure>'

    def _put(self, file: Path, content: bytes) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_file(file, content)


def _smaller(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = picture.shape[:2]
    return resize(picture, WIDTH, max(1, round(height * WIDTH / width))) if width > WIDTH else picture
