"""Vera's transformer: three Wan2.1 transformers (edit, alpha, composite) that meet in joint self-attention.

After "Vera" (arXiv 2606.23610), built of diffusers' Wan classes: what is added to three plain Wans are two layer
embeddings and two patch embeddings, all zero at first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.cache_utils import CacheMixin
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel, WanTransformerBlock
from diffusers.utils import BaseOutput
from torch import Tensor, nn

from vera_engine.model.joint_block import JointBlock, KeysValues, RotaryTables, text_keys_values
from vera_engine.model.positions import AbsolutePositionEmbedding, FirstLatentEmbedding
from vera_engine.model.transformer_inputs import check_batch, check_choice, check_latents, check_text, check_text_batch

BRANCHES = ("edit", "alpha", "composite")
ATTENTION_MODES = ("joint", "within_branches")
PREDICTION_TYPES = ("velocity", "sample")


@dataclass
class VeraTransformerOutput(BaseOutput):  # type: ignore[misc]
    """What each branch predicts, (B, out_channels, F, H, W): see `prediction_type` for what it means."""

    edit: Tensor
    alpha: Tensor
    composite: Tensor


@dataclass(frozen=True)
class PreparedText:
    """What of the text is constant over a take; made by `VeraTransformer3DModel.prepare_text`.

    Attributes:
        embeddings: The embedded text (B, L, dim) of each branch.
        keys_values: For each layer and branch the keys and values (B, L, heads, head dim) of cross-attention.
    """

    embeddings: tuple[Tensor, ...]
    keys_values: tuple[tuple[KeysValues, ...], ...]

    def __len__(self) -> int:
        """Texts in the batch."""
        return len(self.embeddings[0])

    def only(self, index: int) -> PreparedText:
        """One text of the batch, as a batch of one; nothing is copied."""
        here = slice(index, index + 1)
        keys_values = tuple(
            tuple((keys[here], values[here]) for keys, values in of_layer) for of_layer in self.keys_values
        )
        return PreparedText(tuple(text[here] for text in self.embeddings), keys_values)


class VeraTransformer3DModel(ModelMixin, ConfigMixin, CacheMixin):  # type: ignore[misc]
    """Denoises the latents of edit, alpha and composite together.

    The arguments are `WanTransformer3DModel`'s (the defaults are Wan2.1 1.3B's; 14B has 40 heads, ffn 13824 and 40
    layers), and three of this project's own:

    Args:
        absolute_positions: Add an embedding of each token's place in the clip (for small models; see positions.py).
        first_latent_embedding: Tell tokens of a timeline's first latent, which stands for one frame, from those that
            stand for four (for small models; see positions.py).
        prediction_type: What the outputs are: "velocity" (noise minus sample, as Wan) or "sample" (the clean latents).

    Raises:
        TransformerInputRefused: `prediction_type` is neither.
    """

    _supports_gradient_checkpointing = True
    _repeated_blocks: ClassVar[list[str]] = ["JointBlock"]
    # A layer's three blocks share one attention, so they cannot be spread over devices as accelerate would.
    _no_split_modules: ClassVar[list[str]] = ["ModuleDict"]
    _keep_in_fp32_modules: ClassVar[list[str]] = [*WanTransformer3DModel._keep_in_fp32_modules, "layer_embedding"]
    _skip_layerwise_casting_patterns: ClassVar[list[str]] = [
        *WanTransformer3DModel._skip_layerwise_casting_patterns,
        r"^branches\.\w+\.proj_out$",  # which diffusers leaves as it is where it is not inside branches
        "layer_embedding",
        "absolute_position_embedding",
        "first_latent_marks",
    ]

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        patch_size: tuple[int, int, int] = (1, 2, 2),
        num_attention_heads: int = 12,
        attention_head_dim: int = 128,
        in_channels: int = 16,
        out_channels: int = 16,
        text_dim: int = 4096,
        freq_dim: int = 256,
        ffn_dim: int = 8960,
        num_layers: int = 30,
        cross_attn_norm: bool = True,
        qk_norm: str | None = "rms_norm_across_heads",
        eps: float = 1e-6,
        rope_max_seq_len: int = 1024,
        absolute_positions: bool = False,
        first_latent_embedding: bool = False,
        prediction_type: Literal["velocity", "sample"] = "velocity",
    ) -> None:
        super().__init__()
        check_choice("prediction_type", prediction_type, PREDICTION_TYPES)
        patch_size = (patch_size[0], patch_size[1], patch_size[2])
        dim = num_attention_heads * attention_head_dim

        self.branches = nn.ModuleDict(
            {
                name: WanTransformer3DModel(
                    patch_size=patch_size,
                    num_attention_heads=num_attention_heads,
                    attention_head_dim=attention_head_dim,
                    in_channels=in_channels,
                    out_channels=out_channels,
                    text_dim=text_dim,
                    freq_dim=freq_dim,
                    ffn_dim=ffn_dim,
                    num_layers=num_layers,
                    cross_attn_norm=cross_attn_norm,
                    qk_norm=qk_norm,
                    eps=eps,
                    rope_max_seq_len=rope_max_seq_len,
                )
                for name in BRANCHES
            }
        )
        self.layer_embedding = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(dim)) for name in ("alpha", "composite")}
        )
        self.source_patch_embedding = nn.Conv3d(in_channels, dim, kernel_size=patch_size, stride=patch_size)
        self.mask_patch_embedding = nn.Conv3d(in_channels, dim, kernel_size=patch_size, stride=patch_size)
        for embedding in (self.source_patch_embedding, self.mask_patch_embedding):
            nn.init.zeros_(embedding.weight)
            assert embedding.bias is not None
            nn.init.zeros_(embedding.bias)
        self.absolute_position_embedding = AbsolutePositionEmbedding(dim) if absolute_positions else None
        self.first_latent_marks = FirstLatentEmbedding(dim, BRANCHES) if first_latent_embedding else None
        self.blocks = nn.ModuleList(JointBlock() for _ in range(num_layers))
        self.gradient_checkpointing = False
        self._last_rotary: tuple[object, RotaryTables] | None = None

    def prepare_text(self, encoder_hidden_states: Tensor) -> PreparedText:
        """Compute once what every denoising step of a take needs of the text.

        It holds 2 * 3 * layers * L * dim numbers a prompt: 0.3 GB for the 1.3B model in bfloat16, 2.5 GB for 14B.

        Args:
            encoder_hidden_states: (B, L, text_dim), in the model's dtype.

        Raises:
            TransformerInputRefused: The shape is another.
        """
        embeddings = self._embed_text(encoder_hidden_states)
        keys_values = tuple(
            tuple(text_keys_values(block.attn2, text) for block, text in zip(blocks, embeddings, strict=True))
            for blocks in self._layers()
        )
        return PreparedText(embeddings, keys_values)

    def forward(
        self,
        edit: Tensor,
        alpha: Tensor,
        composite: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor | PreparedText,
        source_latents: Tensor | None = None,
        mask_latents: Tensor | None = None,
        mask_present: Tensor | None = None,
        begins_run: Tensor | None = None,
        attention: Literal["joint", "within_branches"] = "joint",
        return_dict: bool = True,
    ) -> VeraTransformerOutput | tuple[Tensor, Tensor, Tensor]:
        """Predict, from noisy latents, the velocity or the clean sample of all three branches.

        Args:
            edit, alpha, composite: Noisy latents (B, in_channels, F, H, W), F, H, W multiples of the patch size.
            timestep: (B,), 0 (clean) to 1000 (noise), the same for the three branches.
            encoder_hidden_states: The text encoder's states (B, L, text_dim), or what `prepare_text` made of them.
            source_latents: The source video's latents, shaped as `edit`; added to the composite's tokens.
            mask_latents: The mask video's latents, shaped as `edit`; added to the alpha's tokens.
            mask_present: bool (B,): which clips of the batch have a mask. None: all, where `mask_latents` is given.
            begins_run: bool (B,): which clips' first latent is the first of a run, that of a single frame. None: all.
            attention: "joint": the branches see each other. "within_branches": each is a Wan of its own.
            return_dict: False returns a plain tuple in the order of the arguments.

        Raises:
            TransformerInputRefused: A shape or option is wrong; the error names it.
        """
        # 1. Check what came in
        latents = {"edit": edit, "alpha": alpha, "composite": composite}
        conditions = {"source_latents": source_latents, "mask_latents": mask_latents}
        check_latents(self.config, latents | conditions)
        check_choice("attention", attention, ATTENTION_MODES)
        check_batch(edit.shape[0], timestep, mask_latents, mask_present, begins_run)

        # 2. Latents to tokens, conditions added
        branches = self._branches()
        rotary = self._rotary(edit)
        hidden_states = [
            tokens(branch.patch_embedding, noisy) for branch, noisy in zip(branches, latents.values(), strict=True)
        ]
        hidden_states[1] = hidden_states[1] + self.layer_embedding["alpha"].type_as(hidden_states[1])
        hidden_states[2] = hidden_states[2] + self.layer_embedding["composite"].type_as(hidden_states[2])
        if source_latents is not None:
            hidden_states[2] = hidden_states[2] + tokens(self.source_patch_embedding, source_latents)
        if mask_latents is not None:
            mask_tokens = tokens(self.mask_patch_embedding, mask_latents)
            if mask_present is not None:
                mask_tokens = torch.where(mask_present.bool().view(-1, 1, 1), mask_tokens, 0.0)
            hidden_states[1] = hidden_states[1] + mask_tokens
        if self.absolute_position_embedding is not None:
            places = self.absolute_position_embedding(self._token_grid(edit))
            hidden_states = [hidden + places.type_as(hidden) for hidden in hidden_states]
        if self.first_latent_marks is not None:
            marks = self.first_latent_marks(self._token_grid(edit), begins_run)
            hidden_states = [hidden + mark.type_as(hidden) for hidden, mark in zip(hidden_states, marks, strict=True)]

        # 3. Text and time
        if isinstance(encoder_hidden_states, PreparedText):
            embeddings, keys_values = encoder_hidden_states.embeddings, encoder_hidden_states.keys_values
        else:
            # Keys and values are then made inside the layers, where gradient checkpointing need not keep them.
            embeddings, keys_values = self._embed_text(encoder_hidden_states), None
        check_text_batch(embeddings[0].shape[0], edit.shape[0])
        times = [embed_time(branch, timestep, embeddings[0].dtype) for branch in branches]
        timestep_projections = [projection for _, projection in times]

        # 4. The layers
        together = torch.stack(hidden_states)
        for index, (joint_block, layer) in enumerate(zip(self.blocks, self._layers(), strict=True)):
            texts = embeddings if keys_values is None else keys_values[index]
            arguments = (together, layer, texts, timestep_projections, rotary, attention == "joint")
            if torch.is_grad_enabled() and self.gradient_checkpointing:
                together = self._gradient_checkpointing_func(joint_block, *arguments)
            else:
                together = joint_block(*arguments)

        # 5. Tokens to latents
        edit_out, alpha_out, composite_out = (
            self._unpatchify(output_tokens(branch, hidden, time), edit)
            for branch, hidden, (time, _) in zip(branches, together.unbind(0), times, strict=True)
        )
        if not return_dict:
            return edit_out, alpha_out, composite_out
        return VeraTransformerOutput(edit=edit_out, alpha=alpha_out, composite=composite_out)

    def _branches(self) -> list[WanTransformer3DModel]:
        """The three Wans, in the order of `BRANCHES`."""
        return [self.branches[name] for name in BRANCHES]

    def _layers(self) -> list[tuple[WanTransformerBlock, ...]]:
        """The branches' blocks, layer by layer."""
        return list(zip(*(branch.blocks for branch in self._branches()), strict=True))

    def _rotary(self, latents: Tensor) -> RotaryTables:
        """The rotary tables of latents, computed once for all steps that have latents of one size."""
        # Tables made in inference mode could not be trained with later.
        key = (latents.shape[2:], latents.device, torch.is_inference_mode_enabled())
        if self._last_rotary is None or self._last_rotary[0] != key:
            self._last_rotary = key, self._branches()[0].rope(latents)
        return self._last_rotary[1]

    def _embed_text(self, encoder_hidden_states: Tensor) -> tuple[Tensor, ...]:
        """The text as each branch embeds it, (B, L, dim)."""
        check_text(encoder_hidden_states, self.config.text_dim)
        return tuple(branch.condition_embedder.text_embedder(encoder_hidden_states) for branch in self._branches())

    def _token_grid(self, latents: Tensor) -> tuple[int, int, int]:
        """How many tokens lie along frames, height and width of latents (B, C, F, H, W)."""
        frames, height, width = (
            size // patch for size, patch in zip(latents.shape[2:], self.config.patch_size, strict=True)
        )
        return frames, height, width

    def _unpatchify(self, hidden: Tensor, like: Tensor) -> Tensor:
        """Tokens (B, N, patch volume * C) to latents (B, C, F, H, W) of the frames and size of `like`."""
        patched = hidden.reshape(hidden.shape[0], *self._token_grid(like), *self.config.patch_size, -1)
        return patched.permute(0, 7, 1, 4, 2, 5, 3, 6).flatten(6, 7).flatten(4, 5).flatten(2, 3)


