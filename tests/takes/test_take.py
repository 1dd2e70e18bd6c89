"""Requests, takes and events come back from JSON as they were."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vera_engine.plates.frames import FrameRange, FrameSet
from vera_engine.takes.events import (
    FrameWritten,
    Preview,
    QueuedAt,
    StateChanged,
    StepDone,
    WindowDone,
    event_as_dict,
    event_from_dict,
)
from vera_engine.takes.request import (
    AskedSettings,
    BaseTake,
    EditType,
    MaskMeaning,
    MaskReference,
    PlateReference,
    TakeRequest,
)
from vera_engine.takes.take import Notes, Refusal, Seam, SeamKind, Take, TakeSeconds, TakeState


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
        frames=FrameSet.parse("-3-4,1001-1017"),
        handles=2,
        base=BaseTake("ab", "/takes/hero/v002"),
        strength=0.25,
        without_mask=mask is None,
        label="wider – 2",
        priority=-3,
        reuse=True,
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
        worker_deaths=2,
        notes=Notes("wide", "two\nlines", starred=True),
        seams=(Seam(1001, 1002, 1.25, SeamKind.REPAIR),),
        finished_frames=(FrameRange(1001, 1001), FrameRange(1003, 1003)),
        fingerprint="ab",
    )
    assert Take.from_dict(through_json(take.as_dict())) == take


def test_every_event_comes_back_as_it_was(reserved_take):
    events = [
        QueuedAt(3),
        QueuedAt(1, 0.5),
        StateChanged(reserved_take()),
        StepDone(2, 8, 1, 1, 0.25, 1.5),
        FrameWritten(-5),
        WindowDone(1, 2, (FrameRange(-5, 7), FrameRange(9, 9))),
        Preview("iVBORw==", 1, 4),
    ]
    assert [event_from_dict(through_json(event_as_dict(event))) for event in events] == events


def test_a_record_has_all_of_the_request_that_says_anything_of_the_layers(request_of):
    request = request_of(label="wide", priority=4, reuse=True, handles=3)
    record = through_json(request.as_record())
    assert {"priority", "reuse"}.isdisjoint(record)
    assert TakeRequest.from_dict(record) == replace(request, priority=0, reuse=False)


def test_handles_are_made_too(request_of):
    request = request_of(frames=FrameSet.parse("1001-1004,1010"), handles=3)
    assert str(request.made_frames) == "998-1013"
    assert str(replace(request, handles=2).made_frames) == "999-1006,1008-1012"


def test_a_base_is_called_as_its_directory(request_of):
    assert BaseTake("ab", "/takes/hero/v002").version == "v002"
    assert BaseTake().version == ""


def test_white_means_where_to_add_and_what_to_keep():
    assert MaskMeaning.default(EditType.ADD) is MaskMeaning.EDIT_HERE
    assert MaskMeaning.default(EditType.BACKGROUND) is MaskMeaning.KEEP_THIS
