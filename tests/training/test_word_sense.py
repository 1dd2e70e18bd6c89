"""The loss of telling words apart, by hand; and that it makes the encoder do so."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from vera_engine.pipeline.text import encode_prompts
from vera_engine.training.export import export_model
from vera_engine.training.loop import train
from vera_engine.training.text_encoder import tiny_text_encoder, word_tokenizer
from vera_engine.training.vocabulary import MOTIONS, POSITIONS, words
from vera_engine.training.word_sense import WordSense

LEFT = "add a red ball moving to the left on the left"
RIGHT = "add a red ball moving to the left on the right"
RESTS = "put a small blue star"
BACKGROUND = "change the background to a red sky"


def test_a_reading_that_knows_nothing_has_the_entropy_of_what_is_said():
    sense = WordSense(8)
    for parameter in sense.parameters():
        torch.nn.init.zeros_(parameter)
    states = torch.randn(4, 5, 8, generator=torch.Generator().manual_seed(0))
    places, motions = math.log(len(POSITIONS)), math.log(len(MOTIONS))
    for texts, expected in (
        ([LEFT, RIGHT, RESTS, BACKGROUND], places + motions),
        ([RESTS] * 4, motions),
        ([BACKGROUND] * 4, 0.0),
        ([""] * 4, 0.0),
    ):
        assert sense(states, texts).item() == pytest.approx(expected, rel=1e-6)


def test_only_sentences_that_say_a_place_count_for_places():
    sense = WordSense(8)
    torch.nn.init.zeros_(sense.motion.weight)
    torch.nn.init.zeros_(sense.motion.bias)
    states = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    one = sense(states[:1], [LEFT])
    assert torch.isclose(sense(states, [LEFT, RESTS]), one)
    assert not torch.isclose(sense(states, [LEFT, RIGHT]), one)


def test_an_encoder_learns_to_tell_left_of_frame_from_to_the_left():
    torch.manual_seed(0)
    tokenizer, encoder = word_tokenizer(words(), 16), tiny_text_encoder(len(words()) + 3, 16)
    sense = WordSense(16)
    texts = [LEFT, RIGHT, LEFT.replace("to the left", "to the right"), RIGHT.replace("to the left", "to the right")]
    optimizer = torch.optim.AdamW([*encoder.parameters(), *sense.parameters()], lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = sense(encode_prompts(tokenizer, encoder, texts), texts)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def test_it_is_trained_along_and_no_part_of_the_model(config, new_run, tmp_path):
    told = replace(config, words_weight=0.5)
    run = new_run("told")
    parts = train(told, run)
    assert '"words"' in (run / "log.jsonl").read_text()
    silent = train(config, new_run("silent"))
    assert not torch.equal(*(each.text_encoder.shared.weight for each in (parts, silent)))
    export_model(parts, told, tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").rglob("*")}
    assert not any("sense" in name for name in names)
    assert not any("sense" in name for name in parts.transformer.state_dict())
