"""Vera's presets against diffusers' VACE pipeline, what a user would pick instead: time and peak memory.

    python -m benchmarks.against_vace [--size reduced|real] [--device auto] [--steps 12]

Both have random weights, Wan2.1's VAE, text states and scheduler, the same widths, frames and picture size, guidance
of 5, and in each comparison the same steps. VACE evaluates both prompts of every step apart, with every second layer
doubled, as its 1.3B model does. Every row runs in a process of its own, once for nothing and once measured, by the
process's own seconds on a CPU. `reduced` is a small transformer on a short small clip; `real` is 1.3B, 49 frames at
832x480, for a GPU of 24 GB or more.

Random weights say nothing of what a step cache would reuse in a trained model: a column says how many of the layers
after the first were computed, and a row has the preset without its cache.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

GUIDANCE = 5.0
WORDS = ("add", "a", "red", "ball")


@dataclass(frozen=True)
class Size:
    """How large models and clips are."""

    frames: int
    width: int
    height: int
    text_tokens: int
    text_dim: int
    transformer: dict[str, int]
    vae: dict[str, Any]


SIZES = {
    "reduced": Size(
        9, 160, 96, 64, 64,
        {"num_attention_heads": 4, "attention_head_dim": 64, "ffn_dim": 1024, "num_layers": 6, "freq_dim": 64},
        {"base_dim": 8, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1},
    ),
    "real": Size(
        49, 832, 480, 512, 4096,
        {"num_attention_heads": 12, "attention_head_dim": 128, "ffn_dim": 8960, "num_layers": 30, "freq_dim": 256},
        {},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A row: what is run."""

    name: str
    steps: int
    size: str
    device: str
    threads: int
    preset: str = ""
    """Empty: VACE."""
    without_cache: bool = False


@dataclass(frozen=True)
class Run:
    """What came of it."""

    seconds: float
    peak_bytes: int
    """Weights and work."""
    layers_computed: float
    """Share of the layers after the first."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=tuple(SIZES), default="reduced")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1, help="on a CPU (default: 1)")
    parser.add_argument("--steps", type=int, help="for all presets alike (default: each preset's own)")
    parser.add_argument("--presets", nargs="+", help="of which presets (default: all)")
    arguments = parser.parse_args()
    from vera_engine.pipeline.presets import PRESETS, find_preset

    size = SIZES[arguments.size]
    print(f"{arguments.size}: {size.frames} frames of {size.width}x{size.height}, {size.transformer}\n")
    print("| | steps | time, of VACE's | memory, of VACE's | later layers computed | VACE's seconds, GB |")
    print("|---|---|---|---|---|---|", flush=True)
    for preset in map(find_preset, arguments.presets or PRESETS):
        steps = arguments.steps or preset.num_inference_steps
        given = (steps, arguments.size, arguments.device, arguments.threads)
        vace = run_apart(Job("VACE", *given))
        jobs = [Job(f"**{preset.name}**", *given, preset.name)]
        if preset.levers.step_cache:
            jobs.append(replace(jobs[0], name=f"{preset.name}, no step cache", without_cache=True))
        for job in jobs:
            ours = run_apart(job)
            print(
                f"| {job.name} | {steps} | {ours.seconds / vace.seconds:.2f} | {ours.peak_bytes / vace.peak_bytes:.2f} "
                f"| {ours.layers_computed:.0%} | {vace.seconds:.1f} s, {vace.peak_bytes / 1e9:.2f} GB |",
                flush=True,
            )


def run_apart(job: Job) -> Run:
    """Runs a job in a process of its own, so that its peak is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run, (job,))


def run(job: Job) -> Run:
    """Builds the pipeline, and measures its second run."""
    import torch

    from vera_engine.pipeline.device import choose_device

    torch.set_num_threads(job.threads)
    torch.manual_seed(0)
    device, dtype = choose_device(job.device)
    size = SIZES[job.size]
    build = build_ours if job.preset else build_vace
    memory = PeakMemory(device.type == "cuda")
    sample, layers = build(job, size, device, dtype)
    sample(1)
    calls = count_calls(layers)
    began = time.perf_counter() if device.type == "cuda" else time.process_time()
    sample(job.steps)
    seconds = (time.perf_counter() if device.type == "cuda" else time.process_time()) - began
    evaluations = max(calls[0], 1)
    return Run(seconds, memory.peak(), sum(calls[1:]) / evaluations / max(len(calls) - 1, 1))


