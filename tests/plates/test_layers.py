"""The solve, held against the same words in arithmetic of the tests' own, float64, and by hand."""

from __future__ import annotations

import math

import numpy as np
import OpenImageIO as oiio
import pytest

from vera_engine.plates.color import ColorSpace, model_to_plate_linear
from vera_engine.plates.layers import Layers, LayersInvalid, over, solve_layers

PIXELS = 400_000
SPACES = [ColorSpace.parse("lin_rec709"), ColorSpace.parse("acescg")]


def srgb(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, mirrored at zero, float64."""
    size = np.abs(linear.astype(np.float64))
    return np.sign(linear) * np.where(size > 0.0031308, 1.055 * np.power(size, 1 / 2.4) - 0.055, 12.92 * size)


def linear(srgb_values: np.ndarray) -> np.ndarray:
    size = np.abs(srgb_values.astype(np.float64))
    return np.sign(srgb_values) * np.where(size > 0.04045, np.power((size + 0.055) / 1.055, 2.4), size / 12.92)


def meant(plate: np.ndarray, edit: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The model's own composite, in linear light."""
    a = alpha.astype(np.float64)[..., np.newaxis]
    return linear(a * srgb(edit) + (1 - a) * srgb(plate))


def merged(layers: Layers, plate: np.ndarray) -> np.ndarray:
    """The layers over the plate in float64."""
    return layers.premult.astype(np.float64) + (1 - layers.matte.astype(np.float64))[..., np.newaxis] * plate


def random_pixels(
    space: ColorSpace, brightest: float, signed: bool = False, seed: int = 7
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(1, N, 3) plate over decades and with zeros, edit from all of the model's colours, alpha with both ends."""
    random = np.random.default_rng(seed)
    plate = np.exp(random.uniform(math.log(1e-5), math.log(brightest), (1, PIXELS, 3)))
    plate[random.random(plate.shape) < 0.1] = 0
    if signed:
        plate *= random.choice([-1, 1], plate.shape, p=[0.3, 0.7])
    model_rgb = random.random((1, PIXELS, 3), dtype=np.float32)
    model_rgb[random.random(model_rgb.shape) < 0.1] = 0
    alpha = random.random((1, PIXELS), dtype=np.float32)
    alpha[random.random(alpha.shape) < 0.1] = 0
    alpha[random.random(alpha.shape) < 0.1] = 1
    alpha[random.random(alpha.shape) < 0.05] *= 1e-4
    return plate.astype(np.float16).astype(np.float32), model_to_plate_linear(model_rgb, space), alpha


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(("brightest", "signed"), [(1, False), (8, False), (60000, False), (1, True), (60000, True)])
def test_the_over_is_the_models_composite(space: ColorSpace, brightest: float, signed: bool) -> None:
    plate, edit, alpha = random_pixels(space, brightest, signed)
    layers = solve_layers(plate, edit, alpha)
    target = meant(plate, edit, alpha)
    relative = np.abs(over(layers.premult, layers.matte, plate) - target) / np.maximum(np.abs(target), 2.0**-14)
    # One rounding to half float, of the premultiplied edit; beside negative light it may be twice as coarse.
    assert relative.max() <= (2.0**-10 if signed else 4.9e-4)
    assert np.isfinite(layers.premult).all()
    assert np.isfinite(layers.matte).all()


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("brightest", [1, 60000])
def test_a_premultiplied_edit_is_never_negative_where_the_plate_is_not(space: ColorSpace, brightest: float) -> None:
    plate, edit, alpha = random_pixels(space, brightest, signed=True)
    layers = solve_layers(plate, edit, alpha)
    assert (layers.premult[plate >= 0] >= 0).all()
    assert layers.matte.min() == 0
    assert layers.matte.max() == 1
    positive = (plate >= 0).all(axis=-1)
    assert (merged(layers, plate)[positive] >= 0).all()


@pytest.mark.parametrize("space", SPACES)
def test_the_ends_are_exact(space: ColorSpace) -> None:
    plate, edit, alpha = random_pixels(space, 60000, signed=True)
    layers = solve_layers(plate, edit, alpha)
    nothing, all_of_it = alpha == 0, alpha == 1
    assert not layers.matte[nothing].any()
    assert not layers.premult[nothing].any()
    np.testing.assert_array_equal(layers.matte[all_of_it], 1)
    np.testing.assert_array_equal(layers.premult[all_of_it], edit.astype(np.float16)[all_of_it])
    np.testing.assert_array_equal(layers.straight, edit.astype(np.float16))
    assert (layers.matte[~nothing] > 0).all()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("brightest", [1, 60000])
def test_the_matte_rises_with_alpha(brightest: float, signed: bool) -> None:
    plate, edit, _ = random_pixels(ColorSpace.parse("lin_rec709"), brightest, signed)
    steps, pixels = 65, 8000
    alpha = np.tile(np.linspace(0, 1, steps, dtype=np.float32), (pixels, 1))
    layers = solve_layers(
        np.repeat(plate[0, :pixels, np.newaxis], steps, axis=1),
        np.repeat(edit[0, :pixels, np.newaxis], steps, axis=1),
        alpha,
    )
    assert (np.diff(layers.matte.astype(np.float64), axis=1) >= 0).all()


def test_the_matte_is_the_alpha_where_plate_and_edit_are_alike_and_say_nothing() -> None:
    gray = np.full((1, 101, 3), 0.18, np.float32)
    alpha = np.linspace(0, 1, 101, dtype=np.float32)[np.newaxis]
    layers = solve_layers(gray, gray, alpha)
    np.testing.assert_allclose(layers.matte, alpha, atol=1e-3)
    np.testing.assert_allclose(merged(layers, gray), gray, atol=1e-4)


def test_black_over_black_has_no_nan() -> None:
    black = np.zeros((1, 11, 3), np.float32)
    alpha = np.linspace(0, 1, 11, dtype=np.float32)[np.newaxis]
    layers = solve_layers(black, black, alpha)
    assert not layers.premult.any()
    np.testing.assert_allclose(layers.matte, alpha, atol=1e-3)


def test_a_shadow_by_hand() -> None:
    # A half-opaque black shadow on a plate of 0.5: encoded 0.735357, halved 0.367678, linear 0.111332. Its matte is
    # therefore 1 - 0.111332 / 0.5 = 0.777337 and not 0.5, which would leave 0.25: far too light.
    plate = np.full((1, 1, 3), 0.5, np.float32)
    layers = solve_layers(plate, np.zeros_like(plate), np.full((1, 1), 0.5, np.float32))
    encoded = 1.055 * math.pow(0.5, 1 / 2.4) - 0.055
    shaded = math.pow((encoded / 2 + 0.055) / 1.055, 2.4)
    assert shaded == pytest.approx(0.111332, abs=1e-6)
    assert layers.matte[0, 0] == pytest.approx(1 - shaded / 0.5, abs=5e-4)
    assert layers.matte[0, 0] >= 1 - shaded / 0.5
    assert merged(layers, plate)[0, 0, 0] == pytest.approx(shaded, rel=5e-4)


@pytest.mark.parametrize(
    ("plate", "edit", "alpha"),
    [
        ((0.2, 0.4, 0.1), (0.8, 0.1, 0.3), 0.35),
        ((0.5, 0.5, 0.5), (0.505, 0.5, 0.495), 0.7),  # alike: the ridge decides
        ((12.0, 3.0, 0.0), (0.9, 0.9, 0.9), 0.1),
        ((-0.1, 0.3, 0.2), (0.0, 0.6, 1.0), 0.5),
        ((0.0, 0.0, 0.0), (0.2, 0.0, 0.0), 0.25),
    ],
)
def test_the_matte_pixel_by_pixel(plate: tuple[float, ...], edit: tuple[float, ...], alpha: float) -> None:
    def encode(value: float) -> float:
        size = abs(value)
        return math.copysign(1.055 * size ** (1 / 2.4) - 0.055 if size > 0.0031308 else 12.92 * size, value)

    def decode(value: float) -> float:
        size = abs(value)
        return math.copysign(((size + 0.055) / 1.055) ** 2.4 if size > 0.04045 else size / 12.92, value)

    # In float32, as they come; then the words of the design in scalars.
    p, e = [float(np.float32(value)) for value in plate], [float(np.float32(value)) for value in edit]
    a = float(np.float32(alpha))
    c = [decode(a * encode(one) + (1 - a) * encode(other)) for one, other in zip(e, p, strict=True)]
    small = 1e-4 * (sum(value**2 for value in p) + sum(value**2 for value in e)) + 1e-12
    explained = sum((c[n] - p[n]) * (e[n] - p[n]) for n in range(3)) + small * a
    matte = explained / (sum((e[n] - p[n]) ** 2 for n in range(3)) + small)
    shown = [c[n] if p[n] > 0 else max(-c[n], 0) + 2**-14 for n in range(3)]
    matte = min(max([matte, 0.0] + [1 - shown[n] / abs(p[n]) for n in range(3) if p[n] != 0]), 1.0)
    layers = solve_layers(np.float32([[plate]]), np.float32([[edit]]), np.float32([[alpha]]))
    stored = float(layers.matte[0, 0])
    assert matte - 1e-6 <= stored <= matte + float(np.spacing(np.float16(matte))) + 1e-6
    for n in range(3):
        assert float(layers.premult[0, 0, n]) == pytest.approx(c[n] - (1 - stored) * p[n], rel=2**-11, abs=2**-24)


@pytest.mark.parametrize("shade", [0.0, 0.02])
def test_shadows_are_continuous_through_white_and_above(shade: float) -> None:
    ramp = np.geomspace(0.05, 60000, 200_001)
    plate = np.repeat(ramp[np.newaxis, :, np.newaxis], 3, axis=-1).astype(np.float32)
    edit = np.full_like(plate, shade)
    layers = solve_layers(plate, edit, np.full(plate.shape[:2], 0.5, np.float32))
    comp = merged(layers, plate)[0, :, 0]
    # Two steps of half rounding (A up, P to nearest) on a ramp whose steps are 7e-5 of the value.
    assert np.abs(np.diff(layers.matte[0].astype(np.float64))).max() <= 1.1 * 2**-11
    assert np.abs(np.diff(comp) / comp[1:]).max() <= 2e-3
    below, above = np.searchsorted(ramp, 1) - 1, np.searchsorted(ramp, 1)
    assert comp[above] == pytest.approx(comp[below], rel=1e-3)
    assert comp[-1] == pytest.approx(meant(plate, edit, np.full(plate.shape[:2], 0.5))[0, -1, 0], rel=4.9e-4)


def test_the_matte_is_rounded_up() -> None:
    plate, edit, alpha = random_pixels(ColorSpace.parse("acescg"), 8)
    layers = solve_layers(plate, edit, alpha)
    soft = (alpha > 0) & (alpha < 1)
    target = meant(plate, edit, alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        least = np.where(plate > 0, 1 - target / plate, 0).max(axis=-1)
    assert (layers.matte.astype(np.float64)[soft] >= least[soft] - 4e-6).all()  # in float32 it is not known better


def test_negative_plate_pixels_pass_bit_for_bit_where_the_matte_is_0() -> None:
    plate = np.float32([[[-0.0, -60000, -6e-8], [0.0, 60000, 6e-8], [-1.5, 0.1, 1e-30]]])
    layers = solve_layers(plate, np.full_like(plate, 0.7), np.zeros((1, 3), np.float32))
    comp = over(layers.premult, layers.matte, plate)
    assert comp.dtype == np.float32
    np.testing.assert_array_equal(comp.view(np.uint32), plate.view(np.uint32))


def test_light_that_passes_through_zero_is_exact() -> None:
    # A strongly negative plate under a bright edit: at some alpha the comp is next to nothing, while plate and edit are
    # not. Only a matte near 1 leaves a premultiplied edit that is rounded finely enough.
    alpha = np.linspace(0, 1, 20_001, dtype=np.float32)[np.newaxis]
    plate = np.broadcast_to(np.float32([-1.0, -0.013, 0.7]), (*alpha.shape, 3)).copy()
    edit = np.full_like(plate, 0.6)
    target = meant(plate, edit, alpha)
    assert np.abs(target[..., 0]).min() < 1e-5
    layers = solve_layers(plate, edit, alpha)
    error = np.abs(over(layers.premult, layers.matte, plate) - target)
    assert (error <= 2.0**-10 * np.maximum(np.abs(target), 2.0**-14)).all()
    assert (np.diff(layers.matte[0].astype(np.float64)) >= 0).all()


def test_negative_noise_too_small_to_matter_leaves_the_matte_alone() -> None:
    alpha = np.full((1, 2), 0.5, np.float32)
    edit = np.full((1, 2, 3), 0.4, np.float32)
    plate = np.float32([[[0.02, 0.02, 5e-5], [0.02, 0.02, -5e-5]]])
    matte = solve_layers(plate, edit, alpha).matte[0]
    assert matte[1] == pytest.approx(matte[0], abs=2e-3)


def test_the_plate_that_is_meant_shows_on_soft_pixels_alone() -> None:
    alpha = np.float32([[0, 0.25, 0.75, 1]])
    plate = np.tile(np.float32([0.2, 0.9, 0.2]), (1, 4, 1))
    clean = np.tile(np.float32([0.2, 0.3, 0.2]), (1, 4, 1))
    edit = np.tile(np.float32([0.1, 0.1, 0.5]), (1, 4, 1))
    layers = solve_layers(plate, edit, alpha, clean)
    comp = over(layers.premult, layers.matte, plate)
    np.testing.assert_array_equal(comp[0, 0], plate[0, 0])
    np.testing.assert_allclose(comp[0, 1:3], meant(clean, edit, alpha)[0, 1:3], rtol=2.0**-10)
    np.testing.assert_allclose(comp[0, 3], edit[0, 3], rtol=2.0**-11)
    assert (layers.premult >= 0).all()


def test_over_is_openimageios(random: np.random.Generator) -> None:
    plate = random.uniform(-1, 100, (40, 60, 3)).astype(np.float32)
    edit = random.random((40, 60, 3), dtype=np.float32)
    alpha = np.clip(random.random((40, 60), dtype=np.float32) * 1.4 - 0.2, 0, 1).astype(np.float32)
    layers = solve_layers(plate, edit, alpha)
    foreground = np.concatenate([layers.premult, layers.matte[..., np.newaxis]], axis=-1).astype(np.float32)
    background = np.concatenate([plate, np.ones((40, 60, 1), np.float32)], axis=-1)

    def image(pixels: np.ndarray) -> oiio.ImageBuf:
        spec = oiio.ImageSpec(60, 40, 4, "float")
        spec.channelnames = ("R", "G", "B", "A")
        spec.alpha_channel = 3
        buffer = oiio.ImageBuf(spec)
        assert buffer.set_pixels(oiio.ROI(0, 60, 0, 40, 0, 1, 0, 4), pixels)
        return buffer

    by_oiio = oiio.ImageBufAlgo.over(image(foreground), image(background))
    assert not by_oiio.has_error, by_oiio.geterror()
    expected = by_oiio.get_pixels(oiio.FLOAT)
    np.testing.assert_allclose(over(layers.premult, layers.matte, plate), expected[..., :3], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(expected[alpha == 0][:, :3], plate[alpha == 0])


def test_additive_light_without_a_matte_is_added() -> None:
    plate = np.float32([[[0.25, 0.5, 1.0]]])
    comp = over(np.float16([[[0.5, 0, 0]]]), np.float16([[0]]), plate)
    np.testing.assert_array_equal(comp, np.float32([[[0.75, 0.5, 1.0]]]))


def test_inputs_stay_as_they_were(random: np.random.Generator) -> None:
    arrays = [random.random((8, 9, 3), dtype=np.float32) for _ in range(2)] + [random.random((8, 9), dtype=np.float32)]
    copies = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    solve_layers(*arrays)
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("size", [(0, 5), (1, 1), (300, 400)])
def test_any_size_goes(size: tuple[int, int]) -> None:
    random = np.random.default_rng(2)
    plate = random.random((*size, 3), dtype=np.float32)
    edit = random.random((*size, 3), dtype=np.float32)
    alpha = random.random(size, dtype=np.float32)
    layers = solve_layers(plate, edit, alpha)
    assert layers.premult.shape == layers.straight.shape == (*size, 3)
    assert layers.matte.shape == size
    assert {layers.premult.dtype, layers.matte.dtype, layers.straight.dtype} == {np.dtype(np.float16)}
    np.testing.assert_allclose(merged(layers, plate), meant(plate, edit, alpha), atol=5e-4)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("plate_linear", np.nan),
        ("plate_linear", np.inf),
        ("plate_linear", -70000),
        ("edit_linear", -1e-6),
        ("edit_linear", np.nan),
        ("edit_linear", 1e5),
        ("alpha", 1.0000001),
        ("alpha", -1e-7),
        ("alpha", np.nan),
    ],
)
def test_what_cannot_be_solved_for_is_refused_with_its_name(name: str, bad: float) -> None:
    arrays = {
        "plate_linear": np.full((4, 5, 3), 0.5, np.float32),
        "edit_linear": np.full((4, 5, 3), 0.5, np.float32),
        "alpha": np.full((4, 5), 0.5, np.float32),
    }
    arrays[name][1, 2] = bad
    with pytest.raises(LayersInvalid, match=name) as refused:
        solve_layers(**arrays)
    assert refused.value.argument == name


@pytest.mark.parametrize(
    ("plate", "edit", "alpha"),
    [
        ((4, 5, 3), (4, 5, 3), (5, 4)),
        ((4, 5, 3), (4, 6, 3), (4, 5)),
        ((4, 5, 4), (4, 5, 4), (4, 5)),
        ((4, 5), (4, 5), (4, 5)),
    ],
)
def test_shapes_that_do_not_match_are_refused(
    plate: tuple[int, ...], edit: tuple[int, ...], alpha: tuple[int, ...]
) -> None:
    with pytest.raises(LayersInvalid, match="one size"):
        solve_layers(np.zeros(plate, np.float32), np.zeros(edit, np.float32), np.zeros(alpha, np.float32))
