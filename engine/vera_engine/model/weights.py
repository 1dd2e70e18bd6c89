"""The transformer's weights on disk: one safetensors file or several with an index, in diffusers' folder form.

Names and shapes are compared with the configuration from the files' headers, before a byte of weights is read:
diffusers itself only warns of missing tensors and goes on with random ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.modeling_utils import ModelMixin
from safetensors import SafetensorError, safe_open

from vera_engine.errors import FailedPrecondition
from vera_engine.model.checksums import WeightsCorrupt, verify_weights
from vera_engine.model.settings import ModelFolderMissing
from vera_engine.model.transformer import VeraTransformer3DModel

WEIGHTS_NAME = "diffusion_pytorch_model"
SAFETENSORS_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}
"""Number formats of weights, by their names in a safetensors header."""
PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"})


class WeightsArePickled(FailedPrecondition):
    """Weights are there only as pickles, which run the code of whoever made them."""


class WeightsShapeMismatch(FailedPrecondition):
    """Tensors of other shapes than the configuration asks for."""


class WeightsNotPlaced(FailedPrecondition):
    """Tensors that the configuration has no place for, or places that no tensor fills."""


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies, and what its file's header says of it."""

    file: Path
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def byte_count(self) -> int:
        """Its size in bytes."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize


def load_transformer(folder: Path, dtype: torch.dtype, device: torch.device | str = "cpu") -> VeraTransformer3DModel:
    """Load the transformer of a model folder, ready for inference.

    Args:
        folder: A model folder with `vera_edit.json` and `transformer/`.
        dtype: What to compute in; norms, modulation and time stay float32, as Wan's.

    Raises:
        ModelFolderMissing, ModelSettingsInvalid: There is no model in the folder.
        WeightsCorrupt: A file is not the one recorded.
        WeightsShapeMismatch, WeightsNotPlaced: The weights do not fit the configuration.
        WeightsArePickled: There are no safetensors.
    """
    verify_weights(folder)
    component = folder / "transformer"
    check_fit(stored_tensors(component), empty_model(VeraTransformer3DModel, component), component)
    model: VeraTransformer3DModel = VeraTransformer3DModel.from_pretrained(
        component, dtype=dtype, use_safetensors=True, local_files_only=True
    )
    model.to(device).eval()
    return model


def stored_tensors(component: Path) -> dict[str, StoredTensor]:
    """What the headers of a component's safetensors say, by tensor name, in the files' order.

    Raises:
        ModelFolderMissing: There are no weights.
        WeightsArePickled: There are pickles only.
        WeightsCorrupt: A header or the index cannot be read, a file is missing or truncated.
    """
    tensors: dict[str, StoredTensor] = {}
    for path in _weight_files(component):
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - a safetensors file is no dict
                    view = file.get_slice(name)
                    tensors[name] = StoredTensor(path, tuple(view.get_shape()), SAFETENSORS_DTYPES[view.get_dtype()])
        except (SafetensorError, OSError, KeyError) as error:
            raise WeightsCorrupt(
                f"The weights file cannot be read: {error}.", argument="model", value=path, remedy="Copy it again."
            ) from error
    return tensors


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model folder.

    Raises:
        ModelFolderMissing: There is no such file.
        WeightsCorrupt: It is not a JSON object.
    """
    if not path.is_file():
        raise ModelFolderMissing(
            f"There is no {path.name} here.",
            argument="model",
            value=path.parent,
            remedy="Name a whole model folder in diffusers' form.",
        )
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsCorrupt(f"The file is not JSON: {error}.", argument="model", value=path) from error
    if not isinstance(stored, dict):
        raise WeightsCorrupt("The file holds no JSON object.", argument="model", value=path)
    return stored


def empty_model(model_class: type[ModelMixin], component: Path) -> ModelMixin:
    """The model of a component's `config.json`, on the meta device: shapes without numbers.

    Raises:
        ModelFolderMissing, WeightsCorrupt: As `read_json`.
    """
    config = read_json(component / "config.json")
    with torch.device("meta"):
        return model_class.from_config(config)


def check_fit(tensors: dict[str, StoredTensor], model: ModelMixin, component: Path) -> None:
    """Refuse weights that are not exactly those of a model.

    Raises:
        WeightsNotPlaced: Names differ; the error lists them.
        WeightsShapeMismatch: Shapes differ; the error lists them.
    """
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    unplaced, unfilled = sorted(tensors.keys() - wanted.keys()), sorted(wanted.keys() - tensors.keys())
    if unplaced or unfilled:
        raise WeightsNotPlaced(
            f"Weights without a place: {_listed(unplaced)}; places without weights: {_listed(unfilled)}.",
            argument="model",
            value=component,
            remedy="Use the weights and the config.json of one and the same model.",
        )
    wrong = [
        f"{name} is {tensors[name].shape}, not {shape}"
        for name, shape in wanted.items()
        if tensors[name].shape != shape
    ]
    if wrong:
        raise WeightsShapeMismatch(
            f"Weights of the wrong shape: {_listed(wrong)}.",
            argument="model",
            value=component,
            remedy="Use the weights and the config.json of one and the same model.",
        )


def refuse_pickles(component: Path) -> None:
    """Refuse a component whose weights are pickles only.

    Raises:
        WeightsArePickled: With the names.
    """
    files = [path for path in sorted(component.iterdir()) if path.is_file()] if component.is_dir() else []
    pickles = [path.name for path in files if path.suffix in PICKLE_SUFFIXES]
    if pickles and not any(path.suffix == ".safetensors" for path in files):
        raise WeightsArePickled(
            f"The weights are pickles ({_listed(pickles)}); reading one can run any code its maker put in it.",
            argument="model",
            value=component,
            remedy="Use the safetensors release of the same weights.",
        )


def _weight_files(component: Path) -> list[Path]:
    """The component's safetensors files, as its index lists them, or the single one."""
    refuse_pickles(component)
    index, single = component / f"{WEIGHTS_NAME}.safetensors.index.json", component / f"{WEIGHTS_NAME}.safetensors"
    if index.is_file():
        weight_map = read_json(index).get("weight_map")
        if not isinstance(weight_map, dict) or any(str(name) != Path(str(name)).name for name in weight_map.values()):
            raise WeightsCorrupt("The index names no files, or files elsewhere.", argument="model", value=index)
        return [component / name for name in sorted(set(weight_map.values()))]
    if single.is_file():
        return [single]
    raise ModelFolderMissing(
        "There are no weights here.", argument="model", value=component, remedy=f"It should hold {single.name}."
    )


def _listed(names: list[str], most: int = 8) -> str:
    """Names in a sentence, the first few and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more
