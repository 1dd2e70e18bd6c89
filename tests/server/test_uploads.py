"""Plates and layers over the wire, where client and engine share no files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import grpc
import pytest

from tests.server.conftest import SECONDS, Engine
from tests.server.test_refusals import refusal
from vera_edit.v1 import takes_pb2 as pb

CHUNK = 1 << 20


def begin(name: str = "plate.####.exr") -> pb.UploadPlateRequest:
    return pb.UploadPlateRequest(begin=pb.UploadBegin(file_name=name))


def file_parts(frame: int, content: bytes, sha256: str = "") -> Iterator[pb.UploadPlateRequest]:
    for start in range(0, len(content), CHUNK):
        yield pb.UploadPlateRequest(chunk=content[start : start + CHUNK])
    digest = sha256 or hashlib.sha256(content).hexdigest()
    yield pb.UploadPlateRequest(end_of_file=pb.UploadEndOfFile(file_frame=frame, sha256=digest))


def upload(engine: Engine, parts: list[pb.UploadPlateRequest]) -> str:
    return engine.takes.UploadPlate(iter(parts), timeout=SECONDS).upload_id


@pytest.fixture
def left(engine: Engine):
    """What lies in the uploads folder that did not before."""
    folder = engine.state_dir / "uploads"
    before = set(folder.iterdir())
    return lambda: sorted(path.name for path in set(folder.iterdir()) - before)


def test_files_arrive_as_they_were_sent(engine, left):
    contents = {1001: b"x" * (2 * CHUNK + 3), -5: b"y", 12345: bytes(range(256))}
    parts = [part for frame, content in contents.items() for part in file_parts(frame, content)]
    upload_id = upload(engine, [begin("plate v2.%04d.exr"), *parts])
    folder = engine.state_dir / "uploads" / upload_id
    assert left() == [upload_id]
    names = {1001: "plate v2.1001.exr", -5: "plate v2.-005.exr", 12345: "plate v2.12345.exr"}
    assert {frame: (folder / name).read_bytes() for frame, name in names.items()} == contents


def test_one_file_keeps_its_name(engine, left):
    """A movie holds all frames, and a still has no number."""
    upload_id = upload(engine, [begin("plate v2.mov"), *file_parts(0, b"frames")])
    assert left() == [upload_id]
    assert (engine.state_dir / "uploads" / upload_id / "plate v2.mov").read_bytes() == b"frames"


def test_damaged_bytes_are_noticed_and_not_kept(engine, left):
    parts = file_parts(1001, b"pixels", hashlib.sha256(b"other pixels").hexdigest())
    with pytest.raises(grpc.RpcError) as caught:
        upload(engine, [begin(), *parts])
    assert caught.value.code() is grpc.StatusCode.DATA_LOSS
    assert refusal(caught.value).kind == "UploadDamaged"
    assert left() == []


BROKEN = {
    "nothing": ([], "UploadInvalid"),
    "no beginning": ([*file_parts(1, b"x")], "UploadInvalid"),
    "two beginnings": ([begin(), begin()], "UploadInvalid"),
    "no files": ([begin()], "UploadInvalid"),
    "a file without end": ([begin(), pb.UploadPlateRequest(chunk=b"x")], "UploadInvalid"),
    "a file without bytes": ([begin(), *file_parts(1, b"")], "UploadInvalid"),
    "a frame twice": ([begin(), *file_parts(1, b"x"), *file_parts(1, b"x")], "UploadInvalid"),
    "a chunk too long": ([begin(), pb.UploadPlateRequest(chunk=bytes(CHUNK + 1))], "UploadInvalid"),
    "a part that is none": ([begin(), pb.UploadPlateRequest()], "UploadInvalid"),
    "a folder": ([begin("../plate.####.exr")], "UploadInvalid"),
    "a folder of Windows": ([begin("..\\plate.####.exr")], "UploadInvalid"),
    "two places for the number": ([begin("plate.##.##.exr")], "PatternInvalid"),
    "no name": ([begin("")], "UploadInvalid"),
    "one file twice": ([begin("plate.mov"), *file_parts(0, b"x"), *file_parts(1, b"x")], "UploadInvalid"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_stream_that_makes_no_plate_is_refused_and_leaves_nothing(engine, left, case):
    parts, kind = BROKEN[case]
    with pytest.raises(grpc.RpcError) as caught:
        upload(engine, parts)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal(caught.value).kind == kind
    assert left() == []


def test_a_message_beyond_the_limit_is_refused(engine, left):
    with pytest.raises(grpc.RpcError) as caught:
        upload(engine, [begin(), pb.UploadPlateRequest(chunk=bytes(5 * CHUNK))])
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert left() == []


def test_the_next_engine_clears_what_no_take_needs(start_engine):
    first = start_engine()
    upload(first, [begin(), *file_parts(1001, b"x")])
    (first.state_dir / "uploads" / f"{'0' * 32}.partial").mkdir()
    first.kill()
    second = start_engine()
    assert list((second.state_dir / "uploads").iterdir()) == []
