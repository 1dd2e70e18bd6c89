"""Writes what training made as a model folder in diffusers' form, sealed with checksums.

A small model brings all of its parts. One that was begun with a model folder brings its transformer: the other parts
are that folder's.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from vera_engine.errors import InvalidArgument
from vera_engine.model.checksums import seal_weights
from vera_engine.model.settings import ModelSettings, model_folder, read_settings
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.training.config import TrainingConfig
from vera_engine.training.trained import TrainedParts, to_format
from vera_engine.training.vocabulary import words

WORKING_SIZES = ((288, 192), (320, 176), (256, 224), (192, 288), (224, 256))
"""Of nearly the same area, all made of whole tokens: 3:2, 16:9 and wider, 5:4 and squarer, upright."""

WINDOW_FRAMES = 17
NUM_INFERENCE_STEPS = 3
PRESET_STEPS = {"draft": 2, "standard": 3, "final": 4}
"""More bring nothing nearer to the truth, and fray outlines (docs/presets.md)."""
GUIDANCE_SCALE = 1.0
FLOW_SHIFT = 1.0
"""Not a large model's 3: three even steps leave outlines and shadows nearer to the truth (DR037)."""
KEPT_PARTS = ("vae", "text_encoder", "tokenizer", "scheduler")
"""Of a model that was begun with: what training leaves as it was."""


class ModelFolderTaken(InvalidArgument):
    """The folder to write to is there already."""


def check_folder_free(folder: Path) -> None:
    """Raises `ModelFolderTaken` where something lies already."""
    if folder.exists():
        raise ModelFolderTaken(
            "The folder is there already.", argument="out", value=folder, remedy="Name a new one, or remove it."
        )


def export_model(parts: TrainedParts, config: TrainingConfig, folder: Path) -> ModelSettings:
    """Writes the model folder, which appears under its name when it is complete.

    Raises:
        ModelFolderTaken: It is there already.
    """
    check_folder_free(folder)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    settings = _write_on(parts, config, partial) if config.init else _write_small(parts, config, partial)
    sealed = seal_weights(partial, settings)
    partial.rename(folder)
    return sealed


def _write_on(parts: TrainedParts, config: TrainingConfig, partial: Path) -> ModelSettings:
    """The transformer in bfloat16, but for what stays float32, beside the parts of the folder that was begun with."""
    begun = model_folder(config.init)
    for name in KEPT_PARTS:
        shutil.copytree(begun / name, partial / name)
    shutil.copyfile(begun / "model_index.json", partial / "model_index.json")
    transformer = parts.transformer
    to_format(transformer, torch.bfloat16)
    transformer.register_to_config(_name_or_path=config.name)
    transformer.save_pretrained(partial / "transformer")
    return replace(read_settings(begun), name=config.name, weights_sha256={})


def _write_small(parts: TrainedParts, config: TrainingConfig, partial: Path) -> ModelSettings:
    """Transformer and text encoder as float16, the codec as float32."""
    assert parts.codec is not None
    assert parts.text_encoder is not None
    # diffusers notes where a part was loaded from, and would ship the path of somebody's run folder.
    parts.codec.register_to_config(_name_or_path=config.name)
    pipeline = VeraPipeline(
        transformer=parts.transformer.to(torch.float16),
        vae=parts.codec,
        text_encoder=parts.text_encoder.to(torch.float16),
        tokenizer=parts.tokenizer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=FLOW_SHIFT),
    )
    pipeline.save_pretrained(partial)
    return ModelSettings(
        name=config.name,
        vocabulary=words(),
        working_sizes=WORKING_SIZES,
        window_frames=WINDOW_FRAMES,
        overlap_frames=5,
        num_inference_steps=NUM_INFERENCE_STEPS,
        guidance_scale=GUIDANCE_SCALE,
        flow_shift=FLOW_SHIFT,
        background_needs_mask=True,
        codec=type(parts.codec).__name__,
        weights_sha256={},
        preset_steps=PRESET_STEPS,
    )
