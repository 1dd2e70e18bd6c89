"""The paper's ablations on the small model: what joint attention, and the composite branch's supervision, are worth.

    python -m benchmarks.ablations --folder RUNS [--config small] [--share 0.25] [--limit 24] [--stop-after SECONDS]
    torchrun --standalone --nproc-per-node 2 -m benchmarks.ablations --folder RUNS ...

Three runs of the same training file, each a share of its length, alike in seed, clips and noise: as it is; with
branches that attend within themselves alone, in training and in sampling; and without any loss of the composite. Each
is then measured on the benchmark, with hints and without. Stopped anywhere, the same command goes on. Processes started
by torchrun share the training; the first of them measures.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vera_engine.evaluation.generate import Sampling
from vera_engine.evaluation.records import Records
from vera_engine.evaluation.report import Report, means
from vera_engine.evaluation.run import Evaluation
from vera_engine.model.settings import read_settings
from vera_engine.model.threads import share_processor
from vera_engine.pipeline.loading import load_pipeline
from vera_engine.pipeline.presets import PRESETS
from vera_engine.training.config import SMALL, TrainingConfig, read_training_config
from vera_engine.training.datasets.drawn_benchmark import BenchmarkDataset
from vera_engine.training.datasets.find import first_of_each_type
from vera_engine.training.export import export_model
from vera_engine.training.loop import train
from vera_engine.training.processes import Processes

ABLATIONS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "without joint attention": {"attention": "within_branches"},
    "without the composite's supervision": {"composite_weight": 0.0},
}
"""What is changed in the training file."""
COLUMNS = {
    "matte IoU": ("add", True, "matte_iou"),
    "shape": ("add", True, "shape_right"),
    "shadow": ("add", True, "shadow_correlation"),
    "outline error / hint's": ("background", True, "band_sad_ratio"),
    "color": ("add", True, "color_right"),
    "there, without a hint": ("add", False, "object_there"),
    "place, without a hint": ("add", False, "position_right"),
}
"""Heading -> edit type, whether with hints, the figure."""


@dataclass(frozen=True)
class Run:
    """One of the three."""

    name: str
    config: TrainingConfig
    folder: Path

    @property
    def model(self) -> Path:
        """The model's folder."""
        return self.folder / "model"

    def train(self, stop_after: float | None) -> bool:
        """Trains it, or goes on; whether it is done."""
        if self.model.exists():
            return True
        parts = train(self.config, self.folder, stop_after_seconds=stop_after)
        if parts.step < self.config.steps:
            return False
        if is_first():
            export_model(parts, self.config, self.model)
        return True

    def measure(self, hinted: bool, limit: int) -> dict[str, dict[str, Any]]:
        """The figures of both edit types; without hints those of objects alone."""
        settings, pipeline = read_settings(str(self.model)), load_pipeline(str(self.model), "cpu")
        pipeline.transformer.forward = partial(pipeline.transformer.forward, attention=self.config.attention)
        dataset = BenchmarkDataset(hinted)
        chosen = [
            index
            for index in first_of_each_type(dataset.entries, limit)
            if hinted or dataset.entries[index].edit_type == "add"
        ]
        preset = next(iter(PRESETS))  # the quickest: the model's own steps, without levers
        sampling = Sampling(settings.num_inference_steps, settings.guidance_scale, hinted, preset)
        folder = self.folder / ("hinted" if hinted else "unhinted")
        records = Records(folder, {"weights": settings.weights_sha256, "limit": limit, "hinted": hinted})
        evaluation = Evaluation(pipeline, settings, sampling, None, None, None, folder)
        measured = list(tqdm(evaluation.run(dataset, chosen, records), total=len(chosen), desc=self.name, unit="clip"))
        found = [record for record in measured if record is not None]
        return means(Report(self.name, {}, found, dataset.skipped, ""))


def main() -> None:
    """Trains and measures whatever is left to do, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, metavar="RUNS")
    parser.add_argument("--config", default="small", help="a training file (default: the small model's)")
    parser.add_argument("--share", type=float, default=0.25, help="of the training file's steps (default: 0.25)")
    parser.add_argument("--limit", type=int, default=24, help="clips of each edit type (default: 24)")
    parser.add_argument("--stop-after", type=float, metavar="SECONDS", help="stop training then, to go on later")
    asked = parser.parse_args()
    share_processor(1 if "RANK" in os.environ else None)
    whole = read_training_config(SMALL if asked.config == "small" else Path(asked.config))
    shared = shortened(whole, asked.share)
    runs = [Run(name, replace(shared, **changes), asked.folder / name) for name, changes in ABLATIONS.items()]

    if is_first():
        print(f"| {shared.steps} steps each | {' | '.join(COLUMNS)} |")
        print("|---|" + "---|" * len(COLUMNS), flush=True)
    began = time.monotonic()
    for run in runs:
        # 1. Trained, from where it was stopped
        left = None if asked.stop_after is None else asked.stop_after - (time.monotonic() - began)
        if not run.train(left):
            print(f"{run.name}: stopped; the same command goes on.")
            return

        # 2. Measured, by the first process; the others wait for it where the next run begins
        if not is_first():
            continue
        figures = {hinted: run.measure(hinted, asked.limit) for hinted in (True, False)}
        cells = [
            figures[hinted][edit_type]["edit"].get(name, {}).get("mean") for edit_type, hinted, name in COLUMNS.values()
        ]
        print(f"| {run.name} | {' | '.join('none' if cell is None else f'{cell:.3f}' for cell in cells)} |", flush=True)


def shortened(config: TrainingConfig, share: float) -> TrainingConfig:
    """The same training in a share of its steps, none of its stages left out."""
    stages = tuple(replace(stage, steps=max(1, round(share * stage.steps))) for stage in config.stages)
    steps = sum(stage.steps for stage in stages)
    return replace(config, stages=stages, decay_steps=min(steps, max(1, round(share * config.decay_steps))))


def is_first() -> bool:
    """Whether this is the first process, or the only one."""
    return int(os.environ.get("RANK", "0")) == 0


if __name__ == "__main__":
    try:
        main()
    finally:
        Processes.leave()
