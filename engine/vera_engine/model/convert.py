"""From a checkpoint of Wan2.1 or of a published Vera to a model folder of this engine.

A Wan becomes all three branches, and what is new is zero: what comes out predicts what Wan would in every branch, and
edits nothing until it is trained. A Vera's tensors go to their places, as a key table says.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from diffusers import UniPCMultistepScheduler

from vera_engine.errors import InvalidArgument
from vera_engine.model.checksums import WeightsCorrupt, seal_weights, verify_published
from vera_engine.model.conversion_plan import Part, PlannedTensor, files_read, plan_parts
from vera_engine.model.key_tables import KeyTable
from vera_engine.model.room import check_room
from vera_engine.model.settings import ModelSettings
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.model.weight_files import (
    STANDARD_NAMES,
    read_json,
    shard_sizes,
    tensors_in_turn,
    write_shards,
)
from vera_engine.model.weights import changed

WRITTEN_FORMATS = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
SHARD_BYTES = 2 * 10**9
"""So much of a model is in memory at most while it is written."""
# Vera's and Wan's published working points: 832x480, 49 frames, 50 steps with guidance 5.
WORKING_SIZES = ((832, 480), (480, 832))
WINDOW_FRAMES = 49
OVERLAP_FRAMES = 13
NUM_INFERENCE_STEPS = 50
GUIDANCE_SCALE = 5.0
FLOW_SHIFT = 3.0
"""For 480 lines, where a checkpoint brings no scheduler: Wan2.1's own form has none."""


class OutputFolderTaken(InvalidArgument):
    """The folder to write to is there already."""