def build_vace(job: Job, size: Size, device: Any, dtype: Any) -> tuple[Callable[[int], Any], list[Any]]:
    """diffusers' pipeline with random weights, as a function of the steps; and a part of each of its layers."""
    import numpy as np
    import torch
    from diffusers import WanVACEPipeline, WanVACETransformer3DModel
    from PIL import Image

    with torch.device(device):
        transformer = WanVACETransformer3DModel(
            **size.transformer,
            text_dim=size.text_dim,
            vace_layers=list(range(0, size.transformer["num_layers"], 2)),
        )
        transformer = transformer if dtype == torch.float32 else transformer.to(dtype)
    pipeline = WanVACEPipeline(
        tokenizer=None, text_encoder=None, vae=vae_of(size, device), scheduler=scheduler(), transformer=transformer
    )
    pipeline.set_progress_bar_config(disable=True)
    frames, mask = clip_of(size)
    states = torch.randn(2, 1, size.text_tokens, size.text_dim, device=device).to(dtype)

    def sample(steps: int) -> Any:
        return pipeline(
            video=[Image.fromarray((frame * 255).astype(np.uint8)) for frame in frames],
            mask=[Image.fromarray((frame * 255).astype(np.uint8)) for frame in mask],
            prompt_embeds=states[0],
            negative_prompt_embeds=states[1],
            height=size.height,
            width=size.width,
            num_frames=size.frames,
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            output_type="np",
        )

    return sample, [block.attn1.to_q for block in transformer.blocks]


def build_ours(job: Job, size: Size, device: Any, dtype: Any) -> tuple[Callable[[int], Any], list[Any]]:
    """Our pipeline in the same way."""
    import numpy as np
    import torch

    from vera_engine.model.transformer import VeraTransformer3DModel
    from vera_engine.pipeline.pipeline import VeraPipeline
    from vera_engine.pipeline.presets import PLAIN, find_preset
    from vera_engine.pipeline.windows import plan_windows
    from vera_engine.training.text_encoder import tiny_text_encoder, word_tokenizer

    with torch.device(device):
        transformer = VeraTransformer3DModel(**size.transformer, text_dim=size.text_dim)
        transformer = transformer if dtype == torch.float32 else transformer.to(dtype)
    tokenizer = word_tokenizer(WORDS, size.text_tokens)
    pipeline = VeraPipeline(
        transformer=transformer,
        vae=vae_of(size, device),
        text_encoder=tiny_text_encoder(len(tokenizer), 32),
        tokenizer=tokenizer,
        scheduler=scheduler(),
    )
    levers = find_preset(job.preset).levers
    if job.without_cache:
        levers = replace(levers, step_cache=PLAIN.step_cache)
    frames, mask = clip_of(size)
    states = np.random.default_rng(0).standard_normal((2, size.text_tokens, size.text_dim), dtype=np.float32)
    window = plan_windows(size.frames, size.frames, 1)[0]

    def sample(steps: int) -> Any:
        latents = pipeline.sample(
            text=pipeline.prepare_text("a ball", GUIDANCE, lambda prompt: states[0 if prompt else 1]),
            source_latents=pipeline.encode_plate(frames, window),
            mask_latents=pipeline.encode_mask(mask, window),
            window=window,
            seed=0,
            num_inference_steps=steps,
            levers=levers,
        )
        return pipeline.decode(latents, first_latent=0, frames=range(size.frames))

    return sample, [block.attn1.to_q for block in transformer.branches["edit"].blocks]


def vae_of(size: Size, device: Any) -> Any:
    """Wan's video autoencoder, float32 as its authors run it."""
    import torch
    from diffusers import AutoencoderKLWan

    with torch.device(device):
        return AutoencoderKLWan(**size.vae).eval()


def scheduler() -> Any:
    """As Wan2.1's checkpoints for 480p have it."""
    from diffusers import UniPCMultistepScheduler

    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)


def clip_of(size: Size) -> tuple[Any, Any]:
    """A plate (T, H, W, 3) and a mask (T, H, W), float32, 0 to 1."""
    import numpy as np

    plate = np.random.default_rng(0).random((size.frames, size.height, size.width, 3), dtype=np.float32)
    mask = np.zeros(plate.shape[:3], np.float32)
    mask[:, size.height // 4 : size.height // 2, size.width // 4 : size.width // 2] = 1
    return plate, mask


def count_calls(modules: list[Any]) -> list[int]:
    """How often each module runs from now on: a list that counts up."""
    calls = [0] * len(modules)

    def note(index: int) -> Callable[..., None]:
        def add(*_: Any) -> None:
            calls[index] += 1

        return add

    for index, module in enumerate(modules):
        module.register_forward_hook(note(index))
    return calls


class PeakMemory:
    """The most memory from now on: of the GPU's allocator, or how far the process's resident memory grew (Linux).

    Args:
        on_cuda: Of which of them.
    """

    def __init__(self, on_cuda: bool) -> None:
        import torch

        self._on_cuda = on_cuda
        if on_cuda:
            torch.cuda.reset_peak_memory_stats()
        else:
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
            self._before = resident("VmRSS")

    def peak(self) -> int:
        """Bytes."""
        import torch

        return torch.cuda.max_memory_allocated() if self._on_cuda else resident("VmHWM") - self._before


def resident(field: str) -> int:
    """A field of this process's status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}")


if __name__ == "__main__":
    main()
