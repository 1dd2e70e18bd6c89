"""What is done to pixels around the model, by arithmetic; whole takes are in tests/server."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from vera_engine.plates.color import ColorSpace, encode_signed_srgb
from vera_engine.plates.image import Window
from vera_engine.plates.layers import over
from vera_engine.plates.source import PlateFormat
from vera_engine.takes.render import FileSeen, PlateChanged, edit_here, layers_of_frame, mask_warnings
from vera_engine.takes.request import MaskMeaning, MaskReference, PlateReference

EDIT, KEEP = MaskMeaning.EDIT_HERE, MaskMeaning.KEEP_THIS


@pytest.mark.parametrize(
    ("meaning", "invert", "expected"),
    [(EDIT, False, [0, 0.25, 1]), (EDIT, True, [1, 0.75, 0]), (KEEP, False, [1, 0.75, 0]), (KEEP, True, [0, 0.25, 1])],
)
def test_a_mask_says_where_to_edit_whatever_white_means(meaning, invert, expected):
    white = np.array([[0, 0.25, 1]], np.float32)
    mask = MaskReference(PlateReference("/m.####.exr"), meaning, invert)
    assert edit_here(white, mask).tolist() == [expected]


def test_masks_that_say_nothing_are_warned_of_and_others_not():
    black, white = np.zeros((2, 3, 4), np.float32), np.ones((2, 3, 4), np.float32)
    some = black.copy()
    some[1, 2, 3] = 0.01
    assert [len(mask_warnings(mask)) for mask in (None, black, white, some, 1 - some)] == [0, 1, 1, 0, 0]


@pytest.fixture
def plate_format() -> PlateFormat:
    window = Window(0, 0, 6, 4)
    return PlateFormat(ColorSpace.LINEAR_REC709, window, window)


def test_where_the_matte_is_below_its_black_the_plate_stays_bit_for_bit(plate_format):
    plate = np.random.default_rng(3).normal(0, 2, (4, 6, 3)).astype(np.float32)
    layers = layers_of_frame(
        plate, plate_format, np.full((2, 3, 3), 0.5, np.float32), np.full((2, 3), 0.05, np.float32)
    )
    assert not layers.matte.any()
    assert over(layers.premult, layers.matte, plate).tobytes() == plate.tobytes()


def test_where_the_matte_is_above_its_white_the_edit_covers_all(plate_format):
    plate = np.full((4, 6, 3), 3.0, np.float32)
    linear = np.float32(0.18)
    edit = np.full((2, 3, 3), encode_signed_srgb(linear.reshape(1))[0])
    layers = layers_of_frame(plate, plate_format, edit, np.full((2, 3), 0.95, np.float32))
    assert (layers.matte == 1).all()
    assert np.allclose(layers.premult.astype(np.float32), linear, atol=2e-4)


def test_a_file_that_is_written_again_is_noticed(tmp_path):
    path = tmp_path / "plate.1001.exr"
    path.write_bytes(b"abc")
    seen = FileSeen.of(path)
    # of FIPS 180-2, appendix B.1
    assert seen.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    seen.check_unchanged()
    os.utime(path, ns=(0, seen.modified_ns + 1))
    with pytest.raises(PlateChanged) as caught:
        seen.check_unchanged()
    assert caught.value.value == str(path)
    with pytest.raises(PlateChanged):
        replace(seen, size=4, modified_ns=seen.modified_ns + 1).check_unchanged()
