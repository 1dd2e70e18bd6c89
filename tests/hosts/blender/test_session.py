"""What messages of the client make of a run. The messages are as the client's documentation gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from blender.client_package import Refused

from vera_client.host.run import Run, spell_seconds
from vera_client.host.session import Session


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
    directory = "/shots/vera_takes/vera_edit_1/v003"
    known = {"take_id": "t1", "version": "v003", "state": state, "directory": directory, "warnings": []}
    return {**known, "seconds": {"total": 21.4}, **more}


def started() -> tuple[Session, Letters, Run]:
    letters = Letters()
    session = Session(letters)
    run = Run("vera_edit_1", "create_take", {"request": {"prompt": "a red ball"}})
    session.start([run])
    return session, letters, run


def test_a_take_from_request_to_end() -> None:
    session, letters, run = started()
    assert letters.sent == [("create_take", {"request": {"prompt": "a red ball"}}), ("engine_info", {})]
    assert session.drain() == []
    warning = "The model does not know the word 'fluffy'."
    letters.arrived = [{"reply": 1, "method": "create_take", "result": take("queued", warnings=[warning])}]
    assert session.drain() == [run]
    assert letters.watched == ["t1"]
    assert run.warnings == [warning]
    texts = []
    steps = {"step_count": 12, "window_count": 2, "seconds_per_step": 0.5}
    events: list[dict[str, Any]] = [
        {"queued_at": {"place": 2}},
        {"queued_at": {"place": 1, "seconds_to_start": 200.2}},
        {"state_changed": {"take": take("checking")}},
        {"state_changed": {"take": take("running")}},
        {"step_done": {**steps, "step": 3, "window": 1, "seconds_left": 80.4}},
        {"preview": {"png": "UE5H", "window": 1, "step": 4}},
        {"window_done": {"window": 1, "window_count": 2, "frames": [{"first_frame": 1001, "last_frame": 1017}]}},
        {"preview": {"png": "", "window": 2, "step": 4}},
        {"step_done": {**steps, "step": 12, "window": 2, "seconds_left": 0.0}},
        {"frame_written": {"frame": 1018}},
        {"fetched": {"file_name": "layers.1001.exr", "file_count": 1}},
        {"state_changed": {"take": take("finished")}},
    ]
    for k, event in enumerate(events):
        letters.arrived = [{"take_id": "t1", "sequence": k + 1, **event}]
        session.drain()
        texts.append((run.text, round(run.progress, 3)))
    assert texts == [
        ("In the queue, place 2", 0.0),
        ("In the queue, place 1, starts in 3 min 20 s", 0.0),
        ("Reading the plate", 0.0),
        ("Loading the model", 0.0),
        ("Step 3 of 12, window 1 of 2, 1 min 20 s left", 0.125),
        ("Step 3 of 12, window 1 of 2, 1 min 20 s left", 0.125),
        ("frames 1001-1017 done", 0.5),
        ("frames 1001-1017 done", 0.5),
        ("Step 12 of 12, window 2 of 2, 0 s left", 1.0),
        ("Frame 1018 written", 1.0),
        ("Fetching the layers, 1 files are here", 1.0),
        ("v003 finished in 21 s", 1.0),
    ]
    assert run.is_final
    assert run.directory == Path("/shots/vera_takes/vera_edit_1/v003")
    assert run.preview == b"PNG"


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


def test_variants_are_spoken_of_one_after_the_other_and_cancelled_together() -> None:
    letters = Letters()
    session = Session(letters)
    runs = [Run("vera_edit_1", "create_take", {"request": {"settings": {"seed": seed}}}) for seed in (1, 2, 3)]
    session.start(runs)
    assert [params["request"]["settings"]["seed"] for method, params in letters.sent[:3]] == [1, 2, 3]
    letters.arrived = [
        {"reply": k + 1, "method": "create_take", "result": take("queued", take_id=f"t{k}")} for k in range(3)
    ]
    session.drain()
    assert session.run_of("vera_edit_1") is runs[0]
    letters.arrived = [{"take_id": "t0", "sequence": 1, "state_changed": {"take": take("finished", take_id="t0")}}]
    session.drain()
    assert session.run_of("vera_edit_1") is runs[1]
    session.cancel("vera_edit_1")
    cancelled = [params["take_id"] for method, params in letters.sent if method == "cancel_take"]
    assert cancelled == ["t1", "t2"]
    assert list(session.unfinished()) == runs[1:]
    error = Refused("It ran out of memory.", remedy="Choose a smaller size.").as_dict()
    letters.arrived = [
        {"take_id": "t1", "sequence": 1, "state_changed": {"take": take("failed", take_id="t1", error=error)}},
        {"take_id": "t2", "sequence": 1, "state_changed": {"take": take("cancelled", take_id="t2")}},
    ]
    session.drain()
    assert session.run_of("vera_edit_1") is runs[1]
    assert not list(session.unfinished())


def test_a_take_that_was_there_already_is_said_and_not_watched() -> None:
    session, letters, run = started()
    letters.arrived = [{"reply": 1, "method": "create_take", "result": take("finished", existing=True)}]
    session.drain()
    assert (run.state, run.text, letters.watched) == ("finished", "v003 is this very take already", [])


def test_a_take_that_is_in_work_already_is_watched_from_its_first_event() -> None:
    letters = Letters()
    session = Session(letters)
    run = Run("vera_edit_1", "", {}, take_id="t1", version="v003")
    session.start([run])
    assert (letters.watched, letters.sent) == (["t1"], [("engine_info", {})])
    letters.arrived = [
        {"take_id": "t1", "sequence": 3, "ended_before": {"take": take("cancelled")}},
        {"take_id": "t1", "sequence": 4, "state_changed": {"take": take("running")}},
    ]
    session.drain()
    assert run.text == "Loading the model"


def test_a_refused_errand_is_said_on_its_node_until_the_next_one() -> None:
    session, letters, _ = started()
    session.send("vera_edit_1", "delete_take", directory="/shots/v001", force=False)
    assert letters.sent[-1] == ("delete_take", {"directory": "/shots/v001", "force": False})
    refused = Refused("v002 is based on it.", argument="directory", remedy="Delete it by force.")
    letters.arrived = [{"reply": 3, "method": "delete_take", "error": refused.as_dict()}]
    session.drain()
    assert session.refusals["vera_edit_1"]["reason"] == "v002 is based on it."
    session.send("vera_edit_1", "update_take", directory="/shots/v001", starred=True)
    assert session.refusals == {}
    letters.arrived = [{"reply": 4, "method": "update_take", "result": take("finished")}]
    session.drain()
    assert session.refusals == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (3599, "59 min 59 s"), (7505, "2 h 5 min"), (3600, "1 h 0 min")],
)
def test_seconds_are_spelled_as_one_says_them(seconds: float, text: str) -> None:
    assert spell_seconds(seconds) == text