def tokens(patch_embedding: nn.Module, latents: Tensor) -> Tensor:
    """Latents (B, C, F, H, W) to tokens (B, N, dim), frame by frame, row by row."""
    patches: Tensor = patch_embedding(latents)
    return patches.flatten(2).transpose(1, 2).contiguous()


def embed_time(branch: WanTransformer3DModel, timestep: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """A branch's time embedding (B, dim) and its projection (B, 6, dim) for the layers, as Wan computes them."""
    embedder = branch.condition_embedder
    features = embedder.timesteps_proj(timestep)
    time: Tensor = embedder.time_embedder(features.to(embedder.time_embedder.linear_1.weight.dtype)).to(dtype)
    projection: Tensor = embedder.time_proj(embedder.act_fn(time))
    return time, projection.reshape(projection.shape[0], 6, -1)


def output_tokens(branch: WanTransformer3DModel, hidden: Tensor, time: Tensor) -> Tensor:
    """A branch's last norm and projection: (B, N, dim) to (B, N, patch volume * out_channels)."""
    shift, scale = (branch.scale_shift_table + time.unsqueeze(1)).chunk(2, dim=1)
    projected: Tensor = branch.proj_out((branch.norm_out(hidden.float()) * (1 + scale) + shift).type_as(hidden))
    return projected
