"""The pictures of the documents: takes of two shots through the engine, and what became of them.

Run from a checkout with the engine's environment, `.venv/bin/python docs/make_pictures.py`; some minutes on two cores.
Writes docs/pictures/hdr.png and docs/pictures/edges.png; the takes stay in demo/work.

- hdr: the demo shot, a Cycles render in linear light with values above 40. A ball is added, in a region around its
  mask.
- edges: scikit-image's photograph of a rocket between lattice towers (SpaceX, public domain), a JPEG file. Its sky is
  exchanged; the mask is a rough key of it, blurred, so that all that is fine in the matte comes from the finish.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from scipy import ndimage

from vera_engine.plates.color import to_linear
from vera_engine.plates.exr import layers_file, read_layers
from vera_engine.plates.frames import FrameSet
from vera_engine.plates.heat_map import heat_map
from vera_engine.plates.image import Window
from vera_engine.plates.picture import contact_sheet, edit_picture, matte_picture, plate_picture, write_png
from vera_engine.plates.proof import FrameMaps, FrameProof
from vera_engine.plates.source import PlateSource, read_plate_frame
from vera_engine.takes.take_proof import prove_take

DOCS = Path(__file__).resolve().parent
PICTURES = DOCS / "pictures"
WORK = DOCS.parent / "demo" / "work" / "pictures"
COLUMNS = ("plate", "edit on a checker", "matte", "comp", "where it is not the plate")
FULL_DIFFERENCE = 0.2
"""Linear light: a difference that is brightest in the heat map."""


def main() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    PICTURES.mkdir(exist_ok=True)
    make_hdr()
    make_edges()


def make_hdr() -> None:
    """A ball in the demo shot; shown as it is, and three stops down, where only what is above white is left."""
    frame = 1009
    plate = DOCS.parent / "demo" / "plate" / "plate.####.exr"
    hint = plate.with_name("hint.####.exr")
    take = vera_edit(
        *("edit", plate, "--frames", "1001-1017", "--colorspace", "lin_rec709", "--node", "hdr", "--seed", "7"),
        *("--edit", "add", "--prompt", "add a large red ball on the right", "--mask", hint),
        *("--region", "mask", "--margin", "60"),
    )
    shown = Shown(take, PlateSource(str(plate), color_space="lin_rec709"), frame)
    rows = [("as it is", shown.row()), ("-3 stops", shown.row(stops=-3))]
    contact_sheet(rows, PICTURES / "hdr.png", COLUMNS, image_width=400)


def make_edges() -> None:
    """Another sky behind lattice towers: the matte brought to size along nothing, and along the plate's edges."""
    plate = Path(skimage.__file__).parent / "data" / "rocket.jpg"
    source = PlateSource(str(plate))
    mask = WORK / "keep.png"
    write_png(mask, rough_key(read_plate_frame(source, 1).rgb))
    smooth = vera_edit(
        *("edit", plate, "--frames", "1", "--node", "edges", "--seed", "7", "--take-root", WORK / "takes"),
        *("--edit", "background", "--prompt", "replace the background with a orange gradient sky", "--mask", mask),
        *("--detail", "smooth"),
    )
    fine = vera_edit("finish", smooth, "--detail", "plate")
    rows = []
    for label, take in (("smooth", smooth), ("plate", fine)):
        shown = Shown(take, source, 1)
        rows += [(f"--detail {label}", shown.row()), ("closer", shown.row(box=Window(500, 0, 140, 94)))]
    contact_sheet(rows, PICTURES / "edges.png", COLUMNS, image_width=400)


def rough_key(rgb: np.ndarray) -> np.ndarray:
    """1 where something stays, 0 in the sky, which is bluer than all else; soft over some pixels, as drawn by hand."""
    blue = rgb[..., 2] - np.maximum(rgb[..., 0], rgb[..., 1])
    return np.clip(ndimage.gaussian_filter((blue < 0.06).astype(np.float32), 3), 0, 1)


class Shown:
    """One frame of a take as pictures.

    Args:
        take: Its folder.
        source: The plate.
        frame: Host frame.
    """

    def __init__(self, take: Path, source: PlateSource, frame: int) -> None:
        self._maps: list[FrameMaps] = []
        proof = prove_take(take, frames=FrameSet.of([frame]), on_frame=self._keep)
        if not proof.exact:
            raise SystemExit(f"{take}: {proof.verdict}")
        print(f"{take}: {proof.verdict}")
        plate = read_plate_frame(source, frame)
        self._space = plate.format.color_space
        self._plate_linear = to_linear(plate.rgb, self._space)
        self._layers = read_layers(layers_file(take, frame))

    def _keep(self, proof: FrameProof, maps: FrameMaps) -> None:
        self._maps.append(maps)

    def row(self, stops: float = 0, box: Window | None = None) -> list[np.ndarray]:
        """The pictures of `COLUMNS`, made brighter by stops, cut to a box of pixels."""
        light = np.float32(2**stops)
        layers = replace(self._layers, premult=self._layers.premult * light)
        pictures = [
            plate_picture(self._plate_linear * light, self._space),
            edit_picture(layers, self._space),
            matte_picture(self._layers.matte),
            plate_picture(self._maps[0].comp_linear * light, self._space),
            heat_map(self._maps[0].difference, FULL_DIFFERENCE),
        ]
        if box is None:
            return pictures
        return [picture[box.y : box.y + box.height, box.x : box.x + box.width] for picture in pictures]


def vera_edit(*words: object) -> Path:
    """Says a command line; the folder of the take that it made."""
    command = [sys.executable, "-m", "vera_engine.cli.main", *map(str, words)]
    ended = subprocess.run([*command, "--state-dir", WORK / "state", "--json"], stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return Path(result["take"])


if __name__ == "__main__":
    main()
