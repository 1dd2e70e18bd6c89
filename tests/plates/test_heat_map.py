"""Heat maps show the least there is, and nothing where there is nothing."""

from __future__ import annotations

import numpy as np

from vera_engine.plates.heat_map import heat_map, peaks


def test_nothing_is_black_and_the_least_is_not():
    least = np.finfo(np.float32).smallest_subnormal
    picture = heat_map(np.array([[0, least, 0.5, 1, 7, np.inf]], np.float32), full=1.0)
    assert picture.shape == (1, 6, 3)
    assert not picture[0, 0].any()
    assert (np.round(picture[0, 1:] * 255).max(axis=-1) > 50).all()
    assert np.ptp(picture[0, 3:], axis=0).max() == 0
    assert ((picture >= 0) & (picture <= 1)).all()


def test_more_is_brighter():
    picture = heat_map(np.linspace(0, 2, 41, dtype=np.float32)[np.newaxis], full=2.0)
    luma = picture[0] @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    assert (np.diff(luma) > 0).all()


def test_one_pixel_of_a_large_picture_stays():
    values = np.zeros((433, 1021), np.float32)
    values[432, 1020], values[17, 500] = 0.5, 0.25
    small = peaks(values, 100)
    assert small.shape == (40, 93)
    assert (small[39, 92], small[1, 45]) == (0.5, 0.25)
    assert np.count_nonzero(small) == 2
    assert peaks(values, 1021) is values
