"""What is trained, as one module: accelerate wraps it, so that several processes share its work or its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from transformers import PreTrainedTokenizerFast, UMT5EncoderModel

from vera_engine.model.codec import LinearVideoCodec
from vera_engine.model.transformer import BRANCHES, VeraTransformer3DModel
from vera_engine.pipeline.text import encode_prompts
from vera_engine.training.clips import ClipBatch
from vera_engine.training.config import TrainingConfig
from vera_engine.training.loss import NoisedBatch, branch_losses, velocities
from vera_engine.training.word_sense import WordSense

LORA_TARGETS = r"branches\.\w+\.blocks\.\d+\.(attn[12]\.(to_[qkv]|to_out\.0)|ffn\.net\.(0\.proj|2))"
"""Every matrix of the layers, of all branches."""
NEW_IN_VERA = ("layer_embedding", "source_patch_embedding", "mask_patch_embedding")
"""Trained whole beside adapters: a plain Wan has none of them, so there is nothing to adapt."""

NEW_PARAMETERS = "new_in_vera.safetensors"
"""Where they lie beside adapters."""


@dataclass
class TrainedParts:
    """The parts of a pipeline that training makes. Those that carry weights of training carry the averaged ones.

    Attributes:
        codec: The small model's own; None where the model's folder that was begun with has one.
        text_encoder, tokenizer: Likewise.
    """

    transformer: VeraTransformer3DModel
    text_encoder: UMT5EncoderModel | None
    tokenizer: PreTrainedTokenizerFast | None
    codec: LinearVideoCodec | None
    step: int


class Trained(nn.Module):
    """The transformer, or adapters of it, and where it is trained along the text encoder.

    Args:
        config: What to train.
        transformer: Wan2.1's three, from scratch or from a model folder.
        text_encoder, tokenizer: Trained along; None: the states of texts are given.
    """

    def __init__(
        self,
        config: TrainingConfig,
        transformer: VeraTransformer3DModel,
        text_encoder: UMT5EncoderModel | None = None,
        tokenizer: PreTrainedTokenizerFast | None = None,
    ) -> None:
        super().__init__()
        self._config, self._tokenizer = config, tokenizer
        if config.gradient_checkpointing:
            transformer.enable_gradient_checkpointing()
        self.prediction_type = transformer.config.prediction_type
        self.transformer: VeraTransformer3DModel | PeftModel = transformer
        self.text_encoder = text_encoder
        self.word_sense = WordSense(config.text_dim) if config.words_weight else None
        if config.lora_rank:
            lora = LoraConfig(r=config.lora_rank, lora_alpha=config.lora_rank, target_modules=LORA_TARGETS)
            self.transformer = get_peft_model(transformer, lora)
            for name, parameter in self.transformer.named_parameters():
                if _is_new(name):
                    parameter.requires_grad_(True)
        if config.mixed_precision == "bf16":
            # What is trained stays float32; what is not takes as little memory as it can.
            to_format(self.transformer, torch.bfloat16, lambda parameter: not parameter.requires_grad)

    def forward(
        self,
        batch: ClipBatch,
        noised: NoisedBatch,
        texts: list[str] | Tensor,
        mask_present: Tensor,
        predicts_only: bool = False,
    ) -> tuple[Tensor, dict[str, Tensor]] | tuple[Tensor, Tensor, Tensor]:
        """The loss of a batch and each branch's mean squared error: see `branch_losses`, and `WordSense`.

        Whatever is computed with the weights comes through here: accelerate's number format and FSDP's hooks are at
        this door alone.

        Args:
            batch: Clean latents.
            noised: The same with noise.
            texts: Instructions, or their states (B, L, text_dim).
            mask_present: bool (B,).
            predicts_only: Give the branches' velocities instead, of edit, alpha and composite.
        """
        states = self.text_states(texts)
        prediction = self.transformer(
            noised.edit,
            noised.alpha,
            noised.composite,
            noised.sigmas * 1000,
            states,
            source_latents=batch.source,
            mask_latents=batch.mask,
            mask_present=mask_present,
            begins_run=batch.begins_run,
            attention=self._config.attention,
        )
        if predicts_only:
            return velocities(prediction, self.prediction_type, noised)
        loss, errors = branch_losses(prediction, self.prediction_type, batch, noised, self._config)
        if self.word_sense is not None and not isinstance(texts, Tensor):
            told_apart = self.word_sense(states, texts)
            loss = loss + self._config.words_weight * told_apart
            errors["words"] = told_apart.detach()
        return loss, errors

    def text_states(self, texts: list[str] | Tensor) -> Tensor:
        """States (B, L, text_dim) of instructions; what are states already is given back."""
        if isinstance(texts, Tensor):
            return texts
        assert self._tokenizer is not None
        assert self.text_encoder is not None
        return encode_prompts(self._tokenizer, self.text_encoder, texts)

    def merged_transformer(self) -> VeraTransformer3DModel:
        """The transformer with its adapters, if any, worked into the weights. Training cannot go on after it.

        Where a process has parts of the weights alone they stay as they are: nothing can be worked into them.
        """
        adapted = self.transformer
        if not isinstance(adapted, PeftModel):
            return adapted
        are_parts = any(isinstance(parameter, DTensor) for parameter in adapted.parameters())
        merged: Any = adapted.get_base_model() if are_parts else adapted.merge_and_unload()
        transformer: VeraTransformer3DModel = merged
        return transformer


def parameters_by_name(trained: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """What is trained, in the model's own order."""
    return [(name, parameter) for name, parameter in trained.named_parameters() if parameter.requires_grad]


