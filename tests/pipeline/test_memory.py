"""What does not fit: allocations that fail for real, in the middle of a step and of the codec's work."""

from __future__ import annotations

import gc
import re
import weakref

import numpy as np
import pytest
import torch

from vera_engine.errors import FailedPrecondition
from vera_engine.pipeline.memory import OutOfMemory, memory_guard, sampling_bytes, what_fits
from vera_engine.pipeline.pipeline import VeraPipeline

MORE_THAN_ANY_MACHINE_HAS = 2**56
SETTINGS = {"prompt": "add a red ball", "num_inference_steps": 2, "guidance_scale": 2.0, "seed": 4}


def allocate_too_much(*_: object) -> None:
    torch.empty(MORE_THAN_ANY_MACHINE_HAS, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("part", "doing"), [("transformer", "denoising"), ("vae", "encoding"), ("decoder", "decoding")]
)
def test_it_is_said_with_what_would_fit_and_the_pipeline_goes_on(sample_pipeline: VeraPipeline, plate, part, doing):
    request = {**SETTINGS, "plate_model_rgb": plate(17), "mask_edit_here": None}
    before = sample_pipeline(**request)
    if part == "transformer":
        handle = sample_pipeline.transformer.register_forward_pre_hook(allocate_too_much)
        undo = handle.remove
    else:
        name = "encode" if part == "vae" else "decode"
        setattr(sample_pipeline.vae, name, allocate_too_much)

        def undo() -> None:
            delattr(sample_pipeline.vae, name)

    try:
        with pytest.raises(OutOfMemory) as refused:
            sample_pipeline(**request)
    finally:
        undo()
    error = refused.value
    assert isinstance(error, FailedPrecondition)
    assert doing in error.reason
    assert (error.argument, error.value) == ("window", "17 frames of 48x32")
    frames = re.search(r"(\d+) frames at this size", error.remedy)
    size = re.search(r"at (\d+)x(\d+) \(working_sizes", error.remedy)
    assert frames is not None
    assert size is not None
    assert int(frames[1]) % 4 == 1
    assert 1 < int(frames[1]) < 17
    assert 0 < int(size[1]) * int(size[2]) < 48 * 32
    assert int(size[1]) % 16 == int(size[2]) % 16 == 0
    assert np.array_equal(before.edit, sample_pipeline(**request).edit)


def test_what_the_block_held_is_let_go_while_the_error_lives():
    """A worker that reports the error must not keep the tensors there was no room for."""
    held: list[weakref.ref[torch.Tensor]] = []

    def work() -> None:
        large = torch.zeros(1000)
        held.append(weakref.ref(large))
        allocate_too_much()

    with pytest.raises(OutOfMemory) as refused, memory_guard("denoising", torch.device("cpu"), 5, (48, 32), 0):
        work()
    gc.collect()
    assert "denoising" in refused.value.reason
    assert held[0]() is None


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")]
)
def test_every_kind_of_it_is_known(error):
    with pytest.raises(OutOfMemory), memory_guard("denoising", torch.device("cpu"), 5, (48, 32), 0):
        raise error


@pytest.mark.parametrize("error", [RuntimeError("shapes cannot be multiplied"), ValueError("out of memory")])
def test_other_failures_stay_what_they_are(error):
    with pytest.raises(type(error)), memory_guard("denoising", torch.device("cpu"), 5, (48, 32), 0):
        raise error


def test_it_names_what_the_estimate_leaves_room_for():
    """13 latents would need 20 of the 10 GB there are: 0.45 of them are 5, or of each side two thirds."""
    said = what_fits(13, (832, 480), 20 * 10**9, 10 * 10**9)
    assert "17 frames at this size" in said
    assert "this window at 544x320" in said


def test_it_names_less_than_what_failed_even_where_the_estimate_says_it_fits():
    assert "33 frames" in what_fits(13, (832, 480), 10**9, 10 * 10**9)
    assert "33 frames" in what_fits(13, (832, 480), 0, 10 * 10**9)
    assert "21 frames" in what_fits(13, (832, 480), 10**9, None)


def test_it_names_nothing_where_nothing_is_left():
    assert what_fits(1, (16, 16), 0, 10**9) == "No smaller window would fit either."
    assert "frames" not in what_fits(2, (832, 480), 0, 10**9)


def test_the_estimate_is_of_the_order_that_a_step_takes(sample_pipeline: VeraPipeline):
    """Against what torch's own profiler counts of a step on the CPU: within a factor of three."""
    transformer = sample_pipeline.transformer
    latents = torch.zeros(2, transformer.config.in_channels, 5, 16, 24)
    text = sample_pipeline.prepare_text("add a red ball", 2.0).text
    with torch.no_grad(), torch.profiler.profile(profile_memory=True) as profile:
        transformer(latents, latents, latents, torch.tensor([500.0, 500.0]), text, source_latents=latents)
    now = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    estimate = sampling_bytes(transformer.config, 5 * 8 * 12, 2, 4)
    assert peak / 3 < estimate < 3 * peak
