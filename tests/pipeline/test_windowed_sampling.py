"""Windows inside a timeline: anchored, started from a base, and against loops written out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import UniPCMultistepScheduler
from numpy.typing import NDArray
from torch import Tensor

from tests.tiny_model import CHANNELS
from vera_engine.model.transformer import BRANCHES
from vera_engine.pipeline.anchors import Anchors, Latents, Start
from vera_engine.pipeline.checks import LatentsNotFinite, PipelineInputRefused
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.noise import noise_of
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.pipeline.results import StepProgress
from vera_engine.pipeline.windows import Window, frames_needed, plan_windows

PROMPT, GUIDANCE, SEED, STEPS = "add a red ball", 2.0, 4, 3
FRAMES = 29
"""Eight latents: windows of five, [0, 5) and [3, 8)."""
FIRST, SECOND = plan_windows(FRAMES, 5, 2)
SHAPE = (3, CHANNELS, 5, 4, 6)


@pytest.fixture(scope="module")
def long_plate() -> NDArray[np.float32]:
    """(29, 32, 48, 3)"""
    coarse = np.random.default_rng(6).random((FRAMES, 4, 6, 3), dtype=np.float32)
    return np.ascontiguousarray(coarse.repeat(8, axis=1).repeat(8, axis=2))


@pytest.fixture
def make(either_pipeline: VeraPipeline, long_plate) -> Callable[..., Latents]:
    """Samples a window of the long plate, masked by its red."""
    return maker(either_pipeline, long_plate)


def maker(pipeline: VeraPipeline, plate: NDArray[np.float32]) -> Callable[..., Latents]:
    def make(window: Window, **changes: object) -> Latents:
        first, last = frames_needed(window, pipeline.codec_context)
        request: dict[str, object] = {
            "text": pipeline.prepare_text(PROMPT, GUIDANCE),
            "source_latents": pipeline.encode_plate(plate[first : last + 1], window),
            "mask_latents": pipeline.encode_mask(plate[first : last + 1, ..., 0], window),
            "window": window,
            "seed": SEED,
            "num_inference_steps": STEPS,
        }
        made: Latents = pipeline.sample(**request | changes)
        assert made.dtype == np.float16
        assert made.flags.c_contiguous
        return made

    return make


def base(shape: tuple[int, ...] = SHAPE) -> Latents:
    """Latents of no model, rounded as they are stored."""
    return np.random.default_rng(8).standard_normal(shape, dtype=np.float32).astype(np.float16)


def by_hand(
    pipeline: VeraPipeline,
    plate: NDArray[np.float32],
    window: Window,
    *,
    anchors: Latents | None = None,
    anchor_seeds: Sequence[int] = (),
    start: tuple[Latents, int] | None = None,
) -> NDArray[np.float32]:
    """Euler over the whole clip's latents, cut to the slice; every prompt evaluated on its own."""
    states = [torch.from_numpy(pipeline.encode_text(text))[None] for text in (PROMPT, "")]
    video = torch.from_numpy(plate).permute(3, 0, 1, 2)[None] * 2 - 1
    cut = slice(window.start, window.stop)
    source = pipeline.vae.latents_of(video)[:, :, cut]
    mask = pipeline.vae.latents_of(video[:, :1].expand(-1, 3, -1, -1, -1))[:, :, cut]
    count = window.stop - window.start
    noise = noise_of(SEED, window.start, (3, CHANNELS, count, 4, 6))
    weight = np.array(window.weights).reshape(1, 1, -1, 1, 1)
    # even steps in time, shifted towards noise by 1.5: t -> 1.5 t / (1 + 0.5 t)
    times = np.linspace(1.0, 1.5 / 1000 / (1 + 0.5 / 1000), STEPS)
    sigmas = [*(1.5 * t / (1 + 0.5 * t) for t in times), 0.0]
    latents = noise.astype(np.float64)
    if start is not None:
        sigmas = sigmas[start[1] :]
        latents = (1 - sigmas[0]) * start[0] + sigmas[0] * latents

    def anchored(x: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
        if anchors is None:
            return x
        own = [noise_of(seed, window.start + i, (3, CHANNELS, 1, 4, 6)) for i, seed in enumerate(anchor_seeds)]
        path = (1 - sigma) * anchors + sigma * np.concatenate(own, axis=2)
        return weight * path + (1 - weight) * x

    for sigma, next_sigma in pairwise(sigmas):
        latents = anchored(latents, sigma)
        given = [torch.from_numpy(branch[None]).float() for branch in latents]
        with torch.no_grad():
            with_text, without_text = (
                np.concatenate(
                    pipeline.transformer(
                        *given,
                        torch.tensor([1000 * sigma]).float(),
                        state,
                        source_latents=source,
                        mask_latents=mask,
                        begins_run=torch.tensor([window.start == 0]),
                        return_dict=False,
                    )
                )
                for state in states
            )
        predicted = without_text + GUIDANCE * (with_text - without_text)
        if pipeline.transformer.config.prediction_type == "sample":
            latents = predicted + next_sigma / sigma * (latents - predicted)
        else:
            latents = latents + (next_sigma - sigma) * predicted
    return anchored(latents, 0.0)


def check_near(made: Latents, expected: NDArray[np.floating]) -> None:
    """Equal but for the rounding to float16 and float32's arithmetic."""
    np.testing.assert_allclose(made.astype(np.float32), expected, rtol=2e-3, atol=3e-3)


def with_unipc(pipeline: VeraPipeline) -> VeraPipeline:
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=1.5)
    return VeraPipeline(**{**pipeline.components, "scheduler": scheduler})


