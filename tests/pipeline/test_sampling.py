"""The sampler against loops written out by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import UniPCMultistepScheduler
from torch import Tensor

from vera_engine.model.transformer import BRANCHES
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.noise import noise_of
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.pipeline.results import StepProgress, VeraOutput

SETTINGS = {"prompt": "add a red ball", "num_inference_steps": 3, "guidance_scale": 2.0, "seed": 4}


def same(one: VeraOutput, other: VeraOutput) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("edit", "alpha", "composite")
    ) and all(np.array_equal(one.latents[name], other.latents[name]) for name in BRANCHES)


def check_near(one: VeraOutput, other: VeraOutput) -> None:
    """Equal but for float32's last bits, which may have turned a rounding to float16."""
    for name in BRANCHES:
        np.testing.assert_allclose(
            one.latents[name].astype(np.float32), other.latents[name].astype(np.float32), rtol=1e-3, atol=1e-3
        )


class Evaluations:
    """Counts a transformer's evaluations and notes the batch size of each."""

    def __init__(self, pipeline: VeraPipeline) -> None:
        self.batch_sizes: list[int] = []
        self._handle = pipeline.transformer.register_forward_pre_hook(self._note)

    def _note(self, _module: object, arguments: tuple[Tensor, ...]) -> None:
        self.batch_sizes.append(len(arguments[0]))

    def __enter__(self) -> Evaluations:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()


def by_hand(pipeline, prompt, plate, mask, steps, guidance, seed) -> dict[str, Tensor]:
    """The latents that sampling ends with, each prompt evaluated on its own and nothing prepared, Euler on x0."""
    states = []
    for text in (prompt, ""):
        words = [pipeline.tokenizer.convert_tokens_to_ids(word) for word in text.split()]
        row = torch.tensor([[*words, pipeline.tokenizer.eos_token_id]])
        with torch.no_grad():
            hidden = pipeline.text_encoder(input_ids=row).last_hidden_state
        states.append(torch.nn.functional.pad(hidden, (0, 0, 0, pipeline.tokenizer.model_max_length - row.shape[1])))

    def encoded(video: np.ndarray) -> Tensor:
        return pipeline.vae.latents_of(torch.from_numpy(video).permute(3, 0, 1, 2)[None] * 2 - 1)

    source = encoded(plate)
    mask_latents = None if mask is None else encoded(np.stack([mask] * 3, axis=-1))
    noise = torch.from_numpy(noise_of(seed, 0, (3, *source.shape[1:])))
    latents = {name: part[None].clone() for name, part in zip(BRANCHES, noise, strict=True)}
    # The schedule of flow matching: even steps in time, shifted towards noise by s: t -> s t / (1 + (s - 1) t).
    shift, count = 1.5, 1000
    last = shift / count / (1 + (shift - 1) / count)
    times = np.linspace(1.0, last, steps)
    sigmas = [*(float(shift * t / (1 + (shift - 1) * t)) for t in times), 0.0]
    for sigma, next_sigma in pairwise(sigmas):
        with torch.no_grad():
            with_text, without_text = (
                pipeline.transformer(
                    *latents.values(),
                    torch.tensor([1000 * sigma]),
                    state,
                    source_latents=source,
                    mask_latents=mask_latents,
                    return_dict=False,
                )
                for state in states
            )
        for index, name in enumerate(BRANCHES):
            predicted = without_text[index] + guidance * (with_text[index] - without_text[index])
            if pipeline.transformer.config.prediction_type == "sample":
                # On the straight path x = (1 - s) x0 + s noise, the point at s' lies between x0 and x.
                latents[name] = predicted + next_sigma / sigma * (latents[name] - predicted)
            else:
                latents[name] = latents[name] + (next_sigma - sigma) * predicted
    return latents


