"""`vera-edit cancel`: stops a take; what it has finished stays on disk."""

from __future__ import annotations

import argparse
import sys

from vera_client import FINAL_STATES
from vera_engine.cli.connection import add_connection_options, connect
from vera_engine.cli.follow import SECONDS_TO_CANCEL
from vera_engine.cli.outcome import DONE, print_json
from vera_engine.cli.take_address import add_take_argument, find_take
from vera_engine.cli.take_result import AS_EDIT, NO_RESULT, frames_text, take_result


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "cancel",
        help="stop a take; its finished windows stay",
        description="Stops a take, within a step, and waits for that. Its finished windows stay on disk: see resume.\n"
        "A take that has ended already stays as it is.",
        epilog=AS_EDIT + "The exit status is 0 once the take has ended, however it did.\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_take_argument(parser)
    add_connection_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(run=run, no_result=NO_RESULT)


def run(arguments: argparse.Namespace) -> int:
    """Stop it, and say what there is of it."""
    with connect(arguments) as client:
        take = find_take(client, arguments.take, arguments.take_root, arguments.node)
        had_ended = take["state"] in FINAL_STATES
        if not had_ended:
            client.cancel(take["take_id"])
            take = client.wait(take["take_id"], timeout=SECONDS_TO_CANCEL)
    words = (
        f"{take['version']} had ended before: {take['state']}" if had_ended else f"{take['version']} {take['state']}"
    )
    if take["state"] != "finished" and take["finished_frames"]:
        words += f"; frames {frames_text(take['finished_frames'])} are done"
    print(f"vera-edit: {words}", file=sys.stderr)
    if arguments.json:
        print_json(take_result(take))
    return DONE
