"""Levers: what each saves, that nothing is left of one that was pulled, and that the defaults pull none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from vera_engine.errors import InvalidArgument
from vera_engine.model.transformer import BRANCHES
from vera_engine.pipeline.anchors import Anchors, Latents
from vera_engine.pipeline.levers import AttentionUnavailable, set_compiled
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.pipeline.presets import PLAIN, PRESETS, Levers
from vera_engine.pipeline.results import StepProgress
from vera_engine.pipeline.windows import Window

STEPS = 5
ALWAYS = 1e9
"""A threshold that no change passes: every step reuses what it may."""
NEVER = 1e-9
WHOLE = Window(0, 2, (0.0, 0.0), 0, 1)


def sampled(pipeline: VeraPipeline, levers: Levers = PLAIN, window: Window = WHOLE, **changes: Any) -> Latents:
    """Latents of a guided window of two latents, without a mask."""
    guidance = changes.pop("guidance_scale", 2.5)
    plate = np.random.default_rng(window.start).standard_normal((16, len(window), 4, 6), dtype=np.float32)
    return pipeline.sample(
        **{
            "text": pipeline.prepare_text("add a red ball", guidance),
            "source_latents": plate,
            "mask_latents": None,
            "window": window,
            "seed": 4,
            "num_inference_steps": STEPS,
            "levers": levers,
            **changes,
        }
    )


def near(one: Latents, other: Latents) -> bool:
    """Equal but for float32's last bits."""
    return np.allclose(one.astype(np.float32), other.astype(np.float32), rtol=2e-3, atol=2e-3)


@contextmanager
def counted(pipeline: VeraPipeline) -> Iterator[dict[str, list[int]]]:
    """The batch sizes that each branch's self-attention gets, by branch and layer."""
    sizes: dict[str, list[int]] = {}
    handles = []
    for branch in BRANCHES:
        for layer in range(2):
            sizes[f"{branch} {layer}"] = noted = []
            module = pipeline.transformer.get_submodule(f"branches.{branch}.blocks.{layer}.attn1.to_q")
            handles.append(module.register_forward_pre_hook(lambda _, given, noted=noted: noted.append(len(given[0]))))
    yield sizes
    for handle in handles:
        handle.remove()


def test_what_was_pulled_leaves_no_trace(sample_pipeline: VeraPipeline) -> None:
    """Not even where a take was stopped in the middle of a step's work."""

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    plain = sampled(sample_pipeline)
    for levers in (
        Levers(step_cache=ALWAYS),
        Levers(guidance_above=0.7, batched_guidance=False, attention="_native_math"),
        PRESETS["draft"].levers,
    ):
        pulled = sampled(sample_pipeline, levers)
        assert not np.array_equal(plain, pulled)
        with pytest.raises(KeyboardInterrupt):
            sampled(sample_pipeline, levers, on_step=stop)
        assert np.array_equal(pulled, sampled(sample_pipeline, levers))
        assert np.array_equal(plain, sampled(sample_pipeline))
    assert PRESETS["final"].levers == PLAIN


def test_a_step_cache_that_is_never_used_changes_no_bit(either_pipeline: VeraPipeline) -> None:
    assert np.array_equal(sampled(either_pipeline), sampled(either_pipeline, Levers(step_cache=NEVER)))


def test_one_decision_holds_for_all_branches_and_the_last_step_is_whole(sample_pipeline: VeraPipeline) -> None:
    with counted(sample_pipeline) as sizes:
        sampled(sample_pipeline, Levers(step_cache=ALWAYS))
    for branch in BRANCHES:
        assert sizes[f"{branch} 0"] == [2] * STEPS
        assert sizes[f"{branch} 1"] == [2, 2]


