"""`vera-edit evaluate`: measures a model on a data set, beside baselines on the same clips and the paper's figures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from vera_engine.cli.serve import count
from vera_engine.errors import FailedPrecondition, InvalidArgument
from vera_engine.model.settings import ModelSettings, read_settings
from vera_engine.model.threads import share_processor
from vera_engine.pipeline.presets import DEFAULT_PRESET, PRESETS, find_preset, preset_steps

if TYPE_CHECKING:
    from vera_engine.evaluation.perceptual import Lpips
    from vera_engine.training.datasets.sample import LayeredDataset


COUNTS = 64, 40
"""Synthetic object additions and background changes where none are given."""


class SizeRefused(InvalidArgument):
    """A size or count that cannot be measured at."""


class NothingMeasured(FailedPrecondition):
    """A data set all of whose clips are damaged."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure a model on a data set",
        description="Measures what a model keeps outside its edits, its mattes, and whether they are what was asked "
        "for; beside the model's own composite branch, doing nothing, VACE where it is there, and the paper's figures. "
        "Writes report.md, report.json and a page of pictures, index.html. Stopped anywhere, the same command goes on.",
    )
    parser.add_argument("model", metavar="MODEL", help='"small" or a model folder')
    parser.add_argument(
        "dataset",
        nargs="?",
        default="benchmark",
        metavar="DATASET",
        help="benchmark (default): 72 object additions and 69 background changes over footage that training never "
        "sees; synthetic: as many as --add and --background say; or a folder or .jsonl in the layout of Netflix's "
        "layered data set, or a studio's manifest (docs/datasets.md)",
    )
    clips = parser.add_argument_group("clips")
    clips.add_argument("--add", type=int, metavar="N", help="synthetic: clips of object addition (64)")
    clips.add_argument("--background", type=int, metavar="N", help="synthetic: clips of background change (40)")
    clips.add_argument("--limit", type=count, metavar="N", help="only the first N clips of each edit type")
    clips.add_argument(
        "--frames",
        type=count,
        metavar="N",
        help="the first N frames of each clip (default: all; synthetic: the window)",
    )
    clips.add_argument(
        "--tolerance",
        type=share,
        metavar="E",
        help="how far a clip's composite may be from its layers before it is skipped (default: the data set's own)",
    )
    sampling = parser.add_argument_group("sampling")
    sampling.add_argument("--without-mask", action="store_true", help="give the model no mask")
    sampling.add_argument(
        "--preset", choices=tuple(PRESETS), default=DEFAULT_PRESET, help=f"as for a take (default: {DEFAULT_PRESET})"
    )
    sampling.add_argument("--steps", type=count, metavar="N", help="denoising steps (default: the preset's)")
    sampling.add_argument("--guidance", type=float, metavar="G", help="guidance scale (default: the model's own)")
    sampling.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    sampling.add_argument("--threads", type=count, metavar="N", help="CPU threads")
    baseline = parser.add_argument_group("baseline")
    baseline.add_argument("--vace", type=Path, metavar="FOLDER", help="VACE, in diffusers' form, on the same clips")
    baseline.add_argument("--vace-steps", type=count, default=50, metavar="N", help="its denoising steps (default: 50)")
    parser.add_argument(
        "--out", type=Path, default=Path("evaluation"), metavar="DIR", help="folder of the report (default: evaluation)"
    )
    parser.set_defaults(run=run)


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def run(arguments: argparse.Namespace) -> int:
    """Measures, prints the tables, writes the report."""
    share_processor(arguments.threads)

    from vera_engine.evaluation.generate import Sampling
    from vera_engine.evaluation.page import write_page
    from vera_engine.evaluation.records import Records
    from vera_engine.evaluation.report import Report, markdown, write_report
    from vera_engine.evaluation.run import Evaluation
    from vera_engine.pipeline.checks import check_guidance
    from vera_engine.pipeline.loading import load_pipeline
    from vera_engine.takes.memory_check import MemoryCheck
    from vera_engine.training.datasets.find import first_of_each_type

    # 1. What to measure
    settings = read_settings(arguments.model)
    dataset = _dataset(arguments, settings)
    chosen = first_of_each_type(dataset.entries, arguments.limit)
    steps = arguments.steps or preset_steps(find_preset(arguments.preset), settings)
    guidance = settings.guidance_scale if arguments.guidance is None else arguments.guidance
    check_guidance(guidance)
    sampling = Sampling(steps, guidance, not arguments.without_mask, arguments.preset)

    # 2. With what; the baseline first, so that what is free is what it leaves
    lpips, without_lpips = _lpips()
    vace = None
    if arguments.vace is not None:
        from vera_engine.evaluation.vace import Vace

        vace = Vace(arguments.vace, arguments.device, arguments.vace_steps)
    memory = MemoryCheck(arguments.model, settings, arguments.device)
    pipeline = load_pipeline(arguments.model, arguments.device, measures=memory.measures)

    # 3. Clip after clip; what the folder has already is not made again
    decides: dict[str, Any] = {
        "model": settings.name,
        "weights": settings.weights_sha256,
        "dataset": dataset.identity,
        "frames": arguments.frames,
        "preset": arguments.preset,
        "steps": steps,
        "guidance": guidance,
        "with_mask": sampling.with_mask,
        "vace": None if vace is None else f"{arguments.vace.absolute()}, {arguments.vace_steps} steps",
        "lpips": lpips is not None,
        "device": memory.device_description,
    }
    records = Records(arguments.out, decides)
    evaluation = Evaluation(pipeline, settings, sampling, arguments.frames, lpips, vace, arguments.out)
    measured = list(tqdm(evaluation.run(dataset, chosen, records), total=len(chosen), unit="clip"))

    # 4. The report
    asked = f"preset {arguments.preset}, {steps} steps, guidance {guidance:g}" + (
        "" if sampling.with_mask else ", without a mask"
    )
    found = [record for record in measured if record is not None]
    report = Report(f"{settings.name} on {dataset.title}: {asked}", decides, found, dataset.skipped, without_lpips)
    write_report(arguments.out, report)
    write_page(arguments.out, report)
    print(markdown(report))
    print(f"Report: {arguments.out / 'index.html'}", file=sys.stderr)
    if not found:
        raise NothingMeasured(
            "No clip could be measured.",
            argument="dataset",
            value=arguments.dataset,
            remedy="The report names them, and why.",
        )
    return 0


