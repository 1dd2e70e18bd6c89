"""An instruction as the states that the transformer attends to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from vera_engine.errors import InvalidArgument

LONGEST_TEXT = 512
"""Tokens of Wan2.1's text window; a tokenizer with a shorter one keeps its own."""

PROMPTS_KEPT = 8
"""Prompts whose states stay in memory: 8 MB each for the full sizes' encoder."""


class PromptTooLong(InvalidArgument):
    """More words than the text encoder reads; the rest would be dropped without a word."""


def encode_prompts(tokenizer: PreTrainedTokenizerBase, text_encoder: PreTrainedModel, prompts: Sequence[str]) -> Tensor:
    """Text states (B, L, text_dim) in the encoder's dtype and on its device, zero where padded (as Wan2.1's pipeline).

    Raises:
        PromptTooLong: A prompt has more tokens than the encoder's window.
    """
    window = min(tokenizer.model_max_length, LONGEST_TEXT)
    for prompt in prompts:
        count = len(tokenizer(prompt).input_ids)
        if count > window:
            raise PromptTooLong(
                f"The prompt has {count} tokens; the model reads {window}.",
                argument="prompt",
                value=prompt,
                remedy="Shorten it.",
            )
    tokens = tokenizer(list(prompts), padding="max_length", max_length=window, return_tensors="pt")
    input_ids = tokens.input_ids.to(text_encoder.device)
    attention_mask = tokens.attention_mask.to(text_encoder.device)
    states: Tensor = text_encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
    return torch.where(attention_mask.to(states.device).bool()[..., None], states, 0.0)


class TextStates:
    """What an encoder made of the last prompts."""

    def __init__(self) -> None:
        self._by_prompt: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    @torch.no_grad()
    def of(self, tokenizer: PreTrainedTokenizerBase, text_encoder: PreTrainedModel, prompt: str) -> NDArray[np.float32]:
        """The states (L, text_dim) of one prompt, on the CPU.

        Raises:
            PromptTooLong: The prompt has more tokens than the encoder's window.
        """
        if prompt not in self._by_prompt:
            states = encode_prompts(tokenizer, text_encoder, [prompt])[0]
            self._by_prompt[prompt] = states.float().cpu().numpy()
            if len(self._by_prompt) > PROMPTS_KEPT:
                self._by_prompt.popitem(last=False)
        self._by_prompt.move_to_end(prompt)
        return self._by_prompt[prompt]
