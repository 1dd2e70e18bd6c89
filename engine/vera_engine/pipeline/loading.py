"""From a model folder to a pipeline on a device."""

from __future__ import annotations

import torch

from vera_engine.model import codec as _codec  # noqa: F401 - diffusers takes components of modules imported before alone
from vera_engine.model.checksums import WeightsCorrupt
from vera_engine.model.settings import model_folder, read_settings
from vera_engine.model.weight_files import read_json
from vera_engine.model.weights import load_text_encoder, load_transformer
from vera_engine.pipeline.device import choose_device
from vera_engine.pipeline.fit import NO_MEASURES, Measures
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.pipeline.placement import place

_CONFIGURATIONS = (
    "model_index.json",
    "vae/config.json",
    "text_encoder/config.json",
    "tokenizer/tokenizer_config.json",
    "scheduler/scheduler_config.json",
)
"""Looked at before loading: where one lacks, transformers would ask the network for it."""


def load_pipeline(
    model: str,
    device: str = "auto",
    storage_dtype: torch.dtype | None = None,
    measures: Measures = NO_MEASURES,
) -> VeraPipeline:
    """The pipeline of "small" or of a model folder, checked and ready to be called.

    The codec keeps float32 everywhere: what it rounds shows in every pixel.

    Args:
        model: "small", or a folder.
        device: One of device.py's DEVICES.
        storage_dtype: What the weights of transformer and text encoder are kept in between their layers' turns (see
            model/storage.py), such as bfloat16 on a CPU; None: as the measures say, or in the device's arithmetic.
        measures: What is done to need less memory: what is to wait in the computer's memory never sees the device.

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
    storage_dtype = storage_dtype or measures.storage
    waiting = torch.device("cpu")
    transformer = load_transformer(folder, dtype, waiting if measures.layers_in_turn else torch_device, storage_dtype)
    text_encoder = load_text_encoder(
        folder, dtype, waiting if measures.text_encoder_off else torch_device, storage_dtype
    )
    try:
        pipeline: VeraPipeline = VeraPipeline.from_pretrained(
            folder,
            transformer=transformer,
            text_encoder=text_encoder,
            dtype={"default": dtype, "vae": torch.float32},
            use_safetensors=True,
            local_files_only=True,
        )
    except (OSError, ValueError, TypeError) as error:
        raise WeightsCorrupt(
            f"A part of the model cannot be loaded: {error}.", argument="model", value=folder, remedy="Copy it again."
        ) from error
    place(pipeline, measures, torch_device)
    pipeline.settings = settings
    return pipeline
