"""Plates and layers by stream, where engine and client do not see the same files."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vera_client import Refused, TransferFailed, VeraClient
from vera_client.bridge.sequence import frame_file
from vera_client.bridge.transfer import fetch_layers
from vera_edit.v1 import takes_pb2

MakeRequest = Callable[..., dict[str, Any]]


def fill_uploads(state_dir: Path) -> dict[str, str]:
    """Name -> SHA-256 of what the scripted engine was sent."""
    return {file.name: digest(file) for file in state_dir.glob("upload-*/*")}


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("pattern", "frame", "file"),
    [
        ("/s/plate.####.exr", 7, "/s/plate.0007.exr"),
        ("/s/plate.####.exr", 10001, "/s/plate.10001.exr"),
        ("/s/plate.%04d.exr", -5, "/s/plate.-005.exr"),
        ("/s/plate.%d.exr", 7, "/s/plate.7.exr"),
        ("/s##/plate#.exr", 7, "/s##/plate7.exr"),
        ("/s/plate.exr", 7, None),
        ("/s/plate.##.##.exr", 7, None),
    ],
)
def test_the_file_of_a_frame(pattern: str, frame: int, file: str | None) -> None:
    assert frame_file(pattern, frame) == (None if file is None else Path(file))


def test_what_both_see_is_not_sent(client: VeraClient, state_dir: Path, request_of: MakeRequest, shot: Path) -> None:
    take = client.create_take(request_of())
    assert fill_uploads(state_dir) == {}
    assert take["request"]["plate"]["path"] == str(shot / "plate.####.exr")
    assert list((state_dir / "deliveries").glob("*")) == []
    assert not list(shot.parent.glob("vera_takes/.vera_edit*"))


@pytest.fixture
def blind(engine: Any) -> None:
    """The engine sees none of the client's files."""
    engine.will(is_blind=True)


@pytest.mark.usefixtures("blind")
def test_plate_and_mask_there_and_layers_back(
    client: VeraClient, engine: Any, request_of: MakeRequest, shot: Path
) -> None:
    mask = shot.parent / "mask.%04d.exr"
    for frame in (1, 2, 3):
        (shot.parent / f"mask.{frame:04d}.exr").write_bytes(b"mask %d" % frame)
    request = request_of(
        mask={"source": {"path": str(mask), "frame_offset": -1000}, "meaning": "edit"},
    )
    take = client.create_take(request)
    assert fill_uploads(engine.state_dir) == {
        **{f"plate.{frame}.exr": digest(shot / f"plate.{frame}.exr") for frame in (1001, 1002, 1003)},
        **{f"mask.{frame:04d}.exr": digest(shot.parent / f"mask.{frame:04d}.exr") for frame in (1, 2, 3)},
    }
    # The take speaks of the client's own files
    assert take["request"]["plate"].items() >= request["plate"].items()
    assert take["request"]["mask"]["source"]["path"] == str(mask)
    assert take["request"]["take_root"] == request["take_root"]
    directory = Path(request["take_root"]) / "node-1" / "v001"
    assert take["directory"] == str(directory)
    assert not directory.exists()

    uploaded = [message["uploaded"] for message in client.poll()]
    assert [said["file"] for said in uploaded] == [1, 2, 3, 1, 2, 3]
    messages: list[dict[str, Any]] = []
    final = client.wait(take["take_id"], on_event=messages.append, timeout=60)
    assert final["state"] == "finished"
    assert final["directory"] == str(directory)
    assert [message["fetched"]["file_name"] for message in messages if "fetched" in message] == [
        "layers.1001.exr",
        "layers.1002.exr",
        "layers.1003.exr",
        "take.json",
    ]
    engines_own = engine.state_dir / "takes" / "node-1" / "v001"
    assert {file.name: digest(file) for file in directory.iterdir()} == {
        file.name: digest(file) for file in engines_own.iterdir()
    }
    assert not directory.with_name("v001.partial").exists()


@pytest.mark.usefixtures("blind")
def test_a_folder_a_movie_and_a_hold_out_are_sent(
    client: VeraClient, engine: Any, request_of: MakeRequest, shot: Path
) -> None:
    movie, holdout = shot.parent / "mask.mov", shot.parent / "keep.1002.exr"
    movie.write_bytes(b"all frames")
    holdout.write_bytes(b"one frame")
    take = client.create_take(
        request_of(
            plate={"path": str(shot)},
            mask={"source": {"path": str(movie)}},
            holdout={"source": {"path": str(holdout)}, "invert": True},
        )
    )
    frames = [shot / f"plate.{frame}.exr" for frame in (1001, 1002, 1003)]
    assert fill_uploads(engine.state_dir) == {file.name: digest(file) for file in (*frames, movie, holdout)}
    asked = take["request"]
    assert asked["plate"]["path"] == str(shot)
    assert asked["mask"]["source"]["path"] == str(movie)
    assert (asked["holdout"]["source"]["path"], asked["holdout"]["invert"]) == (str(holdout), True)
    base = client.wait(take["take_id"], timeout=60)

    for upload in engine.state_dir.glob("upload-*"):
        shutil.rmtree(upload)
    again = request_of(base_directory=base["directory"], plate=None, finish_only=True, without_holdout=True)
    take = client.create_take(again)
    assert set(fill_uploads(engine.state_dir)) == {*(file.name for file in frames), movie.name}
    assert take["request"]["finish_only"] is True


@pytest.mark.usefixtures("blind")
def test_a_folder_of_two_sequences_is_refused(client: VeraClient, request_of: MakeRequest, shot: Path) -> None:
    (shot / "left v2.1001.exr").write_bytes(b"another")
    with pytest.raises(Refused) as refused:
        client.create_take(request_of(plate={"path": str(shot)}))
    assert "left v2.####.exr, plate.####.exr" in refused.value.reason
    assert refused.value.argument == "plate.path"


@pytest.mark.usefixtures("blind")
def test_versions_count_on_the_clients_side(client: VeraClient, request_of: MakeRequest) -> None:
    request = request_of()
    node = Path(request["take_root"]) / "node-1"
    (node / "v004").mkdir(parents=True)
    (node / "v006.partial").mkdir()
    take = client.create_take(request, request_id="same")
    assert take["version"] == "v007"
    assert client.create_take(request, request_id="same")["version"] == "v007"
    client.wait(take["take_id"], timeout=60)
    assert sorted(entry.name for entry in node.iterdir()) == ["v004", "v006.partial", "v007"]
    listed = client.list_takes(node_id="node-1", take_root=request["take_root"])
    assert [(one["version"], one["state"]) for one in listed] == [("v007", "finished")]
    assert client.list_takes(take_root="/elsewhere") == []


@pytest.mark.usefixtures("blind")
def test_a_delivery_outlives_the_client(
    make_client: Callable[..., VeraClient], engine: Any, request_of: MakeRequest
) -> None:
    first = make_client()
    take = first.create_take(request_of())
    first.close()
    second = make_client()
    final = second.wait(take["take_id"], timeout=60)
    assert (Path(final["directory"]) / "take.json").exists()
    assert second.get_take(take["take_id"])["state"] == "finished"
    second.delete_take(take["take_id"])
    assert list(Path(final["directory"]).parent.iterdir()) == []


@pytest.mark.parametrize("fault", [{"corrupt": True}, {"short": True}, {"file_name": "../v009"}, {"file_name": ""}])
def test_a_damaged_delivery_never_looks_finished(
    client: VeraClient, engine: Any, request_of: MakeRequest, fault: dict[str, Any]
) -> None:
    engine.will(is_blind=True, **fault)
    take = client.create_take(request_of())
    with pytest.raises(TransferFailed):
        client.wait(take["take_id"], timeout=60)
    node = Path(take["directory"]).parent
    assert [entry.name for entry in node.iterdir()] == ["v001.partial"]
    assert client.get_take(take["take_id"])["state"] == "writing"
    # Mended by another watch, once the engine is in order
    engine.will(is_blind=True)
    engine.kill()
    assert client.wait(take["take_id"], timeout=60)["state"] == "finished"
    assert [entry.name for entry in node.iterdir()] == ["v001"]


@pytest.mark.usefixtures("blind")
def test_a_stopped_take_keeps_its_version_for_its_frames(client: VeraClient, request_of: MakeRequest) -> None:
    take = client.create_take(request_of(prompt="hold"))
    client.cancel(take["take_id"])
    assert client.wait(take["take_id"], timeout=60)["state"] == "cancelled"
    other = client.create_take(request_of())
    assert (take["version"], other["version"]) == ("v001", "v002")
    kept = client.keep_frames(directory=take["directory"])
    assert (kept["state"], kept["directory"]) == ("finished", take["directory"])
    assert sorted(file.name for file in Path(kept["directory"]).iterdir()) == [
        "layers.1001.exr",
        "layers.1002.exr",
        "take.json",
    ]
    client.delete_take(directory=kept["directory"])
    assert [entry.name for entry in Path(kept["directory"]).parent.iterdir()] == ["v002.partial"]


@pytest.mark.usefixtures("blind")
def test_a_note_is_written_where_the_layers_are(client: VeraClient, request_of: MakeRequest) -> None:
    final = client.wait(client.create_take(request_of(label="wide"))["take_id"], timeout=60)
    client.update_take(directory=final["directory"], note="für später", starred=True)
    noted = json.loads((Path(final["directory"]) / "note.json").read_text(encoding="utf-8"))
    assert noted == {"label": "wide", "note": "für später", "starred": True}


