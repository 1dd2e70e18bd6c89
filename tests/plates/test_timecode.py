from __future__ import annotations

import OpenEXR
import OpenImageIO as oiio
import pytest

from vera_engine.plates.timecode import Timecode


@pytest.mark.parametrize(
    ("text", "rate", "frames", "expected"),
    [
        ("01:02:03:04", 24, 0, "01:02:03:04"),
        ("00:00:00:23", 24, 1, "00:00:01:00"),
        ("23:59:59:24", 25, 1, "00:00:00:00"),
        ("09:59:59:29", 30, 2, "10:00:00:01"),
        # SMPTE ST 12-1: numbers 0 and 1 are left out at each minute but every tenth.
        ("00:00:59;29", 30, 1, "00:01:00;02"),
        ("00:09:59;29", 30, 1, "00:10:00;00"),
        ("01:00:00;00", 30, 17982, "01:10:00;00"),
        ("00:00:00;00", 30, 107892, "01:00:00;00"),
        ("00:00:59;59", 60, 1, "00:01:00;04"),
    ],
)
def test_timecode_counts_frames(text: str, rate: int, frames: int, expected: str) -> None:
    timecode = Timecode.parse(text, rate)
    assert timecode is not None
    assert str(timecode) == text
    assert str(timecode.later(frames)) == expected
    assert timecode.later(frames).later(-frames).frames == timecode.frames


@pytest.mark.parametrize(
    ("text", "rate"), [("", 24), ("1:2:3:4", 24), ("00:00:00:24", 24), ("00:61:00:00", 24), ("x", 0)]
)
def test_what_is_no_timecode(text: str, rate: int) -> None:
    assert Timecode.parse(text, rate) is None


def test_it_is_packed_as_image_files_have_it(tmp_path) -> None:
    timecode = Timecode.parse("12:34:56;28", 30)
    spec = oiio.ImageSpec(2, 2, 3, "half")
    spec.attribute("smpte:TimeCode", "timecode", timecode.packed)
    output = oiio.ImageOutput.create("exr")
    assert output.open(str(tmp_path / "t.exr"), spec)
    output.close()
    with OpenEXR.File(str(tmp_path / "t.exr"), header_only=True) as file:
        read = file.header()["timeCode"]
        assert (read.hours, read.minutes, read.seconds, read.frame, read.dropFrame) == (12, 34, 56, 28, 1)
    assert Timecode.parse("00:00:00:45", 60).packed is None