@pytest.mark.parametrize("guidance_scale", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("masked", [True, False])
def test_sampling_equals_the_loop_by_hand(either_pipeline, plate, mask, guidance_scale, masked):
    given = mask(5) if masked else None
    out = either_pipeline(
        **SETTINGS | {"guidance_scale": guidance_scale}, plate_model_rgb=plate(5), mask_edit_here=given
    )
    expected = by_hand(either_pipeline, SETTINGS["prompt"], plate(5), given, 3, guidance_scale, 4)
    for name in BRANCHES:
        np.testing.assert_allclose(out.latents[name].astype(np.float32), expected[name][0], rtol=2e-3, atol=2e-3)


def test_what_comes_out_is_the_decoded_latents(sample_pipeline, plate, mask):
    """As they are stored: a take read from its latents looks as it did when it was made."""
    out = sample_pipeline(**SETTINGS, plate_model_rgb=plate(5), mask_edit_here=mask(5))
    decoded = {}
    for name, latents in out.latents.items():
        assert latents.dtype == np.float16
        with torch.no_grad():
            video = sample_pipeline.vae.decode_unclamped(torch.from_numpy(latents.astype(np.float32))[None])[0]
        decoded[name] = np.clip((video.permute(1, 2, 3, 0).numpy() + 1) / 2, 0, 1)
    np.testing.assert_allclose(out.edit, decoded["edit"], atol=1e-4)
    np.testing.assert_allclose(out.alpha, decoded["alpha"].mean(-1), atol=1e-4)
    np.testing.assert_allclose(out.composite, decoded["composite"], atol=1e-4)
    assert 0 < out.alpha.mean() < 1
    for array in (out.edit, out.alpha, out.composite):
        assert array.dtype == np.float32
        assert array.flags.c_contiguous


def test_guidance_of_one_makes_a_single_evaluation_and_is_the_limit_of_guidance(either_pipeline, plate):
    with Evaluations(either_pipeline) as one:
        alone = either_pipeline(**SETTINGS | {"guidance_scale": 1.0}, plate_model_rgb=plate(5), mask_edit_here=None)
    with Evaluations(either_pipeline) as two:
        nearly = either_pipeline(
            **SETTINGS | {"guidance_scale": 1 + 1e-7}, plate_model_rgb=plate(5), mask_edit_here=None
        )
    assert one.batch_sizes == [1, 1, 1]
    assert two.batch_sizes == [2, 2, 2]
    check_near(alone, nearly)
    guided = either_pipeline(**SETTINGS, plate_model_rgb=plate(5), mask_edit_here=None)
    assert np.abs(alone.edit - guided.edit).max() > 1e-3


def test_one_step_of_a_sample_model_is_its_prediction(sample_pipeline, plate):
    """From sigma 1 straight to 0, the noise is used up: what is left is the predicted clean sample."""
    predicted = []
    handle = sample_pipeline.transformer.register_forward_hook(lambda _module, _arguments, made: predicted.append(made))
    out = sample_pipeline(
        **SETTINGS | {"num_inference_steps": 1, "guidance_scale": 1.0}, plate_model_rgb=plate(5), mask_edit_here=None
    )
    handle.remove()
    assert len(predicted) == 1
    for name, latents in zip(BRANCHES, predicted[0], strict=True):
        np.testing.assert_allclose(out.latents[name].astype(np.float32), latents[0], rtol=2e-3, atol=2e-3)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(sample_pipeline, plate, mask):
    request = {"plate_model_rgb": plate(5), "mask_edit_here": mask(5)}
    first = sample_pipeline(**SETTINGS, **request)
    torch.manual_seed(99)
    other = sample_pipeline(**SETTINGS | {"seed": 5}, **request)
    again = sample_pipeline(**SETTINGS, **request)
    assert same(first, again)
    assert np.abs(first.edit - other.edit).max() > 1e-2


@pytest.mark.parametrize("change", [{"prompt": "add a blue ball"}, {"prompt": ""}, {"num_inference_steps": 4}])
def test_prompt_and_steps_have_a_say(sample_pipeline, plate, change):
    usual = sample_pipeline(**SETTINGS, plate_model_rgb=plate(1), mask_edit_here=None)
    changed = sample_pipeline(**SETTINGS | change, plate_model_rgb=plate(1), mask_edit_here=None)
    assert not np.array_equal(usual.edit, changed.edit)


def test_an_unguided_empty_prompt_equals_guidance_of_zero(sample_pipeline, plate):
    empty = sample_pipeline(
        **SETTINGS | {"prompt": "", "guidance_scale": 1.0}, plate_model_rgb=plate(1), mask_edit_here=None
    )
    unguided = sample_pipeline(**SETTINGS | {"guidance_scale": 0.0}, plate_model_rgb=plate(1), mask_edit_here=None)
    check_near(empty, unguided)


def test_a_mask_of_zeros_is_a_mask_and_none_is_none(sample_pipeline, plate, mask):
    """A mask that covers nothing is a black video, which has latents; without a mask nothing is added at all."""
    outs = [
        sample_pipeline(**SETTINGS, plate_model_rgb=plate(5), mask_edit_here=given)
        for given in (None, np.zeros((5, 32, 48), np.float32), mask(5))
    ]
    for index, one in enumerate(outs):
        for other in outs[index + 1 :]:
            assert np.abs(one.alpha - other.alpha).max() > 1e-3


@pytest.mark.parametrize(("frame_count", "padded_count"), [(1, 1), (2, 5), (5, 5), (6, 9), (17, 17)])
def test_frames_are_padded_inside_as_if_the_last_were_repeated(sample_pipeline, plate, mask, frame_count, padded_count):
    out = sample_pipeline(**SETTINGS, plate_model_rgb=plate(frame_count), mask_edit_here=mask(frame_count))
    assert out.edit.shape == out.composite.shape == (frame_count, 32, 48, 3)
    assert out.alpha.shape == (frame_count, 32, 48)
    assert out.latents["edit"].shape == (16, (padded_count - 1) // 4 + 1, 4, 6)
    again = padded_count - frame_count
    padded = sample_pipeline(
        **SETTINGS,
        plate_model_rgb=np.concatenate([plate(frame_count), *[plate(frame_count)[-1:]] * again]),
        mask_edit_here=np.concatenate([mask(frame_count), *[mask(frame_count)[-1:]] * again]),
    )
    assert np.array_equal(out.edit, padded.edit[:frame_count])
    assert np.array_equal(out.alpha, padded.alpha[:frame_count])
    assert np.array_equal(out.latents["composite"], padded.latents["composite"])


def test_steps_are_told_and_counted(sample_pipeline, plate):
    told: list[StepProgress] = []
    sample_pipeline(**SETTINGS, plate_model_rgb=plate(1), mask_edit_here=None, on_step=told.append)
    assert [(p.step, p.step_count, p.window, p.window_count) for p in told] == [
        (1, 3, 1, 1),
        (2, 3, 1, 1),
        (3, 3, 1, 1),
    ]
    assert all(p.seconds_per_step > 0 for p in told)


def test_what_on_step_raises_stops_within_the_step_and_leaves_the_pipeline_whole(sample_pipeline, plate):
    class Stopped(Exception):
        pass

    def stop(progress: StepProgress) -> None:
        if progress.step == 2:
            raise Stopped

    before = sample_pipeline(**SETTINGS, plate_model_rgb=plate(1), mask_edit_here=None)
    with Evaluations(sample_pipeline) as made, pytest.raises(Stopped):
        sample_pipeline(**SETTINGS, plate_model_rgb=plate(1), mask_edit_here=None, on_step=stop)
    assert made.batch_sizes == [2, 2]
    assert same(before, sample_pipeline(**SETTINGS, plate_model_rgb=plate(1), mask_edit_here=None))


def unipc(pipeline: VeraPipeline, order: int) -> VeraPipeline:
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=1.5, solver_order=order
    )
    return VeraPipeline(**{**pipeline.components, "scheduler": scheduler})


def test_unipc_with_flow_prediction_samples(either_pipeline, plate, mask):
    request = {**SETTINGS, "num_inference_steps": 8, "plate_model_rgb": plate(5), "mask_edit_here": mask(5)}
    multistep = unipc(either_pipeline, 2)
    first = multistep(**request)
    assert np.isfinite(first.latents["edit"]).all()
    assert same(first, multistep(**request))


def test_unipc_ends_where_many_small_euler_steps_end(velocity_pipeline, plate):
    """Both solve the same equation: a wrong sign or a wrong sigma would end elsewhere."""
    request = {**SETTINGS, "guidance_scale": 1.0, "plate_model_rgb": plate(1), "mask_edit_here": None}
    exact = velocity_pipeline(**request | {"num_inference_steps": 60}).latents["edit"].astype(np.float32)
    solved = unipc(velocity_pipeline, 2)(**request | {"num_inference_steps": 15}).latents["edit"].astype(np.float32)
    coarse = velocity_pipeline(**request | {"num_inference_steps": 2}).latents["edit"].astype(np.float32)
    assert np.abs(solved - exact).mean() < 0.5 * np.abs(coarse - exact).mean()
    assert np.abs(solved - exact).mean() < 0.05 * np.abs(exact).mean()


def test_the_branches_are_told_apart(sample_pipeline, plate):
    out = sample_pipeline(**SETTINGS, plate_model_rgb=plate(5), mask_edit_here=None)
    assert np.abs(out.edit - out.composite).max() > 1e-2


def test_it_runs_on_the_device(sample_folder, device, plate, mask):
    pipeline = load_pipeline(str(sample_folder), device)
    out = pipeline(**SETTINGS, plate_model_rgb=plate(5), mask_edit_here=mask(5))
    again = pipeline(**SETTINGS, plate_model_rgb=plate(5), mask_edit_here=mask(5))
    assert pipeline.device_description == {"cpu": "cpu float32", "cuda": "cuda bfloat16"}[device]
    assert same(out, again)
    on_cpu = load_pipeline(str(sample_folder), "cpu")(**SETTINGS, plate_model_rgb=plate(5), mask_edit_here=mask(5))
    # bfloat16 keeps 8 bits, and guided steps add up what they lose
    assert np.abs(out.edit - on_cpu.edit).mean() < (1e-6 if device == "cpu" else 3e-2)
