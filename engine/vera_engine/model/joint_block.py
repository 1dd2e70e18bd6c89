"""One layer of the three branches at once: self-attention over the tokens of all, everything else per branch.

The layer owns no weights. It runs the sub-modules of diffusers' `WanTransformerBlock` in that block's own order and
number formats, so that with attention kept within the branches it is three Wan blocks to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers.hooks._helpers import TransformerBlockMetadata, TransformerBlockRegistry
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.transformers.transformer_wan import WanAttention, WanTransformerBlock
from torch import Tensor, nn

RotaryTables = tuple[Tensor, Tensor]
KeysValues = tuple[Tensor, Tensor]


class JointBlock(nn.Module):
    """Layer i of every branch, run together. Without parameters; the branches' blocks are arguments.

    A module rather than a function, with the tokens of all branches in one tensor, so that gradient checkpointing,
    `compile_repeated_blocks` and the step caches of diffusers find in it the block that they know.
    """

    def forward(
        self,
        hidden_states: Tensor,
        blocks: Sequence[WanTransformerBlock],
        texts: Sequence[Tensor | KeysValues],
        timestep_projections: Sequence[Tensor],
        rotary: RotaryTables,
        attend_jointly: bool,
    ) -> Tensor:
        """Run the layer.

        Args:
            hidden_states: (branches, B, N, dim).
            blocks: The layer's block of each branch.
            texts: For each branch the text embedding (B, L, dim), or the keys and values `text_keys_values` made of it.
            timestep_projections: (B, 6, dim) of each branch: shift, scale, gate of attention, then of the feed-forward.
            rotary: Cosine and sine tables (1, N, 1, head dim), shared by the branches.
            attend_jointly: Whether the branches see each other's tokens.

        Returns:
            The new hidden states, shape and dtype unchanged.
        """
        of_branches = hidden_states.unbind(0)
        modulations = [
            (block.scale_shift_table + projection.float()).chunk(6, dim=1)
            for block, projection in zip(blocks, timestep_projections, strict=True)
        ]

        # 1. Self-attention, the one place where the branches meet
        projected = []
        for block, hidden, (shift, scale, *_) in zip(blocks, of_branches, modulations, strict=True):
            normed = (block.norm1(hidden.float()) * (1 + scale) + shift).type_as(hidden)
            projected.append(self_attention_inputs(block.attn1, normed, rotary))
        attended = attend_across(projected, attend_jointly, blocks[0].attn1)

        outputs = []
        for block, hidden, text, modulation, attention in zip(
            blocks, of_branches, texts, modulations, attended, strict=True
        ):
            _, _, gate, feed_forward_shift, feed_forward_scale, feed_forward_gate = modulation
            hidden = (hidden.float() + attention_output(block.attn1, attention) * gate).type_as(hidden)

            # 2. Cross-attention to the text
            normed = block.norm2(hidden.float()).type_as(hidden)
            key, value = text_keys_values(block.attn2, text) if isinstance(text, Tensor) else text
            query = split_heads(block.attn2, block.attn2.norm_q(block.attn2.to_q(normed)))
            hidden = hidden + attention_output(block.attn2, attend(block.attn2, query, key, value))

            # 3. Feed-forward
            normed = (block.norm3(hidden.float()) * (1 + feed_forward_scale) + feed_forward_shift).type_as(hidden)
            outputs.append((hidden.float() + block.ffn(normed).float() * feed_forward_gate).type_as(hidden))
        return torch.stack(outputs)


TransformerBlockRegistry.register(JointBlock, TransformerBlockMetadata(return_hidden_states_index=0))


def self_attention_inputs(
    attention: WanAttention, hidden: Tensor, rotary: RotaryTables
) -> tuple[Tensor, Tensor, Tensor]:
    """Query and key, normed and rotated, and value of one branch: (B, N, heads, head dim) each."""
    query = split_heads(attention, attention.norm_q(attention.to_q(hidden)))
    key = split_heads(attention, attention.norm_k(attention.to_k(hidden)))
    value = split_heads(attention, attention.to_v(hidden))
    return rotate(query, rotary), rotate(key, rotary), value


def attend_across(
    projected: Sequence[tuple[Tensor, Tensor, Tensor]], attend_jointly: bool, attention: WanAttention
) -> list[Tensor]:
    """Attention over the tokens of all branches, or of each alone: one (B, N, heads, head dim) for each branch."""
    if not attend_jointly:
        return [attend(attention, *branch) for branch in projected]
    query, key, value = (torch.cat(tensors, dim=1) for tensors in zip(*projected, strict=True))
    return list(attend(attention, query, key, value).chunk(len(projected), dim=1))


def text_keys_values(attention: WanAttention, text: Tensor) -> KeysValues:
    """Keys and values (B, L, heads, head dim) of a text embedding (B, L, dim): constant over the denoising steps."""
    key = split_heads(attention, attention.norm_k(attention.to_k(text)))
    return key, split_heads(attention, attention.to_v(text))


def attend(attention: WanAttention, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scaled dot-product attention by the backend that `set_attention_backend` chose; (B, N, heads, head dim)."""
    backend = attention.processor._attention_backend
    attended: Tensor = dispatch_attention_fn(query, key, value, backend=backend)
    return attended.type_as(query)


def attention_output(attention: WanAttention, attended: Tensor) -> Tensor:
    """Join the heads, (B, N, heads, head dim) to (B, N, dim), and project."""
    projected: Tensor = attention.to_out[0](attended.flatten(2, 3))
    dropped: Tensor = attention.to_out[1](projected)
    return dropped


def split_heads(attention: WanAttention, hidden: Tensor) -> Tensor:
    """(B, N, dim) to (B, N, heads, head dim)."""
    return hidden.reshape(hidden.shape[0], hidden.shape[1], attention.heads, -1)


def rotate(hidden: Tensor, rotary: RotaryTables) -> Tensor:
    """Rotary position embedding of neighbouring pairs of channels (RoFormer, arXiv 2104.09864), as Wan applies it.

    Args:
        hidden: (B, N, heads, head dim).
        rotary: Cosine and sine (1, N, 1, head dim), each value given twice in a row.
    """
    cosine, sine = rotary[0][..., 0::2], rotary[1][..., 1::2]
    first, second = hidden.reshape(*hidden.shape[:-1], -1, 2).unbind(-1)
    rotated = torch.stack((first * cosine - second * sine, first * sine + second * cosine), dim=-1)
    return rotated.flatten(-2).type_as(hidden)
