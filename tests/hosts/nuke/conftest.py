"""The plugin under test, with a fake `nuke` where Nuke would be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
for place in (HERE / "fake_nuke", REPOSITORY / "plugins" / "nuke", REPOSITORY / "plugins" / "client", HERE):
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))

import nuke  # noqa: E402


@pytest.fixture(autouse=True)
def fresh_nuke():
    """An empty script in a new session; a callback that failed fails the test."""
    nuke.stage.reset()
    nuke.GUI = True
    yield nuke
    failures = [*nuke.callbacks.failures, *nuke.stage.printed]
    nuke.stage.reset()
    assert not failures, failures[0]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY
