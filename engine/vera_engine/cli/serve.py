"""`vera-edit serve`: runs the engine in this process."""

from __future__ import annotations

import argparse
from pathlib import Path

from vera_engine.cli.connection import device


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("serve", help="run the engine", description="Runs the engine until it is stopped.")
    parser.add_argument("--model", default="small", metavar="small|DIR", help="the model to run (default: small)")
    parser.add_argument(
        "--device",
        type=device,
        default="auto",
        metavar="auto|cpu|cuda|mps",
        help="where it runs; cuda:1 is the second of several cards (default: auto)",
    )
    parser.add_argument(
        "--idle", type=seconds, default=0.0, metavar="SECONDS", help="end after so long without work (default: never)"
    )
    parser.add_argument(
        "--unload",
        type=seconds,
        default=600.0,
        metavar="SECONDS",
        help="free the model, and the card's memory, after so long without work; 0: never (default: 600)",
    )
    parser.add_argument(
        "--tcp",
        nargs="?",
        const="127.0.0.1:0",
        metavar="HOST:PORT",
        help="listen on loopback TCP with a token instead of a Unix socket (default port: a free one)",
    )
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="where the engine keeps its records, socket and log"
    )
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads of the model")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    # Imported here: gRPC is not for the other subcommands
    import asyncio

    from vera_engine import __version__
    from vera_engine.plates.chosen_config import keep_configuration_in_memory
    from vera_engine.server.engine import EngineOptions, serve
    from vera_engine.server.state import default_state_dir

    options = EngineOptions(
        state_dir=arguments.state_dir or default_state_dir(),
        model=arguments.model,
        device=arguments.device,
        idle_seconds=arguments.idle,
        unload_seconds=arguments.unload,
        tcp=arguments.tcp,
        threads=arguments.threads,
    )

    def ready(address: str) -> None:
        print(f"vera-edit {__version__} ready at {address}: model {options.model}, device {options.device}", flush=True)

    keep_configuration_in_memory()
    asyncio.run(serve(options, ready))
    return 0


def seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value
