"""Does the engine do on this GPU what it should? Memory, seconds a step, and layers held against the CPU's.

    python -m benchmarks.gpu_check [--model 1.3B|tiny] [--device cuda] [--folder SCRATCH] [--log docs/gpu-check.md]

`1.3B` is a Vera of Wan2.1-1.3B's size with random weights (see benchmarks/real_size.py: 16 GB of disk in SCRATCH), 49
frames at 832x480; `tiny` goes the same way in a minute or two, on a CPU too. For each preset a take is made by an
engine over gRPC. The memory is the device's as a whole, above what was in use before the model was loaded; on a CPU
that of the engine's processes. Then the same small take is made on the device and on the CPU, by this model and by the
shipped small one, whose layers show something.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from benchmarks.repair import make, record
from benchmarks.shots import Shot, make_shot, read
from vera_client import VeraClient
from vera_engine.model.settings import read_settings, write_settings
from vera_engine.pipeline.presets import PRESETS
from vera_engine.takes.latents import BRANCHES

SMALL_SIZE = (96, 64)
SMALL_FRAMES = "1001-1005"
SMALL_SETTINGS = {"seed": 2, "preset": "final", "num_inference_steps": 3}
"""Of a take that is held against the CPU's: no step cache, whose decisions the last bits may turn."""
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Checked:
    """A model, and the shot it is checked with."""

    title: str
    frames: int
    size: tuple[int, int]


MODELS = {
    "1.3B": Checked("1.3B, random weights", 49, (832, 480)),
    "tiny": Checked("tiny, random weights", 17, (48, 32)),
}


@dataclass
class Watched:
    """What was seen of a take from outside."""

    peak_bytes: int = 0
    seconds_per_step: float = 0.0

    def hear(self, message: dict[str, Any]) -> None:
        """A message of `VeraClient.wait`."""
        self.seconds_per_step = message.get("step_done", vars(self))["seconds_per_step"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=tuple(MODELS), default="1.3B")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--folder", type=Path, help="scratch folder (default: a temporary one)")
    parser.add_argument("--threads", type=int, default=2, help="of engines on a CPU (default: 2)")
    parser.add_argument("--log", type=Path, help="Markdown file to write")
    arguments = parser.parse_args()
    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        print(
            f"There is no CUDA device here (torch {torch.__version__} sees none): nothing was checked. "
            "`--model tiny --device cpu` goes the same way on a CPU.",
            file=sys.stderr,
        )
        return 2
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        report = check(arguments, Path(scratch))
    print(report)
    if arguments.log:
        arguments.log.write_text(report, encoding="utf-8")
    return 0


def check(arguments: argparse.Namespace, scratch: Path) -> str:
    """All of it, as Markdown."""
    checked = MODELS[arguments.model]
    folder = make_model(arguments.model, scratch)
    shot = make_shot(scratch / "shot", checked.frames, moving=True, width=checked.size[0], height=checked.size[1])
    small_shot = make_shot(scratch / "small_shot", 5, moving=True, width=SMALL_SIZE[0], height=SMALL_SIZE[1])
    lines = [
        f"# The engine on {device_name(arguments.device)}",
        "",
        f"`python -m benchmarks.gpu_check --model {arguments.model} --device {arguments.device}`",
        f"with torch {torch.__version__} on {platform.platform()}.",
        "",
        f"## {checked.title}: {checked.frames} frames of {checked.size[0]}x{checked.size[1]}, through engine and gRPC",
        "",
        "| preset | steps | seconds a step | model, s | take, s | peak memory, GB |",
        "|---|---|---|---|---|---|",
    ]
    with engine(scratch / "device", str(folder), arguments.device, arguments.threads) as client:
        before = used_bytes(client, arguments.device)
        on_device = make(client, small_request(small_shot))  # loads the model
        lines += [preset_row(client, shot, checked.frames, preset, before, arguments.device) for preset in PRESETS]
    lines += ["", "## The same take on the device and on the CPU", "", "| model | edit, dB | matte, dB | latents |"]
    lines.append("|---|---|---|---|")
    with engine(scratch / "cpu", str(folder), "cpu", arguments.threads) as client:
        lines.append(agreement_row(checked.title, on_device, make(client, small_request(small_shot))))
    lines.append(agreement_row("small, as shipped", *small_takes(arguments, scratch, small_shot)))
    lines += ["", "PSNR of the layers, the edit premultiplied; of the latents the relative RMS difference."]
    return "\n".join(lines) + "\n"


