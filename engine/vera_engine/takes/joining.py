"""Where frames meet others that are final: the new ones begin, and end, near them.

What a compositor does by hand: a mix over a few frames. Without it a join shows as a step, for a codec gets all frames
of a latent wrong alike, and the new latents are wrong in another way than the kept ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vera_engine.plates.exr import ModelOutput
from vera_engine.takes.plan import Join, TakeWindow
from vera_engine.takes.take import SeamKind

SHARES = {SeamKind.REPAIR: 2 / 3, SeamKind.WINDOW: 1 / 3}
"""How much of the step across a join the frame beside it gives up. Windows are held together by their latents too."""
REACH = 4
"""Frames on the new side that give up some of it, each less than the one before: a latent's."""


def joined(
    output: Callable[[int], ModelOutput],
    window: TakeWindow,
    joins: Sequence[Join],
    final: Callable[[int], ModelOutput | None],
) -> dict[int, ModelOutput]:
    """Those frames of a window that meet final ones, of the base or of an earlier window, ramped towards them.

    Of the difference between a final frame and the new one beside it, frame i from the join takes on
    `SHARES[kind] * (1 - i / reach)`; reach is `REACH`, or half of the frames that the window made there in a row, so
    that of the fewest nothing is lost: one frame alone stays all new. Values stay in 0..1.

    Args:
        output: What the model made of a frame that the window delivers.
        window: The window.
        joins: The take's.
        final: What the model made of a final frame; None where an older base does not say.
    """
    result: dict[int, ModelOutput] = {}
    for join in joins:
        if join.measured_after != window.number:
            continue
        is_before = join.after in window.frames
        beside, step, there = (join.after, 1, join.before) if is_before else (join.before, -1, join.after)
        neighbor = final(there)
        if neighbor is None:
            continue
        row = next(part for part in window.frames.ranges if beside in part)
        reach = min(REACH, len(row) // 2)
        for index in range(reach):
            frame = beside + step * index
            so_far = result.get(frame) or output(frame)
            result[frame] = _nearer(so_far, output(beside), neighbor, SHARES[join.kind] * (1 - index / reach))
    return result


def _nearer(output: ModelOutput, beside: ModelOutput, neighbor: ModelOutput, share: float) -> ModelOutput:
    """An output moved by a share of the way from the one beside a join to its neighbor."""
    moved = (
        np.clip(ours.astype(np.float32) + np.float32(share) * (there.astype(np.float32) - here), 0, 1)
        for ours, here, there in zip(_parts(output), _parts(beside), _parts(neighbor), strict=True)
    )
    return ModelOutput.of(*moved)


def _parts(output: ModelOutput) -> tuple[NDArray[np.float16], ...]:
    return output.edit_model_rgb, output.alpha, output.composite_model_rgb
