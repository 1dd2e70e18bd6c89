from __future__ import annotations

import numpy as np
import pytest

from vera_engine.plates.image import Window
from vera_engine.plates.region_border import BORDER_SHARE, RegionOutsidePlate, region_border


def test_it_falls_inside_the_region_and_never_to_0() -> None:
    border = region_border(400, 600, Window(100, 50, 320, 256))
    assert border.shape == (256, 320)
    assert border.dtype == np.float32
    soft = round(256 * BORDER_SHARE)
    np.testing.assert_array_equal(border[soft:-soft, soft:-soft], 1)
    assert border.min() > 0
    assert border[0].max() < 0.02
    middle = border[128]
    assert (np.diff(middle[: soft + 1]) > 0).all()
    assert np.abs(np.diff(middle, n=2)).max() < 0.1  # no kink
    np.testing.assert_allclose(border, border[::-1, ::-1], atol=1e-6)


def test_there_is_none_on_the_plates_own_edge() -> None:
    np.testing.assert_array_equal(region_border(90, 160, Window(0, 0, 160, 90)), 1)
    corner = region_border(90, 160, Window(0, 40, 80, 50))
    assert corner[-1, 0] == 1  # lower left: both edges are the plate's
    assert corner[0, 0] < 0.5
    assert corner[-1, -1] < 0.5


def test_a_single_pixel_is_a_region() -> None:
    border = region_border(9, 9, Window(4, 4, 1, 1))
    assert border.shape == (1, 1)
    assert 0 < border[0, 0] < 1


@pytest.mark.parametrize("region", [(-1, 0, 5, 5), (0, 0, 11, 5), (3, 3, 0, 4), (3, 8, 4, 3)])
def test_a_region_that_is_not_within_the_plate_is_refused(region: tuple[int, int, int, int]) -> None:
    with pytest.raises(RegionOutsidePlate) as refused:
        region_border(10, 10, Window(*region))
    assert refused.value.argument == "region"
