"""How layers are finished of what the model made, on the command line: for `edit` and `finish` alike."""

from __future__ import annotations

import argparse
import os
from typing import Any

from vera_engine.errors import InvalidArgument

FIELDS = {
    "detail": "detail",
    "matte_black": "black",
    "matte_white": "white",
    "refine": "refine",
    "despill": "despill",
    "highlights": "highlights",
}
"""Option -> field of the request's `finish`."""


def add_finish_options(parser: argparse.ArgumentParser) -> None:
    """The options of matte and layers; `vera-edit finish` changes them without the model."""
    finish = parser.add_argument_group(
        "finish", "Matte and layers. Where one is not given, its default (the base's value) is taken."
    )
    finish.add_argument(
        "--detail",
        metavar="plate|edit|smooth",
        help="what the matte's edge follows: the plate's edges, the edit's own, or nothing (default: plate for "
        "background, edit for add)",
    )
    finish.add_argument("--matte-black", type=float, metavar="A", help="raw alpha up to A becomes 0 (default: 0.06)")
    finish.add_argument("--matte-white", type=float, metavar="A", help="raw alpha from A on becomes 1 (default: 0.94)")
    finish.add_argument(
        "--refine", type=float, metavar="R", help="how strongly the edge follows it, 0 to 1 (default: 1)"
    )
    finish.add_argument(
        "--despill",
        type=float,
        metavar="D",
        help="how much of the old background's color is taken out of the edge, 0 to 1 (default: 0)",
    )
    finish.add_argument(
        "--highlights",
        type=float,
        metavar="L",
        help="the brightest light that the edit may have, 1 to 64, white being 1 (default: 1)",
    )
    finish.add_argument(
        "--residual",
        action="store_true",
        help="also write residual.####.exr: light of the model's own comp that the layers do not have",
    )
    finish.add_argument("--write-comp", action="store_true", help="also write comp.####.exr, the edit over the plate")
    holdout = parser.add_argument_group("hold-out")
    holdout.add_argument("--holdout", metavar="MASK", help="files that say, by white, where nothing may change")
    holdout.add_argument("--invert-holdout", action="store_true", help="turn its white and black around first")
    holdout.add_argument("--no-holdout", action="store_true", help="without the base's hold-out")


def finish_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of a request that these options are."""
    holdout = None
    if arguments.holdout:
        source = {"path": os.path.abspath(arguments.holdout), "frame_offset": arguments.frame_offset or 0}
        holdout = {"source": source, "invert": arguments.invert_holdout}
    elif arguments.invert_holdout:
        raise InvalidArgument(
            "There is no hold-out that this could be about.",
            argument="invert_holdout",
            value=True,
            remedy="Give its files with --holdout.",
        )
    return {
        "finish": {field: getattr(arguments, option) for option, field in FIELDS.items()},
        "holdout": holdout,
        "without_holdout": arguments.no_holdout,
        "write_residual": arguments.residual,
        "write_comp": arguments.write_comp,
    }
