"""Memory of the worker and seams between windows of a long shot against a short one, on the shipped small model.

    python -m benchmarks.long_shot [--frames 240] [--threads 2]

Each take is made by an engine of its own; the peak is the worker's VmHWM in /proc, so this runs on Linux only.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.repair import make, record, seconds
from benchmarks.shots import FIRST_FRAME, make_shot
from vera_client import VeraClient


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    peaks = {}
    with tempfile.TemporaryDirectory() as scratch:
        for frames in (49, arguments.frames):
            peaks[frames] = measure(Path(scratch) / str(frames), frames, arguments.threads)
    print(f"{arguments.frames} frames peak at {peaks[arguments.frames] / peaks[49]:.3f} of the memory of 49")


def measure(scratch: Path, frames: int, threads: int) -> float:
    """Makes a take of that many frames and prints its figures; the worker's peak in MB."""
    shot = make_shot(scratch / "shot", frames, moving=True)
    client = VeraClient(state_dir=scratch / "state", model="small", device="cpu", threads=threads)
    try:
        take = make(client, shot.request(f"{FIRST_FRAME}-{FIRST_FRAME + frames - 1}", 1))
        engine = client.engine_info()["process_id"]
        workers = Path(f"/proc/{engine}/task/{engine}/children").read_text("utf-8").split()
        peak = max(memory_peak(int(worker)) for worker in workers)
        seams = [seam["seam"] for seam in record(take)["seams"]]
        took = seconds(take)
        print(f"{frames} frames: peak {peak:.0f} MB, model {took['model']:.1f} s, pixels {took['pixels']:.1f} s")
        print(f"  {len(seams)} seams between windows, most {max(seams):.2f}", flush=True)
        return peak
    finally:
        client.stop_engine(cancel_running=True)
        client.close()


def memory_peak(process_id: int) -> float:
    """The most memory that a process ever held, in MB."""
    lines = Path(f"/proc/{process_id}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
