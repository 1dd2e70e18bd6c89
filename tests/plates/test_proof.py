"""The proof finds every fault that is planted, and none in layers that are right."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from vera_engine.plates.color import ColorSpace
from vera_engine.plates.layers import Layers, solve_layers
from vera_engine.plates.proof import LARGEST_ERROR, FrameProof, FrameToProve, Meant, Prover, TakeProof, compose

ACESCG = ColorSpace.parse("acescg")
HEIGHT, WIDTH = 40, 56


@pytest.fixture
def frame(random) -> FrameToProve:
    """An HDR plate in ACEScg, and layers that were solved for it; the right half is the plate's."""
    plate = random.uniform(0, 1, (HEIGHT, WIDTH, 3)).astype(np.float32)
    plate[5:9, 3:30] *= 12
    edit = random.uniform(0, 2, (HEIGHT, WIDTH, 3)).astype(np.float32)
    alpha = random.uniform(0, 1, (HEIGHT, WIDTH)).astype(np.float32)
    alpha[10:20, 10:20] = 1
    alpha[:, WIDTH // 2 :] = 0
    layers = solve_layers(plate, edit, alpha)
    return FrameToProve(1001, plate, ACESCG, layers, meant=Meant(edit, alpha, plate))


def proved(frame: FrameToProve) -> FrameProof:
    return Prover().prove(frame)[0]


def test_layers_that_are_right_are_exact(frame):
    proof, maps = Prover().prove(frame)
    assert (proof.changed_outside, proof.largest_change_outside) == (0, 0.0)
    assert (proof.psnr_outside, proof.ssim_outside) == (math.inf, 1.0)
    assert 0 < proof.largest_relative_error <= LARGEST_ERROR
    assert proof.matte_coverage == pytest.approx(frame.layers.matte.astype(np.float64).mean())
    assert proof.flicker is None
    assert not maps.changed.any()
    assert ((maps.difference == 0) == (frame.layers.matte == 0)).all()
    assert maps.relative_error.max() == np.float32(proof.largest_relative_error)
    assert proof.as_dict()["psnr_outside"] is None


def test_light_where_the_matte_is_zero_is_found(frame):
    """A premultiplied edit without a matte adds light: the matte alone would never show it."""
    premult = frame.layers.premult.copy()
    premult[30, 50] = 0.25
    proof, maps = Prover().prove(replace(frame, layers=Layers.of(premult, frame.layers.matte, frame.layers.straight)))
    assert proof.changed_outside == 1
    assert proof.largest_change_outside == pytest.approx(0.25, abs=1e-6)
    assert proof.psnr_outside < 60
    assert proof.ssim_outside < 1
    assert np.argwhere(maps.changed).tolist() == [[30, 50]]
    assert proof.largest_relative_error > LARGEST_ERROR


def test_a_matte_in_a_place_that_was_held_out_is_found(frame):
    """The matte has to be exactly 0 there, and so the comp the plate."""
    must_stay = np.zeros((HEIGHT, WIDTH), bool)
    must_stay[12:14, 12:15] = True
    assert proved(replace(frame, must_stay=must_stay)).changed_outside == 6


def test_a_written_comp_is_held_to_its_own_bits(frame):
    half = replace(frame, plate_linear=frame.plate_linear.astype(np.float16).astype(np.float32))
    half = replace(half, layers=solve_layers(half.plate_linear, half.meant.edit_linear, half.meant.alpha))
    _, maps = Prover().prove(half)
    written = maps.comp_linear.astype(np.float16)
    assert proved(replace(half, comp_written=written)).changed_outside == 0
    written[0, 40, 1] = np.nextafter(written[0, 40, 1], np.float16(9))
    wrong = proved(replace(half, comp_written=written))
    assert wrong.changed_outside == 1
    assert math.isfinite(wrong.psnr_outside)


def test_a_written_comp_that_rounds_the_plate_is_not_the_plate(frame):
    _, maps = Prover().prove(frame)
    assert proved(replace(frame, comp_written=maps.comp_linear)).changed_outside == 0
    rounded = proved(replace(frame, comp_written=maps.comp_linear.astype(np.float16)))
    assert rounded.changed_outside > 0
    assert not rounded.is_exact


def test_layers_that_merge_to_another_picture_are_found(frame):
    """The model's alpha merged in linear light, as if it were the matte: what the solve is there to prevent."""
    alpha, edit = frame.meant.alpha, frame.meant.edit_linear
    naive = Layers.of(
        (edit * alpha[..., np.newaxis]).astype(np.float16), alpha.astype(np.float16), frame.layers.straight
    )
    proof = proved(replace(frame, layers=naive))
    assert proof.changed_outside == 0
    assert proof.largest_relative_error > 0.05
    assert not proof.is_exact


def test_what_was_meant_by_hand():
    """Half a black shadow over sRGB 0.5 is sRGB 0.25; over a negative value its mirror."""
    plate = np.array([[[((0.5 + 0.055) / 1.055) ** 2.4, -(((0.5 + 0.055) / 1.055) ** 2.4), 0.0]]], np.float32)
    meant = Meant(np.zeros((1, 1, 3), np.float32), np.full((1, 1), 0.5, np.float32), plate)
    quarter = ((0.25 + 0.055) / 1.055) ** 2.4
    assert compose(meant) == pytest.approx(np.array([[[quarter, -quarter, 0.0]]]), rel=1e-6)


def test_flicker_is_what_the_matte_changes_beyond_the_plate(frame):
    """A matte that goes down by a quarter over a still plate; then over one that changes more than the matte does."""
    prover = Prover()
    solid = Layers(np.ones_like(frame.layers.pixels))
    fainter = Layers.of(solid.premult, solid.matte * np.float16(0.75), solid.straight)
    assert prover.prove(replace(frame, layers=solid))[0].flicker is None
    proof, maps = prover.prove(replace(frame, frame=1002, layers=fainter))
    assert proof.flicker == 0.25
    assert (maps.flicker == 0.25).all()
    white = np.ones_like(frame.plate_linear)
    black = np.zeros_like(frame.plate_linear)
    prover.prove(replace(frame, frame=1004, plate_linear=white, layers=solid))
    assert prover.prove(replace(frame, frame=1005, plate_linear=black, layers=fainter))[0].flicker == 0.0
    assert prover.prove(replace(frame, frame=1007, layers=solid))[0].flicker is None


def measured(**values) -> FrameProof:
    exact = {"changed_outside": 0, "psnr_outside": math.inf, "ssim_outside": 1.0, "largest_change_outside": 0.0}
    return FrameProof(
        **{"frame": 1001, **exact, "largest_relative_error": 0.0004, "matte_coverage": 0.25, "flicker": None, **values}
    )


@pytest.mark.parametrize(
    ("frames", "exact", "words"),
    [
        (
            [measured(), measured(frame=1002, matte_coverage=0.75, flicker=0.0125)],
            True,
            ("exact: 2 frames", "no pixel changed outside", "within 4.0e-04", "covers 50.0%, flicker 0.0125"),
        ),
        (
            [measured(changed_outside=3), measured(frame=1002), measured(frame=1003, changed_outside=2)],
            False,
            ("NOT EXACT: 3 frames, 5 pixels changed outside the matte (1001, 1003),", "of the model's; matte covers"),
        ),
        (
            [measured(largest_relative_error=0.01)],
            False,
            ("NOT EXACT: 1 frame, no pixel changed", "comp within 1.0e-02 of the model's (1001); matte covers"),
        ),
        (
            [measured(largest_relative_error=None)],
            True,
            ("exact: 1 frame", "what the model meant is not known; matte covers 25.0%"),
        ),
    ],
)
def test_the_verdict(frames, exact, words):
    proof = TakeProof(tuple(frames))
    assert proof.exact is exact
    assert [part for part in words if part not in proof.verdict] == []
    assert "\n" not in proof.verdict
