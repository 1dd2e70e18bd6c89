"""An evaluation from clip to clip: made, measured, drawn, kept; what was kept before is not made again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vera_engine.evaluation.generate import Sampling, generate
from vera_engine.evaluation.measure import Perceptual, measure
from vera_engine.evaluation.page import write_pictures
from vera_engine.evaluation.records import Record, Records, noise_seed
from vera_engine.evaluation.vace import Vace
from vera_engine.model.settings import ModelSettings
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.pipeline.text import PromptTooLong
from vera_engine.training.datasets.sample import LayeredDataset, LayeredSample, SampleDamaged


@dataclass(frozen=True)
class Evaluation:
    """What is measured, and with what."""

    pipeline: VeraPipeline
    settings: ModelSettings
    sampling: Sampling
    frames: int | None
    """The first so many of each clip; None: all."""
    lpips: Perceptual | None
    vace: Vace | None
    folder: Path
    """Of the report."""

    def run(self, dataset: LayeredDataset, chosen: Sequence[int], records: Records) -> Iterator[Record | None]:
        """Measures clip after clip and keeps each; None for one that is damaged, or asks for more than the model reads.

        The data set then names those.
        """
        for index in chosen:
            name = dataset.entries[index].name
            found = records.find(name)
            if found is None:
                try:
                    found = self._measured(self._load(dataset, index))
                    records.add(found)
                except (SampleDamaged, PromptTooLong) as error:
                    dataset.skip(name, error)
            yield found

    def _load(self, dataset: LayeredDataset, index: int) -> LayeredSample:
        frames = None if self.frames is None else range(min(self.frames, dataset.shape(index).frames))
        return dataset.load(index, frames)

    def _measured(self, sample: LayeredSample) -> Record:
        seed, hinted = noise_seed(sample.name), self.sampling.with_mask and sample.mask is not None
        made = generate(self.pipeline, self.settings, sample, self.sampling, seed)
        vace = None if self.vace is None else self.vace(sample, self.sampling.with_mask, seed)
        figures = measure(sample, made, vace, hinted, self.lpips)
        shape = sample.shape
        return Record(
            name=sample.name,
            edit_type=sample.edit_type,
            instruction=sample.instruction,
            frames=shape.frames,
            size=(shape.width, shape.height),
            seconds=made.seconds,
            layers_error=sample.layers_error,
            methods=figures.methods,
            edit=figures.edit,
            pictures=write_pictures(self.folder, sample, made, vace),
        )
