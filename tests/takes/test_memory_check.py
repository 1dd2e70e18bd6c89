"""Memory looked at before a take: what is free is given, what a take needs is accounted for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vera_engine.errors import FailedPrecondition
from vera_engine.pipeline.fit import NO_MEASURES, DoesNotFit
from vera_engine.takes import memory_check
from vera_engine.takes.memory_check import MemoryCheck

GB = 10**9


def test_a_take_that_fits_is_let_through_and_one_that_does_not_says_what_would(making, monkeypatch):
    free = [32 * GB]
    monkeypatch.setattr(memory_check, "free_bytes", lambda device: free[0])
    memory = MemoryCheck(str(making.model_folder), making.model, "cpu")
    assert memory.measures == NO_MEASURES
    assert memory.device_description == "cpu float32"
    take = making.reserve("1001-1017")
    memory.check(take, 5)
    memory.loaded()

    free[0] = 10**6
    with pytest.raises(DoesNotFit) as refused:
        memory.check(replace(take, working_size=(96, 64)), 5)
    assert isinstance(refused.value, FailedPrecondition)
    assert refused.value.value == "17 frames of 96x64"
    assert "room for 17 frames at " in refused.value.remedy
    memory.check(replace(take, working_size=(16, 16)), 1)


def test_measures_that_change_what_is_made_are_named_with_the_device(making, monkeypatch):
    monkeypatch.setattr(memory_check, "free_bytes", lambda device: 10**5)
    memory = MemoryCheck(str(making.model_folder), making.model, "cpu")
    assert memory.device_description == "cpu float32, guidance passes apart, weights kept in bfloat16"
