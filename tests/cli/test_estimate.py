"""`vera-edit estimate`, as a line is typed."""

from __future__ import annotations

import json

import pytest

from vera_engine.cli import main


@pytest.mark.parametrize(
    ("words", "argument"),
    [
        (["--frames", "0"], "frames"),
        (["--device", "cpu", "--memory", "16GB"], "memory"),
        (["--device-memory", "plenty"], "device-memory"),
    ],
)
def test_what_nothing_can_be_worked_out_for_is_refused(capsys, words, argument):
    assert main.main(["estimate", *words, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["argument"] == argument


def test_the_shipped_models_own_steps_are_counted(capsys):
    assert main.main(["estimate", "--device", "cpu", "--json"]) == 0
    presets = json.loads(capsys.readouterr().out)["presets"]
    assert {name: each["evaluations"] for name, each in presets.items()} == {"draft": 2, "standard": 3, "final": 4}
