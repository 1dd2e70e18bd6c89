"""The committed benchmark as a data set: 72 object additions and 69 background changes, the same for everybody."""

from __future__ import annotations

import hashlib
from pathlib import Path

from vera_engine.training.benchmark import MANIFEST, read_benchmark
from vera_engine.training.datasets.sample import ClipShape, Entry, LayeredDataset, LayeredSample, SampleDamaged
from vera_engine.training.datasets.synthetic import sample_of_clip
from vera_engine.training.footage import FootageMissing


class BenchmarkDataset(LayeredDataset):
    """The clips of a benchmark's manifest, at its size and length.

    Clips over real footage are skipped, and named, where the package that it comes with is not installed.

    Args:
        hinted: False: the additions alone, drawn without hints.
        manifest: A file as `read_benchmark` takes it.
    """

    def __init__(self, hinted: bool = True, manifest: Path = MANIFEST) -> None:
        benchmark = read_benchmark(manifest)
        self.title = manifest.stem
        self.skipped = []
        self._hinted = hinted
        self._digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
        self._shape = ClipShape(benchmark.frames, benchmark.width, benchmark.height)
        self._clips = [clip for clip in benchmark.clips if hinted or clip.edit_type == "add"]
        self.entries = tuple(Entry(clip.name, clip.edit_type, "") for clip in self._clips)

    @property
    def identity(self) -> str:
        """The manifest's content."""
        return f"benchmark {self._digest}{'' if self._hinted else ', without hints'}"

    def shape(self, index: int) -> ClipShape:
        """As all."""
        return self._shape

    def load(self, index: int, frames: range | None = None) -> LayeredSample:
        """Draws the clip.

        Raises:
            SampleDamaged: Its footage is not there.
            BenchmarkChanged: The generator no longer draws what the manifest says.
        """
        clip, shape = self._clips[index], self._shape
        try:
            drawn = clip.draw(shape.frames, shape.height, shape.width, self._hinted)
        except FootageMissing as error:
            raise SampleDamaged(
                error.reason, argument=error.argument, value=error.value, remedy=error.remedy
            ) from error
        return sample_of_clip(drawn, clip.name, frames)
