"""Many clients at once: no event is lost, no take is another's, and whoever came first is served first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.server.conftest import SECONDS, Engine, files_of
from vera_edit.v1 import engine_pb2
from vera_edit.v1 import takes_pb2 as pb

CLIENTS = 8
TAKES_EACH = 2
EVENTS_UNTIL_A_CLIENT_LOSES_ITS_CONNECTION = 3


@dataclass(frozen=True)
class Watched:
    """A take as a client saw it."""

    take: pb.Take
    events: list[pb.TakeEvent]


def watched_with_breaks(engine: Engine, take: pb.Take) -> list[pb.TakeEvent]:
    """All events of a take, heard by a client that has to begin again every few of them."""
    events: list[pb.TakeEvent] = []
    while not (events and events[-1].state_changed.take.state == pb.TAKE_STATE_FINISHED):
        request = pb.WatchTakeRequest(take_id=take.take_id, after_sequence=events[-1].sequence if events else 0)
        stream = engine.takes.WatchTake(request, timeout=SECONDS)
        for _, response in zip(range(EVENTS_UNTIL_A_CLIENT_LOSES_ITS_CONNECTION), stream, strict=False):
            events.append(response.event)
        stream.cancel()
    return events


@pytest.mark.slow
def test_eight_clients_at_once(engine: Engine, asked):
    def client(number: int) -> list[Watched]:
        takes = [
            engine.create(asked(node_id=f"node{number}", settings=pb.TakeSettings(seed=seed), label=f"{number} {seed}"))
            for seed in range(TAKES_EACH)
        ]
        return [Watched(take, watched_with_breaks(engine, take)) for take in takes]

    with ThreadPoolExecutor(CLIENTS) as clients:
        under_way = {clients.submit(client, number): number for number in range(CLIENTS)}
        while wait(under_way, timeout=0.2).not_done:  # an engine that answers nobody while it is busy would hang here
            engine.engine.GetEngineInfo(engine_pb2.GetEngineInfoRequest(), timeout=SECONDS)
        by_client = [answer.result() for answer in under_way]

    bits: dict[int, set[bytes]] = {seed: set() for seed in range(TAKES_EACH)}
    for number, seen in enumerate(by_client):
        for seed, watched in enumerate(seen):
            assert [event.sequence for event in watched.events] == list(range(1, len(watched.events) + 1))
            assert {event.take_id for event in watched.events} == {watched.take.take_id}
            kinds = [event.WhichOneof("event") for event in watched.events]
            assert (kinds.count("frame_written"), kinds.count("step_done"), kinds.count("window_done")) == (3, 3, 1)
            finished = watched.events[-1].state_changed.take
            assert (finished.label, Path(finished.directory).parent.name) == (f"{number} {seed}", f"node{number}")
            bits[seed].add(files_of(finished)["layers.1002.exr"])
    assert [len(different) for different in bits.values()] == [1] * TAKES_EACH
    assert len(set.union(*bits.values())) == TAKES_EACH

    takes = engine.takes.ListTakes(pb.ListTakesRequest(), timeout=SECONDS).takes  # as they were created
    turns = [take.created_at + take.seconds.queued for take in takes]
    assert len(takes) == CLIENTS * TAKES_EACH
    assert turns == sorted(turns)
