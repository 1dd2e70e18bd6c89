"""From the model's edit and alpha to layers, by arithmetic; whole takes are in test_render.py."""

from __future__ import annotations

import numpy as np
import pytest

from vera_engine.plates.color import ColorSpace
from vera_engine.plates.image import Window
from vera_engine.plates.layers import over
from vera_engine.plates.source import PlateFormat
from vera_engine.plates.srgb import encode_signed_srgb
from vera_engine.takes.delivery import layers_of_frame


@pytest.fixture
def plate_format() -> PlateFormat:
    window = Window(0, 0, 6, 4)
    return PlateFormat(ColorSpace.parse("lin_rec709"), window, window)


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
