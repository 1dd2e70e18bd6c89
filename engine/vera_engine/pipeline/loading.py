"""From a model folder to a pipeline on a device."""

from __future__ import annotations

from typing import Literal

import torch

from vera_engine.errors import FailedPrecondition, InvalidArgument
from vera_engine.model import codec as _codec  # noqa: F401 - diffusers takes components of modules imported before alone
from vera_engine.model.checksums import WeightsCorrupt
from vera_engine.model.settings import model_folder, read_settings
from vera_engine.model.weights import load_transformer, read_json
from vera_engine.pipeline.pipeline import VeraPipeline

Device = Literal["auto", "cpu", "cuda", "mps"]
DEVICES: tuple[Device, ...] = ("auto", "cpu", "cuda", "mps")

_CONFIGURATIONS = (
    "model_index.json",
    "vae/config.json",
    "text_encoder/config.json",
    "tokenizer/tokenizer_config.json",
    "scheduler/scheduler_config.json",
)
"""Looked at before loading: where one lacks, transformers would ask the network for it."""


class DeviceUnknown(InvalidArgument):
    """A device that there is no name for."""


class DeviceMissing(FailedPrecondition):
    """A device that this machine, or this build of torch, does not have."""


def choose_device(device: str) -> tuple[torch.device, torch.dtype]:
    """The device to compute on and its arithmetic: CUDA in bfloat16, else MPS or CPU in float32.

    Raises:
        DeviceUnknown, DeviceMissing: There is no such device.
    """
    if device not in DEVICES:
        raise DeviceUnknown(
            "There is no such device.", argument="device", value=device, remedy=f"Choose from {', '.join(DEVICES)}."
        )
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    chosen = next(name for name, there in present.items() if there) if device == "auto" else device
    if not present[chosen]:
        raise DeviceMissing(
            f"torch {torch.__version__} finds no such device here.",
            argument="device",
            value=device,
            remedy="Use --device auto, or install the build of torch that has it (see the README).",
        )
    return torch.device(chosen), torch.bfloat16 if chosen == "cuda" else torch.float32


def load_pipeline(model: str, device: str = "auto") -> VeraPipeline:
    """The pipeline of "small" or of a model folder, checked and ready to be called.

    The codec keeps float32 everywhere: what it rounds shows in every pixel.

    Raises:
        ModelFolderMissing, ModelSettingsInvalid, WeightsCorrupt, WeightsShapeMismatch, WeightsNotPlaced,
        WeightsArePickled: As `load_transformer`.
        DeviceUnknown, DeviceMissing: As `choose_device`.
    """
    torch_device, dtype = choose_device(device)
    folder = model_folder(model)
    settings = read_settings(model)
    for name in _CONFIGURATIONS:
        read_json(folder / name)
    transformer = load_transformer(folder, dtype, torch_device)
    try:
        pipeline: VeraPipeline = VeraPipeline.from_pretrained(
            folder,
            transformer=transformer,
            dtype={"default": dtype, "vae": torch.float32},
            use_safetensors=True,
            local_files_only=True,
        )
    except (OSError, ValueError) as error:
        raise WeightsCorrupt(
            f"A part of the model cannot be loaded: {error}.", argument="model", value=folder, remedy="Copy it again."
        ) from error
    pipeline.to(torch_device)
    pipeline.settings = settings
    return pipeline
