"""Events in order and each once, whoever dies on the way."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from vera_client import EngineUnavailable, NoReply, Refused, VeraClient

MakeRequest = Callable[..., dict[str, Any]]

EVENTS_OF_STEPS = [
    "queued_at",
    "state_changed",
    "step_done",
    "step_done",
    "preview",
    "step_done",
    "frame_written",
    "frame_written",
    "frame_written",
    "window_done",
    "state_changed",
]
"""Of the scripted engine's prompts that go to their end, with three frames."""


class Listener:
    """Gathers a wait's messages in another thread, and lets the test wait for one of them."""

    def __init__(self, client: VeraClient, take_id: str) -> None:
        self.messages: list[dict[str, Any]] = []
        self.take: dict[str, Any] | None = None
        self.error: Exception | None = None
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, args=(client, take_id))
        self._thread.start()

    def _run(self, client: VeraClient, take_id: str) -> None:
        try:
            self.take = client.wait(take_id, on_event=self._hear, timeout=120)
        except Exception as error:  # noqa: BLE001 - for the test to look at
            self.error = error

    def _hear(self, message: dict[str, Any]) -> None:
        with self._news:
            self.messages.append(message)
            self._news.notify_all()

    def until(self, key: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: any(key in message for message in self.messages), 60), self.messages

    def end(self) -> list[dict[str, Any]]:
        self._thread.join(120)
        assert not self._thread.is_alive()
        return self.messages


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [next(key for key in message if key not in ("take_id", "sequence")) for message in messages]


def sequences(messages: list[dict[str, Any]]) -> list[int]:
    return [message["sequence"] for message in messages if "sequence" in message]


def test_a_take_to_its_end(client: VeraClient, request_of: MakeRequest) -> None:
    take = client.create_take(request_of())
    messages: list[dict[str, Any]] = []
    final = client.wait(take["take_id"], on_event=messages.append, timeout=60)
    assert final["state"] == "finished"
    assert kinds(messages) == EVENTS_OF_STEPS
    assert sequences(messages) == list(range(1, 12))
    assert messages[0]["queued_at"] == {"place": 1, "seconds_to_start": 2.5}
    assert messages[2]["step_done"] == {
        "step": 1,
        "step_count": 3,
        "window": 1,
        "window_count": 1,
        "seconds_per_step": 0.125,
        "seconds_left": 0.25,
    }
    assert base64.b64decode(messages[4]["preview"]["png"]) == b"\x89PNG\xff"
    assert messages[9]["window_done"] == {
        "window": 1,
        "window_count": 1,
        "frames": [{"first_frame": 1001, "last_frame": 1003}],
    }
    assert messages[-1]["state_changed"]["take"] == final
    assert client.poll() == []
    assert client.wait(take["take_id"], timeout=0) == final


def test_a_watch_begins_where_it_is_told_to(client: VeraClient, request_of: MakeRequest) -> None:
    take = client.create_take(request_of())
    client.wait(take["take_id"], timeout=60)
    client.watch(take["take_id"], after_sequence=9)
    # A second watch of the same take: the first one's words are not taken for its own.
    client.watch(take["take_id"], after_sequence=7)
    messages: list[dict[str, Any]] = []
    client.wait(take["take_id"], on_event=messages.append, timeout=60)
    assert sequences(client.poll() + messages) == [8, 9, 10, 11]


def test_a_watch_that_begins_at_the_end_is_told_the_end(client: VeraClient, request_of: MakeRequest) -> None:
    take = client.create_take(request_of())
    final = client.wait(take["take_id"], timeout=60)
    client.watch(take["take_id"], after_sequence=11)
    messages: list[dict[str, Any]] = []
    assert client.wait(take["take_id"], on_event=messages.append, timeout=60) == final
    assert client.poll() + messages == [{"take_id": take["take_id"], "state_changed": {"take": final}}]


@pytest.mark.parametrize("named_by", ["take_id", "directory"])
def test_a_resumed_take_goes_on_after_its_first_end(
    client: VeraClient, make_client: Callable[..., VeraClient], request_of: MakeRequest, named_by: str
) -> None:
    take = client.create_take(request_of(prompt="hold"))
    client.cancel(take["take_id"])
    assert client.wait(take["take_id"], timeout=60)["state"] == "cancelled"
    assert client.resume_take(**{named_by: take[named_by]})["state"] == "queued"
    # Neither who waited for its first end nor who comes only now takes that end for the last one.
    for waiting in (client, make_client()):
        messages: list[dict[str, Any]] = []
        assert waiting.wait(take["take_id"], on_event=messages.append, timeout=60)["state"] == "finished"
        assert kinds(messages) == [*EVENTS_OF_STEPS[:3], "ended_before", *EVENTS_OF_STEPS[3:]]
        assert messages[3]["ended_before"]["take"]["state"] == "cancelled"
        assert sequences(messages) == list(range(1, 13))


def test_a_take_that_cannot_be_resumed_stays_ended(client: VeraClient, request_of: MakeRequest) -> None:
    take = client.create_take(request_of())
    final = client.wait(take["take_id"], timeout=60)
    with pytest.raises(Refused) as refused:
        client.resume_take(directory=take["directory"])
    assert refused.value.kind == "TakeNotStopped"
    assert client.wait(take["take_id"], timeout=60) == final


