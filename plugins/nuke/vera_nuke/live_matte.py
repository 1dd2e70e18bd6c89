"""What an artist does to a take's matte while looking at it: grow or choke, feather, hold out. Stock nodes.

While Grow and Feather are 0 the take's own premultiplied edit is led on, not computed anew. Else the edit is
`A' * straight`, where A' is the matte as it was redrawn.
"""

from __future__ import annotations

import nuke

from .stock import STRAIGHT, add, colors, copy, switch

SNAP = 1e-5
"""A blurred 1 is not quite 1: so near to 0 and to 1 the matte is 0 and 1, that nothing shines through."""


def draw(take: nuke.Node, holdout: nuke.Node, knobs: str) -> nuke.Node:
    """The premultiplied edit under the matte as the knobs have it.

    Args:
        take: Its premultiplied edit in rgba, its color without the matte in `straight`.
        holdout: Its alpha, 0 to 1, is where nothing may change.
        knobs: The node with the knobs `grow`, `feather` and `take_held_out`, as expressions name it. Where the take was
            made with a hold-out, its matte has it: it is then not held out once more, which would darken soft edges; a
            redrawn matte only stays out of it, as far as the take's own does.
    """
    matte = _kept_out(_redrawn(take, knobs), take, holdout, knobs)
    colored = copy("RedrawnEdit", (0, 700), matte, take, colors("rgba", STRAIGHT))
    under = add("Premult", "RedrawnUnderMatte", (0, 750), colored)
    is_redrawn = f"{knobs}.grow != 0 || {knobs}.feather != 0"
    drawn = switch("Drawn", (0, 800), is_redrawn, take, under)
    left = add("Merge2", "OutOfHoldout", (200, 800), drawn, holdout, operation="stencil", bbox="B")
    return switch("Edit", (0, 850), f"{knobs}.take_held_out", left, drawn)


def _redrawn(take: nuke.Node, knobs: str) -> nuke.Node:
    """The matte larger or smaller by whole pixels, then blurred that much to either side of its edge."""
    grown = add("FilterErode", "Grown", (0, 400), take, channels="alpha")
    grown["size"].setExpression(f"-{knobs}.grow")
    soft = add("Blur", "Feathered", (0, 450), grown, channels="alpha")
    soft["size"].setExpression(f"{knobs}.feather")
    return add(
        "Grade",
        "Snapped",
        (0, 500),
        soft,
        channels="alpha",
        blackpoint=SNAP,
        whitepoint=1 - SNAP,
        black_clamp=True,
        white_clamp=True,
    )


def _kept_out(redrawn: nuke.Node, take: nuke.Node, holdout: nuke.Node, knobs: str) -> nuke.Node:
    """The redrawn matte; where the take's own has a hold-out in it, there no more than that one."""
    least = add("Merge2", "NoMoreThanTake", (200, 500), redrawn, take, operation="min")
    kept = add("Keymix", "KeptOut", (200, 600), redrawn, least, holdout)
    return switch("MatteDrawn", (0, 600), f"{knobs}.take_held_out", redrawn, kept)
