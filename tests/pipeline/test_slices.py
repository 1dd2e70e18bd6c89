"""Windows inside a clip, encoded and decoded after some warm-up, against the clip taken whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray

from tests.tiny_model import CHANNELS
from vera_engine.model.codec import LinearVideoCodec
from vera_engine.pipeline.checks import PipelineInputRefused
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.pipeline.pixels import decode_frames, decode_slice, encode_frames, encode_slice, pad_frames
from vera_engine.pipeline.windows import CODEC_CONTEXT, Window, frames_needed, frames_of_latents, plan_windows, warm_up

Frames = NDArray[np.float32]


@pytest.fixture(scope="module")
def linear_codec() -> LinearVideoCodec:
    """Random, with the seam filter and the ramp that the small model has, and unequal means and deviations."""
    torch.manual_seed(1)
    codec = LinearVideoCodec(
        z_dim=CHANNELS,
        seam_filter_width=8,
        temporal_ramp=0.6,
        latents_mean=[0.1 * index - 0.5 for index in range(CHANNELS)],
        latents_std=[0.5 + 0.1 * index for index in range(CHANNELS)],
    )
    with torch.no_grad():
        for parameter in codec.parameters():
            parameter.normal_(std=0.05)
        for scale in (codec.first_scale, codec.group_scale):
            scale.uniform_(0.5, 2.0)
    return codec.eval()


@pytest.fixture(scope="module")
def moving_plate() -> Callable[[int], Frames]:
    """A pattern that drifts, (T, 32, 48, 3)."""

    def make(frame_count: int) -> Frames:
        t, y, x = np.meshgrid(np.arange(frame_count), np.arange(32), np.arange(48), indexing="ij")
        waves = [np.sin((x * (channel + 1) + y * 2 + 3 * t) / 9) for channel in range(3)]
        return np.ascontiguousarray(np.stack(waves, axis=-1) / 2 + 0.5, np.float32)

    return make


def encoded_by_window(codec: ModelMixin, frames: Frames, window: Window, context: int) -> torch.Tensor:
    first, last = frames_needed(window, context)
    return encode_slice(codec, frames[first : last + 1], warm_up(window.start, context))


@pytest.mark.parametrize("frame_count", [1, 4, 17, 18, 29, 41])
def test_linear_slices_equal_the_clip(linear_codec, moving_plate, frame_count):
    context = CODEC_CONTEXT[type(linear_codec).__name__]
    frames = moving_plate(frame_count)
    whole = encode_frames(linear_codec, pad_frames(frames))
    pictures = decode_frames(linear_codec, whole, frame_count)
    for window in plan_windows(frame_count, 5, 2):
        latents = encoded_by_window(linear_codec, frames, window, context)
        assert torch.equal(latents, whole[:, :, window.start : window.stop])
        begins = window.first - warm_up(window.first, context)
        held = frames_of_latents(window.first, window.last, frame_count)
        made = decode_slice(linear_codec, whole[:, :, begins : window.last + 1], begins, held)
        # The seam filter takes four frames at a time, of which a slice makes other fours: the last bit may differ.
        np.testing.assert_allclose(made, pictures[held.start : held.stop], rtol=0, atol=2**-22)


def test_without_warm_up_a_linear_slice_would_be_another(linear_codec, moving_plate):
    """What the first latent of a clip is made by is of no use inside it."""
    frames = moving_plate(29)
    whole = encode_frames(linear_codec, frames)
    latents = encode_frames(linear_codec, frames[12:])
    assert (latents[:, :, 0] - whole[:, :, 3]).abs().max() > 0.1
    torch.testing.assert_close(latents[:, :, 1:], whole[:, :, 4:])


@pytest.fixture(scope="module")
def wan_codec() -> AutoencoderKLWan:
    """Random, with Wan's temporal down- and upsampling. Frames before count a quarter of the present one.

    Wan's codec was inflated from one for pictures, in which they counted nothing; in a purely random one all that is
    past would count as much as the present, and no picture a codec of use makes is like that.
    """
    torch.manual_seed(0)
    codec = AutoencoderKLWan(base_dim=6, z_dim=CHANNELS, dim_mult=[1, 1, 2, 2], num_res_blocks=1).eval()
    with torch.no_grad():
        for module in codec.modules():
            if isinstance(module, WanCausalConv3d):
                module.weight[:, :, :-1] *= 0.25
    return codec


def test_wan_slices_come_near_the_clip_and_nearer_with_more_warm_up(wan_codec, moving_plate):
    """Measured: off by 1.5 of 255 after four latents of warm-up, 8 after one, in a clip that moves by 10 a frame."""
    frames = moving_plate(49)
    whole = encode_frames(wan_codec, frames)
    pictures = decode_frames(wan_codec, whole, 49)
    window = Window(8, 13, (0.0,) * 5, 8, 12)
    encoding, decoding = [], []
    for context in (1, 2, 3, 4):
        off = encoded_by_window(wan_codec, frames, window, context) - whole[:, :, 8:]
        encoding.append(float(off[:, :, 0].abs().mean()))
        made = decode_slice(wan_codec, whole[:, :, 8 - context :], 8 - context, range(29, 49))
        decoding.append(255 * float(np.abs(made - pictures[29:])[:4].mean()))
    assert CODEC_CONTEXT[type(wan_codec).__name__] == 4
    for errors in (encoding, decoding):
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < errors[0] / 3
    assert encoding[-1] < 0.05 * float(whole.std())
    assert decoding[-1] < 2
    assert encoded_by_window(wan_codec, frames, window, 8).equal(whole[:, :, 8:])


def test_a_wan_slice_at_the_beginning_is_the_clips(wan_codec, moving_plate):
    frames = moving_plate(18)
    whole = encode_frames(wan_codec, pad_frames(frames))
    first, second = plan_windows(18, 5, 2)
    assert torch.equal(encoded_by_window(wan_codec, frames, first, 4), whole[:, :, :5])
    assert torch.equal(encoded_by_window(wan_codec, frames, second, 4), whole[:, :, 1:])


class TestThroughThePipeline:
    def test_plate_mask_and_frames_of_a_window(self, sample_pipeline: VeraPipeline, moving_plate):
        """A mask is a gray video; edit, matte and comp are decoded each on its own."""
        frames = moving_plate(18)
        mask = frames[..., 1]
        _, window = plan_windows(18, 5, 2)
        first, last = frames_needed(window, sample_pipeline.codec_context)
        assert (first, last) == (0, 20)
        plate_latents = sample_pipeline.encode_plate(frames[first : last + 1], window)
        whole = encode_frames(sample_pipeline.vae, pad_frames(frames))[0].numpy()
        assert np.array_equal(plate_latents, whole[:, 1:])
        gray = encode_frames(sample_pipeline.vae, pad_frames(np.stack([mask] * 3, axis=-1)))[0].numpy()
        assert np.array_equal(sample_pipeline.encode_mask(mask[first : last + 1], window), gray[:, 1:])

        latents = np.stack([whole, gray, -whole]).astype(np.float16)
        made = sample_pipeline.decode(latents[:, :, 2:], first_latent=2, frames=range(13, 18))
        for branch, name in zip(latents, ("edit", "alpha", "composite"), strict=True):
            expected = decode_frames(sample_pipeline.vae, torch.from_numpy(branch.astype(np.float32))[None], 18)[13:]
            expected = expected.mean(axis=-1) if name == "alpha" else expected
            assert np.array_equal(getattr(made, name), expected)

    @pytest.mark.parametrize("frame_count", [0, 13, 15, 16, 22])
    def test_frames_that_are_not_the_windows_are_refused(self, sample_pipeline, moving_plate, frame_count):
        """Three latents and two of warm-up take 17 frames; at the run's end 14 to 16 are padded, fewer are not."""
        window = Window(3, 6, (1.0, 0.5, 0.0), 4, 5)
        frames = moving_plate(frame_count) if frame_count else np.zeros((0, 32, 48, 3), np.float32)
        if frame_count in (15, 16):
            assert sample_pipeline.encode_plate(frames, window).shape == (CHANNELS, 3, 4, 6)
            return
        with pytest.raises(PipelineInputRefused) as refused:
            sample_pipeline.encode_plate(frames, window)
        assert refused.value.argument == "frames"

    @pytest.mark.parametrize("value", [np.nan, -0.1, 1.5])
    def test_values_out_of_range_are_refused(self, sample_pipeline, moving_plate, value):
        spoiled = moving_plate(5)
        spoiled[3, 2, 1, 0] = value
        window = Window(0, 2, (0.0, 0.0), 0, 1)
        for call, array, argument in (
            (sample_pipeline.encode_plate, spoiled, "frames"),
            (sample_pipeline.encode_mask, spoiled[..., 0], "mask"),
        ):
            with pytest.raises(PipelineInputRefused) as refused:
                call(array, window)
            assert refused.value.argument == argument

    @pytest.mark.parametrize(
        ("shape", "first_latent", "frames", "argument"),
        [
            ((2, CHANNELS, 3, 4, 6), 0, range(3), "latents"),
            ((3, CHANNELS + 1, 3, 4, 6), 0, range(3), "latents"),
            ((3, CHANNELS, 3, 4), 0, range(3), "latents"),
            ((3, CHANNELS, 3, 4, 6), 0, range(10), "frames"),
            ((3, CHANNELS, 3, 4, 6), 0, range(5, 5), "frames"),
            ((3, CHANNELS, 3, 4, 6), 2, range(8, 12), "frames"),
            ((3, CHANNELS, 3, 4, 6), 2, range(9, 18), "frames"),
            ((3, CHANNELS, 3, 4, 6), -1, range(1), "frames"),
            ((3, CHANNELS, 3, 4, 6), 0, range(0, 6, 2), "frames"),
        ],
    )
    def test_latents_that_do_not_hold_the_frames_are_refused(
        self, sample_pipeline, shape, first_latent, frames, argument
    ):
        with pytest.raises(PipelineInputRefused) as refused:
            sample_pipeline.decode(np.zeros(shape, np.float16), first_latent=first_latent, frames=frames)
        assert refused.value.argument == argument
