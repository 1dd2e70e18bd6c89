"""What the model is told of a window: the prompt's states, and plate and mask as latents; all cached by content."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vera_engine import __version__
from vera_engine.model.settings import ModelSettings
from vera_engine.pipeline.windows import CODEC_CONTEXT, frames_needed, warm_up
from vera_engine.takes.cache import ContentCache, key_of
from vera_engine.takes.inputs import PlateReader
from vera_engine.takes.plan import TakeWindow
from vera_engine.takes.request import PlateReference, TakeRequest
from vera_engine.takes.seen import FileSeen, SeenFiles

if TYPE_CHECKING:
    from vera_engine.pipeline.denoising import PreparedPrompt
    from vera_engine.pipeline.pipeline import VeraPipeline

FloatArray = NDArray[np.float32]
Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Given:
    """Frames of a plate or a mask: as latents out of the cache, or else as pixels that are still to be encoded."""

    key: str
    cached: Arrays | None
    frames: FloatArray | None
    """(T, h, w, 3) of a plate, (T, h, w) of a mask, 0..1, at the working size; None where there are latents."""


@dataclass(frozen=True)
class Conditions:
    """Plate and mask of a window, as the transformer takes them."""

    source_latents: FloatArray
    """(C, n, h, w) of the window's slice."""
    mask_latents: FloatArray | None
    mask_range: tuple[float, float] | None
    """The least and the greatest value of the mask in the frames that were encoded."""
    keys: tuple[str, ...]
    """Of the cache's entries."""


class Conditioner:
    """Encodes prompts, plates and masks of one take, or finds them in the cache.

    Args:
        request: The effective request.
        guidance_scale: Of the take.
        model: Its weights are part of every key.
        device: Device and arithmetic, another part.
        reader: Reads plate and mask.
        cache: Where entries lie.
        check_going_on: Called for every frame.
    """

    def __init__(
        self,
        request: TakeRequest,
        guidance_scale: float,
        model: ModelSettings,
        device: str,
        reader: PlateReader,
        cache: ContentCache,
        check_going_on: Callable[[], None],
    ) -> None:
        self._request = request
        self._guidance_scale = guidance_scale
        self._model = model
        self._reader = reader
        self._cache = cache
        self._check_going_on = check_going_on
        self._made_by = [__version__, importlib.metadata.version("torch"), device]
        self._codec_context = CODEC_CONTEXT[model.codec]
        self._prompt: PreparedPrompt | None = None

    def frames(self, window: TakeWindow) -> list[int]:
        """The host frames that are encoded for a window, a codec's warm-up included."""
        first, last = frames_needed(window.window, self._codec_context)
        return list(range(window.host_frame(first), window.host_frame(last) + 1))

    def read(self, window: TakeWindow, seen: SeenFiles) -> tuple[Given, Given | None]:
        """Plate and mask of a window; the pixels are read and checked where the cache does not have them.

        Args:
            window: The window.
            seen: The files of its `frames`, as they are now.

        Raises:
            PlateChanged: A file was written while it was read, and what reading a plate or a mask raises
        """
        frames = self.frames(window)
        asked_plate = self._request.plate
        plate_key = self._key("plate", window, seen.plate, asked_plate, self._request.exposure)
        plate = self._cache.get(plate_key)
        pixels = None if plate is not None else self._reader.plate_model_rgb(frames, self._check_going_on)
        given = Given(plate_key, plate, pixels)
        mask = None
        if self._request.mask is not None:
            asked = self._request.mask
            mask_key = self._key("mask", window, seen.mask, asked.source, str(asked.meaning), asked.invert)
            found = self._cache.get(mask_key)
            white = None if found is not None else self._reader.mask_edit_here(frames, self._check_going_on)
            mask = Given(mask_key, found, white)
        seen.check_unchanged(self._request, self._check_going_on)  # what was read is what was hashed
        return given, mask

    def encode(self, window: TakeWindow, plate: Given, mask: Given | None, pipeline: VeraPipeline) -> Conditions:
        """What `read` gave, as the transformer takes it.

        Raises:
            OutOfMemory
        """
        arrays = plate.cached
        if arrays is None:
            assert plate.frames is not None
            arrays = self._kept(plate.key, {"latents": pipeline.encode_plate(plate.frames, window.window)})
        source_latents = arrays["latents"].astype(np.float32)
        if mask is None:
            return Conditions(source_latents, None, None, (plate.key,))
        arrays = mask.cached
        if arrays is None:
            assert mask.frames is not None
            limits = np.array([mask.frames.min(), mask.frames.max()], np.float32)
            latents = pipeline.encode_mask(mask.frames, window.window)
            arrays = self._kept(mask.key, {"latents": latents, "range": limits})
        lowest, highest = arrays["range"].astype(np.float64)
        return Conditions(
            source_latents,
            arrays["latents"].astype(np.float32),
            (float(lowest), float(highest)),
            (plate.key, mask.key),
        )

    def prompt(self, pipeline: VeraPipeline) -> PreparedPrompt:
        """What the prompt says to the model, worked out once for all windows.

        Raises:
            PromptTooLong
        """

        def text(prompt: str) -> FloatArray:
            key = key_of("text", *self._made_by, self._weights("text_encoder/"), self._model.vocabulary, prompt)
            found = self._cache.get(key) or self._kept(key, {"states": pipeline.encode_text(prompt)})
            return found["states"].astype(np.float32)

        if self._prompt is None:
            self._prompt = pipeline.prepare_text(self._request.prompt, self._guidance_scale, text)
        return self._prompt

    def _key(
        self, kind: str, window: TakeWindow, files: Mapping[int, FileSeen], source: PlateReference, *how: object
    ) -> str:
        """Of all that latents come from: the files' content, how it is read, the size, the codec, its warm-up."""
        frames = self.frames(window)
        regions = [self._reader.region(frame) for frame in frames]
        return key_of(
            kind,
            *self._made_by,
            self._weights("vae/"),
            self._reader.working_size,
            str(self._reader.format),
            [None if part is None else [part.x, part.y, part.width, part.height] for part in regions],
            [source.view, source.part, source.layer, str(source.nan)],
            [len(window.window), warm_up(window.window.start, self._codec_context)],
            [(files[frame].sha256, frame + source.frame_offset) for frame in frames],  # a movie is one file for all
            *how,
        )

    def _kept(self, key: str, arrays: Arrays) -> Arrays:
        self._cache.put(key, arrays)
        return arrays

    def _weights(self, folder: str) -> list[tuple[str, str]]:
        return sorted((name, sha) for name, sha in self._model.weights_sha256.items() if name.startswith(folder))
