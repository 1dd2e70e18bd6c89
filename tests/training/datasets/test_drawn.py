"""Drawn clips as a data set: the committed benchmark, and synthetic ones in any number."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from vera_engine.training import benchmark
from vera_engine.training.datasets.drawn_benchmark import BenchmarkDataset
from vera_engine.training.datasets.sample import ClipShape, DatasetRefused, layers_error
from vera_engine.training.datasets.synthetic import SyntheticDataset
from vera_engine.training.footage import FootageMissing


def test_the_benchmark_is_the_papers_split():
    dataset = BenchmarkDataset()
    assert Counter(entry.edit_type for entry in dataset.entries) == {"add": 72, "background": 69}
    assert len({entry.name for entry in dataset.entries}) == 141
    part = dataset.load(0, range(2))
    shape = dataset.shape(0)
    assert part.shape == ClipShape(2, shape.width, shape.height)
    assert part.layers_error < 1e-6
    assert part.mask.max() > 0.5
    unhinted = BenchmarkDataset(hinted=False)
    assert {entry.edit_type for entry in unhinted.entries} == {"add"}
    assert unhinted.identity != dataset.identity
    assert unhinted.load(0, range(1)).mask is None


def test_footage_that_is_not_there_is_skipped_and_named(monkeypatch):
    def missing(*_: object) -> None:
        raise FootageMissing("The film is not here.")

    monkeypatch.setitem(benchmark._PLATES, "bikes.mp4", missing)
    dataset = BenchmarkDataset(hinted=False)
    film = next(index for index, clip in enumerate(benchmark.read_benchmark().clips) if clip.plate == "bikes.mp4")
    assert dataset.load_or_skip(film) is None
    assert [each.name for each in dataset.skipped] == [dataset.entries[film].name]


def test_synthetic_clips_are_the_same_in_any_company():
    few, more = SyntheticDataset(1, 0, ClipShape(5, 48, 32)), SyntheticDataset(3, 0, ClipShape(5, 48, 32))
    one, same, part = few.load(0), more.load(0), more.load(0, range(3))
    assert one.instruction == same.instruction
    np.testing.assert_array_equal(one.composite, same.composite)
    np.testing.assert_array_equal(part.alpha, same.alpha[:3])
    assert layers_error(one.source, one.edit, one.alpha, one.composite) < 1e-6
    assert SyntheticDataset(1, 0, ClipShape(5, 48, 32), hinted=False).load(0).mask is None
    with pytest.raises(DatasetRefused):
        SyntheticDataset(0, 0, ClipShape(5, 48, 32))
