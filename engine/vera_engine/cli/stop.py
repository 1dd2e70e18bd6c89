"""`vera-edit stop`: ends the engine."""

from __future__ import annotations

import argparse

from vera_engine.cli.connection import add_connection_options, connect
from vera_engine.cli.outcome import DONE, print_json


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "stop",
        help="end the engine",
        description="Ends the engine, for the next one to be started with another device, model or OCIO: one that is "
        "running keeps those it was started with. Refused while takes are queued or running; with --cancel they are "
        'cancelled, and can be resumed. With --json: {"stopped": whether an engine ran, "error": null}.',
    )
    parser.add_argument("--cancel", action="store_true", help="cancel takes that are queued or running")
    add_connection_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run, no_result={"stopped": None})


def run(arguments: argparse.Namespace) -> int:
    """End it; where none runs there is nothing to do."""
    with connect(arguments) as client:
        has_run = client.stop_engine(cancel_running=arguments.cancel)
    if arguments.json:
        print_json({"stopped": has_run, "error": None})
    else:
        print("The engine has ended." if has_run else "No engine runs.")
    return DONE
