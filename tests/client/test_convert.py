"""dict <-> proto against protobuf's own JSON, and what a host may get wrong in a request."""

from __future__ import annotations

import pytest
from google.protobuf import json_format

from vera_client.bridge.convert import WORDS, from_dict, to_dict
from vera_client.errors import Refused
from vera_edit.v1 import takes_pb2

REQUEST = {
    "node_id": "node-1",
    "edit_type": "background",
    "prompt": "un désert 🏜 at dusk",
    "frames": [{"first_frame": -3, "last_frame": 1017}, {"first_frame": 1040, "last_frame": 1040}],
    "plate": {
        "path": "/shots/ä b/plate.%04d.exr",
        "frame_offset": -1000,
        "color_space": "ARRI LogC4",
        "fallback_color_space": "acescg",
        "view": "left",
        "part": "",
        "layer": "beauty",
        "nan": "zero",
    },
    "mask": {
        "source": {
            "path": "/shots/m.####.exr",
            "frame_offset": 0,
            "color_space": "",
            "fallback_color_space": "",
            "view": "",
            "part": "",
            "layer": "",
            "nan": "",
        },
        "meaning": "keep",
        "invert": True,
    },
    "settings": {"seed": 2**63 - 1, "num_inference_steps": 20, "guidance_scale": 4.3, "preset": "draft"},
    "take_root": "/shots/vera_takes",
    "write_comp": True,
    "handles": 8,
    "base_take_id": "",
    "base_directory": "/shots/vera_takes/node-1/v003",
    "strength": 0.35,
    "priority": -1,
    "label": "wide",
    "reuse": True,
    "without_mask": False,
    "without_holdout": False,
    "exposure": -1.3,
    "region": {
        "boxes": {"keys": [{"frame": 1001, "box": {"x": -2, "y": 3, "width": 40, "height": 30}}]},
        "margin": 16,
    },
    "finish": {"black": 0.06, "detail": "smooth", "highlights": 16.0},
    "write_residual": True,
    "finish_only": False,
}


def test_a_request_as_protobuf_reads_it() -> None:
    message = from_dict(REQUEST, takes_pb2.TakeRequest)
    said = json_format.MessageToDict(message, preserving_proto_field_name=True)
    assert said["edit_type"] == "EDIT_TYPE_BACKGROUND_CHANGE"
    assert said["mask"]["meaning"] == "MASK_MEANING_KEEP_THIS"
    assert said["plate"]["nan"] == "NAN_POLICY_ZERO"
    assert said["finish"]["detail"] == "DETAIL_SMOOTH"
    assert said["settings"]["seed"] == str(2**63 - 1)
    assert said["frames"] == REQUEST["frames"]
    assert said["prompt"] == "un désert 🏜 at dusk"


def test_there_and_back_is_the_same() -> None:
    assert to_dict(from_dict(REQUEST, takes_pb2.TakeRequest)) == REQUEST


def test_what_is_unset_stays_unset() -> None:
    request = {**REQUEST, "mask": None, "settings": {"seed": None}, "edit_type": ""}
    message = from_dict(request, takes_pb2.TakeRequest)
    assert not message.HasField("mask")
    assert not message.settings.HasField("seed")
    assert message.edit_type == takes_pb2.EDIT_TYPE_UNSPECIFIED
    said = to_dict(message)
    assert "mask" not in said
    assert said["settings"] == {"preset": ""}
    assert said["edit_type"] == ""


def test_seed_0_is_a_seed() -> None:
    message = from_dict({"settings": {"seed": 0}}, takes_pb2.TakeRequest)
    assert message.settings.HasField("seed")
    assert to_dict(message)["settings"] == {"seed": 0, "preset": ""}


def test_every_value_of_every_enum_has_a_word() -> None:
    for name, enum in takes_pb2.DESCRIPTOR.enum_types_by_name.items():
        assert sorted(WORDS[name].values()) == sorted(value.number for value in enum.values if value.number != 0)


def test_a_picture_is_base64() -> None:
    event = takes_pb2.TakeEvent(preview=takes_pb2.Preview(png=b"\x89PNG\r\n\xff", window=2, step=5))
    said = to_dict(event)["preview"]
    assert said == {"png": "iVBORw0K/w==", "window": 2, "step": 5}
    assert json_format.MessageToDict(event)["preview"]["png"] == said["png"]


def test_time_to_start_is_left_out_where_it_is_not_known() -> None:
    assert to_dict(takes_pb2.QueuedAt(place=3)) == {"place": 3}
    assert to_dict(takes_pb2.QueuedAt(place=3, seconds_to_start=0)) == {"place": 3, "seconds_to_start": 0.0}


def test_a_state_of_a_later_engine_is_no_crash() -> None:
    take = takes_pb2.Take()
    take.ParseFromString(b"\x18\x63")  # field 3, the state: 99
    assert to_dict(take)["state"] == ""


@pytest.mark.parametrize(
    ("wrong", "argument", "value"),
    [
        ({"edit_type": "ad"}, "edit_type", "ad"),
        ({"edit_type": 1}, "edit_type", "1"),
        ({"frames": [{"first_frame": 1}, {"first_frame": "1001"}]}, "frames[1].first_frame", "1001"),
        ({"frames": [{"first_frame": 10.0}]}, "frames[0].first_frame", "10.0"),
        ({"frames": [{"first_frame": 2**31}]}, "frames[0].first_frame", str(2**31)),
        ({"frames": "1001-1017"}, "frames", "1001-1017"),
        ({"frames": {"first_frame": 1001}}, "frames", "{'first_frame': 1001}"),
        ({"frames": ["1001-1017"]}, "frames[0]", "1001-1017"),
        ({"strength": "half"}, "strength", "half"),
        ({"settings": {"seed": True}}, "settings.seed", "True"),
        ({"settings": {"guidance_scale": "high"}}, "settings.guidance_scale", "high"),
        ({"settings": {"sead": 7}}, "settings.sead", "7"),
        ({"mask": {"source": {"path": "/m.####.exr", "nan": "keep"}}}, "mask.source.nan", "keep"),
        ({"region": {"box": {"x": 1}, "from_mask": True}}, "region", "{'box': {'x': 1}, 'from_mask': True}"),
        ({"write_comp": 1}, "write_comp", "1"),
        ({"prompt": 7}, "prompt", "7"),
        ({"plate": {"path": "/a/\udcff.####.exr"}}, "plate.path", "'/a/\\udcff.####.exr'"),
        ({"plate": {"path": "/a.####.exr", "upload_id": "1"}}, "plate", "{'path': '/a.####.exr', 'upload_id': '1'}"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, object], argument: str, value: str) -> None:
    with pytest.raises(Refused) as refused:
        from_dict({**REQUEST, **wrong}, takes_pb2.TakeRequest)
    assert refused.value.argument == argument
    assert refused.value.value == value
    assert refused.value.is_bad_input
