"""Whether a take fits the memory there is, and by which measures: the first that are enough, the gentlest first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import torch

from vera_engine.errors import FailedPrecondition
from vera_engine.model.settings import SIZE_MULTIPLE, model_folder
from vera_engine.pipeline.blueprint import Blueprint
from vera_engine.pipeline.memory import sampling_bytes, step_cache_bytes
from vera_engine.pipeline.needs import (
    Job,
    decode_work,
    encode_work,
    step_work,
    text_work,
    weights_of,
)
from vera_engine.pipeline.windows import CODEC_CONTEXT

CARD_CONTEXT = 600 * 10**6
"""Bytes of a card that CUDA and its libraries take for themselves. A common figure; it differs by driver and card."""
USABLE = 0.95
"""What an allocator makes use of; what is between its blocks is lost."""
_WEIGHTS_AT_MOST, _STEP_AT_MOST, _VIDEOS_AT_MOST = 3, 3, 40
"""What `surely_fits` takes its figures times: files of float16 are computed in float32; the linear codec's seam filter
and its copies come to some twenty videos of a few frames."""


class DoesNotFit(FailedPrecondition):
    """A take that needs more memory than there is, whatever is done about it. Nothing of it was begun."""


@dataclass(frozen=True)
class Measures:
    """What is done to need less memory. All off: nothing is."""

    text_encoder_off: bool = False
    """The text encoder stays in the computer's memory; its maps come to the card one by one. The same bits."""
    layers_in_turn: bool = False
    """So do the transformer's layers, two at a time. The same bits."""
    guidance_apart: bool = False
    """The prompt and the empty one are evaluated one after the other. The same to rounding."""
    codec_in_tiles: bool = False
    """The codec works on tiles that overlap. Pixels differ a little, most where tiles meet."""
    storage_dtype: str = ""
    """A smaller number format that the layers' weights are kept in, by torch's name. In one that is smaller than the
    weights were published in, all pixels differ a little."""

    @property
    def storage(self) -> torch.dtype | None:
        """`storage_dtype` as torch has it; None: as computed in."""
        return getattr(torch, self.storage_dtype) if self.storage_dtype else None

    def in_words(self) -> tuple[str, ...]:
        """Those that are taken."""
        off = {"text encoder off the card": self.text_encoder_off, "layers in turn": self.layers_in_turn}
        return (*(words for words, is_taken in off.items() if is_taken), *self.seen_in_words())

    def seen_in_words(self) -> tuple[str, ...]:
        """Those that are taken and change what is made, however little."""
        taken = {
            "guidance passes apart": self.guidance_apart,
            "codec in tiles": self.codec_in_tiles,
            f"weights kept in {self.storage_dtype}": bool(self.storage_dtype),
        }
        return tuple(words for words, is_taken in taken.items() if is_taken)


NO_MEASURES = Measures()


@dataclass(frozen=True)
class Phase:
    """One of the steps of a take, in bytes on the device."""

    name: str
    weights: int
    """That lie there meanwhile."""
    work: int
    """What is made, at its most."""

    @property
    def total(self) -> int:
        return self.weights + self.work


@dataclass(frozen=True)
class Fit:
    """What a take needs with some measures, and what there is."""

    job: Job
    device_type: str
    measures: Measures
    phases: tuple[Phase, ...]
    beside: int
    """Bytes in the computer's memory, where the device has one of its own: weights that wait there, and frames."""
    parts: dict[str, int]
    """Bytes of weights, by part."""
    operations: dict[str, int]
    """Floating-point operations: of encoding the text, of encoding the plate, of one evaluation, of decoding."""
    room: int | None = None
    """Bytes of the device that can be used; None: not asked."""
    room_beside: int | None = None
    """Bytes of the computer's memory that can be; None: not asked."""

    @property
    def peak(self) -> int:
        """What the largest phase needs on the device."""
        return max(phase.total for phase in self.phases)

    @property
    def fits(self) -> bool:
        """Whether there is room on the device and beside it."""
        return self.excess == 0

    @property
    def excess(self) -> int:
        """Bytes too many, of all phases together, on the device and beside it."""
        return sum(_beyond(phase.total, self.room) for phase in self.phases) + _beyond(self.beside, self.room_beside)

    @property
    def resident(self) -> int:
        """Bytes of the weights that stay on the device from take to take."""
        return min(phase.weights for phase in self.phases)

    def phase(self, name: str) -> Phase:
        """A phase by its name."""
        return next(phase for phase in self.phases if phase.name == name)


