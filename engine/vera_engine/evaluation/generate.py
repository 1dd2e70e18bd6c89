"""What a model makes of a clip of any length and size: the layers, at the clip's own size."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from vera_engine.evaluation.metrics import FloatArray
from vera_engine.model.settings import ModelSettings
from vera_engine.pipeline.anchors import Anchors
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.pipeline.pixels import decode_frames, encode_frames, pad_frames
from vera_engine.pipeline.presets import find_preset
from vera_engine.pipeline.results import DecodedFrames
from vera_engine.pipeline.windows import frames_needed, plan_windows
from vera_engine.plates.matte import clean_matte
from vera_engine.plates.resize import resize
from vera_engine.training.datasets.sample import LayeredSample, over


@dataclass(frozen=True)
class Sampling:
    """How a model is asked."""

    steps: int
    guidance: float
    with_mask: bool
    preset: str
    """What is saved of the sampler's work; the steps are `steps`."""


@dataclass(frozen=True)
class Made:
    """A clip as a model made it: pictures (T, H, W, 3) and matte (T, H, W), 0 to 1, at the clip's size."""

    edit: FloatArray
    matte: FloatArray
    """Cleaned to exact 0 and 1, as a take's is."""
    comp: FloatArray
    """The deliverable: `matte * edit + (1 - matte) * source`."""
    composite: FloatArray
    """The composite branch's own."""
    codec: FloatArray
    """What the codec alone leaves of the true composite; of the source where there is none."""
    seconds: float
    """That the model took, the codec's round trip apart."""


def generate(
    pipeline: VeraPipeline, settings: ModelSettings, sample: LayeredSample, sampling: Sampling, seed: int
) -> Made:
    """Makes the layers of a clip.

    It is brought to the working size of the nearest aspect ratio, as a take's plate is, and its layers back, without
    what a take does to them there (docs/matte.md). A clip longer than the model's window is made in several.
    """
    shape = sample.shape
    working_size = settings.working_size(shape.width, shape.height)
    plate = brought_to(sample.source, *working_size)
    mask = brought_to(sample.mask, *working_size) if sampling.with_mask and sample.mask is not None else None
    truth = plate if sample.composite is None else brought_to(sample.composite, *working_size)

    started = time.perf_counter()
    made = decoded_run(pipeline, settings, sample.instruction, plate, mask, sampling, seed)
    seconds = time.perf_counter() - started

    matte = brought_to(clean_matte(made.alpha), shape.width, shape.height)
    edit, composite, codec = (
        brought_to(pictures, shape.width, shape.height)
        for pictures in (made.edit, made.composite, codec_round_trip(pipeline, truth))
    )
    return Made(edit, matte, over(edit, matte, sample.source), composite, codec, seconds)


def decoded_run(
    pipeline: VeraPipeline,
    settings: ModelSettings,
    prompt: str,
    plate: FloatArray,
    mask: FloatArray | None,
    sampling: Sampling,
    seed: int,
) -> DecodedFrames:
    """A run of frames at a working size, window by window, each anchored to the one before it."""
    text = pipeline.prepare_text(prompt, sampling.guidance)
    windows = plan_windows(len(plate), settings.window_latents, settings.overlap_latents)
    timeline: np.ndarray | None = None
    for number, window in enumerate(windows, 1):
        first, last = frames_needed(window, pipeline.codec_context)
        source_latents = pipeline.encode_plate(plate[first : last + 1], window)
        if timeline is None:
            channels, _, height, width = source_latents.shape
            timeline = np.zeros((3, channels, windows[-1].stop, height, width), np.float16)
        slice_of_it = slice(window.start, window.stop)
        made = pipeline.sample(
            text=text,
            source_latents=source_latents,
            mask_latents=None if mask is None else pipeline.encode_mask(mask[first : last + 1], window),
            window=window,
            seed=seed,
            num_inference_steps=sampling.steps,
            levers=find_preset(sampling.preset).levers,
            anchors=Anchors(timeline[:, :, slice_of_it].copy(), seed) if any(window.weights) else None,
            window_number=number,
            window_count=len(windows),
        )
        timeline[:, :, window.first : window.stop] = made[:, :, window.first - window.start :]
    assert timeline is not None  # a plan has a window
    return pipeline.decode(timeline, first_latent=0, frames=range(len(plate)))


def codec_round_trip(pipeline: VeraPipeline, frames: FloatArray) -> FloatArray:
    """What the codec alone leaves of frames (T, H, W, 3) at a working size."""
    return decode_frames(pipeline.vae, encode_frames(pipeline.vae, pad_frames(frames)), len(frames))


def brought_to(layer: FloatArray, width: int, height: int) -> FloatArray:
    """Pictures (T, H, W, 3) or mattes (T, H, W) at another size, by the filters that plates are resized with."""
    if layer.shape[1:3] == (height, width):
        return layer
    return np.stack([resize(frame, width, height) for frame in layer])
