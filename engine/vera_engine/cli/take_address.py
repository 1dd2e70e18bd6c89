"""TAKE on the command line: a version's folder, or `v003` of a node below a take root."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any

from vera_client import VeraClient
from vera_engine.errors import InvalidArgument, NotFound

VERSION = re.compile(r"v\d{3,}")
HELP = "its folder, or its version (v003), with --node and --take-root where several nodes have one"


class TakeNotFound(NotFound):
    """No take has that version."""


class TakeAmbiguous(InvalidArgument):
    """Several nodes have a take of that version."""


def add_take_argument(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """The positional argument TAKE, and what a version alone may need besides."""
    if several:
        parser.add_argument("takes", nargs="+", metavar="TAKE", help=HELP)
    else:
        parser.add_argument("take", metavar="TAKE", help=HELP)
    add_place_options(parser)


def add_place_options(parser: argparse.ArgumentParser) -> None:
    """Where a version is looked for."""
    place = parser.add_argument_group("where a version is looked for")
    place.add_argument("--take-root", type=Path, metavar="DIR", help="the folder of all nodes' takes (default: any)")
    place.add_argument("--node", default="", metavar="NAME", help="the node's folder below it (default: any)")


def find_take(client: VeraClient, text: str, take_root: Path | None, node: str) -> dict[str, Any]:
    """The take that is meant.

    Raises:
        TakeNotFound, TakeAmbiguous: By its version.
        VeraClientError: By its folder or id, in the engine's words.
    """
    name = text.removesuffix("/").removesuffix(".partial")
    directory = os.path.abspath(name)
    if os.path.isdir(directory) or os.path.isdir(f"{directory}.partial") or os.sep in name:
        return client.get_take(directory=directory)
    if not VERSION.fullmatch(name):
        return client.get_take(take_id=name)
    root = str(take_root.absolute()) if take_root else ""
    found = [take for take in client.list_takes(node, root) if take["version"] == name]
    if not found:
        raise TakeNotFound(
            "There is no such take.",
            argument="take",
            value=text,
            remedy="`vera-edit takes TAKE_ROOT` lists those that are there; a take's folder names it beyond doubt.",
        )
    if len(found) > 1:
        raise TakeAmbiguous(
            f"{len(found)} takes have that version: {', '.join(take['directory'] for take in found)}.",
            argument="take",
            value=text,
            remedy="Name its folder, or its node with --node and --take-root.",
        )
    return found[0]
