"""`vera-edit unload`: frees the graphics card for the host, now."""

from __future__ import annotations

import argparse

from vera_engine.cli.connection import add_connection_options, connect
from vera_engine.cli.outcome import DONE, print_json


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "unload",
        help="free the model's memory now",
        description="Has the engine free its model, and with it the memory of the graphics card, for the host to use. "
        "The next take loads it again. Refused while a take runs. By itself the engine does so after ten minutes "
        'without work. With --json: {"unloaded": whether there was a model to free, "error": null}.',
    )
    add_connection_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run, no_result={"unloaded": None})


def run(arguments: argparse.Namespace) -> int:
    """Free it; an engine that does not run has nothing to free."""
    with connect(arguments) as client:
        was_loaded = client.unload()
    if arguments.json:
        print_json({"unloaded": was_loaded, "error": None})
    else:
        print("The model is unloaded." if was_loaded else "No model was loaded.")
    return DONE
