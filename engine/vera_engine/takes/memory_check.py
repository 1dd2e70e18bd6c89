"""Whether there is memory for a take, looked at before its first step: by account, not by trying."""

from __future__ import annotations

from dataclasses import replace

from vera_engine.model.settings import ModelSettings
from vera_engine.pipeline.blueprint import Blueprint
from vera_engine.pipeline.device import choose_device, describe
from vera_engine.pipeline.fit import (
    NO_MEASURES,
    USABLE,
    Measures,
    account,
    choose,
    refuse,
    surely_fits,
)
from vera_engine.pipeline.memory import free_bytes
from vera_engine.pipeline.needs import Job
from vera_engine.pipeline.presets import find_preset
from vera_engine.takes.take import Take


class MemoryCheck:
    """What one worker's model may take of the memory that is free.

    Measures are chosen once, before the model is loaded, for the most that it is ever asked for: its longest window at
    its largest size, with guidance and a step cache. What then fits is a matter of each take.

    Args:
        model: `small`, or a model folder.
        settings: The model's own.
        device: As `--device`.

    Raises:
        DeviceUnknown, DeviceMissing, ModelFolderMissing, WeightsCorrupt, CodecUnknown
    """

    def __init__(self, model: str, settings: ModelSettings, device: str) -> None:
        self._model = model
        self._device, self._dtype = choose_device(device)
        self._blueprint = Blueprint.of(model)
        self._is_loaded = False
        width, height = max(settings.working_sizes, key=lambda size: size[0] * size[1])
        self.measures = self._choose(Job(settings.window_latents, width, height, guided=True, step_cache=True))

    @property
    def device_description(self) -> str:
        """Device, arithmetic and those measures that change what is made, as takes record it."""
        return ", ".join((describe(self._device, self._dtype), *self.measures.seen_in_words()))

    def loaded(self) -> None:
        """Is told that the model is in memory: its weights are not among what is free any more."""
        self._is_loaded = True

    def check(self, take: Take, latents: int) -> None:
        """Refuses a take with windows of so many latents that there is no room for.

        Raises:
            DoesNotFit: With the frames and the size that fit.
        """
        guided = take.settings.guidance_scale != 1
        levers = find_preset(take.settings.preset).levers
        width, height = take.working_size
        job = Job(latents, width, height, guided, step_cache=levers.step_cache > 0)
        free = free_bytes(self._device)
        if free is None or surely_fits(self._model, self._blueprint, job, free):
            return
        fit = account(self._blueprint, job, self._device.type, self.measures)
        refuse(self._blueprint, replace(fit, room=int(USABLE * free) + (fit.resident if self._is_loaded else 0)))

    def _choose(self, job: Job) -> Measures:
        free = free_bytes(self._device)
        if free is None or surely_fits(self._model, self._blueprint, job, free):
            return NO_MEASURES
        beside = free_bytes(choose_device("cpu")[0]) if self._device.type == "cuda" else None
        return choose(self._blueprint, job, self._device.type, int(USABLE * free), beside).measures
