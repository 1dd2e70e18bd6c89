"""The small model's codec: Wan's geometry, causality, and exactness where a basis is full."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from vera_engine.model.codec import LinearVideoCodec, VideoShapeRefused, from_blocks, ramped, to_blocks


def random_codec(z_dim: int = 12, seam_filter_width: int = 0) -> LinearVideoCodec:
    """Random orthonormal blocks, means and scales of their own."""
    torch.manual_seed(0)
    codec = LinearVideoCodec(z_dim=z_dim, seam_filter_width=seam_filter_width)
    with torch.no_grad():
        for kind in ("first", "group"):
            basis = codec.get_parameter(f"{kind}_basis")
            basis.copy_(torch.linalg.qr(torch.randn(basis.shape))[0])
            codec.get_parameter(f"{kind}_mean").normal_(std=0.1)
            codec.get_parameter(f"{kind}_scale").uniform_(0.5, 2.0)
    return codec.eval()


def random_video(frames: int, height: int = 16, width: int = 24, batch: int = 1) -> Tensor:
    return torch.rand(batch, 3, frames, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture(scope="module")
def codec() -> LinearVideoCodec:
    return random_codec()


@pytest.fixture(scope="module")
def wan_codec() -> AutoencoderKLWan:
    torch.manual_seed(0)
    return AutoencoderKLWan(base_dim=3, z_dim=12, dim_mult=[1, 1, 1, 1], num_res_blocks=1).eval()


@pytest.mark.parametrize("frames", [1, 5, 9, 17])
@torch.no_grad()
def test_shapes_and_interface_are_those_of_wans(codec, wan_codec, frames):
    video = random_video(frames)
    latents, wan_latents = codec.encode(video).latent_dist.mode(), wan_codec.encode(video).latent_dist.mode()
    assert latents.shape == wan_latents.shape == (1, 12, (frames - 1) // 4 + 1, 2, 3)
    decoded, wan_decoded = codec.decode(latents).sample, wan_codec.decode(wan_latents).sample
    assert decoded.shape == wan_decoded.shape == video.shape
    assert torch.equal(codec.encode(video, return_dict=False)[0].mode(), latents)
    assert torch.equal(codec.decode(latents, return_dict=False)[0], decoded)
    for name in ("scale_factor_spatial", "scale_factor_temporal", "z_dim"):
        assert codec.config[name] == wan_codec.config[name]
    assert len(codec.config.latents_mean) == len(codec.config.latents_std) == 12


@torch.no_grad()
def test_a_posterior_has_no_spread(codec):
    posterior = codec.encode(random_video(5)).latent_dist
    assert torch.equal(posterior.sample(), posterior.mode())


def test_blocks_are_cut_as_written_out_by_hand():
    video = random_video(9, 16, 24, batch=2)
    first, groups = to_blocks(video)
    assert first.shape == (2, 1, 2, 3, 192)
    assert groups.shape == (2, 2, 2, 3, 768)
    assert torch.equal(first[1, 0, 1, 2], video[1, :, 0, 8:16, 16:24].flatten())
    assert torch.equal(groups[1, 1, 0, 1], video[1, :, 5:9, 0:8, 8:16].flatten())
    assert torch.equal(from_blocks(first, groups), video)


def test_the_latent_of_a_block_by_hand(codec):
    latents = codec.latents_of(random_video(5))
    block = random_video(5)[0, :, 1:5, 8:16, 16:24].flatten()
    expected = torch.stack(
        [
            torch.dot(block - codec.group_mean, codec.group_basis[:, channel]) / codec.group_scale[channel]
            for channel in range(12)
        ]
    )
    torch.testing.assert_close(latents[0, :, 1, 1, 2], expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_later_frames_leave_earlier_latents_as_they_are(codec):
    video = random_video(13)
    latents = codec.latents_of(video)
    for changed, unchanged_latents in ((1, 1), (4, 1), (5, 2), (12, 3)):
        other = video.clone()
        other[:, :, changed:] = -other[:, :, changed:]
        others = codec.latents_of(other)
        assert torch.equal(others[:, :, :unchanged_latents], latents[:, :, :unchanged_latents])
        assert not torch.equal(others[:, :, unchanged_latents], latents[:, :, unchanged_latents])


@torch.no_grad()
def test_the_first_frame_stands_alone(codec):
    video = random_video(9)
    assert torch.allclose(codec.latents_of(video[:, :, :1]), codec.latents_of(video)[:, :, :1], atol=1e-6)
    latents = codec.latents_of(video)
    alone = codec.decode(latents[:, :, :1]).sample
    assert torch.allclose(alone, codec.decode(latents).sample[:, :, :1], atol=1e-6)
    latents[:, :, 0] = 0
    assert torch.equal(codec.decode(latents).sample[:, :, 1:], codec.decode(codec.latents_of(video)).sample[:, :, 1:])


@torch.no_grad()
def test_a_full_basis_gives_the_first_frame_back():
    """192 numbers in a first frame's block, 192 components: nothing is lost."""
    codec, video = random_codec(z_dim=192), random_video(1)
    torch.testing.assert_close(codec.decode(codec.latents_of(video)).sample, video, rtol=0, atol=1e-5)


