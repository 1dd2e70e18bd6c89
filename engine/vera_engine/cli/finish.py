"""`vera-edit finish`: a take's matte and layers made anew, without the model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from vera_engine.cli.connection import add_connection_options, connect
from vera_engine.cli.finish_options import add_finish_options, finish_of
from vera_engine.cli.follow import make_takes, tell_takes
from vera_engine.cli.outcome import EXIT_STATUS
from vera_engine.cli.take_address import add_take_argument, find_take
from vera_engine.cli.take_progress import TakeProgress
from vera_engine.cli.take_result import AS_EDIT, NO_RESULT
from vera_engine.plates.frames import FrameSet

DESCRIPTION = """
Makes a new version of a finished take with another matte: what the model made is kept in every take, and everything
after it is done again, in seconds. The take itself stays as it is, and so do, in the new version, frames that are not
in FRAMES.

Such versions do not wait for takes that the model is at work on.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "finish",
        help="make a take's matte and layers anew, without the model",
        description=DESCRIPTION,
        epilog=AS_EDIT + EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_take_argument(parser)
    parser.add_argument("--frames", metavar="FRAMES", help="as in 1001-1017 or 1011-1018,1040 (default: all it has)")
    add_finish_options(parser)
    parser.add_argument(
        "--frame-offset", type=int, metavar="N", help="of the hold-out: file frame = frame + N (default: 0)"
    )
    parser.add_argument("--label", default="", metavar="TEXT", help="one line that names the new version in lists")
    parser.add_argument("--again", action="store_true", help="make it though the same request has a finished take")
    parser.add_argument("--no-wait", action="store_true", help="leave it to the engine once it is queued")
    add_connection_options(parser, starts_work=True)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(run=run, no_result=NO_RESULT)


def run(arguments: argparse.Namespace) -> int:
    """Make the version and say how it went; raises what `main` prints."""
    frames = None if arguments.frames is None else FrameSet.parse(arguments.frames)
    finish = finish_of(arguments)
    with connect(arguments) as client, TakeProgress(sys.stderr) as progress:
        base = find_take(client, arguments.take, arguments.take_root, arguments.node)
        request: dict[str, Any] = {
            "node_id": base["request"]["node_id"],
            "take_root": str(Path(base["directory"]).parent.parent),
            "base_directory": base["directory"],
            "frames": base["frames"] if frames is None else frames.as_dicts(),
            "finish_only": True,
            "label": arguments.label,
            "reuse": not arguments.again,
            **finish,
        }
        takes = make_takes(client, [request], progress, wait=not arguments.no_wait)
    return tell_takes(takes, as_json=arguments.json)
