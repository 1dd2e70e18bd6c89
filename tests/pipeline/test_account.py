"""The account of memory and work: against figures worked out otherwise, and against what a process really takes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from benchmarks.memory_account import measured_apart
from vera_engine.pipeline.account import Account
from vera_engine.pipeline.blueprint import Blueprint
from vera_engine.pipeline.estimate import estimate
from vera_engine.pipeline.fit import DoesNotFit, Measures, account, choose, refuse, surely_fits, usable
from vera_engine.pipeline.needs import Job, evaluations

META = torch.device("meta")
GB = 10**9


def test_memory_counts_for_as_long_as_something_holds_it():
    """Three times 4000 bytes at once, one of them through a view alone; a sum is gone before the next is made."""
    with Account("cpu") as opened:
        first = torch.zeros(1000, device=META)
        view = (first + 1)[:10]
        for _ in range(3):
            _ = first * 2
            del _
        assert opened.now == 8000
        del view
        assert opened.now == 4000
    assert opened.peak == 12000


def test_operations_are_two_for_a_product_and_a_sum():
    with Account("cpu") as opened:
        for _ in range(2):  # the second is remembered
            torch.empty(3, 5, device=META) @ torch.empty(5, 7, device=META)
    assert opened.operations == 2 * (2 * 3 * 5 * 7)


def test_what_is_no_account_is_computed_in_earnest():
    with Account("cpu") as opened:
        assert [torch.arange(3).cumsum(0).tolist() for _ in range(2)] == [[0, 1, 3]] * 2
    assert opened.peak == 0


def test_the_step_of_the_smaller_model_is_the_work_that_its_shapes_say():
    """By hand, 60,840 joint tokens of 1536 channels in 30 layers: attention 682 TFLOP, and all 841, to a percent."""
    made = estimate(
        "1.3B",
        frames=49,
        size=(832, 480),
        device_type="cuda",
        device_memory=12 * GB,
        memory=None,
        preset="final",
        guided=True,
    )
    assert made.fit.operations["evaluation"] == pytest.approx(841e12, rel=0.01)
    assert made.presets["final"][0] == 100
    assert made.presets["final"][1] == pytest.approx(85e15, rel=0.02)
    assert made.presets["draft"][1] < made.presets["standard"][1] < 50e15

    # 4.26 billion weights in two bytes; it has to fit 12 GB, by measures that leave every bit as it is
    assert made.fit.parts["transformer"] == pytest.approx(2 * 4_257_193_152, rel=0.01)
    assert made.fit.fits
    assert made.fit.measures == Measures(text_encoder_off=True, layers_in_turn=True)


def test_guidance_in_steps_of_little_noise_is_left_out():
    assert evaluations([1.0, 0.8, 0.5, 0.2], guided=True, guidance_above=0.5) == 7
    assert evaluations([1.0, 0.8, 0.5, 0.2], guided=True, guidance_above=0.0) == 8
    assert evaluations([1.0, 0.8, 0.5, 0.2], guided=False, guidance_above=0.5) == 4


@pytest.fixture(scope="module")
def wan_like() -> Blueprint:
    """Small parts of the kinds that the full sizes have."""
    transformer = {"num_attention_heads": 2, "attention_head_dim": 24, "ffn_dim": 96, "num_layers": 3, "text_dim": 32}
    text = {"vocab_size": 50, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    return Blueprint(
        json.dumps(transformer), "AutoencoderKLWan", '{"base_dim": 16, "num_res_blocks": 1}', json.dumps(text), 16
    )


def test_measures_are_taken_one_after_the_other_and_only_where_they_help(wan_like):
    job = Job(1, 512, 512)
    free = account(wan_like, job, "cuda", Measures())
    assert choose(wan_like, job, "cuda", free.peak).measures == Measures()
    assert max(free.phases, key=lambda phase: phase.total).name == "decode"
    tiled = choose(wan_like, job, "cuda", int(0.9 * free.peak))
    assert tiled.fits
    assert tiled.measures.codec_in_tiles
    assert not tiled.measures.storage_dtype
    none = choose(wan_like, job, "cuda", 1000)
    assert not none.fits
    assert none.measures.storage_dtype  # all that there is was tried
    assert none.phase("denoise").total < tiled.phase("denoise").total
    assert none.peak == none.phase("decode").total == tiled.peak  # in tiles already, and these models' layers are small
    short = choose(wan_like, job, "cuda", free.peak, free.beside // 2)  # frames alone are too many beside the card
    assert not short.fits
    assert short.measures == Measures()


def test_what_does_not_fit_is_refused_with_what_does(sample_folder: Path):
    blueprint = Blueprint.of(str(sample_folder))
    room = account(blueprint, Job(3, 96, 64, guided=False), "cpu", Measures()).peak
    fit = choose(blueprint, Job(5, 96, 64, guided=False), "cpu", room)
    assert not fit.fits
    with pytest.raises(DoesNotFit) as refused:
        refuse(blueprint, fit)
    assert refused.value.value == "17 frames of 96x64"
    assert "room for 9 frames at this size or 17 frames at " in refused.value.remedy


def test_the_rule_of_thumb_for_small_models_asks_for_more_than_the_account(sample_folder: Path):
    for model, job in ((str(sample_folder), Job(5, 48, 32)), ("small", Job(9, 512, 512)), ("small", Job(3, 96, 64))):
        blueprint = Blueprint.of(model)
        needed = account(blueprint, job, "cpu", Measures()).peak
        assert not surely_fits(model, blueprint, job, needed)
        assert surely_fits(model, blueprint, job, 32 * GB)


def test_a_card_has_less_than_its_name_says():
    assert usable(12 * GB, "cuda") < usable(12 * GB, "cpu") < 12 * GB


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the system does not count peaks")
def test_the_account_is_within_a_tenth_of_what_a_process_takes():
    for name, phases in measured_apart().items():
        for phase, (accounted, measured) in phases.items():
            assert accounted == pytest.approx(measured, rel=0.1), (name, phase)
