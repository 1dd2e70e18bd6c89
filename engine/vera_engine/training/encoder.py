"""What encodes clips and instructions: a model's codec and text encoder, without its transformer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from transformers import AutoTokenizer, PreTrainedTokenizerBase, UMT5EncoderModel

from vera_engine.model.checksums import WeightsCorrupt, verify_weights
from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.settings import ModelSettings, model_folder, read_settings
from vera_engine.model.weight_files import read_json
from vera_engine.model.weights import load_text_encoder
from vera_engine.pipeline.device import choose_device


@dataclass(frozen=True)
class Encoder:
    """Both on one device."""

    vae: LinearVideoCodec | AutoencoderKLWan
    text_encoder: UMT5EncoderModel
    tokenizer: PreTrainedTokenizerBase


def load_encoder(model: str, device: str = "auto") -> Encoder:
    """Loads what encodes; of Wan2.1's parts these are 12 GB in bfloat16. The codec keeps float32, as for takes.

    Args:
        model: "small", or a folder.
        device: As `--device`.

    Raises:
        ModelFolderMissing, ModelSettingsInvalid, WeightsCorrupt, WeightsShapeMismatch, WeightsNotPlaced,
        WeightsArePickled: As `load_text_encoder`.
        DeviceUnknown, DeviceMissing: As `choose_device`.
    """
    torch_device, dtype = choose_device(device)
    folder = model_folder(model)
    verify_weights(folder)
    read_json(folder / "tokenizer" / "tokenizer_config.json")  # where it lacks, transformers would ask the network
    text_encoder = load_text_encoder(folder, dtype, torch_device)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    except (OSError, ValueError) as error:
        raise WeightsCorrupt(
            f"The tokenizer cannot be loaded: {error}.", argument="model", value=folder, remedy="Copy it again."
        ) from error
    return Encoder(load_codec(folder, read_settings(model), torch_device), text_encoder, tokenizer)


def load_codec(folder: Path, settings: ModelSettings, device: torch.device) -> LinearVideoCodec | AutoencoderKLWan:
    """The codec of a model folder, float32."""
    read_json(folder / "vae" / "config.json")
    kind = {"LinearVideoCodec": LinearVideoCodec, "AutoencoderKLWan": AutoencoderKLWan}[settings.codec]
    codec: LinearVideoCodec | AutoencoderKLWan = kind.from_pretrained(
        folder / "vae", use_safetensors=True, local_files_only=True
    )
    return codec.to(device).eval()
