"""What messages of the client make of a run. The messages are as the client's documentation gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from blender.client_package import Refused
from blender.session import Run, Session


class Letters:
    """Stands where the client stands: takes requests and hands out the messages it was given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.watched: list[str] = []
        self.arrived: list[dict[str, Any]] = []

    def submit(self, method: str, **params: Any) -> Letters.Stub:
        self.sent.append((method, params))
        return Letters.Stub(len(self.sent))

    def watch(self, take_id: str) -> None:
        self.watched.append(take_id)

    def poll(self) -> list[dict[str, Any]]:
        arrived, self.arrived = self.arrived, []
        return arrived

    class Stub:
        def __init__(self, ticket_id: int) -> None:
            self.ticket_id = ticket_id


def take(state: str, **more: Any) -> dict[str, Any]:
    return {"take_id": "t1", "version": "v003", "state": state, "warnings": [], "seconds": {"total": 21.4}, **more}


def started() -> tuple[Session, Letters, Run]:
    letters = Letters()
    session = Session(letters)
    run = session.start(Run("vera_edit_1", {"take_root": "/shots/vera_takes", "prompt": "a red ball"}))
    return session, letters, run


def test_a_take_from_request_to_end() -> None:
    session, letters, run = started()
    assert letters.sent == [("create_take", {"request": run.request}), ("engine_info", {})]
    assert session.drain() == []
    warning = "The model does not know the word 'fluffy'."
    letters.arrived = [{"reply": 1, "method": "create_take", "result": take("queued", warnings=[warning])}]
    assert session.drain() == [run]
    assert letters.watched == ["t1"]
    assert run.warnings == [warning]
    texts = []
    events: list[dict[str, Any]] = [
        {"queued_at": {"place": 2}},
        {"state_changed": {"take": take("checking")}},
        {"state_changed": {"take": take("running")}},
        {"step_done": {"step": 3, "step_count": 12, "window": 1, "window_count": 2, "seconds_per_step": 0.5}},
        {"step_done": {"step": 12, "step_count": 12, "window": 2, "window_count": 2, "seconds_per_step": 0.5}},
        {"frame_written": {"frame": 1001}},
        {"state_changed": {"take": take("finished")}},
    ]
    for k, event in enumerate(events):
        letters.arrived = [{"take_id": "t1", "sequence": k + 1, **event}]
        session.drain()
        texts.append((run.text, round(run.progress, 3)))
    assert texts == [
        ("In the queue, place 2", 0.0),
        ("Reading the plate", 0.0),
        ("Loading the model", 0.0),
        ("Step 3 of 12, window 1 of 2", 0.125),
        ("Step 12 of 12, window 2 of 2", 1.0),
        ("Frame 1001 written", 1.0),
        ("v003 finished in 21 s", 1.0),
    ]
    assert run.is_final
    assert run.directory == Path("/shots/vera_takes/vera_edit_1/v003")


def test_a_refusal_says_what_mends_it() -> None:
    session, letters, run = started()
    refused = Refused("The mask has another size.", argument="mask", value="m.####.exr", remedy="Resize it.")
    letters.arrived = [{"reply": 1, "method": "create_take", "error": refused.as_dict()}]
    session.drain()
    assert (run.state, run.text) == ("failed", "Failed: The mask has another size. Resize it.")
    assert letters.watched == []


def test_a_lost_engine_is_said_and_the_take_goes_on_or_fails() -> None:
    session, letters, run = started()
    letters.arrived = [
        {"reply": 1, "method": "create_take", "result": take("running")},
        {"take_id": "t1", "sequence": 4, "queued_at": {"place": 1}},
        {"take_id": "t1", "engine_lost": {"reason": "The engine has died."}},
    ]
    session.drain()
    assert (run.state, run.text) == ("running", "Engine lost: The engine has died. Looking for it")
    letters.arrived = [{"take_id": "t1", "engine_back": {"engine_version": "0.1.0", "process_id": 7}}]
    session.drain()
    assert run.text == "Engine is back"
    letters.arrived = [{"take_id": "t1", "failed": Refused("It did not come back.").as_dict()}]
    session.drain()
    assert (run.state, run.text) == ("failed", "Failed: It did not come back.")


def test_what_comes_late_or_twice_changes_nothing() -> None:
    session, letters, run = started()
    letters.arrived = [
        {"reply": 1, "method": "create_take", "result": take("queued")},
        {"take_id": "t1", "sequence": 5, "state_changed": {"take": take("running")}},
        {"take_id": "t1", "sequence": 4, "queued_at": {"place": 1}},
    ]
    session.drain()
    assert run.text == "Loading the model"
    letters.arrived = [
        {"take_id": "t1", "sequence": 6, "state_changed": {"take": take("cancelled")}},
        {"take_id": "t1", "sequence": 7, "frame_written": {"frame": 1}},
        {"take_id": "another", "sequence": 1, "queued_at": {"place": 1}},
        {"bridge_restarted": {"reason": "It had died."}},
    ]
    session.drain()
    assert (run.state, run.text) == ("cancelled", "v003 cancelled")


@pytest.mark.parametrize("named_before", [True, False])
def test_a_cancel_reaches_the_take_whenever_it_is_pressed(named_before: bool) -> None:
    session, letters, run = started()
    named = {"reply": 1, "method": "create_take", "result": take("queued")}
    for is_answer in (named_before, not named_before):
        if is_answer:
            letters.arrived = [named]
            session.drain()
        else:
            session.cancel(run.node_id)
    assert ("cancel_take", {"take_id": "t1"}) in letters.sent
    session.cancel("no such node")


def test_the_engine_says_what_it_knows() -> None:
    session, letters, _ = started()
    engine = {"engine_version": "0.1.0", "model": {"vocabulary": ["red", "ball"]}}
    letters.arrived = [{"reply": 2, "method": "engine_info", "result": engine}]
    session.drain()
    assert session.engine == engine
    letters.arrived = [{"reply": 2, "method": "engine_info", "error": Refused("None can be started.").as_dict()}]
    session.drain()
    assert (session.engine, session.notice) == (None, "None can be started.")
