"""Where a window does not fit into memory: said as such, with what would fit."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from vera_engine.errors import FailedPrecondition
from vera_engine.model.settings import SIZE_MULTIPLE
from vera_engine.model.transformer import BRANCHES
from vera_engine.pipeline.windows import GROUP_FRAMES

_SAID_OF_MEMORY = ("out of memory", "allocate memory", "ALLOC_FAILED")
"""What the RuntimeErrors say that allocators raise without a type of their own (CPU, MPS, cuBLAS)."""

_SURELY_LESS = 0.72
"""Share of what did not fit that is named as fitting at most: it needed all there was, and something more."""


class OutOfMemory(FailedPrecondition):
    """A window that the device's memory does not hold. The pipeline can go on to be used."""


@contextmanager
def memory_guard(doing: str, device: torch.device, latents: int, size: tuple[int, int], needed: int) -> Iterator[None]:
    """Turns a failed allocation inside the block into `OutOfMemory`, and lets go of what the block held.

    Args:
        doing: What is done, as in "denoising".
        device: Where.
        latents: How many the window has.
        size: (width, height) in pixels.
        needed: Estimated bytes that the block needs at its peak; 0 where nothing is known.
    """
    try:
        yield
        return
    except (MemoryError, RuntimeError) as error:
        if not _is_of_memory(error):
            raise
        # The error's frames hold the very tensors that there is no room for.
        traceback.clear_frames(error.__traceback__)
        said = str(error).partition("\n")[0]
    if device.type == "cuda":
        torch.cuda.empty_cache()
    fits = what_fits(latents, size, needed, free_bytes(device))
    raise OutOfMemory(
        f"There is not enough memory for {doing} ({said}).",
        argument="window",
        value=f"{_frames(latents)} frames of {size[0]}x{size[1]}",
        remedy=f"{fits} Other programs may hold memory that they can free.",
    )


def sampling_bytes(config: Any, tokens: int, prompt_count: int, item_bytes: int) -> int:
    """Estimated bytes that a denoising step needs beside the weights: what lives at once in a layer's attention.

    Of every branch the hidden states, queries, keys and values, these once more for all branches together, the result,
    some of it in float32, and the widened feed-forward.

    Args:
        config: The transformer's.
        tokens: Of one branch.
        prompt_count: Evaluated in one batch.
        item_bytes: Of one number of the transformer's arithmetic.
    """
    dim = config.num_attention_heads * config.attention_head_dim
    of_a_token = len(BRANCHES) * (item_bytes * 8 * dim + 4 * 2 * dim) + item_bytes * 2 * int(config.ffn_dim)
    return int(prompt_count * tokens * of_a_token)


def step_cache_bytes(config: Any, tokens: int, prompt_count: int, item_bytes: int) -> int:
    """Bytes that a step cache keeps from step to step: of every branch what the first layer gave and added, and what
    the others added.

    Args:
        config, tokens, item_bytes: As for `sampling_bytes`.
        prompt_count: Evaluated in a step, at once or not; 0: nothing is cached.
    """
    dim = config.num_attention_heads * config.attention_head_dim
    return int(3 * prompt_count * len(BRANCHES) * tokens * dim * item_bytes)


def what_fits(latents: int, size: tuple[int, int], needed: int, room: int | None) -> str:
    """A sentence that names a shorter window and a smaller size, by estimate.

    Args:
        latents, size: What did not fit.
        needed: Estimated bytes for it; 0: not known.
        room: Bytes that are free; None: not known.
    """
    share = 0.5 if room is None else _SURELY_LESS
    if needed and room is not None:
        share = min(share, 0.9 * room / needed)
    shorter = int(latents * share)
    width, height = (int(side * share**0.5) // SIZE_MULTIPLE * SIZE_MULTIPLE for side in size)
    ways = []
    if shorter > 1:
        ways.append(f"{_frames(shorter)} frames at this size (window_frames in vera_edit.json)")
    if width and height:
        ways.append(f"this window at {width}x{height} (working_sizes there)")
    return f"By estimate there is room for {' or '.join(ways)}." if ways else "No smaller window would fit either."


def _is_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(s in str(error) for s in _SAID_OF_MEMORY)


def _frames(latents: int) -> int:
    """Frames of a window at a clip's beginning."""
    return GROUP_FRAMES * (latents - 1) + 1


def free_bytes(device: torch.device) -> int | None:
    """Bytes that a computation can have on a device; None where the system does not say.

    On a card, those that torch holds and does not use are among them. Of the computer's memory, Linux says how much it
    could free without swapping; elsewhere only what is unused is known.
    """
    if device.type == "cuda":
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + held)
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
