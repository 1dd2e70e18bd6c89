"""What the pipeline refuses, by name, before it evaluates anything; and what it does not let out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vera_engine.errors import Internal, InvalidArgument
from vera_engine.pipeline.windows import frames_of_latents

MOST_SEEDS = 2**63
"""Seeds are below this: whole numbers that a database and a message can hold."""


class PipelineInputRefused(InvalidArgument):
    """An argument of the pipeline that it cannot work with."""


class LatentsNotFinite(Internal):
    """The model made numbers that are none: NaN, or beyond what latents are stored as."""


def check_frames(argument: str, frames: NDArray[np.float32], multiple: int) -> None:
    """Refuses what is not display RGB (T, H, W, 3), 0 to 1, H and W multiples of `multiple`."""
    shape = frames.shape
    if len(shape) != 4 or shape[3] != 3 or not shape[0] or any(not side or side % multiple for side in shape[1:3]):
        raise PipelineInputRefused(
            "The frames have the wrong shape.",
            argument=argument,
            value=shape,
            remedy=f"Give (frames, height, width, 3), height and width multiples of {multiple}.",
        )
    check_range(argument, frames)


def check_range(argument: str, values: NDArray[np.float32]) -> None:
    """Refuses values outside 0 to 1, NaN among them."""
    if not (values.min() >= 0 and values.max() <= 1):
        raise PipelineInputRefused(
            "There are values outside 0 to 1, or NaN.",
            argument=argument,
            value=f"{values.min()} to {values.max()}",
            remedy="Bring them to the model's display range first.",
        )


def check_shape(argument: str, array: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    """Refuses an array of another shape."""
    if array.shape != shape:
        raise PipelineInputRefused(
            "The array has the wrong shape.", argument=argument, value=array.shape, remedy=f"Give {shape}."
        )


def check_latent_frames(frame_count: int, latents: int) -> None:
    """Refuses frames that do not make as many latents as the window and its warm-up have."""
    least, most = max(1, 4 * latents - 6), 4 * latents - 3
    if not least <= frame_count <= most:
        raise PipelineInputRefused(
            f"The window and the codec's warm-up take {latents} latents.",
            argument="frames",
            value=frame_count,
            remedy=f"Give {least} to {most} frames, as `frames_needed` says; fewer than {most} where the run ends.",
        )


def check_steps(num_inference_steps: int) -> None:
    """Refuses less than a step."""
    if num_inference_steps < 1:
        raise PipelineInputRefused(
            "There has to be a step.",
            argument="num_inference_steps",
            value=num_inference_steps,
            remedy="Give 1 or more.",
        )


def check_guidance(guidance_scale: float) -> None:
    """Refuses guidance that is negative, infinite or NaN."""
    if not (guidance_scale >= 0 and math.isfinite(guidance_scale)):
        raise PipelineInputRefused(
            "Guidance is a number, and not a negative one.",
            argument="guidance_scale",
            value=guidance_scale,
            remedy="Give 0 or more.",
        )


def check_seed(seed: int) -> None:
    """Refuses a seed that not everything a take passes through could hold."""
    if not 0 <= seed < MOST_SEEDS:
        raise PipelineInputRefused(
            "The seed is out of range.", argument="seed", value=seed, remedy="Give 0 to 2^63 - 1."
        )


def gray_frames(argument: str, mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """A mask (T, H, W) as the gray video (T, H, W, 3) that a codec takes; refuses what has no such shape or range."""
    if mask.ndim != 3 or not mask.size:
        raise PipelineInputRefused(
            "The mask has the wrong shape.", argument=argument, value=mask.shape, remedy="Give (frames, height, width)."
        )
    check_range(argument, mask)
    return np.repeat(mask[..., None], 3, axis=-1)


def check_slice(argument: str, latents: NDArray[np.float32], channels: int, count: int) -> None:
    """Refuses latents that are not (channels, count, h, w)."""
    if latents.ndim != 4 or latents.shape[:2] != (channels, count):
        raise PipelineInputRefused(
            "The latents are not those of the window.",
            argument=argument,
            value=latents.shape,
            remedy=f"Give ({channels}, {count}, height, width).",
        )


def check_decoding(latents: NDArray[np.float16], channels: int, first_latent: int, frames: range) -> None:
    """Refuses latents that are not (3, channels, n, h, w), and frames that they do not hold.

    Inside a timeline the first latent only warms the codec up.
    """
    if latents.ndim != 5 or latents.shape[:2] != (3, channels):
        raise PipelineInputRefused(
            "The latents have the wrong shape.",
            argument="latents",
            value=latents.shape,
            remedy=f"Give (3, {channels}, count, height, width).",
        )
    held = frames_of_latents(first_latent + (first_latent > 0), first_latent + latents.shape[2] - 1, frames.stop)
    if not frames or frames.step != 1 or first_latent < 0 or frames.start < held.start or frames.stop > held.stop:
        raise PipelineInputRefused(
            f"The latents from {first_latent} on hold the frames {held.start} to {held.stop - 1}.",
            argument="frames",
            value=frames,
            remedy="Give latents for all of the frames, and warm-up before them.",
        )


def check_made(latents: NDArray[np.float16]) -> None:
    """Lets no latents out that would decode to pixels that are no numbers.

    Raises:
        LatentsNotFinite: There are some.
    """
    finite = np.isfinite(latents)
    if not finite.all():
        raise LatentsNotFinite(
            f"The model made {finite.size - np.count_nonzero(finite)} of {finite.size} numbers that are none.",
            argument="model",
            remedy="Try another seed or less guidance. If it stays, compare the model's weights with their checksums.",
        )
