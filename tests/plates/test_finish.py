"""A frame's finish, against the same words in arithmetic of the tests' own."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import ndimage

from vera_engine.plates.color import ColorSpace
from vera_engine.plates.finish import FinishedFrame, finish_frame, residual_of
from vera_engine.plates.finish_settings import Detail, FinishInvalid, FinishSettings
from vera_engine.plates.image import Window
from vera_engine.plates.layers import over
from vera_engine.plates.region_border import RegionOutsidePlate
from vera_engine.plates.resize import resize

HEIGHT, WIDTH = 90, 150
SMALL = (48, 32)  # width, height
LINEAR = ColorSpace.parse("lin_rec709")
BLUE = np.float32([0.2, 0.3, 0.9])


def ball() -> tuple[np.ndarray, np.ndarray]:
    """A model's edit (h, w, 3), a blue ball that fades to black, and alpha (h, w) with a decoder's noise."""
    y, x = np.mgrid[0 : SMALL[1], 0 : SMALL[0]].astype(np.float32)
    alpha = np.clip(10.5 - np.hypot(x - 20, y - 15), 0, 1)
    edit = ndimage.gaussian_filter(alpha, 0.7)[..., np.newaxis] * BLUE
    noise = np.random.default_rng(5).uniform(-0.04, 0.04, alpha.shape)
    return edit.astype(np.float32), (alpha + noise).astype(np.float32)


def plate(brightest: float = 3.0) -> np.ndarray:
    """Uneven light, half float."""
    random = np.random.default_rng(6)
    return (random.random((HEIGHT, WIDTH, 3)) ** 3 * brightest).astype(np.float16).astype(np.float32)


def finish(plate_linear: np.ndarray, space: ColorSpace = LINEAR, **changes: object) -> FinishedFrame:
    arguments = {name: changes.pop(name) for name in ("exposure", "region", "holdout") if name in changes}
    edit, alpha = ball()
    settings = FinishSettings(**{"detail": Detail.EDIT, **changes})  # type: ignore[arg-type]
    return finish_frame(plate_linear, edit, alpha, space, settings, **arguments)  # type: ignore[arg-type]


def srgb(light: np.ndarray) -> np.ndarray:
    size = np.abs(light.astype(np.float64))
    return np.sign(light) * np.where(size > 0.0031308, 1.055 * size ** (1 / 2.4) - 0.055, 12.92 * size)


def light_of(encoded: np.ndarray) -> np.ndarray:
    size = np.abs(encoded.astype(np.float64))
    return np.sign(encoded) * np.where(size > 0.04045, ((size + 0.055) / 1.055) ** 2.4, size / 12.92)


def assert_exact(finished: FinishedFrame, plate_linear: np.ndarray) -> None:
    """The layers over the plate are what alpha and edit say, and the plate itself where alpha is 0."""
    a = finished.alpha.astype(np.float64)[..., np.newaxis]
    meant = light_of(a * srgb(finished.edit_linear) + (1 - a) * srgb(finished.plate_meant))
    comp = over(finished.layers.premult, finished.layers.matte, plate_linear)
    assert (np.abs(comp - meant) <= 2.0**-10 * np.maximum(np.abs(meant), 2.0**-14)).all()
    untouched = finished.alpha == 0
    assert untouched.any()
    np.testing.assert_array_equal(comp[untouched].view(np.uint32), plate_linear[untouched].view(np.uint32))
    assert not finished.layers.premult[untouched].any()


@pytest.mark.parametrize("detail", list(Detail))
@pytest.mark.parametrize("space", ["lin_rec709", "acescg", "srgb", "ARRI LogC4"])
def test_layers_are_the_models_composite_and_the_plate_outside(detail: Detail, space: str) -> None:
    light = plate()
    light[:, 70:] *= -0.01
    finished = finish(light, ColorSpace.parse(space), detail=detail)
    assert_exact(finished, light)
    assert (finished.alpha == 1).any()
    inside = resize(ball()[1], WIDTH, HEIGHT) > 0.5
    assert (np.abs(finished.alpha - inside) > 0.5).mean() < 0.01


def test_a_plate_of_the_models_own_size_and_one_that_is_smaller() -> None:
    for width, height in (SMALL, (31, 17)):
        light = plate()[:height, :width].copy()
        assert_exact(finish(light), light)


def test_the_same_again_gives_the_same_bits() -> None:
    one, other = finish(plate()), finish(plate())
    for name in ("premult", "matte", "straight"):
        np.testing.assert_array_equal(getattr(one.layers, name), getattr(other.layers, name))


def test_a_held_out_pixel_is_the_plates() -> None:
    light = plate()
    holdout = np.zeros((HEIGHT, WIDTH), np.float32)
    holdout[:, 55:60], holdout[:, 60:] = 0.5, 1
    free, held = finish(light), finish(light, holdout=holdout)
    assert (free.alpha[:, 60:] > 0).any()
    np.testing.assert_array_equal(held.alpha, free.alpha * (1 - holdout))
    assert not held.layers.matte[:, 60:].any()
    assert_exact(held, light)


def test_outside_the_region_lies_the_plate_bit_for_bit() -> None:
    light = plate()
    region = Window(40, 20, 90, 60)
    edit, _ = ball()
    everywhere = finish_frame(light, edit, np.ones(edit.shape[:2], np.float32), LINEAR, FinishSettings(), region=region)
    assert_exact(everywhere, light)
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[20:80, 40:130] = False
    assert not everywhere.alpha[outside].any()
    np.testing.assert_array_equal(everywhere.alpha[30:70, 50:120], 1)
    assert 0 < everywhere.alpha[20, 85] < 0.3  # falls softly, inside
    assert everywhere.statistics.matte_box == region
    # The edit's color goes on beyond it: a matte that is grown there shows no black.
    np.testing.assert_array_equal(
        everywhere.layers.straight[:20, 40:130], everywhere.layers.straight[20:21, 40:130].repeat(20, 0)
    )
    with pytest.raises(RegionOutsidePlate):
        finish(light, region=Window(100, 0, 51, 40))


def test_a_grown_matte_shows_no_fringe() -> None:
    straight = finish(plate()).layers.straight.astype(np.float32)
    alpha = finish(plate()).alpha
    just_outside = ndimage.binary_dilation(alpha > 0, iterations=12) & (alpha == 0)
    np.testing.assert_allclose(straight[just_outside].mean(axis=0), light_of(BLUE), rtol=0.15)
    assert straight[just_outside][:, 2].min() > 0.7 * light_of(BLUE)[2]


def test_smooth_follows_nothing_and_refine_0_is_the_same() -> None:
    smooth = finish(plate(), detail=Detail.SMOOTH)
    np.testing.assert_array_equal(smooth.alpha, finish(plate(), refine=0.0).alpha)
    sharper = finish(plate(), refine=1.0).alpha
    assert np.abs(np.diff(sharper, axis=1)).max() > 1.3 * np.abs(np.diff(smooth.alpha, axis=1)).max()


def test_thresholds_are_those_of_the_settings() -> None:
    edit, _ = ball()
    low = np.zeros(edit.shape[:2], np.float32)
    low[5:9, 5:9] = 0.2
    assert finish_frame(plate(), edit, low, LINEAR, FinishSettings()).alpha.max() > 0.1
    assert not finish_frame(plate(), edit, low, LINEAR, FinishSettings(black=0.3)).alpha.any()


def test_exposure_is_undone_and_highlights_are_limited() -> None:
    edit = np.full((SMALL[1], SMALL[0], 3), 0.98, np.float32)  # about 3 in the model's light
    alpha = np.ones((SMALL[1], SMALL[0]), np.float32)
    kept = finish_frame(plate(), edit, alpha, LINEAR, FinishSettings(highlights=64.0))
    limited = finish_frame(plate(), edit, alpha, LINEAR, FinishSettings(highlights=1.0))
    darker = finish_frame(plate(), edit, alpha, LINEAR, FinishSettings(highlights=1.0), exposure=2.0)
    assert kept.layers.straight.min() > 2
    assert kept.statistics.highlights_limited == 0
    np.testing.assert_allclose(limited.layers.straight, 1, rtol=1e-3)
    assert limited.statistics.highlights_limited == alpha.size
    np.testing.assert_allclose(darker.layers.straight, 0.25, rtol=1e-3)


@pytest.mark.parametrize(
    ("exposure", "highlights", "is_limited"),
    [(-15.0, 1.0, False), (-16.0, 1.0, True), (-20.0, 1.0, True), (-14.0, 4.0, True), (-20.0, 64.0, True)],
)
def test_light_beyond_half_float_is_held_and_counted(exposure: float, highlights: float, is_limited: bool) -> None:
    edit, alpha = ball()
    edit += 0.999 - edit.max()
    light = plate(60000.0)
    settings = FinishSettings(highlights=highlights)
    finished = finish_frame(light, edit, alpha, LINEAR, settings, exposure=exposure)
    assert_exact(finished, light)
    assert np.isfinite(finished.layers.pixels).all()
    assert float(finished.layers.straight.max()) == (65472 if is_limited else 32768)
    gray = np.full_like(edit, 0.95)  # below diffuse white: no highlight
    counts = [finish_frame(light, gray, alpha, LINEAR, settings, exposure=stops).statistics for stops in (0.0, -20.0)]
    assert [count.highlights_limited for count in counts] == [0, int((alpha > settings.black).sum())]


def test_spill_is_taken_out_on_request() -> None:
    kept = ndimage.gaussian_filter((np.indices((HEIGHT, WIDTH))[1] < 75).astype(np.float32), 4)[..., np.newaxis]
    light = kept * np.float32([0.5, 0.3, 0.2]) + (1 - kept) * np.float32([0.05, 0.8, 0.1])
    alpha = resize(1 - kept[..., 0], *SMALL)
    edit = np.full((*alpha.shape, 3), 0.3, np.float32)
    comps = []
    for despill in (0.0, 1.0):
        finished = finish_frame(light, edit, alpha, LINEAR, FinishSettings(despill=despill))
        assert_exact(finished, light)
        comps.append(over(finished.layers.premult, finished.layers.matte, light))
    soft = (kept[..., 0] > 0.3) & (kept[..., 0] < 0.7)
    green = [(comp[..., 1] - comp[..., [0, 2]].max(axis=-1))[soft].mean() for comp in comps]
    assert green[0] > 0.05
    assert green[1] < 0.25 * green[0]


def test_statistics_tell_where_the_matte_is() -> None:
    finished = finish(plate())
    statistics = finished.statistics
    matte = finished.layers.matte
    rows, columns = np.nonzero(matte)
    box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    told = json.loads(json.dumps(statistics.as_dict()))
    assert told["matte_box"] == box
    assert told["matte_coverage"] == pytest.approx(matte.astype(np.float64).mean())
    assert told["matte_max"] == 1
    nothing = finish(plate(), holdout=np.ones((HEIGHT, WIDTH), np.float32)).statistics
    assert (nothing.matte_box, nothing.matte_coverage, nothing.matte_max) == (None, 0, 0)


def test_settings_that_are_wrong_are_refused_before_any_work() -> None:
    with pytest.raises(FinishInvalid) as refused:
        finish(plate(), despill=1.5)
    assert refused.value.argument == "finish.despill"


def test_the_residual_is_the_light_that_the_layers_lack() -> None:
    light = np.full((HEIGHT, WIDTH, 3), 0.2, np.float32)
    finished = finish(light)
    comp = over(finished.layers.premult, finished.layers.matte, light)
    small = srgb(resize(comp, *SMALL)).astype(np.float32)
    alike = residual_of(small, finished.layers, light, LINEAR)
    assert alike.dtype == np.float16
    assert np.abs(alike).max() < 2e-3
    small[20:30, 34:44] = srgb(np.float32([0.3, 0.2, 0.1]))  # a glow that the composite branch sees on the plate
    glow = residual_of(small, finished.layers, light, LINEAR).astype(np.float32)
    y, x = 25 * HEIGHT // SMALL[1], 39 * WIDTH // SMALL[0]
    np.testing.assert_allclose(glow[y, x], [0.1, 0, -0.1], atol=3e-3)
    region = Window(10, 10, 60, 40)
    inside = residual_of(small, finished.layers, light, LINEAR, region=region)
    inside[10:50, 10:70] = 0
    assert not inside.any()
