from __future__ import annotations

import numpy as np
import PyOpenColorIO as ocio
import pytest

from vera_engine.plates.chosen_config import BUILT_IN
from vera_engine.plates.color import (
    ColorSpace,
    ColorSpaceUnknown,
    model_to_plate_linear,
    plate_to_model_rgb,
    to_linear,
)

REC709_SPACE, ACESCG, SRGB = (ColorSpace.parse(name) for name in ("lin_rec709", "acescg", "srgb"))
SPACES = (REC709_SPACE, ACESCG, SRGB)

# The Bradford-adapted (ACES white to D65) matrices as everybody publishes them; `bradford_matrix_to_ap1` derives them
# from chromaticities alone.
AP1_TO_REC709 = np.array(
    [
        [1.70505099, -0.62179212, -0.08325887],
        [-0.13025642, 1.14080474, -0.01054832],
        [-0.02400336, -0.12896898, 1.15297233],
    ]
)
REC709_TO_AP1 = np.array(
    [
        [0.61309740, 0.33952315, 0.04737945],
        [0.07019372, 0.91635388, 0.01345240],
        [0.02061559, 0.10956977, 0.86981463],
    ]
)


def bradford_matrix_to_ap1() -> np.ndarray:
    """Rec.709 D65 to AP1 at the ACES white, from chromaticities alone."""

    def to_xyz(primaries: list[tuple[float, float]], white: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
        white_xyz = np.array([white[0] / white[1], 1, (1 - white[0] - white[1]) / white[1]])
        return columns * np.linalg.solve(columns, white_xyz), white_xyz

    rec709, d65 = to_xyz([(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)], (0.3127, 0.3290))
    ap1, aces_white = to_xyz([(0.713, 0.293), (0.165, 0.830), (0.128, 0.044)], (0.32168, 0.33767))
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    adapt = np.linalg.inv(bradford) @ np.diag((bradford @ aces_white) / (bradford @ d65)) @ bradford
    return np.linalg.inv(ap1) @ adapt @ rec709


def srgb_of(linear: float) -> float:
    """IEC 61966-2-1, as written there."""
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def test_published_matrices_agree_with_arithmetic() -> None:
    np.testing.assert_allclose(bradford_matrix_to_ap1(), REC709_TO_AP1, atol=2e-5)
    np.testing.assert_allclose(REC709_TO_AP1 @ AP1_TO_REC709, np.eye(3), atol=1e-7)


def test_plate_in_acescg_is_seen_by_the_published_matrix() -> None:
    inside = np.array([[[0.18, 0.18, 0.18], [0.4, 0.3, 0.2], [0.3, 0.5, 0.2]]], np.float32)
    expected = [[[srgb_of(value) for value in AP1_TO_REC709 @ pixel] for pixel in inside[0]]]
    np.testing.assert_allclose(plate_to_model_rgb(inside, ACESCG), expected, atol=2e-6)


def test_model_colour_comes_back_to_acescg_by_the_published_matrix() -> None:
    linear = np.array([[[0.0, 0.0, 0.0], [0.85, 0.85, 0.85], [0.2, 0.7, 0.05], [0.85, 0.0, 0.0]]])
    model_rgb = np.vectorize(srgb_of)(linear).astype(np.float32)
    expected = linear @ REC709_TO_AP1.T
    np.testing.assert_allclose(model_to_plate_linear(model_rgb, ACESCG), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["lin_rec709", "acescg", "srgb", "ARRI LogC4", "S-Log3 S-Gamut3.Cine"])
def test_what_the_model_can_see_comes_back(name: str) -> None:
    space = ColorSpace.parse(name)
    random = np.random.default_rng(3)
    light = (64 * random.random((40, 50, 3), dtype=np.float32) ** 4) @ matrix_from_rec709(space)
    seen = plate_to_model_rgb(light / 4, space, exposure=2)
    assert seen.dtype == np.float32
    back = model_to_plate_linear(seen, space, exposure=2)
    assert back.dtype == np.float32
    # Of what all three channels have, 0.5% in the brightest of them.
    assert (np.abs(back - light / 4) <= 0.005 * light.max(axis=-1, keepdims=True) / 4).all()


def matrix_from_rec709(space: ColorSpace) -> np.ndarray:
    """(3, 3) float32, by OpenColorIO's own library."""
    config = ocio.Config.CreateFromFile(space.config)
    processor = config.getProcessor("Linear Rec.709 (sRGB)", space.linear.name).getDefaultCPUProcessor()
    primaries = np.eye(3, dtype=np.float32)
    processor.applyRGB(primaries)
    return primaries


@pytest.mark.parametrize("space", SPACES)
def test_edit_colours_are_never_negative_and_black_is_black(space: ColorSpace) -> None:
    corners = np.stack(np.meshgrid([0, 1e-6, 1], [0, 1e-6, 1], [0, 1e-6, 1]), -1).reshape(1, -1, 3).astype(np.float32)
    linear = model_to_plate_linear(corners, space)
    assert linear.min() == 0
    assert (linear[(corners == 0).all(axis=-1)] == 0).all()


@pytest.mark.parametrize("space", SPACES)
def test_the_model_sees_0_to_1_only(space: ColorSpace) -> None:
    wild = np.array([[[-3.0, 0.5, 60000.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [65504.0] * 3]], np.float32)
    seen = plate_to_model_rgb(wild, space)
    assert seen.min() == 0
    assert seen.max() <= 1
    np.testing.assert_allclose(seen[0, 1:], np.float32([[0.9667222], [0], [1]]) * np.ones(3), atol=1e-5)


def test_linear_plates_stay_bit_for_bit_and_display_plates_are_decoded() -> None:
    random = np.random.default_rng(5)
    rgb = random.uniform(-2, 60000, (9, 7, 3)).astype(np.float32)
    for space in (REC709_SPACE, ACESCG):
        np.testing.assert_array_equal(to_linear(rgb, space), rgb)
    display = np.array([[[0.5, -0.5, 1.5]]], np.float32)
    expected = [[[0.21404114, -0.21404114, ((1.5 + 0.055) / 1.055) ** 2.4]]]
    np.testing.assert_allclose(to_linear(display, SRGB), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("lin_rec709", "Linear Rec.709 (sRGB)"),
        ("acescg", "ACEScg"),
        ("srgb", "sRGB Encoded Rec.709 (sRGB)"),
        ("arri logc4", "ARRI LogC4"),
        ("logc3ei800_alexawide", "ARRI LogC3 (EI800)"),
        ("scene_linear", "ACEScg"),
    ],
    ids=["short", "short ", "short  ", "either case", "alias", "role"],
)
def test_names_aliases_and_roles_are_read(word: str, name: str) -> None:
    space = ColorSpace.parse(word)
    assert (space.name, space.config) == (name, BUILT_IN)
    assert ColorSpace.parse(str(space)) == space


def test_unknown_names_are_refused_with_those_that_look_like_them() -> None:
    with pytest.raises(ColorSpaceUnknown) as refused:
        ColorSpace.parse("ARRI LogC5", "plate.fallback_color_space")
    assert (refused.value.value, refused.value.argument) == ("ARRI LogC5", "plate.fallback_color_space")
    assert "ARRI LogC4" in refused.value.remedy
    with pytest.raises(ColorSpaceUnknown, match="data"):
        ColorSpace.parse("Raw")
