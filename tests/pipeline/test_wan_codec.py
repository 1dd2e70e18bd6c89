"""Wan's own video autoencoder, as the full sizes have it, through the same code."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan

from tests.tiny_model import CHANNELS
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.pipeline.pixels import decode_frames, encode_frames, pad_frames

SETTINGS = {"prompt": "add a red ball", "num_inference_steps": 2, "guidance_scale": 2.0, "seed": 4}


@pytest.fixture(scope="module")
def wan_codec() -> AutoencoderKLWan:
    """Random weights; mean and deviation differ from channel to channel, as Wan's do."""
    torch.manual_seed(0)
    codec = AutoencoderKLWan(base_dim=3, z_dim=CHANNELS, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
    codec.register_to_config(
        latents_mean=[0.1 * index - 0.5 for index in range(CHANNELS)],
        latents_std=[0.5 + 0.1 * index for index in range(CHANNELS)],
    )
    return codec.eval()


@pytest.fixture(scope="module")
def pipeline(sample_pipeline: VeraPipeline, wan_codec: AutoencoderKLWan) -> VeraPipeline:
    return VeraPipeline(**{**sample_pipeline.components, "vae": wan_codec})


@pytest.mark.parametrize(("frame_count", "latent_count"), [(1, 1), (2, 2), (5, 2), (9, 3)])
def test_shapes_and_normalization(wan_codec, plate, frame_count, latent_count):
    frames = pad_frames(plate(frame_count))
    assert len(frames) == 4 * (latent_count - 1) + 1
    latents = encode_frames(wan_codec, frames)
    assert latents.shape == (1, CHANNELS, latent_count, 4, 6)
    with torch.no_grad():
        video = torch.from_numpy(frames).permute(3, 0, 1, 2)[None] * 2 - 1
        raw = wan_codec.encode(video).latent_dist.mean
        for channel in range(CHANNELS):
            expected = (raw[0, channel] - (0.1 * channel - 0.5)) / (0.5 + 0.1 * channel)
            torch.testing.assert_close(latents[0, channel], expected, rtol=1e-4, atol=1e-5)
        decoded = wan_codec.decode(raw).sample[0].permute(1, 2, 3, 0).numpy()[:frame_count]
    back = decode_frames(wan_codec, latents, frame_count)
    assert back.shape == (frame_count, 32, 48, 3)
    np.testing.assert_allclose(back, np.clip((decoded + 1) / 2, 0, 1), atol=1e-4)


@pytest.mark.parametrize("frame_count", [1, 6])
def test_the_pipeline_samples_with_it(pipeline, plate, mask, frame_count):
    out = pipeline(**SETTINGS, plate_model_rgb=plate(frame_count), mask_edit_here=mask(frame_count))
    again = pipeline(**SETTINGS, plate_model_rgb=plate(frame_count), mask_edit_here=mask(frame_count))
    assert out.edit.shape == (frame_count, 32, 48, 3)
    assert out.alpha.shape == (frame_count, 32, 48)
    assert np.isfinite(out.edit).all()
    assert np.array_equal(out.edit, again.edit)


def test_saved_and_loaded_it_is_wans_own_class(pipeline, plate, tmp_path):
    pipeline.save_pretrained(tmp_path)
    loaded = VeraPipeline.from_pretrained(tmp_path)
    assert type(loaded.vae) is AutoencoderKLWan
    request = {**SETTINGS, "plate_model_rgb": plate(1), "mask_edit_here": None}
    assert np.array_equal(loaded(**request).composite, pipeline(**request).composite)
