"""A model by its configurations alone: its real modules on the meta device, without a number read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from torch import nn
from transformers import UMT5Config, UMT5EncoderModel

from vera_engine.errors import FailedPrecondition
from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.settings import model_folder
from vera_engine.model.storage import store_text_encoder, store_transformer
from vera_engine.model.transformer import VeraTransformer3DModel
from vera_engine.model.weight_files import read_json
from vera_engine.pipeline.text import LONGEST_TEXT

KNOWN_SIZES = ("1.3B", "14B")
"""Models that can be spoken of without a folder."""

_CODECS = {"AutoencoderKLWan": AutoencoderKLWan, "LinearVideoCodec": LinearVideoCodec}
_OF_SIZE = {"1.3B": {}, "14B": {"num_attention_heads": 40, "ffn_dim": 13824, "num_layers": 40}}
"""Beside the defaults of `VeraTransformer3DModel`, which are the smaller one's."""
_UMT5_XXL = {
    "vocab_size": 256384,
    "d_model": 4096,
    "d_kv": 64,
    "d_ff": 10240,
    "num_layers": 24,
    "num_heads": 64,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}
"""Wan2.1's text encoder."""


class CodecUnknown(FailedPrecondition):
    """A model folder with a video autoencoder that there is no class for."""


@dataclass(frozen=True)
class Blueprint:
    """Configurations of a model's parts, as JSON, so that what is worked out from them can be remembered by them."""

    transformer: str
    codec_class: str
    codec: str
    text_encoder: str
    text_tokens: int
    """How many the text encoder is given."""

    @classmethod
    def of(cls, model: str) -> Blueprint:
        """That of "1.3B", "14B", "small" or a model folder.

        Raises:
            ModelFolderMissing, WeightsCorrupt: There is no such folder, or a configuration in it is none.
            CodecUnknown
        """
        if model in KNOWN_SIZES:
            return cls(json.dumps(_OF_SIZE[model]), "AutoencoderKLWan", "{}", json.dumps(_UMT5_XXL), LONGEST_TEXT)
        folder = model_folder(model)
        codec = read_json(folder / "vae" / "config.json")
        name = str(codec.get("_class_name"))
        if name not in _CODECS:
            raise CodecUnknown(
                f"The video autoencoder is a {name}.",
                argument="model",
                value=folder / "vae",
                remedy=f"Those known are {', '.join(_CODECS)}.",
            )
        return cls(
            _text_of(folder / "transformer"),
            name,
            json.dumps(codec, sort_keys=True),
            _text_of(folder / "text_encoder"),
            min(LONGEST_TEXT, int(read_json(folder / "tokenizer" / "tokenizer_config.json")["model_max_length"])),
        )

    def transformer_on_meta(self, dtype: torch.dtype, storage_dtype: torch.dtype | None) -> VeraTransformer3DModel:
        """The transformer as `load_transformer` loads it, without numbers."""
        with torch.device("meta"):
            model: VeraTransformer3DModel = VeraTransformer3DModel.from_config(json.loads(self.transformer))
        for name, parameter in model.named_parameters():
            kept = any(part in VeraTransformer3DModel._keep_in_fp32_modules for part in name.split("."))
            parameter.data = parameter.data.to(torch.float32 if kept else dtype)
        if storage_dtype not in (None, dtype):
            store_transformer(model, storage_dtype, dtype)
        model.eval()
        return model

    def codec_on_meta(self) -> AutoencoderKLWan | LinearVideoCodec:
        """The codec, which keeps float32 everywhere."""
        with torch.device("meta"):
            return _CODECS[self.codec_class].from_config(json.loads(self.codec)).eval()

    def text_encoder_on_meta(self, dtype: torch.dtype, storage_dtype: torch.dtype | None) -> UMT5EncoderModel:
        """The text encoder as `load_text_encoder` loads it, without numbers."""
        with torch.device("meta"):
            model = UMT5EncoderModel(UMT5Config.from_dict(json.loads(self.text_encoder)))
        for parameter in model.parameters():
            parameter.data = parameter.data.to(dtype)
        if storage_dtype not in (None, dtype):
            store_text_encoder(model, storage_dtype, dtype)
        model.tie_weights()
        return model.eval()


def bytes_of(*modules: nn.Module) -> int:
    """What the weights and constants of modules take, each tensor once."""
    tensors = {tensor.untyped_storage()._cdata: tensor for module in modules for tensor in _tensors(module)}
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors.values())


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers()]


def _text_of(component: Path) -> str:
    return json.dumps(read_json(component / "config.json"), sort_keys=True)