def make_model(name: str, scratch: Path) -> Path:
    """The model's folder, with a small working size besides its own."""
    folder = scratch / "vera"
    if name == "tiny":
        from tests.tiny_model import make_tiny_model

        make_tiny_model(folder)
    else:
        for stage in ("make", "convert"):
            command = ["-m", "benchmarks.real_size", "--folder", str(scratch), "--stage", stage]
            subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    settings = read_settings(folder)
    write_settings(folder, replace(settings, working_sizes=(*settings.working_sizes, SMALL_SIZE)))
    return folder


@contextmanager
def engine(state_dir: Path, model: str, device: str, threads: int) -> Iterator[VeraClient]:
    """An engine of its own, ended behind it."""
    client = VeraClient(state_dir=state_dir, model=model, device=device, threads=threads)
    try:
        yield client
    finally:
        client.stop_engine(cancel_running=True)
        client.close()


def preset_row(client: VeraClient, shot: Shot, frames: int, preset: str, before: int, device: str) -> str:
    """A take of a preset, as a row."""
    request = shot.request(f"1001-{1000 + frames}", 1, settings={"seed": 1, "preset": preset}, reuse=False)
    with watching(client, device) as watched:
        took = client.wait(client.create_take(request)["take_id"], watched.hear)
    if took["state"] != "finished":
        raise RuntimeError(took["error"])
    seconds = record(took)["seconds"]
    steps = took["request"]["settings"]["num_inference_steps"]
    return (
        f"| {preset} | {steps} | {watched.seconds_per_step:.3f} | {seconds['model']:.1f} | {seconds['total']:.1f} "
        f"| {(watched.peak_bytes - before) / 1e9:.2f} |"
    )


@contextmanager
def watching(client: VeraClient, device: str) -> Iterator[Watched]:
    """Looks at the memory again and again, beside what is done inside."""
    watched, ended = Watched(), threading.Event()
    root = client.engine_info()["process_id"]

    def look() -> None:
        while not ended.wait(POLL_SECONDS):
            watched.peak_bytes = max(watched.peak_bytes, used_by(root, device))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watched
    finally:
        ended.set()
        thread.join()


def used_bytes(client: VeraClient, device: str) -> int:
    """Bytes in use now: of the GPU by anyone, or of the engine's processes."""
    return used_by(client.engine_info()["process_id"], device)


def used_by(process_id: int, device: str) -> int:
    """As `used_bytes`, of the engine of a process id."""
    if device.startswith("cuda"):
        free, total = torch.cuda.mem_get_info(device)
        return total - free
    return sum(resident(each) for each in (process_id, *children(process_id)))


def children(process_id: int) -> list[int]:
    """Processes that one started, directly (Linux)."""
    try:
        tasks = list(Path(f"/proc/{process_id}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def resident(process_id: int) -> int:
    """Resident bytes of a process; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def small_request(shot: Shot) -> dict[str, object]:
    """The take that is made on the device and on the CPU."""
    return shot.request(SMALL_FRAMES, 2, settings=SMALL_SETTINGS, reuse=False)


def small_takes(arguments: argparse.Namespace, scratch: Path, shot: Shot) -> list[dict[str, Any]]:
    """The same take by the shipped small model on the device and on the CPU."""
    takes = []
    for number, device in enumerate((arguments.device, "cpu")):
        with engine(scratch / f"small{number}", "small", device, arguments.threads) as client:
            takes.append(make(client, small_request(shot)))
    return takes


def agreement_row(title: str, one: dict[str, Any], other: dict[str, Any]) -> str:
    """How near the layers and latents of two takes are."""
    folders = [Path(take["directory"]) for take in (one, other)]
    errors: dict[str, list[float]] = {"edit": [], "alpha": []}
    for file in sorted(path.name for path in folders[0].glob("layers.*.exr")):
        a, b = (read(folder / file) for folder in folders)
        errors["edit"].append(float(np.square(a[..., :3] - b[..., :3], dtype=np.float64).mean()))
        errors["alpha"].append(float(np.square(a[..., 3] - b[..., 3], dtype=np.float64).mean()))
    made, expected = (latents(folder) for folder in folders)
    difference = float(np.sqrt(np.square(made - expected).mean() / np.square(expected).mean()))
    return f"| {title} | {decibels(errors['edit'])} | {decibels(errors['alpha'])} | {difference:.2g} |"


def latents(folder: Path) -> NDArray[np.float64]:
    """All of a take's final latents, in one row."""
    files = sorted(folder.glob("latents.*.safetensors"))
    branches = [load_file(file)[branch].ravel() for file in files for branch in BRANCHES]
    return np.concatenate(branches).astype(np.float64)


def decibels(errors: list[float]) -> str:
    mean = sum(errors) / len(errors)
    return f"{-10 * np.log10(mean):.1f}" if mean else "equal"


def device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else f"{platform.machine()} (no GPU)"


if __name__ == "__main__":
    sys.exit(main())
