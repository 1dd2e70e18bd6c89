"""Repair of 9 of 49 frames, on the shipped small model: does it join, and what does it cost?

    python -m benchmarks.repair [--seeds 20] [--threads 2]

A base take of 1001-1049 is made; then, for every seed, frames 1021-1029 are made again twice: anchored to the base as
`--base` does, and as a take of those frames alone, cut into the base. The seam, as `vera_engine.takes.seam` measures
it, is the mean of the two joins. Model seconds are those of take.json, of the same run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.shots import Shot, make_shot, read
from vera_client import VeraClient
from vera_engine.plates.color import ColorSpace, plate_to_model_rgb, to_linear
from vera_engine.takes.seam import ShownFrame, measure_seam

WHOLE, AGAIN = "1001-1049", "1021-1029"
FIRST, LAST = 1021, 1029
NEIGHBORS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        client = VeraClient(state_dir=Path(scratch) / "state", model="small", device="cpu", threads=arguments.threads)
        try:
            for moving in (True, False):
                shot = make_shot(Path(scratch) / ("moving" if moving else "still"), 49, moving=moving)
                print(f"## {shot.folder.name} plate, {arguments.seeds} seeds\n", flush=True)
                measure(client, shot, arguments.seeds)
        finally:
            client.stop_engine(cancel_running=True)
            client.close()


def measure(client: VeraClient, shot: Shot, seeds: int) -> None:
    """Prints the shot's figures."""
    make(client, shot.request("1001-1005", 1))  # loads the model: no take of those compared pays for that
    base = make(client, shot.request(WHOLE, 1))
    base_model = seconds(base)["model"]
    anchored, alone, shares = [], [], []
    for seed in range(100, 100 + seeds):
        repair = make(client, shot.request(AGAIN, seed, base_take_id=base["take_id"]))
        fresh = make(client, shot.request(AGAIN, seed))
        anchored.append(seam_of(shot, folder(base), folder(repair)))
        alone.append(seam_of(shot, folder(base), folder(fresh)))
        shares.append(seconds(repair)["model"] / base_model)
    windows = [seam["seam"] for seam in record(base)["seams"]]
    print(
        f"seam of anchored repairs   mean {mean(anchored):.2f}  median {median(anchored):.2f}  most {max(anchored):.2f}"
    )
    print(f"seam of takes cut in       mean {mean(alone):.2f}  median {median(alone):.2f}  most {max(alone):.2f}")
    print(f"ratio of the means         {mean(anchored) / mean(alone):.2f}")
    print(f"model time of the repair   {median(shares):.2f} of the clip's ({base_model:.1f} s), median")
    print(f"seams between windows      {', '.join(f'{seam:.2f}' for seam in windows)}\n", flush=True)


def make(client: VeraClient, request: dict[str, object]) -> dict[str, Any]:
    """The finished take of a request."""
    take = client.wait(client.create_take(request)["take_id"])
    if take["state"] != "finished":
        raise RuntimeError(take["error"])
    return take


def folder(take: dict[str, Any]) -> Path:
    return Path(take["directory"])


def record(take: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder(take) / "take.json").read_text("utf-8"))
    return found


def seconds(take: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = record(take)["seconds"]
    return found


def seam_of(shot: Shot, base: Path, again: Path) -> float:
    """The mean of the seams at both ends of the frames made again, these taken from `again`, all others from `base`."""
    space = ColorSpace.parse("srgb")

    def shown(frame: int) -> ShownFrame:
        layers = read((again if FIRST <= frame <= LAST else base) / f"layers.{frame}.exr")
        return ShownFrame(layers[..., :3], layers[..., 3], to_linear(shot.plate(frame), space))

    def seam(first: int) -> float:
        around = [shown(frame) for frame in range(first - NEIGHBORS, first + NEIGHBORS)]
        return measure_seam(around, NEIGHBORS, lambda linear: plate_to_model_rgb(linear, space))

    return (seam(FIRST) + seam(LAST + 1)) / 2


if __name__ == "__main__":
    main()
