"""Streams of encoded clips: whole ones, and ones that begin inside a longer clip."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from vera_engine.training.clips import ClipStream
from vera_engine.training.codec_fit import fit_components, layers_of
from vera_engine.training.config import Bucket
from vera_engine.training.layered import layered_clip

BUCKET = Bucket(frames=5, height=32, width=48, batch_size=2, weight=1.0)


@pytest.fixture(scope="module")
def codec():
    return fit_components(6, 0, clip_count=2, seed=3, height=32, width=48)


def seed_of(config, index: int, lane: int = 0) -> int:
    return config.seed * 1_000_003 + 5 * 32 * 48 * 1009 + lane * 50_000_017 + index


def test_whole_clips_are_the_generators_own(config, codec):
    stream = ClipStream(config, codec, BUCKET)
    batch = stream.batch(random.Random(0))
    for index in range(2):
        clip = layered_clip(seed_of(config, index), 5, 32, 48, "train", config.background_share)
        expected = codec.latents_of(torch.stack(layers_of(clip)))
        for name, latents in zip(("edit", "alpha", "composite", "source", "mask"), expected, strict=True):
            torch.testing.assert_close(getattr(batch, name)[index], latents.half().float())
        assert batch.instructions[index] == clip.instruction
    assert batch.begins_run.all()
    assert batch.mask_present.all()


def test_objects_without_a_hint_begin_where_the_run_does_and_backgrounds_keep_theirs(config, codec):
    unhinted = replace(config, no_hint_share=1.0, begins_inside_share=1.0, background_share=0.5)
    stream = ClipStream(unhinted, codec, replace(BUCKET, batch_size=8))
    batch = stream.batch(random.Random(0))
    backgrounds = [" background " in text for text in batch.instructions]
    assert 0 < sum(backgrounds) < 8
    assert batch.mask_present.tolist() == backgrounds
    assert batch.begins_run.all()
    empty = codec.latents_of(torch.full((1, 3, 5, 32, 48), -1.0))[0].half().float()
    for index, mask in enumerate(batch.mask):
        assert torch.equal(mask, empty) != backgrounds[index]


def test_a_clip_that_begins_inside_lacks_the_first_latent_of_a_longer_one(config, codec):
    stream = ClipStream(replace(config, begins_inside_share=1.0), codec, BUCKET)
    batch = stream.batch(random.Random(0))
    clip = layered_clip(seed_of(config, 0), 9, 32, 48, "train", config.background_share)
    longer = codec.latents_of(torch.stack(layers_of(clip)))
    assert not batch.begins_run.any()
    assert batch.alpha.shape[2] == 2  # as many as whole clips of five frames have: both fit one batch
    torch.testing.assert_close(batch.alpha[0], longer[1, :, 1:].half().float())


def test_lanes_draw_different_clips_and_each_its_own_again(config, codec):
    first, other, again = (ClipStream(config, codec, BUCKET, lane).batch(random.Random(0)) for lane in (0, 1, 1))
    assert not torch.equal(first.source, other.source)
    assert torch.equal(other.source, again.source)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_importance_is_a_power_of_how_a_channel_weighs_in_pixels(config, codec, power):
    stream = ClipStream(replace(config, pixel_weighting=power), codec, BUCKET)
    importance = stream.batch(random.Random(0)).importance
    assert importance.shape == (2, 6, 2, 1, 1)
    for latent, scale in enumerate((codec.first_scale, codec.group_scale)):
        expected = scale**power / (scale**power).mean()
        torch.testing.assert_close(importance[0, :, latent, 0, 0], expected)
    if power == 2.0:
        # With the codec's orthonormal blocks, twice the error in one channel is its scale squared in pixels
        one = torch.zeros(1, 6, 2, 4, 6)
        one[0, 3, 1] = 1.0
        in_pixels = (
            (codec.decode_unclamped(one) - codec.decode_unclamped(torch.zeros_like(one)))[:, :, 1:].square().sum()
        )
        assert in_pixels.item() == pytest.approx(codec.group_scale[3].item() ** 2 * 4 * 6, rel=1e-3)


def test_importance_of_a_clip_that_begins_inside_is_all_the_groups(config, codec):
    stream = ClipStream(replace(config, pixel_weighting=1.0, begins_inside_share=1.0), codec, BUCKET)
    importance = stream.batch(random.Random(0)).importance
    torch.testing.assert_close(importance[0, :, 0], importance[0, :, 1])


@pytest.mark.parametrize(("frames", "begins_inside"), [(5, False), (5, True), (1, False), (1, True)])
def test_shadow_is_the_share_of_a_latents_pixels_that_are_soft_shadow(config, codec, frames, begins_inside):
    config = replace(config, begins_inside_share=float(begins_inside), background_share=0.0)
    bucket = replace(BUCKET, frames=frames)
    stream = ClipStream(config, codec, bucket)
    shares = stream.batch(random.Random(0)).shadow
    assert shares.shape == (2, 1, (frames + 3) // 4, 4, 6)
    seed = config.seed * 1_000_003 + frames * 32 * 48 * 1009
    length = frames + 4 * begins_inside
    shadow = layered_clip(seed, length, 32, 48, "train", 0.0).shadow[:, 0].numpy() > 0.02
    times = [(0, 1), *((t, t + 4) for t in range(1, length, 4))][begins_inside:]
    assert 0 < shares[0].mean() < 1
    for latent, (start, stop) in enumerate(times):
        for y in range(4):
            for x in range(6):
                share = shadow[start:stop, 8 * y : 8 * y + 8, 8 * x : 8 * x + 8].mean()
                assert shares[0, 0, latent, y, x].item() == pytest.approx(share, abs=1e-3)


def test_backgrounds_have_no_shadow(config, codec):
    stream = ClipStream(replace(config, background_share=1.0), codec, BUCKET)
    assert not stream.batch(random.Random(0)).shadow.any()
