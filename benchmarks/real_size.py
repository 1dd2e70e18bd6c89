"""A random checkpoint of Wan2.1-1.3B's size: converted, loaded narrow, one denoising step of three branches.

    python -m benchmarks.real_size --folder SCRATCH [--log docs/real-size.md] [--threads 2] [--size 96x64] [--keep]

The checkpoint has Wan2.1's own names and shapes: its transformer in bfloat16, its autoencoder in float32, and a UMT5 of
the real width with few layers and words. Each stage is a process of its own, so that its peak is its own (VmHWM, Linux
only); broken off, it goes on with the first stage that was not finished. It takes 16 GB of disk in SCRATCH, which is
removed at the end unless --keep, and 14 GB of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from tests.model import wan_names

TRANSFORMER = wan_names.transformer(dim=1536, ffn_dim=8960, layers=30)
TEXT_LAYERS = 2
WORDS = ("add", "a", "red", "ball")
TEXT_ENCODER = wan_names.text_encoder(vocabulary=512, dim=4096, ffn=10240, heads=64, layers=TEXT_LAYERS)
FRAMES = 5
PROMPT = "add a red ball"
GUIDANCE = 5.0


@dataclass
class Stage:
    """What a stage came to."""

    name: str
    seconds: float = 0.0
    processor_seconds: float = 0.0
    """Of all cores together."""
    peak_bytes: int = 0
    said: dict[str, str] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="scratch folder")
    parser.add_argument("--log", type=Path, help="Markdown file to write")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", default="96x64", help="of the frames, multiples of 16")
    parser.add_argument("--keep", action="store_true", help="leave the files there")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        run_stage(arguments.stage, arguments)
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    stages = [own_process(name, arguments) for name in STAGES]
    if not arguments.keep:
        shutil.rmtree(arguments.folder)
    report = written(stages, arguments)
    print(report)
    if arguments.log:
        arguments.log.write_text(report, encoding="utf-8")


def own_process(name: str, arguments: argparse.Namespace) -> Stage:
    """Run a stage by itself, unless it was finished before."""
    finished = arguments.folder / f"{name}.json"
    if finished.is_file():
        return Stage(**json.loads(finished.read_text("utf-8")))
    options = ["--folder", str(arguments.folder), "--threads", str(arguments.threads), "--size", arguments.size]
    print(f"{name} …", file=sys.stderr, flush=True)
    subprocess.run(
        [sys.executable, "-m", "benchmarks.real_size", *options, "--stage", name],
        env={**os.environ, "OMP_NUM_THREADS": str(arguments.threads)},
        check=True,
    )
    return Stage(**json.loads(finished.read_text("utf-8")))


def run_stage(name: str, arguments: argparse.Namespace) -> None:
    """Time a stage, read its peak, and write both down."""
    stage = Stage(name)
    start = time.perf_counter()
    STAGES[name](stage, arguments)
    stage.seconds = time.perf_counter() - start
    stage.processor_seconds = time.process_time()
    stage.peak_bytes = memory("VmHWM")
    (arguments.folder / f"{name}.json").write_text(json.dumps(asdict(stage)), encoding="utf-8")


def make(stage: Stage, arguments: argparse.Namespace) -> None:
    """Write the checkpoint as Wan2.1 publishes its own."""
    from vera_engine.model.weight_files import write_shards
    from vera_engine.training.text_encoder import word_tokenizer

    folder = arguments.folder / "checkpoint"
    autoencoder = wan_names.autoencoder()
    for name, shapes, dtype in (
        ("diffusion_pytorch_model", TRANSFORMER, torch.bfloat16),
        ("models_t5_umt5-xxl-enc-bf16", TEXT_ENCODER, torch.bfloat16),
        ("Wan2.1_VAE", autoencoder, torch.float32),
    ):
        write_shards(folder, name, random_weights(shapes, dtype), [len(shapes)])
        count = sum(torch.Size(shape).numel() for shape in shapes.values())
        stage.said[f"{name}.safetensors"] = f"{len(shapes):,} tensors, {count:,} numbers, {dtype}"
    word_tokenizer(WORDS, 512).save_pretrained(folder / "google" / "umt5-xxl")
    config = {"_class_name": "WanModel", "model_type": "t2v", "num_heads": 12}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def random_weights(shapes: wan_names.Shapes, dtype: torch.dtype) -> Iterator[tuple[str, torch.Tensor]]:
    """Numbers that keep activations near one: maps scaled by what goes into them, norms near one, biases small."""
    generator = torch.Generator().manual_seed(0)
    for name, shape in shapes.items():
        numbers = torch.randn(shape, generator=generator)
        if len(shape) > 1 and not name.endswith(("gamma", "modulation")):
            numbers *= torch.Size(shape[1:]).numel() ** -0.5
        else:
            numbers = 0.02 * numbers + float("norm" in name or name.endswith("gamma"))
        yield name, numbers.to(dtype)


def convert(stage: Stage, arguments: argparse.Namespace) -> None:
    """Into a Vera model folder."""
    from vera_engine.model.conversion_plan import plan_parts
    from vera_engine.model.convert import convert_checkpoint

    folder, out = arguments.folder / "checkpoint", arguments.folder / "vera"
    for part in plan_parts([folder]):
        if part.weights is not None:
            placement, count = part.weights.placement, len(part.weights.tensors)
            stage.said[part.component] = (
                f"{count - len(placement.unplaced):,} of {count:,} keys placed by {placement.table.name}, "
                f"{len(part.plan):,} tensors written, {part.byte_count / 1e9:.2f} GB"
            )
    settings = convert_checkpoint(folder, out)
    stage.said["files"] = f"{len(settings.weights_sha256)} with their SHA-256"


def load_and_step(stage: Stage, arguments: argparse.Namespace) -> None:
    """Load with weights kept in bfloat16, and denoise one step with guidance, computed in float32."""
    import numpy as np

    from vera_engine.pipeline.loading import load_pipeline

    torch.set_num_threads(arguments.threads)
    stage.said["memory before"] = f"{memory('VmRSS') / 1e9:.2f} GB (the interpreter and its libraries)"
    clock = Clock()
    pipeline = load_pipeline(str(arguments.folder / "vera"), "cpu", storage_dtype=torch.bfloat16)
    stage.said["loading"] = f"{clock.lap()}, checksums read along"
    stage.said["memory once loaded"] = f"{memory('VmRSS') / 1e9:.2f} GB, {memory('VmHWM') / 1e9:.2f} GB at its peak"
    parameters = list(pipeline.transformer.parameters())
    count = sum(parameter.numel() for parameter in parameters)
    stage.said["the transformer"] = f"{count:,} numbers in {sum(p.nbytes for p in parameters) / 1e9:.2f} GB"
    stage.said["in float32 it would be"] = f"{4 * count / 1e9:.2f} GB"

    width, height = map(int, arguments.size.split("x"))
    plate = np.random.default_rng(0).random((FRAMES, height, width, 3), dtype=np.float32)
    peaks: list[int] = []

    def stepped(_: object) -> None:
        stage.said["text, plate and the step"] = clock.lap()
        peaks.append(memory("VmHWM"))

    made = pipeline(
        prompt=PROMPT,
        plate_model_rgb=plate,
        mask_edit_here=plate[..., 0],
        num_inference_steps=1,
        guidance_scale=GUIDANCE,
        seed=0,
        on_step=stepped,
    )
    stage.said["decoding of three layers"] = clock.lap()
    stage.said["peak memory up to the step"] = f"{peaks[-1] / 1e9:.2f} GB"
    tokens = 3 * ((FRAMES - 1) // 4 + 1) * (width // 16) * (height // 16)
    stage.said["a step"] = f"{FRAMES} frames of {width}x{height}, {tokens} joint tokens, guidance {GUIDANCE}"
    for name in ("edit", "alpha", "composite"):
        layer = np.asarray(getattr(made, name))
        assert np.isfinite(layer).all(), f"{name} has numbers that are none"
        assert layer.shape[:3] == plate.shape[:3], f"{name} is {layer.shape}"
    stage.said["what came out"] = (
        f"edit {made.edit.shape}, alpha {made.alpha.shape}, composite {made.composite.shape}, finite"
    )


class Clock:
    """Time and processor time since it was last asked."""

    def __init__(self) -> None:
        self._last = (time.perf_counter(), time.process_time())

    def lap(self) -> str:
        """Both, in words."""
        now = (time.perf_counter(), time.process_time())
        passed, processor = (after - before for after, before in zip(now, self._last, strict=True))
        self._last = now
        return f"{passed:.0f} s, {processor:.0f} s of processor time"


STAGES: dict[str, Callable[[Stage, argparse.Namespace], None]] = {
    "make": make,
    "convert": convert,
    "load and step": load_and_step,
}


def memory(what: str) -> int:
    """A figure of this process's memory, in bytes: VmHWM is its peak, VmRSS what it holds."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024


def table_row(stage: Stage) -> str:
    """Of the log."""
    times = f"{stage.seconds:.0f} s | {stage.processor_seconds:.0f} s"
    return f"| {stage.name} | {times} | {stage.peak_bytes / 1e9:.2f} GB |"


def written(stages: list[Stage], arguments: argparse.Namespace) -> str:
    """The log."""
    command = f"python -m benchmarks.real_size --folder SCRATCH --threads {arguments.threads} --size {arguments.size}"
    lines = [
        "# A model of Wan2.1-1.3B's size on a CPU, measured",
        "",
        f"`{command}`, on",
        f"{platform.machine()}, {os.cpu_count()} cores, no GPU, torch {torch.__version__}. Random weights in",
        f"Wan2.1's own names and shapes; of UMT5 {TEXT_LAYERS} of 24 layers, of full width, few words.",
        "",
        "Processor time is of all cores together. Far below the time: others had the cores, or the disk was slow.",
        "",
        "| stage | time | processor time | peak memory |",
        "|---|---|---|---|",
        *map(table_row, stages),
    ]
    for stage in stages:
        lines += ["", f"## {stage.name.capitalize()}", ""]
        lines += [f"- {what}: {said}" for what, said in stage.said.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