@pytest.mark.usefixtures("blind")
def test_a_repair_sends_the_bases_plate_again(
    client: VeraClient, state_dir: Path, request_of: MakeRequest, shot: Path
) -> None:
    """All frames of it: those around the repaired ones are looked at too."""
    request = request_of()
    base = client.wait(client.create_take(request)["take_id"], timeout=60)
    for upload in state_dir.glob("upload-*"):
        shutil.rmtree(upload)
    repair = {
        "node_id": "node-1",
        "frames": [{"first_frame": 1002, "last_frame": 1002}],
        "take_root": request["take_root"],
        "base_directory": base["directory"],
    }
    take = client.create_take(repair)
    assert set(fill_uploads(state_dir)) == {"plate.1001.exr", "plate.1002.exr", "plate.1003.exr"}
    assert (take["version"], take["base_take_id"], take["base_version"]) == ("v002", base["take_id"], "v001")
    assert take["request"]["plate"] == base["request"]["plate"]
    final = client.wait(take["take_id"], timeout=60)
    assert sorted(file.name for file in Path(final["directory"]).glob("*.exr")) == [
        "layers.1001.exr",
        "layers.1002.exr",
        "layers.1003.exr",
    ]


@pytest.mark.usefixtures("blind")
def test_a_missing_frame_is_named_before_anything_is_sent(
    client: VeraClient, state_dir: Path, request_of: MakeRequest, shot: Path
) -> None:
    (shot / "plate.1002.exr").unlink()
    with pytest.raises(Refused) as refused:
        client.create_take(
            request_of(
                frames=[{"first_frame": 1001, "last_frame": 1001}, {"first_frame": 1004, "last_frame": 1004}], handles=1
            )
        )
    assert refused.value.kind == "FrameMissing"
    assert refused.value.argument == "plate.path"
    assert "4 of 6 frames are missing: file frames 1000, 1002, 1004, 1005." in refused.value.reason
    assert fill_uploads(state_dir) == {}


@pytest.mark.usefixtures("blind")
def test_a_take_root_that_neither_side_can_write(client: VeraClient, request_of: MakeRequest, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused) as refused:
        client.create_take(request_of(take_root=str(tmp_path / "file" / "takes")))
    assert refused.value.kind == "TakeRootUnwritable"
    assert refused.value.nature == "permission_denied"


@pytest.mark.usefixtures("blind")
def test_an_engine_killed_during_the_fetch_is_fetched_from_again(
    client: VeraClient, engine: Any, request_of: MakeRequest
) -> None:
    take = client.create_take(request_of())
    has_killed = []

    def kill_once(message: dict[str, Any]) -> None:
        if "fetched" in message and not has_killed:
            has_killed.append(message)
            engine.kill()

    final = client.wait(take["take_id"], on_event=kill_once, timeout=60)
    assert has_killed
    assert final["state"] == "finished"
    assert sorted(file.name for file in Path(final["directory"]).iterdir()) == [
        "layers.1001.exr",
        "layers.1002.exr",
        "layers.1003.exr",
        "take.json",
    ]


def stream_of(files: dict[str, bytes], turns: list[int]) -> Any:
    """An engine that has nothing but one take's files.

    Args:
        turns: How many turns of the loop pass before each part, over and over.
    """
    parts = []
    for name, data in files.items():
        parts += [takes_pb2.ReadLayersResponse(chunk=data[at : at + 1000]) for at in range(0, len(data), 1000)]
        end = takes_pb2.ReadLayersEndOfFile(file_name=name, sha256=hashlib.sha256(data).hexdigest())
        parts.append(takes_pb2.ReadLayersResponse(end_of_file=end))

    class Call:
        def __init__(self) -> None:
            self.at = 0

        async def read(self) -> Any:
            for _ in range(turns[self.at % len(turns)]):
                await asyncio.sleep(0)
            self.at += 1
            return parts[self.at - 1] if self.at <= len(parts) else None

        def cancel(self) -> None:
            pass

    return SimpleNamespace(takes=SimpleNamespace(ReadLayers=lambda *_, **__: Call()), metadata=())


@pytest.mark.parametrize("turns", [[0], [1, 0], [3, 0, 0, 9], [40]])
def test_two_who_fetch_one_take_do_not_meet(tmp_path: Path, turns: list[int]) -> None:
    files = {f"layers.{frame}.exr": os.urandom(3000 + frame) for frame in range(1001, 1009)}
    files["take.json"] = b"{}"
    directory = tmp_path / "node" / "v001"

    async def fetch() -> list[BaseException | None]:
        engines = stream_of(files, [0]), stream_of(files, turns), stream_of(files, [2])
        calls = (fetch_layers(engine, "t", directory, lambda _: None) for engine in engines)
        return await asyncio.gather(*calls, return_exceptions=True)

    assert asyncio.run(fetch()) == [None, None, None]
    assert {file.name: file.read_bytes() for file in directory.iterdir()} == files
    assert [entry.name for entry in directory.parent.iterdir()] == ["v001"]


def test_what_a_killed_fetch_has_left_is_in_nobodys_way(tmp_path: Path) -> None:
    directory = tmp_path / "v001"
    left = tmp_path / "v001.partial" / ".01234567"
    left.mkdir(parents=True)
    (left / "layers.1001.exr").write_bytes(b"half")
    engine = stream_of({"layers.1001.exr": b"whole", "take.json": b"{}"}, [0])
    asyncio.run(fetch_layers(engine, "t", directory, lambda _: None))
    assert (directory / "layers.1001.exr").read_bytes() == b"whole"
    assert [entry.name for entry in tmp_path.iterdir()] == ["v001"]
