"""What the model is told of a window: the prompt's states, and plate and mask as latents; all cached by content."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vera_engine import __version__
from vera_engine.model.settings import ModelSettings
from vera_engine.pipeline.windows import frames_needed, warm_up
from vera_engine.takes.cache import ContentCache, key_of
from vera_engine.takes.inputs import FileSeen, PlateReader, SeenFiles
from vera_engine.takes.plan import TakeWindow
from vera_engine.takes.request import TakeRequest

if TYPE_CHECKING:
    from vera_engine.pipeline.denoising import PreparedPrompt
    from vera_engine.pipeline.pipeline import VeraPipeline

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Conditions:
    """Plate and mask of a window, as the transformer takes them."""

    source_latents: FloatArray
    """(C, n, h, w) of the window's slice."""
    mask_latents: FloatArray | None
    mask_range: tuple[float, float] | None
    """The least and the greatest value of the mask in the frames that were encoded."""


class Conditioner:
    """Encodes prompts, plates and masks of one take, or finds them in the cache.

    Args:
        request: The effective request.
        model: Its weights are part of every key.
        pipeline: What encodes.
        reader: Reads plate and mask.
        cache: Where entries lie.
        check_cancelled: Called for every frame.
    """

    def __init__(
        self,
        request: TakeRequest,
        model: ModelSettings,
        pipeline: VeraPipeline,
        reader: PlateReader,
        cache: ContentCache,
        check_cancelled: Callable[[], None],
    ) -> None:
        self._request = request
        self._model = model
        self._pipeline = pipeline
        self._reader = reader
        self._cache = cache
        self._check_cancelled = check_cancelled
        self._made_by = [__version__, pipeline.device_description]

    def prompt(self, guidance_scale: float) -> PreparedPrompt:
        """What the prompt says to the model, for all windows."""
        return self._pipeline.prepare_text(self._request.prompt, guidance_scale, self._text)

    def frames(self, window: TakeWindow) -> list[int]:
        """The host frames that are encoded for a window, a codec's warm-up included."""
        first, last = frames_needed(window.window, self._pipeline.codec_context)
        return list(range(window.host_frame(first), window.host_frame(last) + 1))

    @contextlib.contextmanager
    def of(self, window: TakeWindow, seen: SeenFiles) -> Iterator[Conditions]:
        """A window's conditions; while the block runs, their cache entries stay.

        Args:
            window: The window.
            seen: The files of its `frames`, as they are now.
        """
        plate_key = self._key("plate", window, seen.plate)
        plate = self._cache.get(plate_key) or self._kept(plate_key, self._plate(window, seen))
        mask_key, mask = plate_key, None
        if self._request.mask is not None:
            asked = self._request.mask
            mask_key = self._key("mask", window, seen.mask, str(asked.meaning), asked.invert, str(self._reader.format))
            mask = self._cache.get(mask_key) or self._kept(mask_key, self._mask(window, seen))
        with self._cache.holding(plate_key, mask_key):
            yield Conditions(
                plate["latents"].astype(np.float32),
                None if mask is None else mask["latents"].astype(np.float32),
                None if mask is None else (float(mask["range"][0]), float(mask["range"][1])),
            )

    def _text(self, prompt: str) -> FloatArray:
        key = key_of("text", *self._made_by, self._weights("text_encoder/"), self._model.vocabulary, prompt)
        found = self._cache.get(key) or self._kept(key, {"states": self._pipeline.encode_text(prompt)})
        return found["states"].astype(np.float32)

    def _plate(self, window: TakeWindow, seen: SeenFiles) -> dict[str, NDArray[np.generic]]:
        frames = self._reader.plate_model_rgb(self.frames(window), self._check_cancelled)
        for frame, file in seen.plate.items():  # what was read is what was hashed
            file.check_unchanged(self._reader.plate_file(frame))
        return {"latents": self._pipeline.encode_plate(frames, window.window)}

    def _mask(self, window: TakeWindow, seen: SeenFiles) -> dict[str, NDArray[np.generic]]:
        frames = self._reader.mask_edit_here(self.frames(window), self._check_cancelled)
        assert frames is not None
        for frame, file in seen.mask.items():
            file.check_unchanged(self._reader.mask_file(frame))
        values = np.array([frames.min(), frames.max()], np.float32)
        return {"latents": self._pipeline.encode_mask(frames, window.window), "range": values}

    def _key(self, kind: str, window: TakeWindow, files: Mapping[int, FileSeen], *how: object) -> str:
        """Of all that latents come from: the files' content, how it is read, the size, the codec, its warm-up."""
        return key_of(
            kind,
            *self._made_by,
            self._weights("vae/"),
            self._reader.working_size,
            self._reader.format.color_space.value,
            [len(window.window), warm_up(window.window.start, self._pipeline.codec_context)],
            [files[frame].sha256 for frame in self.frames(window)],
            *how,
        )

    def _kept(self, key: str, arrays: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        self._cache.put(key, arrays)
        return arrays

    def _weights(self, folder: str) -> list[tuple[str, str]]:
        return sorted((name, sha) for name, sha in self._model.weights_sha256.items() if name.startswith(folder))
