"""Requests, takes and events come back from JSON as they were."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vera_engine.takes.request import AskedSettings, EditType, MaskMeaning, MaskReference, PlateReference, TakeRequest
from vera_engine.takes.take import (
    FrameWritten,
    QueuedAt,
    Refusal,
    StateChanged,
    StepDone,
    Take,
    TakeSeconds,
    TakeState,
    event_as_dict,
    event_from_dict,
)


def through_json(data: object) -> object:
    return json.loads(json.dumps(data))


@pytest.mark.parametrize(
    "mask", [None, MaskReference(PlateReference("/m/m.%04d.exr", -1000), MaskMeaning.KEEP_THIS, invert=True)]
)
def test_a_request_comes_back_as_it_was(request_of, mask):
    request = request_of(
        edit_type=EditType.BACKGROUND,
        mask=mask,
        settings=AskedSettings(seed=2**63 - 1, guidance_scale=0.0),
        plate=PlateReference("/plates/Übergang 桜.####.exr", 1000, None, "00ff"),
        write_comp=True,
    )
    assert TakeRequest.from_dict(through_json(request.as_dict())) == request


def test_a_take_comes_back_as_it_was(reserved_take):
    take = replace(
        reserved_take(),
        state=TakeState.FAILED,
        warnings=("one", "two"),
        error=Refusal("FrameMissing", "gone", "plate.path", "/p", "render it"),
        seconds=TakeSeconds(4.5, 1, 2, 1.5),
        started_at=12.25,
        attempts=2,
    )
    assert Take.from_dict(through_json(take.as_dict())) == take


def test_every_event_comes_back_as_it_was(reserved_take):
    events = [QueuedAt(3), StateChanged(reserved_take()), StepDone(2, 8, 1, 1, 0.25), FrameWritten(-5)]
    assert [event_from_dict(through_json(event_as_dict(event))) for event in events] == events


def test_white_means_where_to_add_and_what_to_keep():
    assert MaskMeaning.default(EditType.ADD) is MaskMeaning.EDIT_HERE
    assert MaskMeaning.default(EditType.BACKGROUND) is MaskMeaning.KEEP_THIS