def usable(device_memory: int, device_type: str) -> int:
    """Bytes of a device that tensors can have, of all that it has."""
    return int((device_memory - (CARD_CONTEXT if device_type == "cuda" else 0)) * USABLE)


def account(blueprint: Blueprint, job: Job, device_type: str, measures: Measures) -> Fit:
    """What a window needs with measures, phase by phase.

    Args:
        device_type: `cuda`: computed in bfloat16; `cpu` or `mps`: in float32.
    """
    dtype = torch.bfloat16 if device_type == "cuda" else torch.float32
    storage = measures.storage
    weights = weights_of(blueprint, dtype, storage)
    text = text_work(blueprint, dtype, storage, device_type)
    plain = replace(job, step_cache=False, guided=False)
    encode = encode_work(blueprint, plain, measures.codec_in_tiles, device_type)
    decode = decode_work(blueprint, plain, measures.codec_in_tiles, device_type)
    step = step_work(blueprint, job, dtype, storage, not measures.guidance_apart, device_type)

    away = weights.layers + weights.text_of_layers if measures.layers_in_turn else 0
    always = weights.transformer - away + weights.codec
    in_turn = 2 * weights.largest_layer if measures.layers_in_turn else 0
    encoder = 0 if measures.text_encoder_off else weights.text_encoder
    encoder_at_work = weights.largest_of_text_encoder if measures.text_encoder_off else weights.text_encoder
    decoded = _video_bytes(replace(job, latents=job.latents + CODEC_CONTEXT[blueprint.codec_class]))
    has_its_own = device_type == "cuda"
    return Fit(
        job,
        device_type,
        measures,
        phases=(
            Phase("text", always + encoder_at_work, text.peak),
            Phase("encode", always + encoder, encode.peak),
            Phase("denoise", always + encoder + in_turn, step.peak),
            # Branch after branch: the first two are there as frames while the last is decoded.
            Phase("decode", always + encoder, decode.peak + (0 if has_its_own else 2 * decoded)),
        ),
        beside=away + (weights.text_encoder if measures.text_encoder_off else 0) + 4 * decoded if has_its_own else 0,
        parts={
            "transformer": weights.transformer,
            "text encoder": weights.text_encoder,
            "codec": weights.codec,
        },
        operations={
            "text": text.operations,
            "encode": encode.operations,
            "evaluation": step.operations // (2 if job.guided else 1),
            "decode": 3 * decode.operations,
        },
    )


def choose(blueprint: Blueprint, job: Job, device_type: str, room: int | None, room_beside: int | None = None) -> Fit:
    """What a window needs with as few measures as it fits with, or with all that help where it does not.

    They are tried in the order of `Measures`; one that lessens nothing of what is too much is left out.

    Args:
        room: Bytes that can be used on the device; None: as many as are needed.
        room_beside: Bytes that can be used in the computer's memory, where the device has its own; None: as `room`.
    """

    def accounted(measures: Measures) -> Fit:
        return replace(account(blueprint, job, device_type, measures), room=room, room_beside=room_beside)

    best = accounted(NO_MEASURES)
    for further in _possible(blueprint, job, device_type):
        if best.fits:
            break
        tried = accounted(replace(best.measures, **further))
        if tried.excess < best.excess:
            best = tried
    return best