def test_one_window_through_call_is_sample_and_decode(either_pipeline, long_plate):
    plate = long_plate[:15]
    mask = plate[..., 0]
    out = either_pipeline(
        prompt=PROMPT,
        plate_model_rgb=plate,
        mask_edit_here=mask,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        seed=SEED,
    )
    (window,) = plan_windows(15, 5, 2)
    latents = either_pipeline.sample(
        text=either_pipeline.prepare_text(PROMPT, GUIDANCE),
        source_latents=either_pipeline.encode_plate(plate, window),
        mask_latents=either_pipeline.encode_mask(mask, window),
        window=window,
        seed=SEED,
        num_inference_steps=STEPS,
    )
    frames = either_pipeline.decode(latents, first_latent=0, frames=range(15))
    assert np.array_equal(np.stack([out.latents[name] for name in BRANCHES]), latents)
    for name in ("edit", "alpha", "composite"):
        assert np.array_equal(getattr(out, name), getattr(frames, name))


def test_a_window_inside_equals_the_loop_by_hand(either_pipeline, long_plate, make):
    free = Window(3, 8, (0.0,) * 5, 3, 7)
    check_near(make(free), by_hand(either_pipeline, long_plate, free))


def test_an_anchored_window_equals_the_loop_by_hand(either_pipeline, long_plate, make):
    """Anchored wholly, by half and by a little, each with noise of another seed, and two that are free."""
    window = Window(3, 8, (1.0, 0.5, 0.2, 0.0, 0.0), 4, 7)
    seeds = (SEED, 9, 10, 11, 12)
    made = make(window, anchors=Anchors(base(), seeds))
    check_near(made, by_hand(either_pipeline, long_plate, window, anchors=base(), anchor_seeds=seeds))
    one_seed = make(window, anchors=Anchors(base(), 9))
    assert np.array_equal(one_seed, make(window, anchors=Anchors(base(), [9] * 5)))
    assert not np.array_equal(one_seed, made)


@pytest.mark.parametrize("multistep", [False, True])
def test_what_is_anchored_wholly_comes_back_to_the_bit(either_pipeline, long_plate, multistep):
    """Negative zeros and float16's smallest numbers among it; around them, and all of it."""
    make = maker(with_unipc(either_pipeline) if multistep else either_pipeline, long_plate)
    kept = base()
    kept[:, :, :, 0, 0] = np.float16(-0.0)
    kept[:, :, :, 0, 1] = np.float16(6e-8)
    kept[:, :, :, 0, 2] = np.float16(-65504)
    for weights in ((1.0, 0.0, 1.0, 0.0, 1.0), (1.0, 1.0, 0.5, 0.0, 0.0), (1.0,) * 5):
        made = make(Window(3, 8, weights, 3, 7), anchors=Anchors(kept, 9))
        assert np.isfinite(made).all()
        for index, weight in enumerate(weights):
            assert (made[:, :, index].tobytes() == kept[:, :, index].tobytes()) == (weight == 1)


