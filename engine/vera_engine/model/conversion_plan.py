"""What a conversion will write: of each component its files as they are, or its tensors and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from accelerate import init_empty_weights
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import nn
from transformers import UMT5EncoderModel

from vera_engine.model.checkpoint import (
    Weights,
    check_weights,
    find_scheduler,
    find_tokenizer,
    find_weights,
    refuse_unused,
    wan_name,
)
from vera_engine.model.checkpoint_config import MODELS, transformer_config
from vera_engine.model.checksums import HUB_NOTES
from vera_engine.model.key_tables import COMPONENTS, UNCHANGED, Change, KeyTable
from vera_engine.model.pickles import PICKLE_SUFFIXES
from vera_engine.model.settings import ModelFolderMissing
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.model.weight_files import StoredTensor
from vera_engine.model.weights import places_of


@dataclass(frozen=True)
class PlannedTensor:
    """A tensor to write, and where its numbers come from."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    stored: StoredTensor | None
    """None: zeros."""
    change: Change = UNCHANGED

    @property
    def byte_count(self) -> int:
        """Its size in bytes."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize


@dataclass(frozen=True)
class Part:
    """A component as it will be written: copied file by file, or tensor by tensor."""

    component: str
    weights: Weights | None
    """None: it has none."""
    model: ModelMixin | UMT5EncoderModel | None
    """On the meta device."""
    files: tuple[Path, ...] = ()
    """Copied as they are, from `folder`."""
    folder: Path = Path()
    plan: tuple[PlannedTensor, ...] = ()

    @property
    def byte_count(self) -> int:
        """What it takes on the disk."""
        return sum(tensor.byte_count for tensor in self.plan) + sum(path.stat().st_size for path in self.files)


def plan_parts(
    folders: Sequence[Path], tables: Sequence[KeyTable] = (), dtype: torch.dtype | None = None
) -> list[Part]:
    """What will be written of each component, the transformer first.

    Raises:
        As `convert_checkpoint`, but for the output folder.
    """
    if not folders[0].is_dir():
        raise ModelFolderMissing("There is no such folder.", argument="from", value=folders[0])
    parts = []
    for component in COMPONENTS:
        # Never the rest's transformer: it would stand in for one of a layout that no table knows.
        weights = find_weights(component, folders[:1] if component == "transformer" else folders, tables)
        if component == "transformer":
            parts.append(plan_transformer(weights, dtype))
            continue
        model = MODELS[component](weights)
        check_weights(weights, model)
        narrowed = None if component == "vae" else dtype
        if weights.is_as_it_should_be and narrowed is None:
            parts.append(Part(component, weights, model, files_to_copy(weights.folder), weights.folder))
        else:
            parts.append(Part(component, weights, model, plan=tuple(plan_tensors(weights, model, narrowed))))
    refuse_unused(folders[0], [file for part in parts for file in files_read(part)])
    tokenizer, scheduler = find_tokenizer(folders), find_scheduler(folders)
    parts.append(Part("tokenizer", None, None, files_to_copy(tokenizer), tokenizer))
    parts.append(
        Part("scheduler", None, None, files_to_copy(scheduler), scheduler)
        if scheduler
        else Part("scheduler", None, None)
    )
    return parts


def plan_tensors(weights: Weights, model: nn.Module, dtype: torch.dtype | None) -> list[PlannedTensor]:
    """Every tensor of a model, in order, from its place in a checkpoint."""
    plan = []
    for name, shape in places_of(model).items():
        place = weights.placement.places[name]
        stored = weights.tensors[place.source]
        plan.append(PlannedTensor(name, shape, format_of(name, stored.dtype, dtype), stored, place.change))
    return plan


def plan_transformer(weights: Weights, dtype: torch.dtype | None) -> Part:
    """A Vera as it is, or one whose branches are a Wan: what no Wan has is zeros of its format.

    Raises:
        CheckpointNotTextToVideo, ModelFolderMissing, WeightsCorrupt: As `transformer_config`.
        WeightsNotPlaced, WeightsShapeMismatch: As `check_weights`.
    """
    config, is_vera = transformer_config(weights)
    with init_empty_weights():
        vera = VeraTransformer3DModel(**config)
        source = vera if is_vera else WanTransformer3DModel(**config)
    check_weights(weights, source)
    plan = plan_tensors(weights, source, dtype)
    if not is_vera:
        by_name = {tensor.name: tensor for tensor in plan}
        new_dtype = by_name["patch_embedding.weight"].dtype
        plan = []
        for name, shape in places_of(vera).items():
            of_wan = by_name.get(wan_name(name) or "")
            new = PlannedTensor(name, shape, new_dtype, None)
            plan.append(replace(of_wan, name=name) if of_wan else new)
    return Part("transformer", weights, vera, plan=tuple(plan))


def format_of(name: str, stored: torch.dtype, wanted: torch.dtype | None) -> torch.dtype:
    """The number format to write a tensor in: what the model computes with in float32 keeps its own."""
    kept = VeraTransformer3DModel._keep_in_fp32_modules
    return stored if wanted is None or any(part in kept for part in name.split(".")) else wanted


def files_read(part: Part) -> list[Path]:
    """The files of weights that a part is made of."""
    if part.plan:
        return list(dict.fromkeys(tensor.stored.file for tensor in part.plan if tensor.stored is not None))
    return [path for path in part.files if path.suffix == ".safetensors"]


def files_to_copy(component: Path) -> tuple[Path, ...]:
    """A component's files, less pickled doubles of its safetensors and a download's notes."""
    return tuple(
        path
        for path in sorted(component.rglob("*"))
        if path.is_file()
        and path.suffix not in PICKLE_SUFFIXES
        and HUB_NOTES.parts[0] not in path.relative_to(component).parts
    )
