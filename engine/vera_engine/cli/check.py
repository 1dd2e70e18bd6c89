"""`vera-edit check`: a finished take's files held to what they have to be, pixel by pixel."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from vera_engine.cli.outcome import DONE, EXIT_STATUS, FAILED, print_json
from vera_engine.cli.table import table
from vera_engine.cli.take_address import VERSION, TakeAmbiguous, TakeNotFound, add_take_argument
from vera_engine.plates.frames import FrameSet

if TYPE_CHECKING:
    from vera_engine.plates.proof import FrameMaps, FrameProof, TakeProof
    from vera_engine.takes.take_proof import OnFrame

DESCRIPTION = """
Proves a finished take from its files alone, frame by frame; needs no engine and no model. The plate has to be there, as
it was when the take was made.

  CHANGED  pixels outside the matte in which the comp is not the plate, bit for bit; has to be 0
  PSNR     of the comp against the plate outside the matte, in dB, as the model sees them; = where they are equal
  SSIM     structural similarity of the same, 1 where they are equal
  LARGEST  change of a channel outside the matte, in the plate's linear light
  ERROR    largest difference of the layers over the plate from the comp that the model meant, relative to it: at most
           9.8e-04
  MATTE    how much of the picture it covers
  FLICKER  how much the matte changes from the frame before, beyond what the plate does

Outside is where the matte is exactly 0, outside a region of interest, and where a hold-out is 1.
"""

JSON_HELP = """
With --json the last line is {"take": its folder, "exact", "verdict": one line, "changed_outside",
"largest_relative_error", "matte_coverage", "flicker", "frames": [{"frame", "changed_outside", "psnr_outside": null
where equal, "ssim_outside", "largest_change_outside", "largest_relative_error", "matte_coverage", "flicker"}], "page":
path or null, "error": null}. A figure that is not known is null. The exit status is 1 where the take is not exact.
"""

NO_RESULT: dict[str, Any] = dict.fromkeys(
    (
        "take",
        "exact",
        "verdict",
        "changed_outside",
        "largest_relative_error",
        "matte_coverage",
        "flicker",
        "frames",
        "page",
    )
)
HEADS = ("FRAME", "CHANGED", "PSNR", "SSIM", "LARGEST", "ERROR", "MATTE", "FLICKER")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "check",
        help="prove that a take leaves the plate alone, and merges to what the model meant",
        description=DESCRIPTION,
        epilog=JSON_HELP + EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_take_argument(parser)
    parser.add_argument("--frames", metavar="FRAMES", help="as in 1001-1017 or 1011-1018,1040 (default: all it has)")
    parser.add_argument("--plate", default="", metavar="PLATE", help="where the plate lies now, if it was moved")
    parser.add_argument("--holdout", default="", metavar="MASK", help="where the hold-out lies now, if it was moved")
    parser.add_argument(
        "--page",
        type=Path,
        metavar="FILE|DIR",
        help="also write a page with heat maps: FILE.html, which holds all, or a folder for index.html and PNG files",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(run=run, no_result=NO_RESULT)


def run(arguments: argparse.Namespace) -> int:
    """Prove it and say what came of it; a take that is not exact has failed."""
    from vera_engine.takes.take_proof import prove_take  # which brings image libraries

    directory = find_folder(arguments.take, arguments.take_root, arguments.node)
    frames = None if arguments.frames is None else FrameSet.parse(arguments.frames)
    with _page(arguments.page, directory) as add, tqdm(unit=" frames", leave=False, disable=None) as bar:

        def on_frame(proof: FrameProof, maps: FrameMaps) -> None:
            add(proof, maps)
            bar.set_description_str(f"frame {proof.frame}", refresh=False)
            bar.update()

        proof = prove_take(directory, arguments.plate, arguments.holdout, frames, on_frame)
    if arguments.json:
        page = None if arguments.page is None else str(arguments.page.absolute())
        print_json({"take": str(directory), **proof.as_dict(), "page": page, "error": None})
    else:
        print("\n".join(in_words(proof)))
    return DONE if proof.exact else FAILED


def find_folder(text: str, take_root: Path | None, node: str) -> Path:
    """The version folder that is meant, looked for on the disk alone.

    Raises:
        TakeNotFound, TakeAmbiguous
    """
    directory = Path(os.path.abspath(text))
    if directory.is_dir():
        return directory
    found = []
    if VERSION.fullmatch(text) and take_root is not None:
        found = sorted(take_root.absolute().glob(f"{node or '*'}/{text}"))
    if len(found) > 1:
        raise TakeAmbiguous(
            f"{len(found)} takes have that version: {', '.join(map(str, found))}.",
            argument="take",
            value=text,
            remedy="Name its folder, or its node with --node.",
        )
    if not found:
        raise TakeNotFound(
            "There is no such folder.",
            argument="take",
            value=text,
            remedy="Name the folder of a finished version, or the version with --take-root and --node.",
        )
    return found[0]


def in_words(proof: TakeProof) -> list[str]:
    """The table, and the verdict below it."""
    rows = [_row(frame) for frame in proof.frames]
    return [*table(HEADS, rows, right=range(len(HEADS))), "", proof.verdict]


def _row(frame: FrameProof) -> tuple[str, ...]:
    equal = frame.changed_outside == 0
    return (
        str(frame.frame),
        str(frame.changed_outside),
        "=" if equal else f"{frame.psnr_outside:.1f}",
        "1" if equal else f"{frame.ssim_outside:.5f}",
        "0" if equal else f"{frame.largest_change_outside:.2g}",
        "-" if frame.largest_relative_error is None else f"{frame.largest_relative_error:.1e}",
        f"{frame.matte_coverage:.2%}",
        "-" if frame.flicker is None else f"{frame.flicker:.4f}",
    )


@contextlib.contextmanager
def _page(path: Path | None, directory: Path) -> Iterator[OnFrame]:
    """What has to be called with each frame for the page; the page is written on leaving."""
    if path is None:
        yield lambda proof, maps: None
        return
    from vera_engine.cli.check_page import CheckPage

    page = CheckPage(path.absolute(), title="/".join(directory.parts[-2:]))
    yield page.add
    page.write()
