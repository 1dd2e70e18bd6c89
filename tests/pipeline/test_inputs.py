"""What the sampler refuses, with the argument's name, before it evaluates anything."""

from __future__ import annotations

import numpy as np
import pytest

from vera_engine.pipeline.checks import PipelineInputRefused
from vera_engine.pipeline.text import PromptTooLong

GOOD = {
    "prompt": "add a red ball",
    "plate_model_rgb": np.full((1, 32, 48, 3), 0.5, np.float32),
    "mask_edit_here": None,
    "num_inference_steps": 1,
    "guidance_scale": 1.0,
    "seed": 0,
}


def with_one(value: float, shape: tuple[int, ...]) -> np.ndarray:
    array = np.full(shape, 0.5, np.float32)
    array.flat[array.size // 2] = value
    return array


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("plate_model_rgb", zeros(32, 48, 3)),
        ("plate_model_rgb", zeros(0, 32, 48, 3)),
        ("plate_model_rgb", zeros(1, 32, 48, 4)),
        ("plate_model_rgb", zeros(1, 3, 32, 48)),
        ("plate_model_rgb", zeros(1, 40, 48, 3)),
        ("plate_model_rgb", zeros(1, 32, 47, 3)),
        ("plate_model_rgb", zeros(1, 0, 48, 3)),
        ("plate_model_rgb", with_one(np.nan, (1, 32, 48, 3))),
        ("plate_model_rgb", with_one(np.inf, (1, 32, 48, 3))),
        ("plate_model_rgb", with_one(-0.001, (1, 32, 48, 3))),
        ("plate_model_rgb", with_one(1.001, (1, 32, 48, 3))),
        ("mask_edit_here", zeros(1, 32, 48, 1)),
        ("mask_edit_here", zeros(2, 32, 48)),
        ("mask_edit_here", zeros(1, 48, 32)),
        ("mask_edit_here", with_one(np.nan, (1, 32, 48))),
        ("mask_edit_here", with_one(-1, (1, 32, 48))),
        ("mask_edit_here", with_one(255, (1, 32, 48))),
        ("num_inference_steps", 0),
        ("num_inference_steps", -1),
        ("guidance_scale", -0.5),
        ("guidance_scale", float("nan")),
        ("guidance_scale", float("inf")),
        ("seed", -1),
        ("seed", 2**63),
    ],
)
def test_what_is_wrong_is_refused_by_name(sample_pipeline, argument, value):
    with pytest.raises(PipelineInputRefused) as refused:
        sample_pipeline(**GOOD | {argument: value})
    assert refused.value.argument == argument
    assert refused.value.remedy


def test_the_ends_of_the_ranges_are_taken(sample_pipeline):
    plate = np.zeros((1, 32, 48, 3), np.float32)
    plate[:, :, 24:] = 1
    out = sample_pipeline(**GOOD | {"plate_model_rgb": plate, "mask_edit_here": plate[..., 0], "seed": 2**63 - 1})
    assert np.isfinite(out.edit).all()


def test_a_prompt_longer_than_the_window_is_refused_not_cut(sample_pipeline):
    """The tokenizer's window is 16 tokens, one of which ends the text."""
    fits = " ".join(["ball"] * 15)
    sample_pipeline(**GOOD | {"prompt": fits})
    with pytest.raises(PromptTooLong) as refused:
        sample_pipeline(**GOOD | {"prompt": f"{fits} red"})
    assert refused.value.argument == "prompt"
    assert "17 tokens" in refused.value.reason


def test_words_after_padding_change_nothing(sample_pipeline):
    """Padding is zero states, as Wan's: an unknown word is not padding."""
    usual = sample_pipeline(**GOOD).edit
    unknown = sample_pipeline(**GOOD | {"prompt": "add a red ball quickly"}).edit
    upper = sample_pipeline(**GOOD | {"prompt": "ADD a   red Ball"}).edit
    assert np.array_equal(usual, upper)
    assert not np.array_equal(usual, unknown)
