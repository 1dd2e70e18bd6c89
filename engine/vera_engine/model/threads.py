"""How torch shares the processor with whatever else runs. No torch here: all has to be said before it loads."""

from __future__ import annotations

import os


def share_processor(threads: int | None = None) -> None:
    """Sets how many threads torch computes with, and that they sleep while they wait for each other.

    By default they spin, each until the last one has its turn on a core: where a host renders on the same cores, their
    turns go by in waiting. What the environment says already stays, unless `threads` is given.

    Args:
        threads: Processor threads; None: torch's own choice.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