def test_the_frames_of_a_stopped_take_are_kept(client: VeraClient, request_of: MakeRequest) -> None:
    take = client.create_take(request_of(prompt="hold"))
    client.cancel(take["take_id"])
    client.wait(take["take_id"], timeout=60)
    kept = client.keep_frames(take["take_id"])
    assert kept["state"] == "finished"
    assert kept["frames"] == [{"first_frame": 1001, "last_frame": 1002}]


def test_two_takes_at_once_are_not_mixed_up(client: VeraClient, request_of: MakeRequest) -> None:
    ids = [client.create_take(request_of(node_id=f"n{i}"))["take_id"] for i in range(2)]
    listeners = [Listener(client, take_id) for take_id in ids]
    for take_id, listener in zip(ids, listeners, strict=True):
        assert {message["take_id"] for message in listener.end()} == {take_id}
        assert kinds(listener.messages) == EVENTS_OF_STEPS


def test_an_engine_killed_while_it_works(client: VeraClient, engine: Any, request_of: MakeRequest) -> None:
    take = client.create_take(request_of(prompt="hold"))
    listener = Listener(client, take["take_id"])
    listener.until("step_done")
    first_process = engine.processes()[0].pid
    engine.kill()
    messages = listener.end()
    assert listener.take is not None
    assert listener.take["state"] == "finished"
    assert kinds(messages) == [*EVENTS_OF_STEPS[:3], "engine_lost", "engine_back", *EVENTS_OF_STEPS[3:]]
    assert sequences(messages) == list(range(1, 12))
    assert messages[3]["engine_lost"]["reason"]
    assert messages[4]["engine_back"]["process_id"] == engine.processes()[0].pid != first_process


def test_an_engine_killed_between_requests(client: VeraClient, engine: Any, request_of: MakeRequest) -> None:
    take = client.create_take(request_of())
    engine.kill()
    assert {**client.get_take(take["take_id"]), "existing": False} == take


def test_an_engine_that_cannot_come_back(client: VeraClient, engine: Any, request_of: MakeRequest) -> None:
    listener = Listener(client, client.create_take(request_of(prompt="hold"))["take_id"])
    listener.until("step_done")
    engine.will(die="no room on the disk")
    engine.kill()
    assert kinds(listener.end())[-2:] == ["engine_lost", "failed"]
    assert isinstance(listener.error, EngineUnavailable)
    assert "no room on the disk" in listener.error.reason


def test_a_take_that_kills_every_engine(client: VeraClient, engine: Any, request_of: MakeRequest) -> None:
    listener = Listener(client, client.create_take(request_of(prompt="die"))["take_id"])
    messages = listener.end()
    assert isinstance(listener.error, EngineUnavailable)
    assert "without getting on" in listener.error.reason
    assert sequences(messages) == sorted(set(sequences(messages)))
    assert 2 <= kinds(messages).count("engine_lost") <= 6


def test_a_bridge_killed_while_it_watches(
    client: VeraClient, engine: Any, bridges: Callable[[], list[psutil.Process]], request_of: MakeRequest
) -> None:
    take = client.create_take(request_of(prompt="hold"))
    listener = Listener(client, take["take_id"])
    listener.until("step_done")
    bridges()[0].kill()
    assert client.get_take(take["take_id"])["state"] == "running"
    client.cancel(take["take_id"])
    messages = listener.end()
    assert listener.take is not None
    assert listener.take["state"] == "cancelled"
    assert kinds(messages) == [*EVENTS_OF_STEPS[:3], "state_changed"]
    assert sequences(messages) == [1, 2, 3, 4]
    assert "bridge_restarted" in client.poll()[0]
    assert len(bridges()) == 1


def test_a_bridge_killed_twice(client: VeraClient, engine: Any, request_of: MakeRequest, bridges: Any) -> None:
    take = client.create_take(request_of(prompt="hold"))
    listener = Listener(client, take["take_id"])
    listener.until("step_done")
    bridges()[0].kill()
    tick = threading.Event()
    while not any("bridge_restarted" in message for message in client.poll()):
        assert not listener.error
        tick.wait(0.01)
    # Its successor would be the second without a request in between. It may not have become a bridge yet.
    while not (successors := bridges()):
        assert not listener.error
        tick.wait(0.01)
    successors[0].kill()
    listener.end()
    assert listener.error is not None
    assert "bridge" in str(listener.error)
    # A new request is a new beginning.
    assert client.get_take(take["take_id"])["state"] == "running"


def test_a_failed_take_says_why(client: VeraClient, request_of: MakeRequest) -> None:
    final = client.wait(client.create_take(request_of(prompt="fail"))["take_id"], timeout=60)
    assert final["state"] == "failed"
    assert final["error"]["kind"] == "NotFinite"
    assert final["error"]["remedy"] == "Another seed."


def test_an_unknown_take_is_refused(client: VeraClient) -> None:
    with pytest.raises(Refused) as refused:
        client.wait("never-made", timeout=60)
    assert refused.value.kind == "TakeNotFound"


def test_a_wait_has_an_end(client: VeraClient, request_of: MakeRequest) -> None:
    take = client.create_take(request_of(prompt="hold"))
    with pytest.raises(NoReply):
        client.wait(take["take_id"], timeout=0.2)
    client.cancel(take["take_id"])
    assert client.wait(take["take_id"], timeout=60)["state"] == "cancelled"
