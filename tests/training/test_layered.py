"""Clips whose truth is known: the over holds exactly, hints are rough, words are true, splits share no photograph."""

from __future__ import annotations

import dataclasses
import itertools
import random
from functools import cache

import pytest
import torch

from vera_engine.training.hints import OBJECT_HINTS, SUBJECT_HINTS
from vera_engine.training.layered import LayeredClip, layered_clip
from vera_engine.training.photographs import moving_plate, photographs
from vera_engine.training.vocabulary import (
    BACKGROUNDS,
    COLORS,
    MOTIONS,
    POSITIONS,
    SHAPES,
    SIZES,
    background_instruction,
    object_instruction,
    place_and_motion,
    words,
)

TENSORS = ("source", "edit", "alpha", "composite", "mask", "shadow")


@cache
def clips(background_share: float) -> tuple[LayeredClip, ...]:
    return tuple(layered_clip(seed, 5, 64, 96, "train", background_share) for seed in range(50))


@pytest.mark.parametrize("background_share", [0.0, 1.0])
def test_the_composite_is_the_over_exactly_and_all_lies_in_range(background_share):
    for clip in clips(background_share):
        assert torch.equal(clip.alpha * clip.edit + (1 - clip.alpha) * clip.source, clip.composite)
        for name in TENSORS:
            tensor = getattr(clip, name)
            assert tensor.dtype == torch.float32
            assert tensor.shape == (5, 1 if name in ("alpha", "mask", "shadow") else 3, 64, 96)
            assert tensor.min() >= 0
            assert tensor.max() <= 1


def test_objects_are_seen_nearer():
    """At twice the zoom an object covers four times as many pixels, or what of them the frame holds, and no sentence
    says where in the frame it is."""
    near, far = ([layered_clip(seed, 5, 64, 96, "train", 0.0, zoom=zoom) for seed in range(40)] for zoom in (2.0, 1.0))
    whole = 0
    for one, other in zip(near, far, strict=True):
        assert (one.color, one.pattern, one.size) == (other.color, other.pattern, other.size)
        assert not any(position in one.instruction for position in POSITIONS)
        solid, whole_solid = ((clip.alpha > 0.5)[2, 0] for clip in (one, other))
        sides = [solid[0], solid[-1], solid[:, 0], solid[:, -1]]
        if not any(side.any() for side in sides) and not (one.shadow[2] > 0.3).any():
            assert solid.sum() / whole_solid.sum() == pytest.approx(4, rel=0.15)
            whole += 1
    assert whole > 10
    assert all((clip.alpha > 0.5)[2].any() for clip in near)
    assert any(position in clip.instruction for clip in far for position in POSITIONS)


def test_a_background_is_seen_whole_whatever_the_zoom():
    near, far = (layered_clip(3, 5, 32, 48, "train", 1.0, zoom=zoom) for zoom in (2.0, 1.0))
    assert torch.equal(near.composite, far.composite)


def test_a_seed_has_its_clip_whatever_was_drawn_before():
    first = layered_clip(3, 5, 32, 48, "train", 0.5)
    torch.manual_seed(1)
    layered_clip(4, 9, 16, 16, "held_out", 0.5)
    again, other = layered_clip(3, 5, 32, 48, "train", 0.5), layered_clip(5, 5, 32, 48, "train", 0.5)
    for name in TENSORS:
        assert torch.equal(getattr(first, name), getattr(again, name))
        assert not torch.equal(getattr(first, name), getattr(other, name))
    assert (first.instruction, first.edit_type, first.color) == (again.instruction, again.edit_type, again.color)


def test_both_kinds_are_drawn_in_their_share():
    kinds = [layered_clip(seed, 1, 16, 16, "train", 0.3).edit_type for seed in range(100)]
    assert 15 < kinds.count("background") < 45
    assert {clip.edit_type for clip in clips(0.0)} == {"add"}
    assert {clip.edit_type for clip in clips(1.0)} == {"background"}


def iou(one: torch.Tensor, other: torch.Tensor) -> float:
    return ((one & other).sum() / (one | other).sum()).item()


def test_hints_of_objects_are_rough_but_there():
    """Above 0.775 a matte is object rather than shadow, which stays below one half."""
    overlaps = [iou(clip.mask > 0.5, clip.alpha > 0.775) for clip in clips(0.0)]
    mean = sum(overlaps) / len(overlaps)
    assert 0.35 < mean < 0.65
    assert min(overlaps) > 0.1
    assert max(overlaps) < 0.85
    for clip in clips(0.0):
        body, hint = clip.alpha > 0.775, clip.mask > 0.5
        assert (body & hint).sum() > 0.9 * body.sum()


def test_hints_of_subjects_are_rough_but_there():
    overlaps = [iou(clip.mask > 0.5, clip.alpha > 0.5) for clip in clips(1.0)]
    subjects = [iou(clip.mask < 0.5, clip.alpha < 0.5) for clip in clips(1.0)]
    assert min(overlaps) > 0.6
    assert 0.55 < sum(subjects) / len(subjects) < 0.95
    assert min(subjects) > 0.3
    assert sum(overlap < 0.97 for overlap in subjects) > 25


