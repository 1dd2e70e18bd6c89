from __future__ import annotations

from pathlib import Path

import OpenImageIO as oiio
import pytest

from tests.plates.studio_config import write_studio_config
from vera_engine.plates.chosen_config import BUILT_IN
from vera_engine.plates.color import ColorSpace, ColorSpaceUnknown
from vera_engine.plates.color_config import ColorConfigUnusable
from vera_engine.plates.color_rules import color_space_of_file, resolve_color_space

REC709_SPACE, ACESCG, SRGB = (ColorSpace.parse(name) for name in ("lin_rec709", "acescg", "srgb"))
AP1 = (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767)
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
AP0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.0770, 0.32168, 0.33767)


@pytest.mark.parametrize(
    ("name", "chromaticities", "space"),
    [
        (None, None, None),
        ("lin_rec709_scene", None, REC709_SPACE),
        ("lin_ap1_scene", None, ACESCG),
        ("ACEScg", None, ACESCG),
        ("srgb_rec709_scene", None, SRGB),
        ("g24_rec709_scene", None, ColorSpace.parse("Gamma 2.4 Encoded Rec.709")),
        (None, REC709, REC709_SPACE),
        (None, AP1, ACESCG),
        (None, AP0, ColorSpace.parse("ACES2065-1")),
        ("lin_ap1_scene", AP1, ACESCG),
        ("lin_ap1_scene", REC709, None),
        ("srgb_rec709_scene", REC709, SRGB),
        ("lin_ap0_scene", AP0, ColorSpace.parse("ACES2065-1")),
        ("no such space", None, None),
    ],
)
def test_a_file_states_its_space_or_nothing_is_guessed(
    name: str | None, chromaticities: tuple[float, ...] | None, space: ColorSpace | None
) -> None:
    spec = oiio.ImageSpec(4, 4, 3, "half")
    if name:
        spec.attribute("oiio:ColorSpace", name)
    if chromaticities:
        spec.attribute("chromaticities", "float[8]", chromaticities)
    assert color_space_of_file(spec) == space


def test_cameras_primaries_do_not_contradict_a_cameras_name() -> None:
    spec = oiio.ImageSpec(4, 4, 3, "half")
    spec.attribute("oiio:ColorSpace", "ARRI LogC4")
    awg4 = (0.7347, 0.2653, 0.1424, 0.8576, 0.0991, -0.0308, 0.3127, 0.3290)
    spec.attribute("chromaticities", "float[8]", awg4)
    assert color_space_of_file(spec) == ColorSpace.parse("ARRI LogC4")
    spec.attribute("chromaticities", "float[8]", REC709)
    assert color_space_of_file(spec) is None


@pytest.mark.parametrize("word", ["scene_linear", "Raw", "compositing_log"])
def test_roles_and_data_are_no_words_of_a_files(word: str) -> None:
    spec = oiio.ImageSpec(4, 4, 3, "half")
    spec.attribute("oiio:ColorSpace", word)
    assert color_space_of_file(spec) is None


def test_a_dpx_file_does_not_say_its_primaries() -> None:
    spec = oiio.ImageSpec(4, 4, 3, "uint16")
    spec.attribute("oiio:ColorSpace", "srgb_rec709_scene")
    spec.attribute("dpx:Transfer", "ITU-R 709-4")
    assert color_space_of_file(spec) is None


PLATE, SCAN, MASK = Path("/show/plate.1001.exr"), Path("/show/scans/a.1001.dpx"), Path("/show/masks/a.1001.exr")


@pytest.mark.parametrize(
    ("path", "stated", "asked", "fallback", "name", "source"),
    [
        (SCAN, ACESCG, "srgb", "lin_rec709", SRGB.name, "host"),
        (SCAN, ACESCG, None, "lin_rec709", "ACEScg", "file"),
        (SCAN, None, "", "lin_rec709", "Linear Rec.709 (sRGB)", "option"),
        (SCAN, None, None, "", "show_log", "rules"),
        (PLATE, None, None, None, None, ""),
        (MASK, None, None, None, None, ""),
    ],
    ids=["host", "file", "option", "rules", "the default rule is no word", "data is no colour"],
)
def test_the_order_of_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: Path,
    stated: ColorSpace | None,
    asked: str | None,
    fallback: str | None,
    name: str | None,
    source: str,
) -> None:
    monkeypatch.setenv("OCIO", str(write_studio_config(tmp_path / "show.ocio")))
    if name is None:
        with pytest.raises(ColorSpaceUnknown) as refused:
            resolve_color_space(path, stated, asked, fallback)
        assert refused.value.argument == "plate.color_space"
    else:
        found = resolve_color_space(path, stated, asked, fallback)
        assert (found.space.name, found.source) == (name, source)


def test_a_space_that_cannot_reach_the_model_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCIO", str(write_studio_config(tmp_path / "alone.ocio", interchange="texture: raw")))
    with pytest.raises(ColorConfigUnusable, match="aces_interchange"):
        resolve_color_space(PLATE, None, "show_log", None)
    assert resolve_color_space(PLATE, None, "srgb", None).space.config == BUILT_IN


def test_file_rules_are_the_studios_only(monkeypatch: pytest.MonkeyPatch) -> None:
    # The built-in configuration takes names of spaces in paths for their word; nobody chose that.
    monkeypatch.delenv("OCIO", raising=False)
    with pytest.raises(ColorSpaceUnknown, match="KodakLog"):
        resolve_color_space(Path("/show/plate_ARRI LogC4.1001.exr"), None, None, None, said="KodakLog")


def test_a_misspelt_option_is_told_even_where_it_is_not_needed() -> None:
    with pytest.raises(ColorSpaceUnknown) as refused:
        resolve_color_space(PLATE, ACESCG, None, "acscg")
    assert refused.value.argument == "plate.fallback_color_space"
    assert "acescg" in refused.value.remedy


def test_what_a_file_says_is_known_in_every_studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", str(write_studio_config(tmp_path / "show.ocio")))
    spec = oiio.ImageSpec(4, 4, 3, "half")
    spec.attribute("oiio:ColorSpace", "lin_p3d65_scene")
    assert color_space_of_file(spec) == ColorSpace("Linear P3-D65", BUILT_IN)
    spec.erase_attribute("oiio:ColorSpace")
    spec.attribute("chromaticities", "float[8]", AP1)
    assert color_space_of_file(spec) == ACESCG
