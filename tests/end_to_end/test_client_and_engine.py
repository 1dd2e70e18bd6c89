"""A take through client, bridge and engine: by path, by stream, and across the engine's death."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from vera_client import Refused, VeraClient

SECONDS = 240.0

MakeRequest = Callable[..., dict[str, Any]]
MakeClient = Callable[..., VeraClient]


def digests(directory: str) -> dict[str, str]:
    """Name -> SHA-256 of a version's files, but for what tells of time and place."""
    files = [file for file in Path(directory).iterdir() if file.name != "take.json"]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def engines_of(state_dir: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if {"vera_engine.cli.main", str(state_dir)} <= set(process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


@pytest.fixture
def blind_engine(tmp_path: Path, shot: Path, tiny_model: Path) -> Any:
    """An engine in a mount namespace of its own, where the shot's folder is empty: nothing is shared there."""
    alone = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no mount namespaces here")
    state_dir = tmp_path / "elsewhere"
    serve = [sys.executable, "-m", "vera_engine.cli.main", "serve", "--state-dir", str(state_dir), "--tcp"]
    serve += ["--model", str(tiny_model), "--device", "cpu", "--threads", "1"]
    with subprocess.Popen(
        [*alone, "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(shot), *serve], stdout=subprocess.PIPE
    ) as engine:
        assert engine.stdout is not None
        assert b"ready" in engine.stdout.readline()
        yield json.loads((state_dir / "engine.json").read_text())
        engine.terminate()


def test_by_path_and_by_stream_the_same_bits(
    client: VeraClient,
    make_client: MakeClient,
    request_of: MakeRequest,
    blind_engine: dict[str, Any],
    tmp_path: Path,
    shot: Path,
) -> None:
    by_path = client.wait(client.create_take(request_of())["take_id"], timeout=SECONDS)
    assert by_path["state"] == "finished"
    assert by_path["directory"] == str(shot / "vera_takes" / "node-1" / "v001")
    assert sorted(digests(by_path["directory"])) == [
        "latents.001.safetensors",
        *(f"{kind}.{frame}.exr" for kind in ("layers", "model") for frame in range(1001, 1006)),
    ]

    far = make_client(state_dir=tmp_path / "far", address=blind_engine["address"], token=blind_engine["token"])
    take = far.create_take(request_of(), timeout=SECONDS)
    by_stream = far.wait(take["take_id"], timeout=SECONDS)
    assert by_stream["state"] == "finished"
    assert by_stream["directory"] == str(shot / "vera_takes" / "node-1" / "v002")
    assert digests(by_stream["directory"]) == digests(by_path["directory"])
    assert by_stream["request"]["plate"] == by_path["request"]["plate"]
    assert [one["version"] for one in far.list_takes(take_root=str(shot / "vera_takes"))] == ["v002"]

    # A part of each again: the far engine is sent the base's plate and mask once more
    repair = {"node_id": "node-1", "frames": [{"first_frame": 1003, "last_frame": 1003}], "settings": {"seed": 9}}
    repair["take_root"] = str(shot / "vera_takes")
    near_take = client.create_take({**repair, "base_take_id": by_path["take_id"]}, timeout=SECONDS)
    far_take = far.create_take({**repair, "base_directory": by_stream["directory"]}, timeout=SECONDS)
    assert (near_take["base_version"], far_take["base_version"]) == ("v001", "v002")
    near_repair = client.wait(near_take["take_id"], timeout=SECONDS)
    far_repair = far.wait(far_take["take_id"], timeout=SECONDS)
    assert (near_repair["state"], far_repair["state"]) == ("finished", "finished")
    assert digests(near_repair["directory"]) == digests(far_repair["directory"])
    old, new = digests(by_path["directory"]), digests(near_repair["directory"])
    assert {name for name in old if name.startswith("layers") and old[name] != new[name]} == {"layers.1003.exr"}

    far.update_take(directory=far_repair["directory"], note="von fern", starred=True)
    noted = json.loads((Path(far_repair["directory"]) / "note.json").read_text())
    assert noted == {"label": "", "note": "von fern", "starred": True}


def test_a_host_with_another_color_configuration_asks_in_vain(
    client: VeraClient,
    make_client: MakeClient,
    request_of: MakeRequest,
    state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """It may watch, list and cancel, but names of colors may mean others there."""
    made = client.wait(client.create_take(request_of())["take_id"], timeout=SECONDS)
    monkeypatch.setenv("OCIO", str(tmp_path / "show.ocio"))
    host = make_client()
    with pytest.raises(Refused) as refused:
        host.create_take(request_of(settings={"seed": 2}), timeout=SECONDS)
    assert (refused.value.kind, refused.value.argument) == ("ColorConfigDiffers", "OCIO")
    assert str(tmp_path / "show.ocio") in refused.value.remedy
    assert made["take_id"] in {take["take_id"] for take in host.list_takes()}
    # Of an engine at an address nobody looks: the same configuration may have another path there
    address = json.loads((state_dir / "engine.json").read_text())
    far = make_client(state_dir=tmp_path / "far", address=address["address"], token=address["token"])
    take = far.create_take(request_of(settings={"seed": 2}), timeout=SECONDS)
    assert far.wait(take["take_id"], timeout=SECONDS)["state"] == "finished"


def test_an_engine_killed_in_the_middle_of_a_take(client: VeraClient, request_of: MakeRequest, state_dir: Path) -> None:
    take = client.create_take(request_of(settings={"seed": 7, "num_inference_steps": 200}))
    killed: list[int] = []
    messages: list[dict[str, Any]] = []

    def kill_at_the_third_step(message: dict[str, Any]) -> None:
        messages.append(message)
        if message.get("step_done", {}).get("step") == 3 and not killed:
            for process in engines_of(state_dir):
                killed.append(process.pid)
                process.kill()

    final = client.wait(take["take_id"], on_event=kill_at_the_third_step, timeout=SECONDS)
    assert len(killed) == 1
    assert final["state"] == "finished"
    assert Path(final["directory"], "take.json").is_file()
    told = [next(iter(message.keys() - {"take_id", "sequence"})) for message in messages]
    assert told.count("engine_lost") == told.count("engine_back") == 1
    sequences = [message["sequence"] for message in messages if "sequence" in message]
    assert sequences == list(range(1, len(sequences) + 1))
    assert client.engine_info()["process_id"] not in killed


def test_two_nodes_from_two_clients(make_client: MakeClient, request_of: MakeRequest, shot: Path) -> None:
    """Queued at once, each take goes to its own node."""
    clients = [make_client(), make_client()]
    requests = [request_of(node_id=f"node-{i}", settings={"seed": i}) for i in range(2)]
    finals: dict[int, dict[str, Any]] = {}

    def make_take(number: int) -> None:
        take = clients[number].create_take(requests[number], timeout=SECONDS)
        finals[number] = clients[number].wait(take["take_id"], timeout=SECONDS)

    threads = [threading.Thread(target=make_take, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert [finals[number]["directory"] for number in range(2)] == [
        str(shot / "vera_takes" / f"node-{number}" / "v001") for number in range(2)
    ]
    assert [finals[number]["request"]["settings"]["seed"] for number in range(2)] == [0, 1]
    assert digests(finals[0]["directory"]) != digests(finals[1]["directory"])


@pytest.mark.parametrize(
    ("wrong", "kind", "argument"),
    [
        ({"prompt": " "}, None, "prompt"),
        ({"edit_type": "background", "mask": None, "prompt": "blue sky"}, "MaskNeeded", "mask"),
        ({"frames": [{"first_frame": 1004, "last_frame": 1007}]}, "FrameMissing", "plate.path"),
        ({"frames": [{"first_frame": 1005, "last_frame": 1001}]}, "FrameRangeInvalid", "frames"),
        ({"take_root": "relative"}, None, "take_root"),
        ({"node_id": "../escape"}, None, "node_id"),
    ],
)
def test_bad_input_is_refused_before_work_starts(
    client: VeraClient, request_of: MakeRequest, shot: Path, wrong: dict[str, Any], kind: str | None, argument: str
) -> None:
    with pytest.raises(Refused) as refused:
        client.create_take(request_of(**wrong))
    assert refused.value.argument == argument
    assert refused.value.reason
    assert refused.value.remedy
    if kind:
        assert refused.value.kind == kind
    assert not (shot / "vera_takes").exists()


def test_the_engine_ends_when_asked(client: VeraClient, state_dir: Path) -> None:
    before = client.engine_info()["process_id"]
    client.stop_engine()
    assert not os.path.exists(state_dir / "engine.json")
    assert client.engine_info()["process_id"] != before
