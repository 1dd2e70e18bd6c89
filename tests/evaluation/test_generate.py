"""Clips of any size and length: one window is the pipeline's own call, longer ones begin like it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tiny_model import make_tiny_model
from vera_engine.evaluation.generate import Sampling, decoded_run, generate
from vera_engine.model.settings import ModelSettings, read_settings
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.training.datasets.sample import LayeredSample

SAMPLING = Sampling(steps=2, guidance=2.0, with_mask=True, preset="final")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[VeraPipeline, ModelSettings]:
    folder: Path = tmp_path_factory.mktemp("models") / "tiny"
    make_tiny_model(folder)
    return load_pipeline(str(folder), "cpu"), read_settings(folder)


def plate(frames: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(6).random((frames, height, width, 3), dtype=np.float32)


def test_one_window_is_the_pipelines_own_call(model):
    pipeline, settings = model
    source, mask = plate(9, 32, 48), plate(9, 32, 48)[..., 0]
    made = decoded_run(pipeline, settings, "add a red ball", source, mask, SAMPLING, 5)
    expected = pipeline(
        prompt="add a red ball",
        plate_model_rgb=source,
        mask_edit_here=mask,
        num_inference_steps=2,
        guidance_scale=2.0,
        seed=5,
    )
    for name in ("edit", "alpha", "composite"):
        np.testing.assert_array_equal(getattr(made, name), getattr(expected, name))


def test_a_longer_clip_begins_as_its_first_window_does(model):
    pipeline, settings = model
    source = plate(25, 32, 48)
    long = decoded_run(pipeline, settings, "add a ball", source, None, SAMPLING, 5)
    first = decoded_run(pipeline, settings, "add a ball", source[:17], None, SAMPLING, 5)
    assert long.edit.shape == (25, 32, 48, 3)
    np.testing.assert_allclose(long.composite[:5], first.composite[:5], atol=1e-5)
    assert np.abs(long.composite[13:17] - first.composite[13:17]).max() > 1e-3, "the next window's part"


@pytest.mark.parametrize("size", [(40, 60), (32, 48)])
def test_layers_come_back_at_the_clips_size_and_merge_over_its_own_pixels(model, size):
    pipeline, settings = model
    sample = LayeredSample("clip", "add", "add a ball", plate(2, *size))
    made = generate(pipeline, settings, sample, SAMPLING, 1)
    for pictures in (made.edit, made.comp, made.composite, made.codec):
        assert pictures.shape == (2, *size, 3)
    merged = made.matte[..., None] * made.edit + (1 - made.matte[..., None]) * sample.source
    np.testing.assert_allclose(made.comp, merged, atol=1e-6)
    kept = made.matte == 0
    np.testing.assert_array_equal(made.comp[kept], sample.source[kept])
    assert kept.any() == (size == (32, 48)), "a matte that was enlarged is soft"
