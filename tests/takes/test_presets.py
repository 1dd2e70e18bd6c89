"""A preset on its way from the request to the sampler, and into take.json."""

from __future__ import annotations

from tests.takes.making import TakeMaking, layers_of
from vera_engine.takes.request import AskedSettings


def test_a_preset_is_what_a_take_is_made_with_and_what_its_repairs_take_over(making: TakeMaking) -> None:
    draft, final = (
        making.make("1001-1005", settings=AskedSettings(seed=7, num_inference_steps=3, preset=preset))
        for preset in ("draft", "final")
    )
    assert layers_of(draft.take.directory).keys() == layers_of(final.take.directory).keys()
    assert layers_of(draft.take.directory) != layers_of(final.take.directory)
    made = {"seed": 7, "num_inference_steps": 3, "guidance_scale": 2.0, "preset": "draft"}
    assert draft.record["settings"] == made
    again = making.repair(draft, "1001-1005")
    assert again.record["settings"] == made
    assert layers_of(again.take.directory) == layers_of(draft.take.directory)
