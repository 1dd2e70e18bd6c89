"""The room that finished frames need, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from tests.exr_files import write_exr
from vera_engine.plates.frames import FrameSet
from vera_engine.plates.source import PlateSource, check_plate
from vera_engine.takes.disk_room import finish_bytes
from vera_engine.takes.request import EditType, PlateReference, TakeRequest


def test_comps_over_a_plate_that_half_rounds_take_twice_the_room(tmp_path: Path) -> None:
    write_exr(tmp_path / "plate.1.exr", np.zeros((4, 6, 3), np.float32), "RGB")
    request = TakeRequest("hero", EditType.ADD, "a ball", FrameSet.parse("1"), PlateReference(""), write_comp=True)
    log = check_plate(PlateSource(str(tmp_path / "plate.#.exr"), color_space="ARRI LogC4"), [1])
    assert finish_bytes(request, log) == 24 * (7 * 2 + 3 * 4)


def test_comps_over_a_plate_with_one_float_frame_take_twice_the_room(tmp_path: Path) -> None:
    for frame in (1, 2):
        write_exr(tmp_path / f"plate.{frame}.exr", np.zeros((4, 6, 3), np.float32), "RGB", "lin_ap1_scene")
    source = PlateSource(str(tmp_path / "plate.#.exr"))
    request = TakeRequest("hero", EditType.ADD, "a ball", FrameSet.parse("1-2"), PlateReference(source.pattern))
    with_comp = replace(request, write_comp=True)
    of_halves = check_plate(source, [1, 2])
    assert finish_bytes(request, of_halves) == 2 * 24 * 7 * 2
    assert finish_bytes(with_comp, of_halves) == 2 * 24 * (7 * 2 + 3 * 2)
    whole = oiio.ImageBuf(str(tmp_path / "plate.2.exr"))
    assert whole.write(str(tmp_path / "plate.2.exr"), oiio.FLOAT), whole.geterror()
    mixed = check_plate(source, [1, 2])
    assert finish_bytes(request, mixed) == 2 * 24 * 7 * 2
    assert finish_bytes(with_comp, mixed) == 2 * 24 * (7 * 2 + 3 * 4)
