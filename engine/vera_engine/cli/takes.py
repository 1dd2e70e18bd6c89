"""`vera-edit takes`: lists, shows, compares, names and deletes takes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vera_client import VeraClient
from vera_engine.cli import takes_compare, takes_list, takes_show
from vera_engine.cli.connection import add_connection_options, connect
from vera_engine.cli.outcome import DONE, print_json
from vera_engine.cli.take_address import add_place_options, add_take_argument, find_take
from vera_engine.cli.take_result import AS_EDIT, NO_RESULT, take_result

DESCRIPTION = """
Lists takes, newest last. Without TAKE_ROOT: all that the engine knows of; with it also those that other engines have
left there. `vera-edit takes TAKE_ROOT` is short for `vera-edit takes list TAKE_ROOT`.
"""

Run = Callable[[VeraClient, argparse.Namespace], int]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand and its own subcommands."""
    parser = subparsers.add_parser(
        "takes",
        help="list takes; show, compare, label, note, star and delete them",
        usage="vera-edit takes [TAKE_ROOT] [--node NAME] [--json]\n       vera-edit takes COMMAND ...",
        description=DESCRIPTION,
        epilog="`vera-edit takes COMMAND --help` says more of each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(unnamed="list")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_list(commands)
    show = _add(commands, "show", "all that is known of a take", takes_show.run, details=takes_show.JSON_HELP)
    add_take_argument(show)
    compare = _add(commands, "compare", "what two takes differ in", takes_compare.run, details=takes_compare.JSON_HELP)
    compare.add_argument("take", metavar="A", help="a take, as for show")
    compare.add_argument("other", metavar="B", help="another")
    add_place_options(compare)
    _add_notes(commands)
    delete = _add(
        commands,
        "delete",
        "remove takes and their files",
        delete_takes,
        details="A starred take, and one that others are based on, is refused without --force.\n"
        'With --json: {"deleted": [take_id, ...], "error": null}.\n',
    )
    add_take_argument(delete, several=True)
    delete.add_argument("--force", action="store_true", help="also a starred one, or the base of others")
    delete.set_defaults(no_result={"deleted": None})


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str, run: Run, details: str = ""
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=words,
        description=f"{words[0].upper()}{words[1:]}.",
        prog=f"vera-edit takes {name}",
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_connection_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")

    def connected(arguments: argparse.Namespace) -> int:
        with connect(arguments) as client:
            return run(client, arguments)

    parser.set_defaults(run=connected)
    return parser


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(commands, "list", "the takes that are there", takes_list.run, details=takes_list.JSON_HELP)
    parser.add_argument(
        "take_root", nargs="?", type=Path, metavar="TAKE_ROOT", help="the folder of all nodes' takes (default: any)"
    )
    parser.add_argument("--node", default="", metavar="NAME", help="of this node only")
    parser.set_defaults(no_result={"takes": None})


def _add_notes(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What an artist says of a take."""
    label = _add(commands, "label", "name a take in one line", set_label, details=AS_EDIT)
    note = _add(commands, "note", "write a note to a take", set_note, details=AS_EDIT)
    for parser, what in ((label, "the line; empty takes it away"), (note, "the note, - reads it from standard input")):
        add_take_argument(parser)
        parser.add_argument("text", metavar="TEXT", help=what)
        parser.set_defaults(no_result=NO_RESULT)
    for name, starred in (("star", True), ("unstar", False)):
        words = "mark takes to be kept" if starred else "take the mark away"
        parser = _add(commands, name, words, set_star, details='With --json: {"takes": [...], "error": null}.\n')
        add_take_argument(parser, several=True)
        parser.set_defaults(starred=starred, no_result={"takes": None})


def set_label(client: VeraClient, arguments: argparse.Namespace) -> int:
    """`takes label`."""
    found = find_take(client, arguments.take, arguments.take_root, arguments.node)
    return _tell(client.update_take(directory=found["directory"], label=arguments.text), arguments)


def set_note(client: VeraClient, arguments: argparse.Namespace) -> int:
    """`takes note`."""
    found = find_take(client, arguments.take, arguments.take_root, arguments.node)
    text = sys.stdin.read().rstrip("\n") if arguments.text == "-" else arguments.text
    return _tell(client.update_take(directory=found["directory"], note=text), arguments)


def _tell(take: dict[str, Any], arguments: argparse.Namespace) -> int:
    if arguments.json:
        print_json(take_result(take))
    return DONE


def set_star(client: VeraClient, arguments: argparse.Namespace) -> int:
    """`takes star` and `takes unstar`; none is changed where one of them is not there."""
    found = _find_all(client, arguments)
    takes = [client.update_take(directory=take["directory"], starred=arguments.starred) for take in found]
    if arguments.json:
        print_json({"takes": [take_result(take) for take in takes], "error": None})
    return DONE


def delete_takes(client: VeraClient, arguments: argparse.Namespace) -> int:
    """`takes delete`; none is deleted where one of them is not there."""
    deleted = []
    for take in _find_all(client, arguments):
        client.delete_take(directory=take["directory"], force=arguments.force)
        deleted.append(take["take_id"])
        print(f"vera-edit: {take['directory']} deleted", file=sys.stderr)
    if arguments.json:
        print_json({"deleted": deleted, "error": None})
    return DONE


def _find_all(client: VeraClient, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    return [find_take(client, text, arguments.take_root, arguments.node) for text in arguments.takes]