def test_on_every_device_anchors_come_back_and_the_same_bits_again(sample_folder, device, long_plate):
    make = maker(load_pipeline(str(sample_folder), device), long_plate)
    window = Window(3, 8, (1.0, 0.5, 0.0, 0.0, 1.0), 4, 6)
    request = {"anchors": Anchors(base(), 9), "start": Start(base(), 0.7)}
    made = make(window, **request)
    assert made[:, :, [0, 4]].tobytes() == base()[:, :, [0, 4]].tobytes()
    assert np.array_equal(made, make(window, **request))


def test_what_is_not_anchored_is_not_looked_at(make):
    window = Window(3, 8, (1.0, 0.5, 0.0, 0.0, 0.0), 4, 7)
    spoiled = base()
    spoiled[:, :, 2] = np.nan
    spoiled[:, :, 3] = np.inf
    made = make(window, anchors=Anchors(spoiled, 9))
    assert np.array_equal(made, make(window, anchors=Anchors(base(), 9)))
    free = Window(3, 8, (0.0,) * 5, 3, 7)
    assert np.array_equal(make(free), make(free, anchors=Anchors(spoiled, 9)))


def test_free_latents_lean_on_the_anchored(make):
    window = Window(3, 8, (1.0, 1.0, 0.0, 0.0, 0.0), 5, 7)
    one, other = (make(window, anchors=Anchors(sign * base(), 9)) for sign in (1, -1))
    assert np.abs(one[:, :, 2:] - other[:, :, 2:]).max() > 1e-2


def test_anchored_windows_agree_where_they_meet(make):
    """A run of two windows, against the same two made each on its own, with noise that agrees and with other noise."""
    first = make(FIRST)
    timeline = np.zeros(SHAPE, np.float16)
    timeline[:, :, :2] = first[:, :, 3:]
    joined = make(SECOND, anchors=Anchors(timeline, SEED))
    alone = make(Window(3, 8, (0.0,) * 5, 3, 7))
    unrelated = make(Window(3, 8, (0.0,) * 5, 3, 7), seed=SEED + 1)

    def apart(made: Latents) -> list[float]:
        """Of each latent that both windows have."""
        return np.abs(made[:, :, :2].astype(np.float32) - first[:, :, 3:]).mean(axis=(0, 1, 3, 4)).tolist()

    assert apart(joined)[0] == 0
    assert apart(joined)[1] < apart(alone)[1] < apart(unrelated)[1]
    assert apart(joined)[1] < 0.5 * apart(unrelated)[1]
    assert 0 < apart(alone)[0] < apart(unrelated)[0]


def test_a_run_of_windows_is_the_same_when_it_goes_on_from_what_was_stored(make):
    """A window depends on nothing but its arguments: not on what the pipeline sampled before it."""
    timeline = np.zeros(SHAPE, np.float16)
    timeline[:, :, :2] = make(FIRST)[:, :, 3:]
    joined = make(SECOND, anchors=Anchors(timeline, SEED))
    make(FIRST, seed=99, num_inference_steps=5)
    torch.manual_seed(99)
    assert np.array_equal(joined, make(SECOND, anchors=Anchors(timeline.copy(), [SEED] * 5)))


