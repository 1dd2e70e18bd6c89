"""A model folder's weights into memory: checked against the configuration first, then read one tensor at a time.

Names and shapes are compared from the files' headers, before a byte of weights is read: diffusers itself only warns of
missing tensors and goes on with random ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from accelerate import init_empty_weights
from accelerate.utils import set_module_tensor_to_device
from torch import nn
from transformers import UMT5Config, UMT5EncoderModel

from vera_engine.errors import FailedPrecondition
from vera_engine.model.checksums import verify_weights
from vera_engine.model.key_names import listed
from vera_engine.model.key_tables import UNCHANGED, Change, Placement
from vera_engine.model.storage import store_text_encoder, store_transformer
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.model.weight_files import StoredTensor, component_tensors, read_json, tensors_in_turn


class WeightsShapeMismatch(FailedPrecondition):
    """Tensors of other shapes than the configuration asks for."""


class WeightsNotPlaced(FailedPrecondition):
    """Tensors that the configuration has no place for, or places that no tensor fills."""


def load_transformer(
    folder: Path,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    storage_dtype: torch.dtype | None = None,
) -> VeraTransformer3DModel:
    """Load the transformer of a model folder, ready for inference. Never more than it and one tensor are in memory.

    Args:
        folder: A model folder with `vera_edit.json` and `transformer/`.
        dtype: What to compute in; norms, modulation and time stay float32, as Wan's.
        storage_dtype: What the layers' weights are kept in between their turns (see storage.py); None: in `dtype`.

    Raises:
        ModelFolderMissing, ModelSettingsInvalid: There is no model in the folder.
        WeightsCorrupt: A file is not the one recorded.
        WeightsShapeMismatch, WeightsNotPlaced: The weights do not fit the configuration.
        WeightsArePickled: There are no safetensors.
    """
    verify_weights(folder)
    component = folder / "transformer"
    tensors = component_tensors(component)
    with init_empty_weights():
        model: VeraTransformer3DModel = VeraTransformer3DModel.from_config(read_json(component / "config.json"))
    check_fit(tensors, model, component)
    for name, parameter in model.named_parameters():
        kept = any(part in VeraTransformer3DModel._keep_in_fp32_modules for part in name.split("."))
        parameter.data = parameter.data.to(torch.float32 if kept else dtype)
    if storage_dtype not in (None, dtype):
        store_transformer(model, storage_dtype, dtype)
    fill(model, tensors, device)
    model.to(device).eval()
    return model


def load_text_encoder(
    folder: Path,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    storage_dtype: torch.dtype | None = None,
) -> UMT5EncoderModel:
    """Load the text encoder of a model folder, as `load_transformer` does; the folder's checksums are not read again.

    Raises:
        ModelFolderMissing, WeightsCorrupt, WeightsShapeMismatch, WeightsNotPlaced, WeightsArePickled: As there.
    """
    component = folder / "text_encoder"
    tensors = component_tensors(component)
    model = empty_text_encoder(component)
    check_fit(tensors, model, component)
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    if storage_dtype not in (None, dtype):
        store_text_encoder(model, storage_dtype, dtype)
    fill(model, tensors, device)
    model.tie_weights()
    return model.to(device).eval()


def empty_text_encoder(component: Path) -> UMT5EncoderModel:
    """The text encoder of a component's `config.json`, on the meta device.

    Raises:
        ModelFolderMissing, WeightsCorrupt: As `read_json`.
        WeightsNotPlaced: It is another model than UMT5.
    """
    config = read_json(component / "config.json")
    if config.get("model_type") != "umt5":
        raise WeightsNotPlaced(
            f"The text encoder is a {config.get('model_type')}; Wan2.1's is UMT5.", argument="model", value=component
        )
    with init_empty_weights():
        return UMT5EncoderModel(UMT5Config.from_dict(config))


def fill(model: nn.Module, tensors: Mapping[str, StoredTensor], device: torch.device | str) -> None:
    """Give an empty model its numbers, each in the number format that its place on the meta device has."""
    formats = {name: parameter.dtype for name, parameter in model.state_dict(keep_vars=True).items()}
    names = list(tensors)
    for name, numbers in zip(names, tensors_in_turn(tensors[name] for name in names), strict=True):
        if name in formats:
            set_module_tensor_to_device(model, name, device, value=numbers, dtype=formats[name], clear_cache=False)


def places_of(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what a model has to be given; a second name of the same tensor is not among them."""
    tied: Mapping[str, str] = getattr(model, "all_tied_weights_keys", {})
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items() if name not in tied}


