"""Many clients at one engine: are events lost, is the queue fair, does the engine answer while the model runs?

    python -m benchmarks.load [--clients 8] [--seconds 120] [--threads 1]

Each client asks for one take after another at nodes of its own, cancels every fourth at its first step, and checks that
events come in order and without gaps, and that every take is its own. Meanwhile one more client asks the engine for
takes' states and measures how long that takes.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.shots import Shot, make_shot
from vera_client import VeraClient

FRAMES = "1001-1009"


@dataclass
class Figures:
    """What the clients saw, together."""

    finished: dict[int, int] = field(default_factory=dict)
    """Takes by client."""
    cancel_seconds: list[float] = field(default_factory=list)
    step_seconds: list[float] = field(default_factory=list)
    first_answer_seconds: list[float] = field(default_factory=list)
    """In the first second, when all clients begin at once."""
    answer_seconds: list[float] = field(default_factory=list)
    """After that."""
    faults: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    figures = Figures()
    with tempfile.TemporaryDirectory() as scratch:
        shot = make_shot(Path(scratch) / "shot", 9, moving=True)

        def client() -> VeraClient:
            return VeraClient(state_dir=Path(scratch) / "state", model="small", device="cpu", threads=arguments.threads)

        asking = client()
        asking.engine_info()
        start = time.monotonic()
        end = start + arguments.seconds
        workers = [
            threading.Thread(target=work, args=(client(), shot, number, end, figures))
            for number in range(arguments.clients)
        ]
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            began = time.monotonic()
            asking.list_takes(node_id="client-0", take_root=str(shot.folder / "takes"))
            answers = figures.first_answer_seconds if began < start + 1 else figures.answer_seconds
            answers.append(time.monotonic() - began)
            time.sleep(0.2)
        asking.stop_engine(cancel_running=True)
        asking.close()
    tell(figures)


def work(client: VeraClient, shot: Shot, number: int, end: float, figures: Figures) -> None:
    """One client: a take after another until the end."""
    figures.finished[number] = 0
    made = 0
    while time.monotonic() < end:
        node = f"client-{number}"
        take = client.create_take({**shot.request(FRAMES, seed=number * 1000 + made), "node_id": node})
        made += 1
        follow(client, take, cancel=made % 4 == 0, number=number, figures=figures)
    client.close()


def follow(client: VeraClient, take: dict[str, Any], *, cancel: bool, number: int, figures: Figures) -> None:
    """Watches a take to its end, and checks what it is told."""
    sequences: list[int] = []
    asked = 0.0

    def on_event(message: dict[str, Any]) -> None:
        nonlocal asked
        if message.get("take_id") != take["take_id"]:
            figures.faults.append(f"client {number} was told of another's take")
        if "sequence" in message:
            sequences.append(message["sequence"])
        if "step_done" in message:
            figures.step_seconds.append(message["step_done"]["seconds_per_step"])
            if cancel and not asked:
                asked = time.perf_counter()
                client.submit("cancel_take", take_id=take["take_id"])

    ended = client.wait(take["take_id"], on_event=on_event)
    if asked:
        figures.cancel_seconds.append(time.perf_counter() - asked)
    if sequences != list(range(1, len(sequences) + 1)):
        figures.faults.append(f"events of {take['version']} of client {number} came as {sequences}")
    if ended["request"]["node_id"] != f"client-{number}" or ended["take_id"] != take["take_id"]:
        figures.faults.append(f"client {number} got the take of {ended['request']['node_id']}")
    if ended["state"] == "finished" and not (Path(ended["directory"]) / "layers.1009.exr").is_file():
        figures.faults.append(f"{ended['directory']} lacks a frame")
    if ended["state"] not in ({"cancelled", "finished"} if cancel else {"finished"}):
        figures.faults.append(f"{ended['directory']} is {ended['state']}")
    figures.finished[number] += ended["state"] == "finished"


def tell(figures: Figures) -> None:
    counts = sorted(figures.finished.values())
    answers = figures.answer_seconds
    print(f"finished takes by client: {counts}")
    usual, longest = median(answers) * 1000, max(answers) * 1000
    first = max(figures.first_answer_seconds) * 1000
    print(f"answers of the engine: {len(answers)}, median {usual:.0f} ms, most {longest:.0f} ms")
    print(f"in the first second, when all clients begin: most {first:.0f} ms")
    if figures.cancel_seconds:
        step = median(figures.step_seconds)
        print(f"cancel to stopped: most {max(figures.cancel_seconds):.2f} s, with steps of {step:.2f} s (median)")
    for fault in figures.faults:
        print(f"FAULT: {fault}")
    print("no faults" if not figures.faults else f"{len(figures.faults)} faults")


if __name__ == "__main__":
    main()
