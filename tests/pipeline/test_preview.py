"""Pictures of latents without the decoder, against what the decoder makes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan

from tests.tiny_model import CHANNELS
from vera_engine.model.codec import LinearVideoCodec
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.pixels import encode_frames
from vera_engine.pipeline.preview import LatentColors, fit_colors


@pytest.fixture(scope="module")
def small_codec() -> LinearVideoCodec:
    """Of the model that comes with the engine."""
    codec: LinearVideoCodec = load_pipeline("small", "cpu").vae
    return codec


def bars(frame_count: int) -> np.ndarray:
    """(T, 32, 48, 3): six bars of 8 pixels, a color each, that grow darker by frames."""
    colors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1], [0.2, 0.2, 0.2]], np.float32)
    dark = np.linspace(0.9, 0.6, frame_count, dtype=np.float32)
    row = colors.repeat(8, axis=0)[None, None] * dark[:, None, None, None]
    return np.ascontiguousarray(np.broadcast_to(row, (frame_count, 32, 48, 3)))


def test_it_shows_the_mean_color_of_every_block(small_codec):
    """Within 4 of 255 on the whole: of the first frame alone, and of the four frames of every later latent."""
    frames = bars(9)
    latents = np.stack([encode_frames(small_codec, frames)[0].numpy()] * 3).astype(np.float16)
    picture = fit_colors(small_codec).picture(latents, first_latent=0)
    assert picture.shape == (3, 4, 18, 3)
    assert picture.dtype == np.uint8
    for index, held in enumerate((frames[:1], frames[1:5], frames[5:])):
        expected = 255 * held.mean(axis=0)[::8, ::8]
        edit, matte, comp = np.split(picture[index].astype(np.float32), 3, axis=1)
        assert np.abs(edit - expected).mean() < 4
        assert np.abs(edit - expected).max() < 20
        assert np.array_equal(edit, comp)
        assert np.array_equal(matte, matte[..., :1].repeat(3, axis=-1))
        assert np.abs(matte[..., 0] - expected.mean(axis=-1)).mean() < 4


def test_inside_a_clip_no_latent_is_taken_for_the_first(small_codec):
    frames = bars(9)
    latents = np.stack([encode_frames(small_codec, frames)[0].numpy()] * 3).astype(np.float16)
    colors = fit_colors(small_codec)
    whole = colors.picture(latents, first_latent=0)
    assert np.array_equal(colors.picture(latents[:, :, 1:], first_latent=1), whole[1:])
    assert not np.array_equal(colors.picture(latents, first_latent=1)[0], whole[0])


def test_values_beyond_black_and_white_are_cut_not_wrapped():
    slopes = np.array([[1, 1, 1], [0, 0, 0]], np.float32)
    latents = np.array([-0.5, 0.0, 0.5, 1.0, 7.0], np.float16).reshape(1, 1, 1, 1, 5).repeat(3, axis=0)
    picture = LatentColors(first=slopes, later=slopes).picture(latents, first_latent=1)
    assert picture[0, 0, :5, 0].tolist() == [0, 0, 128, 255, 255]


def test_the_fit_is_the_same_every_time_and_leaves_chance_alone(small_codec):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, other = fit_colors(small_codec), fit_colors(small_codec)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(one.first, other.first)
    assert np.array_equal(one.later, other.later)


def test_it_fits_wans_codec_too():
    """A random one, whose latents say little of colors: the fit must still be finite and of the right shape."""
    torch.manual_seed(0)
    codec = AutoencoderKLWan(base_dim=3, z_dim=CHANNELS, dim_mult=[1, 1, 1, 1], num_res_blocks=1).eval()
    colors = fit_colors(codec)
    for fitted in (colors.first, colors.later):
        assert fitted.shape == (CHANNELS + 1, 3)
        assert np.isfinite(fitted).all()


def test_the_pipeline_fits_once_and_decodes_nothing(sample_pipeline):
    latents = np.random.default_rng(1).standard_normal((3, CHANNELS, 2, 4, 6)).astype(np.float16)
    expected = fit_colors(sample_pipeline.vae).picture(latents, 0)
    decode, sample_pipeline.vae.decode = sample_pipeline.vae.decode, None
    try:
        assert np.array_equal(sample_pipeline.preview_rgb(latents), expected)
        encode, sample_pipeline.vae.encode = sample_pipeline.vae.encode, None
        try:
            assert np.array_equal(sample_pipeline.preview_rgb(latents), expected)
        finally:
            sample_pipeline.vae.encode = encode
    finally:
        sample_pipeline.vae.decode = decode
