"""From a Wan2.1 text-to-video checkpoint to a Vera model: three branches from one transformer, what is new zero.

What comes out predicts what Wan would in every branch; it edits nothing until it is trained.
"""

from __future__ import annotations

import inspect
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from safetensors import safe_open
from safetensors.torch import save_file

from vera_engine.errors import FailedPrecondition, InvalidArgument
from vera_engine.model.checksums import WeightsCorrupt, seal_weights
from vera_engine.model.settings import ModelFolderMissing, ModelSettings
from vera_engine.model.transformer import BRANCHES, VeraTransformer3DModel
from vera_engine.model.weights import (
    PICKLE_SUFFIXES,
    WEIGHTS_NAME,
    StoredTensor,
    check_fit,
    empty_model,
    read_json,
    refuse_pickles,
    stored_tensors,
)

COPIED_COMPONENTS = ("vae", "text_encoder", "tokenizer", "scheduler")
SHARD_BYTES = 5 * 10**9
# Vera's and Wan's published working points: 832x480, 49 frames, 50 steps with guidance 5.
WORKING_SIZES = ((832, 480), (480, 832))
WINDOW_FRAMES = 49
OVERLAP_FRAMES = 13
NUM_INFERENCE_STEPS = 50
GUIDANCE_SCALE = 5.0


class CheckpointNotTextToVideo(FailedPrecondition):
    """A Wan transformer of another kind than the one Vera starts from."""


class OutputFolderTaken(InvalidArgument):
    """The folder to write to is there already."""


class DiskFull(FailedPrecondition):
    """The disk has not room enough for what is to be written."""


@dataclass(frozen=True)
class PlannedTensor:
    """A tensor to write: taken from the Wan checkpoint under its old name, or zeros where that is None."""

    name: str
    wan_name: str | None
    stored: StoredTensor


