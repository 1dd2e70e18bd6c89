"""`vera-edit watch`: a take that somebody has asked for, followed to its end."""

from __future__ import annotations

import argparse
import sys

from vera_engine.cli.connection import add_connection_options, connect
from vera_engine.cli.follow import look_on, tell_takes
from vera_engine.cli.outcome import EXIT_STATUS
from vera_engine.cli.take_address import add_take_argument, find_take
from vera_engine.cli.take_progress import TakeProgress
from vera_engine.cli.take_result import AS_EDIT, NO_RESULT


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "watch",
        help="follow a take to its end",
        description="Follows a take, of a node or of another shell, to its end. Ctrl-C ends the watching alone.",
        epilog=AS_EDIT + EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_take_argument(parser)
    add_connection_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(run=run, no_result=NO_RESULT)


def run(arguments: argparse.Namespace) -> int:
    """Show the take's progress, then how it ended."""
    with connect(arguments) as client, TakeProgress(sys.stderr) as progress:
        take = find_take(client, arguments.take, arguments.take_root, arguments.node)
        ended = look_on(client, take, progress)
    return tell_takes([ended], as_json=arguments.json)
