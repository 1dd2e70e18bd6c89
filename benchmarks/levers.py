"""What each lever and preset is worth: speed, and how near the layers stay to those of the plain sampler.

    python -m benchmarks.levers [--model small] [--guidance 2] [--clips 6] [--frames 9] [--presets]

The plain sampler takes 50 steps, evaluates both prompts of each apart, and computes all layers. Every row runs on the
same held-out clips with the same seeds, clip by clip in turn. Times are the process's own seconds in the sampler, which
other programs do not lengthen; speed is the plain sampler's over the row's. PSNR is of the decoded layers in display
sRGB, the edit premultiplied, to the plain sampler's: of all clips together, and of the worst.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from vera_engine.model.settings import ModelSettings, read_settings
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.pipeline import VeraPipeline
from vera_engine.pipeline.presets import PRESETS, Levers, preset_steps
from vera_engine.pipeline.results import DecodedFrames
from vera_engine.pipeline.windows import plan_windows
from vera_engine.training.datasets.sample import ClipShape, LayeredSample
from vera_engine.training.datasets.synthetic import SyntheticDataset

PLAIN_STEPS = 50
PLAIN_SAMPLER = Levers(batched_guidance=False)


@dataclass
class Row:
    """One way to sample, and what came of it."""

    name: str
    steps: int
    levers: Levers
    seconds: float = 0.0
    edit_errors: list[float] = field(default_factory=list)
    """Mean squared errors, a clip each."""
    alpha_errors: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="small")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--guidance", type=float, default=2.0, help="other than 1: the plain sampler has two passes")
    parser.add_argument("--clips", type=int, default=6, help="half of them object additions (default: 6)")
    parser.add_argument("--frames", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compiled", action="store_true", help="also with compiled layers, which compile first")
    parser.add_argument("--presets", action="store_true", help="only the plain sampler and the presets")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pipeline = load_pipeline(arguments.model, arguments.device)
    settings = read_settings(arguments.model)
    rows = [
        Row("plain sampler", PLAIN_STEPS, PLAIN_SAMPLER),
        *([] if arguments.presets else rows_of_levers(arguments.compiled)),
        *rows_of_presets(settings),
    ]
    width, height = min(settings.working_sizes, key=math.prod)
    clips = SyntheticDataset(-(-arguments.clips // 2), arguments.clips // 2, ClipShape(arguments.frames, width, height))
    for seed, clip in enumerate(clips):
        print(clip.name, file=sys.stderr, flush=True)
        measure(pipeline, rows, clip, seed, arguments.guidance)
    print(f"{settings.name}, {pipeline.device_description}, {arguments.threads} threads, {len(clips)} clips of")
    print(f"{arguments.frames} frames at {width}x{height}, guidance {arguments.guidance:g}\n")
    print("\n".join(table(rows)))


def rows_of_levers(compiled: bool) -> list[Row]:
    """Each lever alone, and fewer steps."""
    alone = {
        "both passes in one batch": Levers(),
        "guidance above sigma 0.3": replace(PLAIN_SAMPLER, guidance_above=0.3),
        "guidance above sigma 0.6": replace(PLAIN_SAMPLER, guidance_above=0.6),
        "step cache 0.05": replace(PLAIN_SAMPLER, step_cache=0.05),
        "step cache 0.1": replace(PLAIN_SAMPLER, step_cache=0.1),
        "step cache 0.2": replace(PLAIN_SAMPLER, step_cache=0.2),
        **({"compiled layers": replace(PLAIN_SAMPLER, compiled=True)} if compiled else {}),
    }
    return [
        *(Row(name, PLAIN_STEPS, levers) for name, levers in alone.items()),
        *(Row(f"{steps} steps", steps, PLAIN_SAMPLER) for steps in (25, 12, 6)),
    ]


def rows_of_presets(settings: ModelSettings) -> list[Row]:
    """The presets as they are for a model, and with the table's own steps where those are others."""
    rows = []
    for preset in PRESETS.values():
        own_steps = preset_steps(preset, settings)
        rows.append(Row(f"**{preset.name}**", own_steps, preset.levers))
        if own_steps != preset.num_inference_steps:
            rows.append(Row(f"{preset.name}, its steps at full size", preset.num_inference_steps, preset.levers))
    return rows


def measure(pipeline: VeraPipeline, rows: list[Row], clip: LayeredSample, seed: int, guidance: float) -> None:
    """Samples a clip in every row's way."""
    assert clip.mask is not None  # the generator always draws one
    window = plan_windows(clip.shape.frames, clip.shape.frames, 1)[0]
    text = pipeline.prepare_text(clip.instruction, guidance)
    source, mask = pipeline.encode_plate(clip.source, window), pipeline.encode_mask(clip.mask, window)
    plain: DecodedFrames | None = None
    for row in rows:

        def sample(row: Row = row, steps: int | None = None) -> NDArray[np.float16]:
            return pipeline.sample(
                text=text,
                source_latents=source,
                mask_latents=mask,
                window=window,
                seed=seed,
                num_inference_steps=steps or row.steps,
                levers=row.levers,
            )

        if not row.seconds:
            sample(steps=1)  # what is made once is made: kernels, compiled layers
        began = time.process_time()
        latents = sample()
        row.seconds += time.process_time() - began
        made = pipeline.decode(latents, first_latent=0, frames=range(clip.shape.frames))
        plain = plain or made
        row.edit_errors.append(squared_error(premultiplied(made), premultiplied(plain)))
        row.alpha_errors.append(squared_error(made.alpha, plain.alpha))


def premultiplied(made: DecodedFrames) -> NDArray[np.float32]:
    return made.edit * made.alpha[..., None]


def squared_error(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.square(one - other, dtype=np.float64).mean())


def table(rows: list[Row]) -> list[str]:
    """Markdown."""
    lines = ["| | steps | times as fast | edit, dB (worst clip) | matte, dB (worst clip) |", "|---|---|---|---|---|"]
    for row in rows:
        edit, alpha = (in_decibels(errors) for errors in (row.edit_errors, row.alpha_errors))
        lines.append(f"| {row.name} | {row.steps} | {rows[0].seconds / row.seconds:.1f} | {edit} | {alpha} |")
    return lines


def in_decibels(errors: list[float]) -> str:
    """Of all together, and of the worst in brackets; a dash for what is equal to the bit."""
    mean, worst = (-10 * math.log10(error) if error else math.inf for error in (sum(errors) / len(errors), max(errors)))
    return "-" if mean == math.inf else f"{mean:.1f} ({worst:.1f})"


if __name__ == "__main__":
    main()
