"""The memory account against what a process really takes, on the CPU, for three small models of random weights.

    python -m benchmarks.memory_account

The account is `vera_engine.pipeline.fit.account`'s, of modules without numbers. Measured is the most that the process
ever had resident while the pipeline did the same phase in earnest, less what it had before: by the kernel's own count
(VmHWM, set back before each phase), with an allocator that keeps nothing back. Linux only.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

KEEPS_NOTHING_BACK = {
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "0",
    "MALLOC_TOP_PAD_": "0",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
}
"""For glibc, read when a process starts."""
_CHANNELS = 16
LEAST = 20 * 10**6
"""Bytes of a phase that is compared: less drowns in what libraries keep for themselves."""
WINDOW_START = 8
"""Latents before the window: a codec's warm-up belongs to what is accounted for."""


@dataclass(frozen=True)
class Configuration:
    """A model, and a window for it."""

    name: str
    transformer: dict[str, Any]
    codec: dict[str, Any]
    latents: int
    width: int
    height: int
    guided: bool
    storage_dtype: str = ""


CONFIGURATIONS = (
    Configuration(
        "linear codec, two prompts at once",
        {"num_attention_heads": 4, "attention_head_dim": 64, "ffn_dim": 512, "num_layers": 2},
        {},
        latents=3,
        width=256,
        height=192,
        guided=True,
    ),
    Configuration(
        "Wan's codec, one prompt",
        {"num_attention_heads": 2, "attention_head_dim": 64, "ffn_dim": 1024, "num_layers": 2},
        {"base_dim": 16},
        latents=1,
        width=96,
        height=64,
        guided=False,
    ),
    Configuration(
        "weights kept in bfloat16, wide feed-forward",
        {"num_attention_heads": 8, "attention_head_dim": 64, "ffn_dim": 4096, "num_layers": 2},
        {},
        latents=3,
        width=192,
        height=128,
        guided=False,
        storage_dtype="bfloat16",
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().measure:
        print(json.dumps(measure_all()))
        return
    print("| model | phase | account MB | measured MB | account / measured |\n|---|---|---|---|---|")
    for name, phases in measured_apart().items():
        for phase, (accounted, measured) in phases.items():
            figures = f"{accounted / 1e6:.1f} | {measured / 1e6:.1f} | {accounted / measured:.3f}"
            print(f"| {name} | {phase} | {figures} |")


def measured_apart() -> dict[str, dict[str, tuple[int, int]]]:
    """By configuration and phase what is accounted for and what a fresh process took, in bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory_account", "--measure"],
        env={**os.environ, **KEEPS_NOTHING_BACK},
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, dict[str, tuple[int, int]]] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_all() -> dict[str, dict[str, tuple[int, int]]]:
    """As `measured_apart`, in this process."""
    with tempfile.TemporaryDirectory() as scratch:
        return {one.name: measure(one, Path(scratch) / str(i)) for i, one in enumerate(CONFIGURATIONS)}


def measure(configuration: Configuration, folder: Path) -> dict[str, tuple[int, int]]:
    """Makes the model, accounts for each phase and does it."""
    import numpy as np

    from vera_engine.pipeline.blueprint import Blueprint
    from vera_engine.pipeline.fit import Measures, account
    from vera_engine.pipeline.loading import load_pipeline
    from vera_engine.pipeline.needs import Job
    from vera_engine.pipeline.windows import Window, frames_of_latents, warm_up

    make_model(configuration, folder)
    measures = Measures(storage_dtype=configuration.storage_dtype)
    job = Job(configuration.latents, configuration.width, configuration.height, configuration.guided)
    fit = account(Blueprint.of(str(folder)), job, "cpu", measures)
    pipeline = load_pipeline(str(folder), "cpu", measures=measures)

    def phases(count: int, width: int, height: int) -> dict[str, Callable[[], Any]]:
        window = Window(WINDOW_START, WINDOW_START + count, (0.0,) * count, WINDOW_START, WINDOW_START + count - 1)
        before = warm_up(WINDOW_START, pipeline.codec_context)
        channels = pipeline.transformer.config.in_channels
        shape = (channels, count, height // 8, width // 8)
        frames = frames_of_latents(WINDOW_START, WINDOW_START + count - 1, 1000)

        def encode() -> Any:
            plate = np.full((4 * (before + count) - 3, height, width, 3), 0.5, np.float32)
            return pipeline.encode_plate(plate, window)

        def denoise() -> Any:
            given = np.ones(shape, np.float32)
            return pipeline.sample(
                text=pipeline.prepare_text("add a red ball", 2.0 if configuration.guided else 1.0),
                source_latents=given,
                mask_latents=given,
                window=window,
                seed=1,
                num_inference_steps=1,
            )

        def decode() -> Any:
            latents = np.ones((3, channels, before + count, height // 8, width // 8), np.float16)
            return pipeline.decode(latents, first_latent=WINDOW_START - before, frames=frames)

        return {"encode": encode, "denoise": denoise, "decode": decode}

    for run in phases(1, 32, 32).values():  # what libraries set up once is no part of a phase
        run()
    results = {}
    for name, run in phases(configuration.latents, configuration.width, configuration.height).items():
        if name == "denoise":
            pipeline.transformer._last_rotary = None  # the tables of the size before
        if fit.phase(name).work >= LEAST:
            results[name] = (fit.phase(name).work, most_resident(run))
    return results


def most_resident(run: Callable[[], Any]) -> int:
    """Bytes that the process had resident at its most while something ran, less those before."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM back
    before = _status("VmRSS")
    run()
    return _status("VmHWM") - before


def make_model(configuration: Configuration, folder: Path) -> None:
    """Writes a model of random weights."""
    from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler

    from vera_engine.model.checksums import seal_weights
    from vera_engine.model.codec import LinearVideoCodec
    from vera_engine.model.settings import read_settings
    from vera_engine.model.transformer import VeraTransformer3DModel
    from vera_engine.pipeline.pipeline import VeraPipeline
    from vera_engine.training.text_encoder import tiny_text_encoder, word_tokenizer

    tokenizer = word_tokenizer(["add", "a", "red", "ball"], 64)
    codec = (
        AutoencoderKLWan(z_dim=_CHANNELS, **configuration.codec)
        if configuration.codec
        else LinearVideoCodec(z_dim=_CHANNELS, temporal_ramp=0.5)
    )
    pipeline = VeraPipeline(
        transformer=VeraTransformer3DModel(
            in_channels=_CHANNELS, out_channels=_CHANNELS, text_dim=32, freq_dim=64, **configuration.transformer
        ),
        vae=codec,
        text_encoder=tiny_text_encoder(len(tokenizer), 32),
        tokenizer=tokenizer,
        scheduler=FlowMatchEulerDiscreteScheduler(),
    )
    pipeline.save_pretrained(folder)
    seal_weights(folder, replace(read_settings("small"), codec=type(codec).__name__))


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    main()
