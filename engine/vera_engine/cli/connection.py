"""The way from a subcommand to the engine: its options, and a client made of them."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

from vera_client import EngineMismatch, VeraClient
from vera_client.devices import is_device, is_on


def add_connection_options(parser: argparse.ArgumentParser, *, starts_work: bool = False) -> None:
    """The options that say which engine is meant; with `starts_work` also those for one that is started."""
    engine = parser.add_argument_group("engine")
    if starts_work:
        engine.add_argument("--model", metavar="small|DIR", help="refused where the engine runs with another one")
        engine.add_argument(
            "--device", type=device, metavar="auto|cpu|cuda|mps", help="refused where the engine runs on another one"
        )
        engine.add_argument("--threads", type=int, metavar="N", help="for an engine that is started")
    engine.add_argument("--state-dir", type=Path, metavar="DIR", help="where engine and clients meet")
    engine.add_argument(
        "--address", metavar="HOST:PORT", help="an engine that runs already; its token in the variable VERA_EDIT_TOKEN"
    )


@contextlib.contextmanager
def connect(arguments: argparse.Namespace) -> Iterator[VeraClient]:
    """A client for the time of a subcommand; the engine and its takes go on after it.

    Raises:
        EngineMismatch: The engine that runs computes on another device than asked for.
    """
    client = VeraClient(
        state_dir=arguments.state_dir,
        address=arguments.address,
        **{name: getattr(arguments, name, None) for name in ("model", "device", "threads")},
    )
    try:
        _check_device(client, getattr(arguments, "device", None))
        yield client
    finally:
        client.close()


def device(text: str) -> str:
    """A device's name, for argparse."""
    if not is_device(text):
        raise ValueError(text)
    return text


def _check_device(client: VeraClient, asked: str | None) -> None:
    if asked is None:
        return
    said = client.engine_info()["device"]
    if is_on(said, asked) is False:
        raise EngineMismatch(
            f"The engine that runs computes on {said.partition(' ')[0]}.",
            argument="device",
            value=asked,
            remedy="End it (`vera-edit stop`) and try again, or leave the device to it.",
        )