def to_format(
    transformer: nn.Module, dtype: torch.dtype, which: Callable[[nn.Parameter], bool] = lambda parameter: True
) -> None:
    """Brings weights to a number format, but for those that are float32 wherever a model is loaded, such as norms.

    Args:
        transformer: A `VeraTransformer3DModel`, with adapters or without.
        dtype: The format.
        which: Of the weights; the others stay.
    """
    for name, parameter in transformer.named_parameters():
        if which(parameter) and not any(
            part in VeraTransformer3DModel._keep_in_fp32_modules for part in name.split(".")
        ):
            parameter.data = parameter.data.to(dtype)


def save_adapters(trained: Trained, folder: Path) -> None:
    """Writes the adapters alone, in peft's form; beside them what `NEW_IN_VERA` has learned, by the model's own names.

    With these two, what training began with becomes what it made.
    """
    assert isinstance(trained.transformer, PeftModel)
    trained.transformer.save_pretrained(str(folder))
    learned = trained.transformer.get_base_model().named_parameters()
    new = {name: each.detach().cpu().contiguous() for name, each in learned if _is_new(name)}
    save_file(new, folder / NEW_PARAMETERS)


def _is_new(name: str) -> bool:
    return any(part in NEW_IN_VERA for part in name.split("."))


def new_transformer(config: TrainingConfig) -> VeraTransformer3DModel:
    """The small model's transformer, at the start of its training."""
    transformer: Any = VeraTransformer3DModel(
        num_attention_heads=config.num_attention_heads,
        attention_head_dim=config.attention_head_dim,
        in_channels=config.z_dim,
        out_channels=config.z_dim,
        text_dim=config.text_dim,
        freq_dim=128,
        ffn_dim=config.ffn_dim,
        num_layers=config.num_layers,
        rope_max_seq_len=256,
        absolute_positions=True,
        first_latent_embedding=config.first_latent_embedding,
        prediction_type="sample",
    )
    for name in BRANCHES:
        branch = transformer.branches[name]
        nn.init.zeros_(branch.proj_out.weight)
        nn.init.zeros_(branch.proj_out.bias)
    # Plate and mask are the small model's main guides from the first step on; only Wan's weights must not be disturbed.
    for embedding in (transformer.source_patch_embedding, transformer.mask_patch_embedding):
        nn.init.xavier_uniform_(embedding.weight.flatten(1))
    made: VeraTransformer3DModel = transformer
    return made