class TestStart:
    """From a base's latents, noised to where the strength says."""

    FREE = Window(3, 8, (0.0,) * 5, 3, 7)

    @pytest.mark.parametrize(("strength", "begin"), [(0.999, 1), (0.7, 1), (0.601, 1), (0.599, 2), (0.1, 2)])
    def test_equals_the_loop_by_hand(self, either_pipeline, long_plate, make, strength, begin):
        """Sigmas 1, 0.6006 and 0.0022: t = 1, 0.50075 and 0.0015 shifted by 1.5."""
        told: list[StepProgress] = []
        made = make(self.FREE, start=Start(base(), strength), on_step=told.append)
        check_near(made, by_hand(either_pipeline, long_plate, self.FREE, start=(base(), begin)))
        assert [(progress.step, progress.step_count) for progress in told] == [
            (step, STEPS - begin) for step in range(1, STEPS - begin + 1)
        ]

    def test_all_strength_keeps_nothing(self, make):
        """Euler begins at sigma 1, where nothing but noise is."""
        assert np.array_equal(make(self.FREE), make(self.FREE, start=Start(base(), 1.0)))

    @pytest.mark.parametrize("multistep", [False, True])
    def test_the_more_strength_the_farther(self, velocity_pipeline, long_plate, multistep):
        pipeline = with_unipc(velocity_pipeline) if multistep else velocity_pipeline
        make = maker(pipeline, long_plate)
        apart = [
            float(np.abs(make(self.FREE, start=Start(base(), s), num_inference_steps=12) - base()).mean())
            for s in (0.15, 0.4, 0.7, 1.0)
        ]
        assert apart == sorted(apart)
        assert apart[0] < 0.3 * apart[-1]

    def test_with_anchors_the_kept_are_kept_and_the_others_begin_at_the_base(self, either_pipeline, long_plate, make):
        window = Window(3, 8, (1.0, 0.0, 0.0, 0.0, 1.0), 4, 6)
        made = make(window, anchors=Anchors(base(), 9), start=Start(base(), 0.7))
        expected = by_hand(either_pipeline, long_plate, window, anchors=base(), anchor_seeds=[9] * 5, start=(base(), 1))
        check_near(made, expected)
        assert np.array_equal(made[:, :, [0, 4]], base()[:, :, [0, 4]])

    def test_less_strength_than_any_step_has_is_refused_with_the_least_there_is(self, make):
        with pytest.raises(PipelineInputRefused) as refused:
            make(self.FREE, start=Start(base(), 0.001))
        assert refused.value.argument == "strength"
        assert "0.0022" in refused.value.reason


ANCHORED = Window(3, 8, (1.0, 0.5, 0.0, 0.0, 0.0), 4, 7)
NOT_FINITE = np.full(SHAPE, np.nan, np.float16)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"anchors": None}, "anchors"),
        ({"anchors": Anchors(base((3, CHANNELS, 4, 4, 6)), 1)}, "anchors.latents"),
        ({"anchors": Anchors(base((3, CHANNELS, 5, 4, 5)), 1)}, "anchors.latents"),
        ({"anchors": Anchors(NOT_FINITE, 1)}, "anchors.latents"),
        ({"anchors": Anchors(base(), [1, 2])}, "anchors.seeds"),
        ({"anchors": Anchors(base(), -1)}, "seed"),
        ({"anchors": Anchors(base(), [1, 2, 3, 4, 2**63])}, "seed"),
        ({"start": Start(base(), 0.0)}, "strength"),
        ({"start": Start(base(), -0.5)}, "strength"),
        ({"start": Start(base(), 1.01)}, "strength"),
        ({"start": Start(base(), float("nan"))}, "strength"),
        ({"start": Start(base((3, CHANNELS, 4, 4, 6)), 0.5)}, "start.latents"),
        ({"start": Start(NOT_FINITE, 0.5)}, "start.latents"),
        ({"source_latents": np.zeros((CHANNELS, 4, 4, 6), np.float32)}, "source_latents"),
        ({"source_latents": np.zeros((CHANNELS + 1, 5, 4, 6), np.float32)}, "source_latents"),
        ({"source_latents": np.zeros((1, CHANNELS, 5, 4, 6), np.float32)}, "source_latents"),
        ({"mask_latents": np.zeros((CHANNELS, 5, 4, 4), np.float32)}, "mask_latents"),
        ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_is_wrong_is_refused_by_name(sample_pipeline, long_plate, change, argument):
    evaluated = []
    handle = sample_pipeline.transformer.register_forward_pre_hook(lambda *_: evaluated.append(1))
    with pytest.raises(PipelineInputRefused) as refused:
        maker(sample_pipeline, long_plate)(ANCHORED, **{"anchors": Anchors(base(), 9)} | change)
    handle.remove()
    assert refused.value.argument == argument
    assert not evaluated


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_numbers_that_are_none_are_not_let_out(sample_pipeline, long_plate, value):
    """A million is one in float32, not in float16."""

    def spoil(_module: object, _arguments: object, made: tuple[Tensor, ...]) -> None:
        made[1][0, 0, 0, 0, 0] = value

    handle = sample_pipeline.transformer.register_forward_hook(spoil)
    try:
        with pytest.raises(LatentsNotFinite) as failed:
            maker(sample_pipeline, long_plate)(FIRST)
    finally:
        handle.remove()
    assert failed.value.remedy
    assert np.isfinite(maker(sample_pipeline, long_plate)(FIRST)).all()