def test_all_kinds_of_hints_are_drawn_and_told():
    assert {clip.hint for clip in clips(0.0)} == set(OBJECT_HINTS)
    assert {clip.hint for clip in clips(1.0)} == {*SUBJECT_HINTS, "roto"}
    exact = [iou(clip.mask > 0.5, clip.alpha > 0.5) for clip in clips(1.0) if clip.hint == "roto"]
    rough = [iou(clip.mask < 0.5, clip.alpha < 0.5) for clip in clips(1.0) if clip.hint != "roto"]
    assert sum(exact) / len(exact) > 0.95
    assert sum(rough) / len(rough) < 0.8


def test_soft_shadows_are_part_of_the_matte_below_one_half_and_black():
    for clip in clips(0.0):
        assert (clip.alpha >= clip.shadow).all()
        assert clip.shadow.max() < 0.5
        # Color reaches a few pixels past the object's edge.
        near = torch.nn.functional.max_pool2d(clip.alpha - clip.shadow, 13, stride=1, padding=6) > 1e-3
        assert (clip.edit * (clip.shadow > 0.02) * ~near).max() < 0.01
    assert sum((clip.shadow > 0.1).any().item() for clip in clips(0.0)) > 40
    assert not any(clip.shadow.any() for clip in clips(1.0))


def test_without_a_hint_an_object_is_where_its_words_say_and_of_their_size():
    for seed in range(40):
        clip = layered_clip(seed, 17, 32, 48, "train", 0.0, hinted=False)
        assert not clip.hinted
        assert not clip.mask.any()
        assert clip.position in clip.instruction
        body = (clip.alpha - clip.shadow).sum((0, 1, 2))
        center = (body * torch.arange(48)).sum() / body.sum()
        assert int(3 * center / 48) == list(POSITIONS).index(clip.position)
    hinted = [layered_clip(seed, 17, 32, 48, "train", 0.0) for seed in range(60)]
    assert 20 < sum(clip.position in clip.instruction for clip in hinted) < 40
    areas = {name: [(c.alpha > 0.5).float().mean() for c in hinted if c.size == name] for name in SIZES}
    means = [sum(found) / len(found) for found in areas.values()]
    assert means == sorted(means)


def test_the_named_color_is_the_color_of_the_edit():
    """The nearest of the named colors to what lies under the matte, but for the shading of white, pink and the like."""
    right = 0
    for clip in clips(0.0):
        body = (clip.alpha > 0.775).expand(-1, 3, -1, -1)
        mean = clip.edit.where(body, 0.0).sum((0, 2, 3)) / body.sum((0, 2, 3))
        distances = {name: (mean - torch.tensor(color)).norm().item() for name, color in COLORS.items()}
        right += min(distances, key=distances.__getitem__) == clip.color
        assert clip.color in clip.instruction.split()
    assert right >= 45


def test_no_held_out_photograph_is_a_training_photograph():
    def thumbnails(split):
        pictures = [torch.nn.functional.interpolate(p, (24, 24), mode="area")[0].mean(0) for p in photographs(split)]
        flat = torch.stack(pictures).flatten(1)
        flat = flat - flat.mean(1, keepdim=True)
        return flat / flat.norm(dim=1, keepdim=True)

    train, held_out = thumbnails("train"), thumbnails("held_out")
    mirrored = held_out.view(-1, 24, 24).flip(2).flatten(1)
    same_picture = held_out @ held_out.T
    assert same_picture[0, 1] > 0.95
    assert (held_out @ train.T).max() < 0.9
    assert (mirrored @ train.T).max() < 0.9


def test_plates_differ_by_split_and_move():
    train = moving_plate(random.Random(1), 5, 32, 48, "train")
    held_out = moving_plate(random.Random(1), 5, 32, 48, "held_out")
    assert train.shape == held_out.shape == (5, 3, 32, 48)
    assert not torch.allclose(train, held_out, atol=0.05)
    moving = [moving_plate(random.Random(seed), 5, 32, 48, "train") for seed in range(20)]
    assert 10 <= sum(not torch.equal(plate[0], plate[4]) for plate in moving) < 20


def test_the_vocabulary_holds_every_word_said():
    known = set(words())
    said = set()
    for seed in range(500):
        said |= set(layered_clip(seed, 1, 16, 16, "train", 0.5).instruction.split())
    assert said <= known
    assert len(said) > 0.9 * len(known)
    assert sorted(known) == list(words())
    assert all(word == word.lower() for word in known)


def test_sentences_are_english():
    rng = random.Random(0)
    for _ in range(50):
        said = object_instruction(rng, color="orange", shape="ball", size="", motion="still", position="on the left")
        assert " an orange " in said
        assert "  " not in said
        said = object_instruction(rng, color="orange", shape="box", size="small", motion="left", position="on the left")
        assert " a small orange " in said
        assert " an orange " in background_instruction(rng, color="orange", pattern="plain")
        assert " a red " in background_instruction(rng, color="red", pattern="plain")


def test_places_and_motions_are_found_again_in_sentences():
    rng = random.Random(4)
    places, motions = list(POSITIONS), list(MOTIONS)
    for place, motion, shape, size in itertools.product((*places, ""), motions, SHAPES, SIZES):
        said = object_instruction(rng, color="red", shape=shape, size=size, motion=motion, position=place)
        expected = places.index(place) if place else None
        assert place_and_motion(said) == (expected, motions.index(motion)), said
    for pattern in BACKGROUNDS:
        assert place_and_motion(background_instruction(rng, color="red", pattern=pattern)) == (None, None)
    assert place_and_motion("") == (None, None)


def test_a_clip_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        clips(0.0)[0].color = "blue"  # type: ignore[misc]
