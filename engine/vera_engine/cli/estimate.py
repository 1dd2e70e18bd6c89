"""`vera-edit estimate`: what a take needs of a card, before there is one."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from vera_engine.cli.outcome import DONE, REFUSED, print_json
from vera_engine.cli.table import table
from vera_engine.errors import InvalidArgument
from vera_engine.model.settings import SIZE_MULTIPLE

if TYPE_CHECKING:
    from vera_engine.pipeline.estimate import Estimate

_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}


class EstimateRefused(InvalidArgument):
    """An option that nothing can be worked out for."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "estimate",
        help="say what memory and how much work a take needs, and whether it fits a card",
        description="Accounts for one window of a take from the model's real modules, without weights and without a "
        "card: memory by phase, the measures by which it fits, and the work. See docs/memory.md.",
    )
    parser.add_argument(
        "--model", default="small", metavar="MODEL", help="1.3B, 14B, small, or a model folder (default: small)"
    )
    parser.add_argument(
        "--frames", type=int, metavar="N", help="frames in a window, 4n + 1 (default: the model's; 49 for 1.3B, 14B)"
    )
    parser.add_argument(
        "--size", metavar="WxH", help="working size, multiples of 16 (default: the model's; 832x480 for 1.3B, 14B)"
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="what it runs on (default: cuda)")
    parser.add_argument(
        "--device-memory", metavar="BYTES", help="all that the device has, as in 12GB or 24GiB (default: no limit)"
    )
    parser.add_argument(
        "--memory", metavar="BYTES", help="what is free of the computer's memory beside a card (default: no limit)"
    )
    parser.add_argument("--preset", default="standard", metavar="NAME", help="the preset (default: standard)")
    parser.add_argument("--no-guidance", action="store_true", help="a guidance of 1, without the second evaluation")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the account; the exit status is 2 where it does not fit."""
    from vera_engine.pipeline.estimate import estimate

    if arguments.device == "cpu" and arguments.memory is not None:
        raise EstimateRefused(
            "Without a card there is no memory beside it.",
            argument="memory",
            value=arguments.memory,
            remedy="Give what the computer has as --device-memory.",
        )
    made = estimate(
        arguments.model,
        frames=arguments.frames,
        size=None if arguments.size is None else _size(arguments.size),
        device_type=arguments.device,
        device_memory=_bytes("device-memory", arguments.device_memory),
        memory=_bytes("memory", arguments.memory),
        preset=arguments.preset,
        guided=not arguments.no_guidance,
    )
    if arguments.json:
        print_json(made.as_json())
    else:
        print("\n".join(in_words(made)))
    return DONE if made.fit.fits else REFUSED


def in_words(made: Estimate) -> list[str]:
    """An estimate as lines."""
    fit, job = made.fit, made.fit.job
    lines = [f"{made.model}: {job.frames} frames of {job.width}x{job.height} on {fit.device_type}, {made.preset}", ""]
    rows = [[p.name, _mb(p.weights), _mb(p.work), _mb(p.total)] for p in fit.phases]
    lines += table(["phase", "weights MB", "work MB", "together MB"], rows, right=(1, 2, 3))
    lines += ["", f"Peak: {_mb(fit.peak)} MB on the device"]
    if fit.room is not None:
        lines[-1] += f", of {_mb(fit.room)} MB that can be used: {'fits' if fit.fits else 'does not fit'}"
    if fit.beside:
        lines.append(f"Beside it: {_mb(fit.beside)} MB in the computer's memory")
    lines.append(f"Measures: {', '.join(fit.measures.in_words()) or 'none'}")
    lines.append("Weights: " + ", ".join(f"{part} {_mb(size)} MB" for part, size in fit.parts.items()))
    lines += [f"It would fit with {way}." for way in made.ways]
    rows = [[name, str(evaluations), f"{work / 10**15:.3g}"] for name, (evaluations, work) in made.presets.items()]
    lines += ["", f"One evaluation: {fit.operations['evaluation'] / 10**12:.4g} TFLOP. A window at most:"]
    lines += table(["preset", "evaluations", "PFLOP"], rows, right=(1, 2))
    return lines


def _mb(count: int) -> str:
    return f"{count / 10**6:,.0f}"


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(side and side % SIZE_MULTIPLE == 0 for side in size):
        raise EstimateRefused(
            f"A size is two multiples of {SIZE_MULTIPLE}.", argument="size", value=text, remedy="As in 832x480."
        )
    return size


def _bytes(option: str, text: Any) -> int | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MB|GB|MiB|GiB)", text)
    if match is None:
        raise EstimateRefused(
            "That is no amount of memory.",
            argument=option,
            value=text,
            remedy=f"Give a number and {', '.join(_UNITS)}, as in 12GB.",
        )
    return int(float(match[1]) * _UNITS[match[2]])
