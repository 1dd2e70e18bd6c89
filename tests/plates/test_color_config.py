from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import PyOpenColorIO as ocio
import pytest

from tests.plates.studio_config import write_studio_config
from vera_engine.plates.chosen_config import BUILT_IN
from vera_engine.plates.color import ColorSpace, ColorSpaceUnknown, model_to_plate_linear, plate_to_model_rgb, to_linear
from vera_engine.plates.color_config import ColorConfig, ColorConfigUnusable
from vera_engine.plates.model_curve import decode_model, encode_model


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = write_studio_config(tmp_path / "show.ocio")
    monkeypatch.setenv("OCIO", str(path))
    return path


def by_opencolorio(
    pixels: np.ndarray, config: ocio.Config, source: str, target: str, target_config: ocio.Config | None = None
) -> np.ndarray:
    """What OpenColorIO's own library makes of pixels (H, W, 3)."""
    if target_config is None:
        processor = config.getProcessor(source, target)
    else:
        processor = ocio.Config.GetProcessorFromConfigs(config, source, target_config, target)
    converted = np.array(pixels, np.float32, order="C")
    processor.getDefaultCPUProcessor().applyRGB(converted)
    return converted


def encoded_picture() -> np.ndarray:
    """(8, 256, 3): ramps, skin, saturated primaries, deep shadows, noise, values a little outside of 0..1."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)
    random = np.random.default_rng(8)
    rows = [
        np.stack([ramp, ramp, ramp], -1),
        np.stack([ramp, 0.3 * ramp, 1 - ramp], -1),
        np.float32([0.62, 0.51, 0.44]) * (0.5 + 0.5 * ramp[:, np.newaxis]),
        np.repeat(np.eye(3, dtype=np.float32), [100, 100, 56], axis=0) * 0.9,
        np.repeat(ramp[:, np.newaxis] / 64, 3, axis=1),
        random.random((256, 3), dtype=np.float32),
        np.clip(0.4 + 0.1 * random.standard_normal((256, 3), dtype=np.float32), 0, 1),
        np.stack([1 + ramp / 16, ramp, 0.5 + ramp / 4], -1),
    ]
    return np.stack(rows).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "linear"),
    [
        ("ARRI LogC4", "Linear ARRI Wide Gamut 4"),
        ("S-Log3 S-Gamut3", "Linear S-Gamut3"),
        ("S-Log3 Venice S-Gamut3.Cine", "Linear Venice S-Gamut3.Cine"),
        ("ACEScct", "ACEScg"),
        ("ACEScc", "ACEScg"),
        ("Rec.2100-PQ - Display", "Linear Rec.2020"),
        ("sRGB Encoded P3-D65", "Linear P3-D65"),
        ("sRGB - Display", "Linear Rec.709 (sRGB)"),
        ("Gamma 2.4 Encoded Rec.709", "Linear Rec.709 (sRGB)"),
        # The channels of these do not stand alone.
        ("Rec.2100-HLG - Display", "ACEScg"),
        ("ADX10", "ACEScg"),
    ],
)
def test_encoded_plates_become_linear_in_their_own_primaries(name: str, linear: str) -> None:
    space = ColorSpace.parse(name)
    assert not space.is_linear
    assert space.linear == ColorSpace.parse(linear)
    assert space.linear.is_linear
    encoded = encoded_picture()
    expected = by_opencolorio(encoded, ocio.Config.CreateFromFile(BUILT_IN), name, linear)
    np.testing.assert_allclose(to_linear(encoded, space), expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", ["ARRI LogC4", "Rec.2100-PQ - Display", "ACEScc"])
def test_large_pictures_of_halves_and_of_integers_become_the_same(name: str) -> None:
    space = ColorSpace.parse(name)
    large = np.tile(encoded_picture(), (32, 1, 1))
    integers = np.round(np.clip(large, 0, 1) * 65535) / 65535
    for pixels in (large, large.astype(np.float16).astype(np.float32), integers.astype(np.float32)):
        expected = by_opencolorio(pixels, ocio.Config.CreateFromFile(BUILT_IN), name, space.linear.name)
        np.testing.assert_allclose(to_linear(pixels, space), expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(
    ("name", "code", "light"),
    [
        # What the makers' papers and SMPTE ST 2084 say of mid-gray, and of 100 nits.
        ("ACEScct", 0.413588402, 0.18),
        ("ARRI LogC3 (EI800)", 400 / 1023, 0.18),
        ("ARRI LogC4", 0.2783958, 0.18),
        ("S-Log3 S-Gamut3", 420 / 1023, 0.18),
        ("V-Log V-Gamut", 433 / 1023, 0.18),
        ("Log3G10 REDWideGamutRGB", 1 / 3, 0.18),
        ("Rec.2100-PQ - Display", 0.5080784, 1.0),
    ],
)
def test_gray_is_where_the_curves_makers_put_it(name: str, code: float, light: float) -> None:
    space = ColorSpace.parse(name)
    np.testing.assert_allclose(to_linear(np.full((1, 1, 3), code, np.float32), space), light, rtol=3e-3)


@pytest.mark.parametrize("name", ["ARRI LogC4", "ACEScg", "Rec.2100-PQ - Display", "sRGB Encoded Rec.709 (sRGB)"])
def test_the_model_sees_every_plate_by_the_same_road(name: str) -> None:
    config = ocio.Config.CreateFromFile(BUILT_IN)
    space = ColorSpace.parse(name)
    encoded = encoded_picture()
    rec709 = by_opencolorio(encoded, config, name, "Linear Rec.709 (sRGB)").astype(np.float64)
    seen = plate_to_model_rgb(to_linear(encoded, space), space, exposure=-1.5)
    np.testing.assert_allclose(seen, encode_model(rec709 * 2**-1.5), atol=1e-3)
    back = model_to_plate_linear(seen, space, exposure=-1.5, highlights=2)
    expected = np.minimum(decode_model(seen.astype(np.float64)), 2) * 2**1.5
    expected = by_opencolorio(expected, config, "Linear Rec.709 (sRGB)", space.linear.name)
    np.testing.assert_allclose(back, expected, rtol=1e-3, atol=2e-5)


def test_a_studios_configuration_is_used_where_ocio_names_it(studio: Path) -> None:
    config = ColorConfig.current()
    assert config.name == str(studio)
    space = ColorSpace.parse("matte_paint")
    assert (space.name, space.config) == ("show_log", str(studio))
    assert space.linear == ColorSpace.parse("SHL")
    assert ColorSpace.parse("crosstalk").linear.name == "show_linear"
    own = ocio.Config.CreateFromFile(str(studio))
    encoded = encoded_picture()
    for name in ("show_log", "crosstalk"):
        expected = by_opencolorio(encoded, own, name, "show_linear")
        np.testing.assert_allclose(to_linear(encoded, ColorSpace.parse(name)), expected, rtol=2e-4, atol=2e-5)


def test_a_studios_space_reaches_the_model_by_the_role_for_aces(studio: Path) -> None:
    space = ColorSpace.parse("show_linear")
    light = encoded_picture() * 0.8
    own, built_in = ocio.Config.CreateFromFile(str(studio)), ocio.Config.CreateFromFile(BUILT_IN)
    rec709 = by_opencolorio(light, own, "show_linear", "Linear Rec.709 (sRGB)", built_in)
    np.testing.assert_allclose(plate_to_model_rgb(light, space), encode_model(rec709), atol=2e-4)


def test_what_the_built_in_configuration_calls_spaces_is_known_in_every_studio(studio: Path) -> None:
    assert ColorConfig.current().name == str(studio)
    for word, name in (("lin_rec709", "Linear Rec.709 (sRGB)"), ("acescg", "ACEScg"), ("arri_logc4", "ARRI LogC4")):
        assert ColorSpace.parse(word) == ColorSpace(name, BUILT_IN)
    assert ColorSpace.parse("srgb").linear == ColorSpace.parse("lin_rec709")
    with pytest.raises(ColorSpaceUnknown, match=r"show\.ocio"):
        ColorSpace.parse("compositing_log")  # a role there, but not here


def test_configurations_that_say_nothing_of_their_colours_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCIO", str(tmp_path / "gone.ocio"))
    with pytest.raises(ColorConfigUnusable, match="gone") as refused:
        ColorSpace.parse("acescg")
    assert refused.value.argument == "OCIO"
    (tmp_path / "broken.ocio").write_text("ocio_profile_version: 2\nroles: [")
    monkeypatch.setenv("OCIO", str(tmp_path / "broken.ocio"))
    with pytest.raises(ColorConfigUnusable, match=r"broken\.ocio"):
        ColorConfig.current()
    monkeypatch.setenv("OCIO", str(write_studio_config(tmp_path / "alone.ocio", interchange="texture: raw")))
    with pytest.raises(ColorConfigUnusable, match="aces_interchange"):
        ColorSpace.parse("show_linear").check()
    path = write_studio_config(tmp_path / "lost.ocio")
    lost = "  - !<ColorSpace>\n    name: lost\n    to_scene_reference: !<FileTransform> {src: lost.spi1d}\n"
    path.write_text(path.read_text("utf-8") + lost, "utf-8")
    monkeypatch.setenv("OCIO", str(path))
    with pytest.raises(ColorConfigUnusable, match=r"lost\.spi1d"):
        ColorSpace.parse("lost").check()
    ColorSpace.parse("show_log").check()
    path = write_studio_config(tmp_path / "roleless.ocio")
    path.write_text(path.read_text("utf-8").replace("scene_linear: show_linear", "scene_linear: show_log"), "utf-8")
    monkeypatch.setenv("OCIO", str(path))
    with pytest.raises(ColorConfigUnusable, match="scene_linear"):
        _ = ColorSpace.parse("show_log").linear


def test_a_process_that_keeps_the_configuration_converts_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)
    # A process of its own: what OpenImageIO keeps is settled when it is first imported.
    said = subprocess.run([sys.executable, "-c", _KEEPS], capture_output=True, text=True, check=True, timeout=120)
    kept = json.loads(said.stdout)
    assert kept["kept"] == kept["config"] == BUILT_IN
    here = to_linear(np.full((1, 1, 3), 0.5, np.float32), ColorSpace.parse("ARRI LogC4"))
    np.testing.assert_array_equal(np.float32(kept["light"]), here.ravel())


_KEEPS = """
import json
from vera_engine.plates.chosen_config import keep_configuration_in_memory
keep_configuration_in_memory()
import numpy as np
import OpenImageIO as oiio
from vera_engine.plates.color import ColorSpace, to_linear
space = ColorSpace.parse("ARRI LogC4")
light = to_linear(np.full((1, 1, 3), 0.5, np.float32), space)
kept = oiio.ColorConfig.default_colorconfig().configname()
print(json.dumps({"kept": kept, "config": space.config, "light": light.ravel().tolist()}))
"""
