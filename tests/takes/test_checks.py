"""Words, and what a request needs of the disk; refusals are tested through a real engine in tests/server."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import replace

import numpy as np
import OpenImageIO as oiio
import pytest

from vera_engine.model.settings import ModelSettings
from vera_engine.takes.checks import check_request, word_warnings
from vera_engine.takes.request import AskedSettings, PlateReference
from vera_engine.takes.store import DiskTooFull


@pytest.fixture
def model() -> ModelSettings:
    return ModelSettings(
        name="words",
        vocabulary=("a", "ball", "blue", "red", "sky"),
        working_sizes=((48, 32),),
        window_frames=5,
        overlap_frames=0,
        num_inference_steps=9,
        guidance_scale=1.5,
        flow_shift=1.0,
        background_needs_mask=True,
        codec="LinearVideoCodec",
        weights_sha256={},
    )


@pytest.fixture
def plate(tmp_path) -> PlateReference:
    """Frames 1-3, 60x40."""
    for frame in (1, 2, 3):
        spec = oiio.ImageSpec(60, 40, 3, "half")
        spec.attribute("oiio:ColorSpace", "lin_ap1_scene")
        output = oiio.ImageOutput.create("exr")
        assert output.open(str(tmp_path / f"plate.{frame}.exr"), spec), output.geterror()
        assert output.write_image(np.zeros((40, 60, 3), np.float32))
        assert output.close()
    return PlateReference(str(tmp_path / "plate.#.exr"), frame_offset=-1000)


def test_unknown_words_are_named_with_those_that_look_like_them(model):
    near, far = word_warnings("A blau Ball, zzz", model)
    assert near == 'The model does not know the word "blau". Did you mean blue?'
    assert far == 'The model does not know the word "zzz". It knows: a, ball, blue, red, sky.'
    assert word_warnings("a RED sky!", model) == ()


def test_a_model_that_reads_any_text_knows_every_word(model):
    assert word_warnings("zzz", replace(model, vocabulary=())) == ()


def test_what_is_not_asked_for_is_the_models_or_the_plates_own(model, plate, request_of, tmp_path):
    checked = check_request(request_of(plate=plate), model, tmp_path)
    assert checked.request.plate.color_space == "acescg"
    assert (checked.settings.num_inference_steps, checked.settings.guidance_scale) == (9, 1.5)
    asked = AskedSettings(seed=0, num_inference_steps=1, guidance_scale=0.0)
    settings = check_request(request_of(plate=plate, settings=asked), model, tmp_path).settings
    assert (settings.seed, settings.num_inference_steps, settings.guidance_scale) == (0, 1, 0.0)


@pytest.mark.parametrize(("write_comp", "channels"), [(False, 7), (True, 10)])
def test_layers_that_would_not_fit_are_refused(model, plate, request_of, tmp_path, monkeypatch, write_comp, channels):
    needed = 3 * 60 * 40 * channels * 2 + (32 << 20)  # three frames of half floats, and the latents
    usage = namedtuple("usage", "total used free")
    request = request_of(plate=plate, write_comp=write_comp, take_root=str(tmp_path / "takes"))
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, needed))
    check_request(request, model, tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, needed - 1))
    with pytest.raises(DiskTooFull):
        check_request(request, model, tmp_path)
    assert not (tmp_path / "takes").exists()