def check_fit(tensors: Mapping[str, StoredTensor], model: nn.Module, component: Path) -> None:
    """Refuse weights that are not exactly those of a model, under the model's own names.

    Raises:
        WeightsNotPlaced: Names differ; the error lists them.
        WeightsShapeMismatch: Shapes differ; the error lists them.
    """
    places = places_of(model)
    tied: Mapping[str, str] = getattr(model, "all_tied_weights_keys", {})
    refuse_misfits(
        sorted(tensors.keys() - places.keys() - tied.keys()),
        sorted(places.keys() - tensors.keys()),
        {name: (stored.shape, places[name]) for name, stored in tensors.items() if name in places},
        component,
    )


def check_placement(
    placement: Placement, tensors: Mapping[str, StoredTensor], places: Mapping[str, tuple[int, ...]], component: Path
) -> None:
    """Refuse a checkpoint that a key table does not bring into a model's places, each tensor into its own.

    Args:
        placement: What the table makes of the names.
        tensors: What the checkpoint's headers say.
        places: The model's names and shapes.
        component: Where the weights lie, for the error.

    Raises:
        WeightsNotPlaced: The error lists what has no place, and what nothing fills.
        WeightsShapeMismatch: The error lists the shapes.
    """
    homeless = [place.source for target, place in placement.places.items() if target not in places]
    shapes = {
        target: (shape_after(tensors[place.source].shape, place.change, places[target]), places[target])
        for target, place in placement.places.items()
        if target in places
    }
    unfilled = [name for name in places if name not in placement.places]
    refuse_misfits(
        list(dict.fromkeys([*placement.unplaced, *placement.twice, *homeless])),
        unfilled,
        shapes,
        component,
        by=f", by the key table {placement.table.name}",
        remedy="Write a key table for this layout (docs/models.md) and give it with --table."
        if placement.unplaced or placement.twice or homeless or unfilled
        else "",
    )


def refuse_misfits(
    unplaced: list[str],
    unfilled: list[str],
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]],
    component: Path,
    *,
    by: str = "",
    remedy: str = "",
) -> None:
    """Refuse what is left over on either side, and shapes that differ (found, wanted)."""
    remedy = remedy or "Use the weights and the config.json of one and the same model."
    if unplaced or unfilled:
        raise WeightsNotPlaced(
            f"Weights without a place{by}: {listed(unplaced)}; places without weights: {listed(unfilled)}.",
            argument="model",
            value=component,
            remedy=remedy,
        )
    wrong = [f"{name} is {found}, not {wanted}" for name, (found, wanted) in shapes.items() if found != wanted]
    if wrong:
        raise WeightsShapeMismatch(
            f"Weights of the wrong shape: {listed(wrong)}.", argument="model", value=component, remedy=remedy
        )


def shape_after(shape: tuple[int, ...], change: Change, place: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that a change makes of another; the old one where it cannot be made."""
    try:
        return tuple(changed(torch.empty(shape, device="meta"), change, place).shape)
    except (RuntimeError, IndexError, ValueError):
        return shape


def changed(numbers: torch.Tensor, change: Change, place: tuple[int, ...]) -> torch.Tensor:
    """A tensor as its place wants it, contiguous and in memory of its own.

    Raises:
        RuntimeError, IndexError, ValueError: The change is not one of this tensor's axes or numbers.
    """
    if change == UNCHANGED:
        return numbers
    if change.transpose:
        numbers = numbers.permute(change.transpose)
    if change.split is not None:
        if numbers.shape[change.split] % change.pieces:
            raise ValueError(f"{tuple(numbers.shape)} cannot be cut into {change.pieces} along {change.split}")
        numbers = numbers.chunk(change.pieces, dim=change.split)[change.piece]
    if change.reshape:
        numbers = numbers.reshape(place)
    return numbers.clone(memory_format=torch.contiguous_format)
