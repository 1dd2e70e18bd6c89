"""`vera-edit evaluate`: measures a model on synthetic clips over photographs it was not trained on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vera_engine.errors import InvalidArgument
from vera_engine.model.settings import read_settings
from vera_engine.model.threads import share_processor


class SizeRefused(InvalidArgument):
    """A size or count that cannot be measured at."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure a model on held-out clips",
        description="Measures mattes, colors and what is preserved, on synthetic clips over held-out photographs.",
    )
    parser.add_argument("model", help='"small" or a model folder')
    parser.add_argument("--add", type=int, default=64, metavar="N", help="clips of object addition (64)")
    parser.add_argument("--background", type=int, default=40, metavar="N", help="clips of background change (40)")
    parser.add_argument("--frames", type=int, help="frames a clip; the model's window where not given")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's default where not given")
    parser.add_argument("--guidance", type=float, help="guidance scale; the model's default where not given")
    parser.add_argument("--without-mask", action="store_true", help="give the model no mask")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--out", type=Path, default=Path("evaluation"), help="folder of the report (evaluation/)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measures, prints the table, writes `report.md`, `report.json` and `sheet.png`."""
    share_processor(arguments.threads)

    from vera_engine.evaluation import report
    from vera_engine.evaluation.held_out import measure_held_out
    from vera_engine.pipeline.loading import load_pipeline

    pipeline = load_pipeline(arguments.model, arguments.device)
    settings = read_settings(arguments.model)
    frames = settings.window_frames if arguments.frames is None else arguments.frames
    if not 1 <= frames <= settings.window_frames or min(arguments.add, arguments.background) < 0:
        raise SizeRefused(
            "The model cannot be measured like this.",
            argument="frames",
            value=frames,
            remedy=f"Give 1 to {settings.window_frames} frames, and counts of 0 or more.",
        )
    options: dict[str, Any] = {
        "add_count": arguments.add,
        "background_count": arguments.background,
        "frames": frames,
        "size": settings.working_sizes[0],
        "with_mask": not arguments.without_mask,
        "steps": settings.num_inference_steps if arguments.steps is None else arguments.steps,
        "guidance": settings.guidance_scale if arguments.guidance is None else arguments.guidance,
    }
    rows: list[report.Row] = []
    pictures = []
    shown = {0, 1, 2, 3, 4, 5, 6, 7, *range(arguments.add, arguments.add + 6)}
    measurements = measure_held_out(pipeline, **options)
    for index, measured in enumerate(tqdm(measurements, total=arguments.add + arguments.background, unit="clip")):
        rows.append(report.row_of(measured))
        if index in shown:
            pictures.append(report.sheet_row(measured))
    means = report.summary(rows)
    width, height = options["size"]
    title = f"{settings.name}: {frames} frames of {width}x{height}, {options['steps']} steps"
    table = report.markdown(means, title + ("" if options["with_mask"] else ", without a mask"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "report.md").write_text(table, encoding="utf-8")
    report.write_json(arguments.out / "report.json", means, rows, {"model": settings.name, **options})
    report.write_sheet(arguments.out / "sheet.png", pictures)
    print(table)
    print(f"Report: {arguments.out}", file=sys.stderr)
    return 0
