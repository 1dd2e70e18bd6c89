"""Vera Edit in Nuke: layered video edits as a node. For scripts, `nuke -t` among them: `vera_nuke.generate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import nuke

    from vera_client.host.take_folders import TakeFolder

__all__ = ["generate"]


def generate(node: nuke.Node, frames: Iterable[int] | None = None, again: bool = False) -> list[TakeFolder]:
    """Makes takes of a Vera Edit node and shows the first of them. Blocks until they are finished: for scripts in a
    terminal; with a window the button Generate does the same without blocking.

    Args:
        node: The node, as it is set up.
        frames: The frames to make, without gaps, in the script's numbers. None: as the node says.
        again: Make takes even where the very same request has made them already.

    Returns:
        The takes, one a variant.

    Raises:
        VeraClientError: One was refused, failed or was cancelled; says why, and what mends it.
    """
    from .terminal import make_takes  # `import vera_nuke` in an `init.py` costs next to nothing

    return make_takes(node, frames, again)
