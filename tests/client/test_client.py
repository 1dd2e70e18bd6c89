"""Requests and answers over a real bridge and a scripted engine's real gRPC."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from vera_client import BridgeUnavailable, ClientClosed, NoReply, Refused, VeraClient

MakeRequest = Callable[..., dict[str, Any]]
Bridges = Callable[[], list[psutil.Process]]


def poll_until(client: VeraClient, is_last: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """What a host's timer gathers until a message comes; the bridge's own deadlines bound it."""
    gathered: list[dict[str, Any]] = []
    tick = threading.Event()
    for _ in range(3000):
        gathered += client.poll()
        if gathered and is_last(gathered[-1]):
            return gathered
        tick.wait(0.01)
    raise AssertionError(f"the last message never came: {gathered}")


def test_engine_info_comes_from_an_engine_that_was_started(client: VeraClient, engine: Any) -> None:
    assert engine.processes() == []
    info = client.engine_info()
    assert info["process_id"] == engine.processes()[0].pid
    assert info["model"]["vocabulary"] == ["a", "red", "ball"]


def test_submit_is_answered_by_poll(client: VeraClient, request_of: MakeRequest) -> None:
    ticket = client.submit("create_take", request=request_of())
    messages = poll_until(client, lambda message: message.get("reply") == ticket.ticket_id)
    assert messages == [{"reply": ticket.ticket_id, "method": "create_take", "result": ticket.result(0)}]
    assert ticket.result(0)["state"] == "queued"


def test_an_awaited_answer_is_not_told_again(client: VeraClient, request_of: MakeRequest) -> None:
    client.create_take(request_of())
    assert client.poll() == []


def test_the_take_says_its_effective_settings(client: VeraClient, request_of: MakeRequest) -> None:
    take = client.create_take(request_of(prompt="a bonsai"))
    assert take["request"]["settings"]["seed"] == 2**62
    assert take["warnings"] == ["'bonsai' is a word the model does not know"]
    assert take.pop("existing") is False
    assert client.get_take(take["take_id"]) == client.get_take(directory=take["directory"]) == take


def test_a_refusal_carries_every_field(client: VeraClient, request_of: MakeRequest) -> None:
    with pytest.raises(Refused) as refused:
        client.create_take(request_of(prompt=""))
    assert refused.value.as_dict() == {
        "kind": "PromptEmpty",
        "nature": "invalid_argument",
        "argument": "prompt",
        "value": "'' – nichts",
        "reason": "The prompt is empty.",
        "remedy": "Say what shall be in the shot.",
    }
    ticket = client.submit("create_take", request=request_of(prompt=""))
    told = poll_until(client, lambda message: "reply" in message)[-1]
    assert told == {"reply": ticket.ticket_id, "method": "create_take", "error": refused.value.as_dict()}


def test_a_refused_request_leaves_no_folder(client: VeraClient, request_of: MakeRequest, shot: Path) -> None:
    with pytest.raises(Refused):
        client.create_take(request_of(prompt="", take_root=str(shot / "not" / "there")))
    assert not (shot / "not").exists()


def test_what_json_cannot_say_is_refused(client: VeraClient, request_of: MakeRequest) -> None:
    with pytest.raises(Refused, match="no JSON value"):
        client.create_take(request_of(take_root=Path("/shots")))


@pytest.mark.parametrize(
    ("method", "params", "argument"),
    [("make_tea", {}, "method"), ("get_take", {"id": "x"}, "get_take"), ("get_take", {"take_id": "../x"}, "take_id")],
)
def test_a_wrong_request_is_refused(client: VeraClient, method: str, params: dict[str, Any], argument: str) -> None:
    with pytest.raises(Refused) as refused:
        client.submit(method, **params).result(30)
    assert refused.value.argument == argument


def test_the_same_request_id_makes_one_take(client: VeraClient, request_of: MakeRequest) -> None:
    first = client.create_take(request_of(), request_id="only-once")
    assert client.create_take(request_of(), request_id="only-once") == first
    assert len(client.list_takes()) == 1


def test_takes_of_a_node_and_of_a_root(client: VeraClient, request_of: MakeRequest, tmp_path: Path) -> None:
    here = client.create_take(request_of())
    other_node = client.create_take(request_of(node_id="node-2"))
    other_root = client.create_take(request_of(take_root=str(tmp_path / "other")))
    root = here["request"]["take_root"]
    assert [take["take_id"] for take in client.list_takes(take_root=root)] == [here["take_id"], other_node["take_id"]]
    assert [take["take_id"] for take in client.list_takes(node_id="node-1", take_root=root)] == [here["take_id"]]
    client.delete_take(here["take_id"])
    assert [take["take_id"] for take in client.list_takes()] == [other_node["take_id"], other_root["take_id"]]
    with pytest.raises(Refused) as refused:
        client.delete_take(here["take_id"])
    assert refused.value.kind == "TakeNotFound"
    assert refused.value.nature == "not_found"


def test_what_an_artist_says_of_a_take(client: VeraClient, request_of: MakeRequest) -> None:
    take = client.create_take(request_of(label="first"))
    assert (take["label"], take["note"], take["starred"]) == ("first", "", False)
    noted = client.update_take(take["take_id"], note="zu tief\n2. Zeile")
    assert (noted["label"], noted["note"], noted["starred"]) == ("first", "zu tief\n2. Zeile", False)
    starred = client.update_take(directory=take["directory"], label="", starred=True)
    assert (starred["label"], starred["note"], starred["starred"]) == ("", noted["note"], True)
    with pytest.raises(Refused) as refused:
        client.delete_take(take["take_id"])
    assert refused.value.kind == "TakeStarred"
    assert not refused.value.is_bad_input
    client.delete_take(directory=take["directory"], force=True)
    assert client.list_takes() == []


def test_the_same_request_again_is_answered_with_what_is_there(client: VeraClient, request_of: MakeRequest) -> None:
    request = request_of(settings={"seed": 4}, reuse=True)
    first = client.create_take(request)
    assert first["existing"] is False
    final = client.wait(first["take_id"], timeout=60)
    assert client.create_take(request) == {**final, "existing": True}
    assert client.create_take(request_of(settings={"seed": 4}))["version"] == "v002"


def test_a_take_based_on_another(client: VeraClient, request_of: MakeRequest) -> None:
    base = client.wait(client.create_take(request_of())["take_id"], timeout=60)
    request = {
        "node_id": "node-1",
        "frames": [{"first_frame": 1002, "last_frame": 1002}],
        "take_root": base["request"]["take_root"],
        "base_directory": base["directory"],
        "strength": 0.5,
    }
    take = client.create_take(request)
    assert (take["base_take_id"], take["base_version"]) == (base["take_id"], "v001")
    assert take["frames"] == [{"first_frame": 1001, "last_frame": 1003}]
    assert take["request"]["frames"] == request["frames"]
    assert (take["request"]["prompt"], take["request"]["strength"]) == (base["request"]["prompt"], 0.5)
    assert client.wait(take["take_id"], timeout=60)["seams"] == [
        {"first_side": 1001, "second_side": 1002, "value": 1.25, "kind": "window"},
        {"first_side": 1002, "second_side": 1003, "value": 2.25, "kind": "repair"},
    ]


def test_unloading_starts_no_engine(client: VeraClient, engine: Any) -> None:
    engine.will(loaded=True)
    assert client.unload() is False
    assert engine.processes() == []
    client.engine_info()
    assert client.unload() is True
    assert client.unload() is False


def test_the_cache_is_told_and_cleared(client: VeraClient, state_dir: Path) -> None:
    cache = client.cache()
    assert cache["directory"] == str(state_dir / "cache")
    assert cache["kinds"][1] == {"name": "plate", "entry_count": 2, "size_bytes": 3_000_000}
    assert cache["limit_bytes"] == 4_000_000_000
    assert client.clear_cache() == 3_000_000
    assert client.cache()["kinds"][1]["size_bytes"] == 0


def test_colour_spaces_and_a_checked_take(client: VeraClient, request_of: MakeRequest) -> None:
    assert client.color_spaces() == {"config": "studio", "names": ["ACEScg", "ARRI LogC4"]}
    take = client.wait(client.create_take(request_of())["take_id"], timeout=60)
    proof = client.check_take(directory=take["directory"])
    assert (proof["verdict"], proof["exact"], proof["largest_relative_error"]) == ("exact: v001", True, 0.0)
    assert "flicker" not in proof  # not known


def test_two_clients_share_one_engine(
    make_client: Callable[..., VeraClient], engine: Any, request_of: MakeRequest
) -> None:
    clients = [make_client(), make_client()]
    tickets = [client.submit("create_take", request=request_of(node_id=f"n{i}")) for i, client in enumerate(clients)]
    takes = [ticket.result(60) for ticket in tickets]
    assert len(engine.processes()) == 1
    assert [take["request"]["node_id"] for take in takes] == ["n0", "n1"]
    assert {take["take_id"] for take in clients[0].list_takes()} == {take["take_id"] for take in takes}


def test_nothing_blocks_while_the_bridge_hangs(client: VeraClient, bridges: Bridges, request_of: MakeRequest) -> None:
    client.engine_info()
    bridge = bridges()[0]
    bridge.send_signal(signal.SIGSTOP)
    # More than a pipe holds: were it written here, this would never return.
    ticket = client.submit("create_take", request=request_of(prompt="x" * 1_000_000))
    client.watch("take")
    assert client.poll() == []
    assert not ticket.done()
    with pytest.raises(NoReply) as no_reply:
        client.engine_info(timeout=0.1)
    assert no_reply.value.argument == "engine_info"
    bridge.send_signal(signal.SIGCONT)
    assert len(ticket.result(30)["request"]["prompt"]) == 1_000_000


def test_garbage_from_the_client_breaks_nothing(client: VeraClient, state_dir: Path) -> None:
    client.engine_info()
    bridge = client._conversation._bridge
    assert bridge is not None
    for garbage in (b"\xff\x00 not JSON\n", b"[]\n", b"{}\n", b"\n", b'{"method": "watch"}\n'):
        bridge._outbox.put(garbage)
    assert client.engine_info()["interface_version"] == 1
    assert "not a message of the client: b'\\xff" in (state_dir / "bridge.log").read_text()


def test_garbage_from_the_bridge_breaks_nothing(
    make_client: Callable[..., VeraClient], state_dir: Path, tmp_path: Path
) -> None:
    python = tmp_path / "python that prints"
    python.write_text(
        "#!/bin/sh\nread options; printf '\\377 garbage\\n[1]\\n{\"hello\": {}}\\n'; read request\n"
        'echo \'{"reply": 77, "result": 1}\'; echo \'{"reply": 1, "result": {"a": 1}}\'; read more\n'
    )
    python.chmod(0o755)
    client = make_client(python=str(python))
    assert client.engine_info() == {"a": 1}
    assert b"not a message of the bridge: \xff garbage" in (state_dir / "bridge.log").read_bytes()


def test_no_python_is_said_at_once(make_client: Callable[..., VeraClient], tmp_path: Path) -> None:
    with pytest.raises(BridgeUnavailable) as unavailable:
        make_client(python=str(tmp_path / "gone" / "python")).engine_info()
    assert unavailable.value.value == str(tmp_path / "gone" / "python")
    assert "VERA_EDIT_PYTHON" in unavailable.value.remedy


def test_a_python_without_grpc_says_why(make_client: Callable[..., VeraClient], tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{os.path.realpath(os.sys.executable)}" -I -S "$@"\n')
    python.chmod(0o755)
    client = make_client(python=str(python))
    with pytest.raises(BridgeUnavailable, match="No module named"):
        client.engine_info()
    client.watch("take")
    failed = poll_until(client, lambda message: "failed" in message)[-1]
    assert failed["failed"]["kind"] == "BridgeUnavailable"


def test_close_ends_the_bridge_and_spares_the_engine(
    client: VeraClient, engine: Any, bridges: Bridges, request_of: MakeRequest
) -> None:
    take = client.create_take(request_of(prompt="hold"))
    client.watch(take["take_id"])
    poll_until(client, lambda message: "step_done" in message)
    bridges()[0].send_signal(signal.SIGSTOP)
    ticket = client.submit("engine_info")
    client.close()
    client.close()
    assert bridges() == []
    assert len(engine.processes()) == 1
    with pytest.raises(ClientClosed):
        ticket.result(0)
    with pytest.raises(ClientClosed):
        client.engine_info()
    with pytest.raises(ClientClosed):
        client.wait(take["take_id"])
    answer, failed = client.poll()
    assert answer["reply"] == ticket.ticket_id
    assert answer["error"]["kind"] == failed["failed"]["kind"] == "ClientClosed"


def test_closing_an_unused_client_starts_nothing(client: VeraClient, bridges: Bridges) -> None:
    client.close()
    assert bridges() == []