def test_more_frames_than_a_window_are_refused_by_the_short_form(sample_pipeline, long_plate):
    with pytest.raises(PipelineInputRefused) as refused:
        sample_pipeline(
            prompt=PROMPT,
            plate_model_rgb=long_plate[:18],
            mask_edit_here=None,
            num_inference_steps=1,
            guidance_scale=1.0,
            seed=0,
        )
    assert refused.value.argument == "plate_model_rgb"
    assert "17" in refused.value.reason


def test_what_is_told_counts_the_window_and_shows_it_every_few_steps(sample_pipeline, long_plate):
    told: list[StepProgress] = []
    shown: list[tuple[int, NDArray[np.uint8]]] = []
    maker(sample_pipeline, long_plate)(
        FIRST,
        num_inference_steps=8,
        window_number=2,
        window_count=5,
        on_step=told.append,
        on_preview=lambda progress, picture: shown.append((progress.step, picture)),
    )
    assert [(progress.step, progress.window, progress.window_count) for progress in told] == [
        (step, 2, 5) for step in range(1, 9)
    ]
    ((step, picture),) = shown
    assert step == 4
    assert picture.shape == (5, 4, 18, 3)
    assert picture.dtype == np.uint8


class TestPreparedText:
    def test_guidance_is_part_of_it(self, sample_pipeline):
        assert sample_pipeline.prepare_text(PROMPT, 1.0).prompt_count == 1
        prepared = sample_pipeline.prepare_text(PROMPT, 2.5)
        assert (prepared.prompt_count, prepared.guidance_scale) == (2, 2.5)
        with pytest.raises(PipelineInputRefused) as refused:
            sample_pipeline.prepare_text(PROMPT, float("nan"))
        assert refused.value.argument == "guidance_scale"

    def test_a_cache_of_ones_own_takes_the_encoders_place(self, sample_pipeline):
        asked = []

        def stored(prompt: str) -> NDArray[np.float32]:
            asked.append(prompt)
            return np.array(sample_pipeline.encode_text("add a blue ball"))

        prepared = sample_pipeline.prepare_text(PROMPT, 1.0, stored)
        expected = sample_pipeline.prepare_text("add a blue ball", 1.0)
        assert asked == [PROMPT]
        assert torch.equal(prepared.text.embeddings[0], expected.text.embeddings[0])

    def test_the_last_prompts_are_encoded_once(self, sample_pipeline):
        encoded: list[Tensor] = []
        handle = sample_pipeline.text_encoder.register_forward_pre_hook(
            lambda _module, _arguments, given: encoded.append(given["input_ids"]), with_kwargs=True
        )
        words = ["red", "blue", "ball", "sky", "add", "the", "with", "a"]
        first = sample_pipeline.encode_text("red")
        for _ in range(2):
            for word in words:
                sample_pipeline.encode_text(word)
        assert len(encoded) == len(words)
        sample_pipeline.encode_text("red ball")
        assert np.array_equal(sample_pipeline.encode_text("blue"), sample_pipeline.encode_text("blue"))
        assert len(encoded) == len(words) + 1
        assert np.array_equal(sample_pipeline.encode_text("red"), first)
        assert len(encoded) == len(words) + 2
        handle.remove()
