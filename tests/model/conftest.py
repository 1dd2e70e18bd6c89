"""Devices the model's tests run on, and a whole Wan checkpoint of the smallest size."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest) -> torch.device:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    return torch.device(request.param)


@pytest.fixture(scope="session")
def wan_transformer() -> WanTransformer3DModel:
    """A random Wan transformer of two layers; every parameter is random, those that start at zero or one too."""
    torch.manual_seed(0)
    wan = WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=4,
        out_channels=4,
        text_dim=16,
        freq_dim=32,
        ffn_dim=32,
        num_layers=2,
    )
    with torch.no_grad():
        for parameter in wan.parameters():
            parameter.normal_(std=0.2)
    return wan.eval()


@pytest.fixture(scope="session")
def wan_folder(tmp_path_factory: pytest.TempPathFactory, wan_transformer: WanTransformer3DModel) -> Path:
    """A whole Wan2.1 checkpoint folder, written by diffusers itself; read only."""
    torch.manual_seed(1)
    words = {word: index for index, word in enumerate(("<pad>", "</s>", "<unk>", "add", "a", "ball"))}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    text_config = UMT5Config(vocab_size=len(words), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    vae = AutoencoderKLWan(base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
    vae.register_to_config(latents_mean=[0.0] * 4, latents_std=[1.0] * 4)
    pipeline = WanPipeline(
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
        ),
        text_encoder=UMT5EncoderModel(text_config),
        vae=vae,
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        transformer=wan_transformer,
    )
    folder = tmp_path_factory.mktemp("checkpoints") / "wan"
    pipeline.save_pretrained(folder)
    return folder