def surely_fits(model: str, blueprint: Blueprint, job: Job, room: int) -> bool:
    """Whether a generous rule of thumb finds room for a small model: it costs nothing, where an account takes moments.

    Args:
        model: "small", or a model folder.
        room: Bytes that can be used.
    """
    if blueprint.codec_class != "LinearVideoCodec":
        return False
    config = SimpleNamespace(**json.loads(blueprint.transformer))
    tokens = job.latents * (job.width // SIZE_MULTIPLE) * (job.height // SIZE_MULTIPLE)
    prompts = 2 if job.guided else 1
    step = sampling_bytes(config, tokens, prompts, 4) + step_cache_bytes(config, tokens, prompts, 4)
    files = sum(path.stat().st_size for path in model_folder(model).rglob("*.safetensors"))
    return _WEIGHTS_AT_MOST * files + _STEP_AT_MOST * step + _VIDEOS_AT_MOST * _video_bytes(job) < room


def smaller_that_fit(blueprint: Blueprint, fit: Fit) -> tuple[int | None, tuple[int, int] | None]:
    """Frames that fit at a job's size, and a size of its shape that fits at its frames, all measures as they are.

    None where none do.
    """
    job = fit.job

    def fits(smaller: Job) -> bool:
        accounted = account(blueprint, smaller, fit.device_type, fit.measures)
        return replace(accounted, room=fit.room, room_beside=fit.room_beside).fits

    latents = _most(lambda n: fits(replace(job, latents=n)), job.latents - 1)
    units = max(job.width, job.height) // SIZE_MULTIPLE

    def sized(longer: int) -> Job:
        share = longer / units
        width, height = (
            max(1, round(side * share / SIZE_MULTIPLE)) * SIZE_MULTIPLE for side in (job.width, job.height)
        )
        return replace(job, width=width, height=height)

    longer = _most(lambda n: fits(sized(n)), units - 1)
    frames = replace(job, latents=latents).frames if latents else None
    return frames, (sized(longer).width, sized(longer).height) if longer else None


def ways_to_fit(blueprint: Blueprint, fit: Fit) -> tuple[str, ...]:
    """Smaller windows that fit, in words."""
    frames, size = smaller_that_fit(blueprint, fit)
    ways = [] if frames is None else [f"{frames} frames at this size"]
    return (*ways, *([] if size is None else [f"{fit.job.frames} frames at {size[0]}x{size[1]}"]))


def refuse(blueprint: Blueprint, fit: Fit) -> None:
    """Refuses a take that does not fit.

    Raises:
        DoesNotFit: With what would.
    """
    if fit.fits:
        return
    ways = ways_to_fit(blueprint, fit)
    needs, has, where = (
        (fit.peak, fit.room, "on the device")
        if _beyond(fit.peak, fit.room)
        else (fit.beside, fit.room_beside, "in the computer's memory")
    )
    raise DoesNotFit(
        f"The take needs {in_gigabytes(needs)} {where}, and {in_gigabytes(has or 0)} are free.",
        argument="window",
        value=f"{fit.job.frames} frames of {fit.job.width}x{fit.job.height}",
        remedy=f"There is room for {' or '.join(ways)} (window_frames, working_sizes in vera_edit.json). Other "
        "programs may hold memory that they can free."
        if ways
        else "No smaller window would fit either: the model is too large for this device.",
    )


def _possible(blueprint: Blueprint, job: Job, device_type: str) -> Iterator[dict[str, Any]]:
    """The measures that a device, a model and a job have a use for, in their order."""
    if device_type == "cuda":
        yield {"text_encoder_off": True}
        yield {"layers_in_turn": True}
    if job.guided:
        yield {"guidance_apart": True}
    if blueprint.codec_class == "AutoencoderKLWan":
        yield {"codec_in_tiles": True}
    if device_type in ("cpu", "cuda"):
        yield {"storage_dtype": "float8_e4m3fn" if device_type == "cuda" else "bfloat16"}


def _video_bytes(job: Job) -> int:
    """Of a window's frames, in float32 RGB."""
    return 3 * 4 * job.frames * job.width * job.height


def _beyond(needed: int, room: int | None) -> int:
    return 0 if room is None else max(0, needed - room)


def _most(fits: Callable[[int], bool], most: int) -> int:
    """The largest number from 1 to `most` that fits, where all below one that fits do too; 0: none."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if fits(middle) else (least, middle - 1)
    return least


def in_gigabytes(count: int) -> str:
    """Bytes in words."""
    return f"{count / 10**9:.1f} GB" if count >= 10**8 else f"{count / 10**6:.0f} MB"