class Reusing(nn.Module):
    """A layer that adds again, where it is told to, what it added before."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.added: Tensor | float = 0.0
        self.is_told = False

    def forward(self, hidden_states: Tensor, *arguments: Any) -> Tensor:
        if not self.is_told:
            self.added = self.layer(hidden_states, *arguments) - hidden_states
        return hidden_states + self.added


def test_what_is_reused_is_what_the_layers_after_the_first_added(either_pipeline: VeraPipeline) -> None:
    cached = sampled(either_pipeline, Levers(step_cache=ALWAYS))
    blocks = either_pipeline.transformer.blocks
    second = blocks[1]
    blocks[1] = by_hand = Reusing(second)

    def tell(progress: StepProgress) -> None:
        by_hand.is_told = progress.step < STEPS - 1

    expected = sampled(either_pipeline, on_step=tell)
    blocks[1] = second
    assert near(cached, expected)


@pytest.mark.parametrize("guidance_above", [0.0, 0.7])
def test_each_prompt_reuses_its_own(either_pipeline: VeraPipeline, guidance_above: float) -> None:
    """Apart as in one batch: were both kept under one key, the one would get what the other's layers added."""
    levers = Levers(step_cache=ALWAYS, guidance_above=guidance_above)
    assert near(sampled(either_pipeline, levers), sampled(either_pipeline, replace(levers, batched_guidance=False)))


def test_a_window_reuses_nothing_of_the_one_before(sample_pipeline: VeraPipeline) -> None:
    later = Window(3, 5, (0.0, 0.0), 3, 4)
    alone = sampled(sample_pipeline, Levers(step_cache=ALWAYS), later)
    sampled(sample_pipeline, Levers(step_cache=ALWAYS))
    assert np.array_equal(alone, sampled(sample_pipeline, Levers(step_cache=ALWAYS), later))


def test_anchors_are_kept_to_the_bit(sample_pipeline: VeraPipeline) -> None:
    latents = np.random.default_rng(8).standard_normal((3, 16, 2, 4, 6)).astype(np.float16)
    window = Window(0, 2, (1.0, 0.0), 1, 1)
    made = sampled(sample_pipeline, PRESETS["draft"].levers, window, anchors=Anchors(latents, 9))
    assert np.array_equal(made[:, :, 0], latents[:, :, 0])
    assert not np.array_equal(made[:, :, 1], latents[:, :, 1])


def test_guidance_ends_at_its_sigma(either_pipeline: VeraPipeline) -> None:
    """The sigmas of five steps, shifted by 1.5, are 1, 0.818, 0.6, 0.334 and 0.0015."""
    with counted(either_pipeline) as sizes:
        sampled(either_pipeline, Levers(guidance_above=0.6))
    assert sizes["edit 0"] == [2, 2, 2, 1, 1]
    with counted(either_pipeline) as sizes:
        sampled(either_pipeline, Levers(guidance_above=0.6, batched_guidance=False))
    assert sizes["edit 0"] == [1] * 8
    first_alone = sampled(either_pipeline, Levers(guidance_above=1.0), num_inference_steps=1)
    assert np.array_equal(first_alone, sampled(either_pipeline, num_inference_steps=1))
    unguided = sampled(either_pipeline, guidance_scale=1.0)
    assert np.array_equal(unguided, sampled(either_pipeline, Levers(guidance_above=0.5), guidance_scale=1.0))


def test_passes_apart_are_the_same_to_rounding(either_pipeline: VeraPipeline) -> None:
    with counted(either_pipeline) as sizes:
        apart = sampled(either_pipeline, Levers(batched_guidance=False))
    assert sizes["alpha 1"] == [1] * 2 * STEPS
    assert near(apart, sampled(either_pipeline))


@pytest.mark.parametrize("backend", ["sage", "flash_hub", "fast"])
def test_attention_that_is_not_there_is_refused_before_any_step(sample_pipeline: VeraPipeline, backend: str) -> None:
    with counted(sample_pipeline) as sizes, pytest.raises(AttentionUnavailable) as refused:
        sampled(sample_pipeline, Levers(attention=backend))
    assert (refused.value.argument, refused.value.value) == ("levers.attention", backend)
    assert not any(sizes.values())


def test_layers_are_compiled_and_not_any_more(sample_pipeline: VeraPipeline) -> None:
    transformer = sample_pipeline.transformer
    for compiled in (True, True, False):
        set_compiled(transformer, compiled)
        assert {block._compiled_call_impl is not None for block in transformer.blocks} == {compiled}


@pytest.mark.parametrize(
    ("lever", "value"), [("guidance_above", -0.1), ("guidance_above", 1.1), ("step_cache", -1), ("step_cache", np.nan)]
)
def test_levers_that_mean_nothing_are_refused(lever: str, value: float) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Levers(**{lever: value})
    assert refused.value.argument == f"levers.{lever}"
