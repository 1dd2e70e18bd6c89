"""Measures applied to real models: what is computed stays what it was, and weights are here in their turns alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.hooks.group_offloading import ModuleGroup

from vera_engine.pipeline.fit import Measures
from vera_engine.pipeline.layer_turns import layer_parts
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.pipeline.presets import Levers

REQUEST = {"prompt": "add a red ball", "num_inference_steps": 3, "guidance_scale": 2.0, "seed": 4}
ALL_IN_TURN = Measures(text_encoder_off=True, layers_in_turn=True)


class _Away:
    """Stands for a computer and a card: weights that are away are no numbers, and those here are counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._saved: dict[int, torch.Tensor] = {}
        self.here: set[int] = set()
        self.most_here = 0
        monkeypatch.setattr(ModuleGroup, "onload_", lambda group: self._bring(_tensors(group)))
        monkeypatch.setattr(ModuleGroup, "offload_", lambda group: self._take(_tensors(group)))

    def _bring(self, tensors: Sequence[torch.Tensor]) -> None:
        for tensor in tensors:
            tensor.data = self._saved.pop(id(tensor), tensor.data)
            self.here.add(id(tensor))
        self.most_here = max(self.most_here, len(self.here))

    def _take(self, tensors: Sequence[torch.Tensor]) -> None:
        for tensor in tensors:
            if id(tensor) not in self._saved:
                self._saved[id(tensor)] = tensor.data
                tensor.data = torch.full_like(tensor.data, torch.nan)
            self.here.discard(id(tensor))


def _tensors(group: ModuleGroup) -> list[torch.Tensor]:
    return [*group.parameters, *(tensor for module in group.modules for tensor in module.parameters())]


@pytest.mark.parametrize("levers", [Levers(), Levers(step_cache=0.5, guidance_above=0.7)], ids=["plain", "cached"])
def test_turns_change_no_bit_and_keep_two_layers_here(
    sample_folder: Path, sample_pipeline: VeraPipeline, plate, mask, monkeypatch, levers
):
    request = {**REQUEST, "plate_model_rgb": plate(9), "mask_edit_here": mask(9), "levers": levers}
    expected = sample_pipeline(**request)
    card = _Away(monkeypatch)
    pipeline = load_pipeline(str(sample_folder), "cpu", measures=ALL_IN_TURN)
    layers = [layer_parts(pipeline.transformer, index) for index in range(len(pipeline.transformer.blocks))]
    assert layers
    assert all(tensor.isnan().all() for layer in layers for tensor in layer)  # away at first
    for _ in range(2):
        made = pipeline(**request)
        for branch, latents in expected.latents.items():
            assert np.array_equal(latents, made.latents[branch])
        assert np.array_equal(expected.edit, made.edit)
    assert 0 < card.most_here <= 2 * max(len(layer) for layer in layers)
    assert not card.here


def test_what_was_brought_for_a_layer_that_was_passed_over_does_not_stay(sample_folder: Path, monkeypatch):
    card = _Away(monkeypatch)
    pipeline = load_pipeline(str(sample_folder), "cpu", measures=Measures(layers_in_turn=True))
    blocks = pipeline.transformer.blocks
    first, last = blocks[0], blocks[-1]
    first._diffusers_hook.get_hook("vera_layer_turns").pre_forward(first)
    of_two = set(card.here)
    assert of_two
    last._diffusers_hook.get_hook("vera_layer_turns").pre_forward(last)
    assert card.here == {
        id(tensor) for tensor in layer_parts(pipeline.transformer, len(pipeline.transformer.blocks) - 1)
    }
    assert card.here < of_two


def test_guidance_apart_is_the_same_to_rounding(sample_folder: Path, sample_pipeline: VeraPipeline, plate):
    request = {**REQUEST, "plate_model_rgb": plate(5), "mask_edit_here": None}
    apart = load_pipeline(str(sample_folder), "cpu", measures=Measures(guidance_apart=True))
    batches: list[int] = []
    apart.transformer.register_forward_pre_hook(lambda module, given: batches.append(len(given[0])))
    np.testing.assert_allclose(apart(**request).edit, sample_pipeline(**request).edit, atol=1e-3)
    assert batches == [1] * 6
