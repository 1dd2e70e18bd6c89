"""`vera-edit resume`: goes on with a take that was cancelled or has failed, or keeps the frames it has."""

from __future__ import annotations

import argparse
import sys

from vera_engine.cli.connection import add_connection_options, connect
from vera_engine.cli.follow import look_on, tell_takes
from vera_engine.cli.outcome import EXIT_STATUS
from vera_engine.cli.take_address import add_take_argument, find_take
from vera_engine.cli.take_progress import TakeProgress
from vera_engine.cli.take_result import AS_EDIT, NO_RESULT, frames_text


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "resume",
        help="go on with a cancelled or failed take, or keep what it has",
        description="Goes on with a take that was cancelled or has failed, after its last finished window: the layers\n"
        "are those of a take that was never stopped. Ctrl-C ends the watching alone; cancel stops the take.",
        epilog=AS_EDIT + EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_take_argument(parser)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--keep-frames", action="store_true", help="make nothing more: a version of what is finished")
    action.add_argument("--no-wait", action="store_true", help="leave it to the engine once it is queued")
    add_connection_options(parser, starts_work=True)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(run=run, no_result=NO_RESULT)


def run(arguments: argparse.Namespace) -> int:
    """Queue it again and show its progress, or make a version of the frames it has."""
    with connect(arguments) as client, TakeProgress(sys.stderr) as progress:
        take = find_take(client, arguments.take, arguments.take_root, arguments.node)
        if arguments.keep_frames:
            take = client.keep_frames(directory=take["directory"], timeout=None)
            progress.say(f"{take['version']} is finished with frames {frames_text(take['frames'])}")
        else:
            take = client.resume_take(directory=take["directory"])
            if not arguments.no_wait:
                take = look_on(client, take, progress)
    return tell_takes([take], as_json=arguments.json)