def _dataset(arguments: argparse.Namespace, settings: ModelSettings) -> LayeredDataset:
    """The data set that is meant; synthetic clips are drawn at the model's own size."""
    from vera_engine.training.datasets.drawn_benchmark import BenchmarkDataset
    from vera_engine.training.datasets.find import find_dataset
    from vera_engine.training.datasets.sample import ClipShape
    from vera_engine.training.datasets.synthetic import SyntheticDataset

    counts = arguments.add, arguments.background
    if arguments.dataset in ("benchmark", "synthetic") and arguments.tolerance is not None:
        raise SizeRefused(
            "Drawn clips are what their layers are; there is nothing to tolerate.",
            argument="tolerance",
            value=arguments.tolerance,
            remedy="Leave it out.",
        )
    if arguments.dataset != "synthetic" and counts != (None, None):
        raise SizeRefused(
            "Only synthetic clips come in any number.",
            argument="add, background",
            value=counts,
            remedy="Say synthetic, or --limit.",
        )
    hinted = not arguments.without_mask
    if arguments.dataset == "benchmark":
        return BenchmarkDataset(hinted)
    if arguments.dataset != "synthetic":
        return find_dataset(Path(arguments.dataset), arguments.tolerance)
    frames = arguments.frames or settings.window_frames
    if frames > settings.window_frames:
        raise SizeRefused(
            "Synthetic clips are as long as the model's window at most.",
            argument="frames",
            value=frames,
            remedy=f"Give 1 to {settings.window_frames} frames.",
        )
    shape = ClipShape(frames, *settings.working_sizes[0])
    additions, backgrounds = (own if given is None else given for given, own in zip(counts, COUNTS, strict=True))
    return SyntheticDataset(additions, backgrounds, shape, hinted)


def _lpips() -> tuple[Lpips | None, str]:
    """LPIPS, or why there is none."""
    from vera_engine.evaluation.perceptual import LpipsMissing, load_lpips

    try:
        return load_lpips(), ""
    except LpipsMissing as error:
        return None, error.reason