def convert_wan(
    wan_folder: Path, out_folder: Path, *, name: str | None = None, shard_bytes: int = SHARD_BYTES
) -> ModelSettings:
    """Convert a Wan2.1 text-to-video checkpoint in diffusers' folder form, and return the new model's settings.

    The folder appears under its name when it is complete; until then it is written in one that ends in `.partial`.

    Args:
        wan_folder: Holds transformer/, vae/, text_encoder/, tokenizer/, scheduler/.
        out_folder: Where the Vera model goes; must not be there.
        name: The model's name in takes; the folder's own where None.
        shard_bytes: The transformer is cut into files of at most this many bytes.

    Raises:
        ModelFolderMissing: The folder or one of its parts is missing.
        WeightsArePickled, WeightsCorrupt, WeightsNotPlaced, WeightsShapeMismatch: As model/weights.py.
        CheckpointNotTextToVideo: An image-to-video checkpoint, or another model's.
        OutputFolderTaken, DiskFull: Nothing is written then.
    """
    # 1. Check everything before anything is written
    out_folder = out_folder.absolute()
    check_parts(wan_folder)
    wan_tensors = stored_tensors(wan_folder / "transformer")
    config = vera_config(wan_folder / "transformer")
    check_fit(wan_tensors, empty_model(WanTransformer3DModel, wan_folder / "transformer"), wan_folder / "transformer")
    with torch.device("meta"):
        vera = VeraTransformer3DModel(**config)
    plan = plan_tensors(wan_tensors, vera)
    index = model_index(wan_folder)
    settings = default_settings(wan_folder, name or out_folder.name)
    copied = [path for part in COPIED_COMPONENTS for path in files_to_copy(wan_folder / part)]
    check_room(
        out_folder, sum(tensor.stored.byte_count for tensor in plan) + sum(path.stat().st_size for path in copied)
    )

    # 2. Write beside the final place; what an error or a stop leaves there is removed
    with tempfile.TemporaryDirectory(dir=out_folder.parent, prefix=f"{out_folder.name}.", suffix=".partial") as beside:
        partial = Path(beside) / out_folder.name
        vera.save_config(partial / "transformer")
        write_shards(partial / "transformer", plan, shard_bytes)
        for path in copied:
            target = partial / path.relative_to(wan_folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        (partial / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")

        # 3. Seal it, and give it its name
        sealed = seal_weights(partial, settings)
        partial.rename(out_folder)
    return sealed


def check_parts(wan_folder: Path) -> None:
    """Refuse a folder that is not a whole checkpoint in diffusers' form, or has pickles in it only."""
    for part in ("transformer", *COPIED_COMPONENTS):
        if not (wan_folder / part).is_dir():
            raise ModelFolderMissing(
                f"The checkpoint has no {part} folder.",
                argument="from-wan",
                value=wan_folder,
                remedy="Use the release in diffusers' form, such as Wan-AI/Wan2.1-T2V-1.3B-Diffusers.",
            )
        refuse_pickles(wan_folder / part)


def vera_config(component: Path) -> dict[str, Any]:
    """The configuration of Vera's transformer, from a Wan transformer's.

    Raises:
        CheckpointNotTextToVideo: It is not a Wan2.1 text-to-video transformer.
    """
    config = read_json(component / "config.json")
    known = inspect.signature(VeraTransformer3DModel.__init__).parameters
    settings = {
        key: value for key, value in config.items() if not key.startswith("_") and (key in known or value is not None)
    }
    # Image-to-video checkpoints have image_dim, added_kv_proj_dim, and more channels in than out.
    foreign = sorted(settings.keys() - known)
    kind = config.get("_class_name")
    if kind != "WanTransformer3DModel" or foreign or settings.get("in_channels") != settings.get("out_channels"):
        raise CheckpointNotTextToVideo(
            f"Vera starts from a Wan2.1 text-to-video transformer; this is a {kind}"
            f" of {settings.get('in_channels')} channels in, {settings.get('out_channels')} out"
            + (f", with {', '.join(foreign)}." if foreign else "."),
            argument="from-wan",
            value=component,
            remedy="Use Wan2.1-T2V-1.3B-Diffusers or Wan2.1-T2V-14B-Diffusers.",
        )
    return settings


def plan_tensors(wan_tensors: dict[str, StoredTensor], vera: VeraTransformer3DModel) -> list[PlannedTensor]:
    """Every tensor of Vera, in order: a branch's is the Wan tensor of that name, any other is zeros of Wan's dtype."""
    new_dtype = wan_tensors["patch_embedding.weight"].dtype
    plan = []
    for name, empty in vera.state_dict().items():
        wan_name = next(
            (name.removeprefix(f"branches.{b}.") for b in BRANCHES if name.startswith(f"branches.{b}.")), None
        )
        new = StoredTensor(Path(), tuple(empty.shape), new_dtype)
        plan.append(PlannedTensor(name, wan_name, new if wan_name is None else wan_tensors[wan_name]))
    return plan


def write_shards(component: Path, plan: list[PlannedTensor], shard_bytes: int) -> None:
    """Write the planned tensors into files of at most `shard_bytes`, with an index for several.

    One file's tensors are in memory at a time.
    """
    shards = list(cut_into_shards(plan, shard_bytes))
    weight_map: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        suffix = f"-{number:05d}-of-{len(shards):05d}" if len(shards) > 1 else ""
        file_name = f"{WEIGHTS_NAME}{suffix}.safetensors"
        save_file(
            {tensor.name: read_tensor(tensor) for tensor in shard}, component / file_name, metadata={"format": "pt"}
        )
        weight_map |= {tensor.name: file_name for tensor in shard}
    if len(shards) > 1:
        index = {"metadata": {"total_size": sum(tensor.stored.byte_count for tensor in plan)}, "weight_map": weight_map}
        text = json.dumps(index, indent=2) + "\n"
        (component / f"{WEIGHTS_NAME}.safetensors.index.json").write_text(text, encoding="utf-8")


def cut_into_shards(plan: list[PlannedTensor], shard_bytes: int) -> Iterator[list[PlannedTensor]]:
    """Cut the plan, in order, where a shard would outgrow `shard_bytes`; a larger tensor gets a shard of its own."""
    shard: list[PlannedTensor] = []
    size = 0
    for tensor in plan:
        if shard and size + tensor.stored.byte_count > shard_bytes:
            yield shard
            shard, size = [], 0
        shard.append(tensor)
        size += tensor.stored.byte_count
    yield shard


def read_tensor(tensor: PlannedTensor) -> torch.Tensor:
    """The tensor's numbers; opened anew each time, since safetensors refuses to write memory that three names share."""
    if tensor.wan_name is None:
        return torch.zeros(tensor.stored.shape, dtype=tensor.stored.dtype)
    with safe_open(tensor.stored.file, framework="pt") as file:
        numbers: torch.Tensor = file.get_tensor(tensor.wan_name)
    return numbers


def files_to_copy(component: Path) -> list[Path]:
    """A component's files, less pickled doubles of its safetensors."""
    return sorted(path for path in component.rglob("*") if path.is_file() and path.suffix not in PICKLE_SUFFIXES)


def check_room(out_folder: Path, byte_count: int) -> None:
    """Refuse a place that is taken, or a disk without room."""
    if out_folder.exists():
        raise OutputFolderTaken(
            "The folder is there already.", argument="out", value=out_folder, remedy="Name a new one, or remove it."
        )
    out_folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out_folder.parent).free
    if free < byte_count:
        raise DiskFull(
            f"The model needs {byte_count / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.",
            argument="out",
            value=out_folder,
            remedy="Free some room, or name another disk.",
        )


def model_index(wan_folder: Path) -> dict[str, Any]:
    """The `model_index.json` of the pipeline: Wan's components, Vera's transformer."""
    wan = read_json(wan_folder / "model_index.json")
    unnamed = [part for part in COPIED_COMPONENTS if part not in wan]
    if unnamed:
        raise WeightsCorrupt(
            f"The file names no {', '.join(unnamed)}.", argument="from-wan", value=wan_folder / "model_index.json"
        )
    transformer = [VeraTransformer3DModel.__module__, VeraTransformer3DModel.__name__]
    return {
        "_class_name": "VeraPipeline",
        "transformer": transformer,
        **{part: wan[part] for part in COPIED_COMPONENTS},
    }


def default_settings(wan_folder: Path, name: str) -> ModelSettings:
    """The settings a Wan-sized model starts with; the flow shift is the checkpoint's scheduler's."""
    scheduler = read_json(wan_folder / "scheduler" / "scheduler_config.json")
    return ModelSettings(
        name=name,
        vocabulary=(),
        working_sizes=WORKING_SIZES,
        window_frames=WINDOW_FRAMES,
        overlap_frames=OVERLAP_FRAMES,
        num_inference_steps=NUM_INFERENCE_STEPS,
        guidance_scale=GUIDANCE_SCALE,
        flow_shift=float(scheduler.get("flow_shift", scheduler.get("shift", 1.0))),
        background_needs_mask=False,
        codec=read_json(wan_folder / "vae" / "config.json")["_class_name"],
        weights_sha256={},
    )