def convert_checkpoint(
    checkpoint: Path,
    out_folder: Path,
    *,
    name: str | None = None,
    rest_from: Path | None = None,
    tables: Sequence[KeyTable] = (),
    dtype: torch.dtype | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> ModelSettings:
    """Convert a checkpoint, and return the new model's settings.

    The folder appears under its name when it is complete; until then it is written in one that ends in `.partial`. Not
    more than one file's tensors are in memory at a time.

    Args:
        checkpoint: A folder in diffusers' form or in Wan2.1's own (see checkpoint.py).
        out_folder: Where the Vera model goes; must not be there.
        name: The model's name in takes; the folder's own where None.
        rest_from: A folder to take from what the checkpoint lacks.
        tables: Key tables instead of those that come along, for their components.
        dtype: The number format for transformer and text encoder; None: the checkpoint's.
        shard_bytes: Weights are cut into files of at most this many bytes.

    Raises:
        ModelFolderMissing: The folder or one of its parts is missing.
        WeightsArePickled, WeightsCorrupt, WeightsIncomplete: The weights cannot be read.
        WeightsNotPlaced, WeightsShapeMismatch: They are not those of a model that is known.
        CheckpointNotTextToVideo: An image-to-video checkpoint, or another model's.
        OutputFolderTaken, DiskFull: Nothing is written then.
    """
    # 1. Check everything before anything is written; checksums last, for they read it all
    out_folder = out_folder.absolute()
    folders = [checkpoint, *([rest_from] if rest_from else [])]
    parts = plan_parts(folders, tables, dtype)
    index = model_index(folders, parts)
    settings = default_settings(parts, name or out_folder.name)
    check_place(out_folder)
    check_room(out_folder, sum(part.byte_count for part in parts), "out")
    for folder in folders:
        verify_published(folder, [file for part in parts for file in files_read(part) if file.is_relative_to(folder)])

    # 2. Write beside the final place; what an error or a stop leaves there is removed
    out_folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_folder.parent, prefix=f"{out_folder.name}.", suffix=".partial") as beside:
        partial = Path(beside) / out_folder.name
        for part in parts:
            write_part(part, partial / part.component, shard_bytes)
        (partial / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")

        # 3. Seal it, and give it its name
        sealed = seal_weights(partial, settings)
        partial.rename(out_folder)
    return sealed


def planned_numbers(plan: Sequence[PlannedTensor]) -> Iterator[tuple[str, torch.Tensor]]:
    """The plan's names and numbers, one after the other."""
    numbers = tensors_in_turn(tensor.stored for tensor in plan if tensor.stored is not None)
    for tensor in plan:
        if tensor.stored is None:
            yield tensor.name, torch.zeros(tensor.shape, dtype=tensor.dtype)
        else:
            yield tensor.name, changed(next(numbers), tensor.change, tensor.shape).to(tensor.dtype)


def write_part(part: Part, folder: Path, shard_bytes: int) -> None:
    """Write a component into its folder."""
    for path in part.files:
        target = folder / path.relative_to(part.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    if part.plan and part.model is not None:
        name = STANDARD_NAMES[part.component == "text_encoder"]
        sizes = shard_sizes((tensor.byte_count for tensor in part.plan), shard_bytes)
        write_shards(folder, name, planned_numbers(part.plan), sizes)
        if part.component == "text_encoder":
            part.model.config.save_pretrained(folder)
        else:
            part.model.save_config(folder)
    if part.component == "scheduler" and not part.files:
        own = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=FLOW_SHIFT)
        own.save_config(folder)


def check_place(out_folder: Path) -> None:
    """Refuse a place that is taken."""
    if out_folder.exists():
        raise OutputFolderTaken(
            "The folder is there already.", argument="out", value=out_folder, remedy="Name a new one, or remove it."
        )


def model_index(folders: Sequence[Path], parts: Sequence[Part]) -> dict[str, Any]:
    """The `model_index.json` of the pipeline: the checkpoint's components, Vera's transformer."""
    classes: dict[str, Any] = {
        "vae": ["diffusers", "AutoencoderKLWan"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", tokenizer_class(next(p.folder for p in parts if p.component == "tokenizer"))],
        "scheduler": ["diffusers", UniPCMultistepScheduler.__name__],
    }
    described = [folder for folder in folders if (folder / "transformer").is_dir() or (folder / "vae").is_dir()]
    for folder in reversed(described):
        said = read_json(folder / "model_index.json")
        copied = [part.component for part in parts if part.folder.is_relative_to(folder) and part.files]
        unnamed = [component for component in copied if component not in said]
        if unnamed:
            raise WeightsCorrupt(
                f"The file names no {', '.join(unnamed)}.", argument="from", value=folder / "model_index.json"
            )
        classes |= {component: said[component] for component in copied}
    transformer = [VeraTransformer3DModel.__module__, VeraTransformer3DModel.__name__]
    return {"_class_name": "VeraPipeline", "transformer": transformer, **classes}


def tokenizer_class(tokenizer: Path) -> str:
    """The class that a tokenizer says it is of, or the one that reads any `tokenizer.json`."""
    said = str(read_json(tokenizer / "tokenizer_config.json").get("tokenizer_class"))
    return said if hasattr(transformers, said) else transformers.PreTrainedTokenizerFast.__name__


def default_settings(parts: Sequence[Part], name: str) -> ModelSettings:
    """The settings a Wan-sized model starts with; the flow shift is the checkpoint's scheduler's."""
    by_name = {part.component: part for part in parts}
    scheduler, vae = by_name["scheduler"], by_name["vae"]
    said = read_json(scheduler.folder / "scheduler_config.json") if scheduler.files else {"flow_shift": FLOW_SHIFT}
    return ModelSettings(
        name=name,
        vocabulary=(),
        working_sizes=WORKING_SIZES,
        window_frames=WINDOW_FRAMES,
        overlap_frames=OVERLAP_FRAMES,
        num_inference_steps=NUM_INFERENCE_STEPS,
        guidance_scale=GUIDANCE_SCALE,
        flow_shift=float(said.get("flow_shift", said.get("shift", 1.0))),
        background_needs_mask=False,
        codec=type(vae.model).__name__,
        weights_sha256={},
    )