@torch.no_grad()
def test_video_constant_over_blocks_comes_back():
    """Three components, one a color channel each, hold all there is of it; means and scales must cancel."""
    codec = LinearVideoCodec(z_dim=3, seam_filter_width=0)
    for kind, size in (("first", 64), ("group", 256)):
        basis = torch.zeros(3, size, 3)
        for channel in range(3):
            basis[channel, :, channel] = size**-0.5
        codec.get_parameter(f"{kind}_basis").copy_(basis.flatten(0, 1))
        codec.get_parameter(f"{kind}_mean").copy_(torch.tensor([0.1, -0.2, 0.3]).repeat_interleave(size))
        codec.get_parameter(f"{kind}_scale").copy_(torch.tensor([2.0, 3.0, 5.0]))
    small = torch.rand(1, 3, 3, 2, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1
    frames = torch.cat([small[:, :, :1], small[:, :, 1:].repeat_interleave(4, dim=2)], dim=2)
    video = frames.repeat_interleave(8, dim=3).repeat_interleave(8, dim=4)
    torch.testing.assert_close(codec.decode(codec.latents_of(video)).sample, video, rtol=0, atol=1e-5)


def test_a_ramp_takes_most_of_the_step_between_groups():
    """Frames 1-4 at 2, frames 5-8 at 6, frames 9-12 at 6: of the step of 4, three quarters go, then 3/8."""
    video = torch.tensor([50.0] + [2.0] * 4 + [6.0] * 8).view(1, 1, 13, 1, 1)
    expected = [50.0] + [2.0] * 4 + [3.0, 4.5, 6.0, 6.0] + [6.0] * 4
    assert ramped(video, 0.75).flatten().tolist() == expected
    assert torch.equal(ramped(video[:, :, :5], 0.75), video[:, :, :5])  # nothing to take, where no group comes before


@torch.no_grad()
def test_the_ramp_is_part_of_decoding():
    codec = random_codec()
    plain = codec.decode_unclamped(codec.latents_of(random_video(13)))
    codec.register_to_config(temporal_ramp=0.6)
    assert torch.equal(codec.decode_unclamped(codec.latents_of(random_video(13))), ramped(plain, 0.6))
    assert not torch.equal(ramped(plain, 0.6), plain)


@torch.no_grad()
def test_decode_clamps_and_decode_unclamped_does_not(codec):
    latents = 50 * torch.randn(1, 12, 2, 2, 3, generator=torch.Generator().manual_seed(3))
    unclamped = codec.decode_unclamped(latents)
    assert unclamped.abs().max() > 2
    assert torch.equal(codec.decode(latents).sample, unclamped.clamp(-1, 1))


@pytest.mark.parametrize("frames", [1, 5, 17])
@torch.no_grad()
def test_a_new_seam_filter_changes_nothing(frames):
    codec, filtered = random_codec(), random_codec(seam_filter_width=8)
    for name, parameter in codec.named_parameters():
        filtered.get_parameter(name).copy_(parameter)
    latents = codec.latents_of(random_video(frames))
    assert torch.equal(filtered.decode(latents).sample, codec.decode(latents).sample)


@torch.no_grad()
def test_a_seam_filter_works_frame_by_frame():
    codec = random_codec(seam_filter_width=8)
    codec.seam_filter.layers[7].weight.normal_(std=0.1)
    latents = codec.latents_of(random_video(9, batch=2))
    whole = codec.decode_unclamped(latents)
    plain = random_codec()
    for name, parameter in plain.named_parameters():
        parameter.copy_(codec.get_parameter(name))
    for clip in range(2):
        for frame in range(9):
            image = plain.decode_unclamped(latents)[clip, :, frame]
            expected = image + codec.seam_filter.layers(image[None])[0]
            torch.testing.assert_close(whole[clip, :, frame], expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(whole, plain.decode_unclamped(latents), atol=1e-3)


@pytest.mark.parametrize("seam_filter_width", [0, 8])
@torch.no_grad()
def test_saved_and_loaded_it_is_the_same_to_the_bit(tmp_path, seam_filter_width):
    codec = random_codec(seam_filter_width=seam_filter_width)
    codec.register_to_config(latents_mean=[0.5] * 12, latents_std=[2.0] * 12)
    codec.save_pretrained(tmp_path)
    assert (tmp_path / "diffusion_pytorch_model.safetensors").is_file()
    loaded = LinearVideoCodec.from_pretrained(tmp_path)
    assert loaded.config.latents_mean == [0.5] * 12
    assert loaded.config.seam_filter_width == seam_filter_width
    video = random_video(5)
    assert torch.equal(loaded.latents_of(video), codec.latents_of(video))
    assert torch.equal(loaded.decode(loaded.latents_of(video)).sample, codec.decode(codec.latents_of(video)).sample)


def test_statistics_are_one_a_channel_where_none_are_given():
    codec = LinearVideoCodec(z_dim=7, seam_filter_width=0)
    assert (codec.config.latents_mean, codec.config.latents_std) == ([0.0] * 7, [1.0] * 7)


@pytest.mark.parametrize(
    "shape",
    [
        (3, 5, 16, 16),
        (1, 1, 5, 16, 16),
        (1, 3, 0, 16, 16),
        (1, 3, 4, 16, 16),
        (1, 3, 5, 12, 16),
        (1, 3, 5, 16, 20),
        (1, 3, 5, 0, 16),
    ],
)
def test_a_video_that_is_not_whole_blocks_is_refused(codec, shape):
    with pytest.raises(VideoShapeRefused) as refused:
        codec.encode(torch.zeros(shape))
    assert (refused.value.argument, refused.value.value) == ("video", str(shape))


@pytest.mark.parametrize("shape", [(12, 2, 2, 3), (1, 11, 2, 2, 3), (1, 12, 0, 2, 3)])
def test_latents_of_another_shape_are_refused(codec, shape):
    with pytest.raises(VideoShapeRefused) as refused:
        codec.decode(torch.zeros(shape))
    assert (refused.value.argument, refused.value.value) == ("z", str(shape))
