"""What torch is told before it loads, seen in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from vera_engine.model.threads import share_processor
share_processor({threads})
assert "torch" not in sys.modules
import torch
print(os.environ["OMP_WAIT_POLICY"], torch.get_num_threads())
"""


def said(threads: int | None, **environment: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    program = PROGRAM.format(threads=threads)
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**clean, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_threads_sleep_while_they_wait() -> None:
    assert said(None)[0] == "PASSIVE"


@pytest.mark.parametrize("threads", [1, 2])
def test_the_count_is_torchs(threads: int) -> None:
    assert said(threads, OMP_NUM_THREADS="4")[1] == str(threads)


def test_what_the_environment_says_stays() -> None:
    assert said(None, OMP_WAIT_POLICY="ACTIVE", OMP_NUM_THREADS="1") == ["ACTIVE", "1"]
