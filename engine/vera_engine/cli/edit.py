"""`vera-edit edit`: takes from the shell, by the same way a host goes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vera_engine.cli.connection import add_connection_options, connect
from vera_engine.cli.edit_request import DEFAULT_NODE, make_requests
from vera_engine.cli.finish_options import add_finish_options
from vera_engine.cli.follow import make_takes, tell_takes
from vera_engine.cli.outcome import EXIT_STATUS
from vera_engine.cli.take_address import HELP as TAKE_HELP
from vera_engine.cli.take_progress import TakeProgress
from vera_engine.cli.take_result import NO_RESULT, RESULT_HELP
from vera_engine.pipeline.presets import DEFAULT_PRESET, PRESETS

DESCRIPTION = """
Makes a take: an edit layer and its matte for frames of a plate, as OpenEXR files.

The engine of this user is used, and started where it does not run. Ctrl-C cancels the take.
"""

EPILOG = f"""
The take is the folder TAKE_ROOT/NODE/v001 (v002, ...), with layers.1001.exr for frame 1001: R G B A is the edit,
premultiplied, with its matte; straight.R straight.G straight.B its colour before that. model.1001.exr is what the model
made of it, for `vera-edit finish`. Without --take-root, TAKE_ROOT is vera_takes/ beside the plate's own folder:
/shots/010/vera_takes for /shots/010/plate/plate.####.exr.

With --base only FRAMES are made again; all others are the base take's own, bit for bit. What is not said (PLATE,
--edit, --prompt, --mask, settings, the seed too) is as it was for the base:
  vera-edit edit --base /shots/010/vera_takes/shell/v003 --frames 1030-1045 --prompt "..." --seed 8

A finished take of the very same request, with a seed, is not made twice: it is told, and "existing" is true.
{RESULT_HELP}
With --seeds it is {{"state": the worst of theirs, "takes": [such objects], "error": null}}.
{EXIT_STATUS}"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "edit",
        help="make a take of a plate, or a part of a take again",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "plate",
        nargs="?",
        metavar="PLATE",
        help="the plate: plate.####.exr or plate.%%04d.exr, its folder, one of its files, or a movie",
    )
    parser.add_argument("--frames", required=True, metavar="FRAMES", help="as in 1001-1017 or 1011-1018,1040")
    parser.add_argument("--edit", metavar="add|background", help="put something in, or change the back")
    parser.add_argument("--prompt", metavar="TEXT", help="what to do, in words the model knows")
    parser.add_argument(
        "--handles", type=int, default=0, metavar="N", help="N frames more at each end of every range (default: 0)"
    )
    repair = parser.add_argument_group("a part of a take again")
    repair.add_argument("--base", metavar="TAKE", help=f"the take to keep all other frames of: {TAKE_HELP}")
    repair.add_argument(
        "--strength", type=float, metavar="S", help="how far to leave the base: 0.2 touches up, 1 is new (default: 1)"
    )
    mask = parser.add_argument_group("mask")
    mask.add_argument("--mask", metavar="MASK", help="the mask's files, as PLATE")
    mask.add_argument(
        "--mask-means",
        default="",
        metavar="edit|keep",
        help="what white says: edit here, or keep this (default: edit for add, keep for background)",
    )
    mask.add_argument("--invert-mask", action="store_true", help="turn white and black around first")
    mask.add_argument("--no-mask", action="store_true", help="with --base: without the base's mask")
    settings = parser.add_argument_group(
        "settings", "Where one is not given, the preset's or the model's own (the base's) is taken."
    )
    seeds = settings.add_mutually_exclusive_group()
    seeds.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same take (default: drawn)")
    seeds.add_argument("--seeds", metavar="SEEDS", help="a take for each, as in 1-4 or 1,5,9")
    settings.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        help=f"how much time the take is worth: its steps, and what they save (default: {DEFAULT_PRESET})",
    )
    settings.add_argument("--steps", type=int, metavar="N", help="denoising steps (default: the preset's)")
    settings.add_argument("--guidance", type=float, metavar="G", help="classifier-free guidance, 1 for none")
    settings.add_argument(
        "--exposure", type=float, metavar="STOPS", help="how much brighter the model sees the plate (default: 0)"
    )
    _add_region(parser)
    add_finish_options(parser)
    _add_files(parser)
    queue = parser.add_argument_group("queue")
    queue.add_argument("--label", default="", metavar="TEXT", help="one line that names the take in lists")
    queue.add_argument("--priority", type=int, default=0, metavar="N", help="higher goes first (default: 0)")
    queue.add_argument("--again", action="store_true", help="make it though the same request has a finished take")
    queue.add_argument(
        "--no-wait", action="store_true", help="leave it to the engine once it is queued: see watch, cancel and takes"
    )
    add_connection_options(parser, starts_work=True)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(run=run, no_result=NO_RESULT)


def _add_region(parser: argparse.ArgumentParser) -> None:
    region = parser.add_argument_group("region of interest")
    region.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="X,Y,W,H|mask|base",
        help="work on this part of the picture alone, in pixels from its upper left; several, as in 1001:X,Y,W,H, for "
        "a box that moves; mask, base: around the mask, or the base's matte",
    )
    region.add_argument("--margin", type=int, metavar="N", help="N pixels more on each side of it (default: 0)")


def _add_files(parser: argparse.ArgumentParser) -> None:
    files = parser.add_argument_group("files")
    files.add_argument(
        "--colorspace",
        default="",
        metavar="lin_rec709|acescg|srgb|NAME",
        help="the plate's, where its files do not say; NAME: any of the OpenColorIO configuration",
    )
    files.add_argument("--view", default="", metavar="NAME", help="of a file with several views")
    files.add_argument("--part", default="", metavar="NAME", help="of a file with several parts: its name or number")
    files.add_argument("--layer", default="", metavar="NAME", help="the channels' prefix: beauty for beauty.R")
    files.add_argument(
        "--nan",
        default="",
        metavar="refuse|zero",
        help="pixels that are not finite: refuse them, or read 0 (default: refuse)",
    )
    files.add_argument(
        "--frame-offset", type=int, metavar="N", help="file frame = frame + N, also of mask and hold-out (default: 0)"
    )
    files.add_argument("--take-root", type=Path, metavar="DIR", help="where takes go (default: see below)")
    files.add_argument(
        "--node",
        default="",
        metavar="NAME",
        help=f"folder below the take root (default: {DEFAULT_NODE}, or the base's)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the takes and say how it went; raises what `main` prints."""
    with connect(arguments) as client, TakeProgress(sys.stderr) as progress:
        requests = make_requests(arguments, client)
        takes = make_takes(client, requests, progress, wait=not arguments.no_wait)
    return tell_takes(takes, as_json=arguments.json, are_several=arguments.seeds is not None)
