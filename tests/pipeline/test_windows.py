"""Plans of windows: worked out by hand for lengths that matter, and held to their promises for thousands of others."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from vera_engine.pipeline.windows import (
    Window,
    WindowsRefused,
    frames_needed,
    frames_of_latents,
    latent_count,
    latents_of_frames,
    plan_repair,
    plan_windows,
    warm_up,
)

FREE = (0.0, 0.0, 0.0, 0.0, 0.0)
JOINED = (1.0, pytest.approx(0.5), 0.0, 0.0, 0.0)
"""A window of five latents, two of which it shares with the one before."""


@pytest.mark.parametrize(
    ("frame_count", "latents"), [(1, 1), (2, 2), (4, 2), (5, 2), (6, 3), (17, 5), (18, 6), (49, 13), (240, 61)]
)
def test_latents_of_a_run(frame_count, latents):
    assert latent_count(frame_count) == latents


def test_every_frame_is_in_the_latent_that_holds_it():
    """Latent by latent, counted along: one frame, then four at a time."""
    expected = [0, *(latent for latent in range(1, 6) for _ in range(4))][:18]
    assert [latents_of_frames(frame, frame) for frame in range(18)] == [(latent, latent) for latent in expected]
    for latent in range(6):
        held = [frame for frame in range(18) if expected[frame] == latent]
        assert list(frames_of_latents(latent, latent, 18)) == held
    assert latents_of_frames(4, 9) == (1, 3)
    assert frames_of_latents(1, 3, 18) == range(1, 13)
    assert frames_of_latents(0, 5, 18) == range(18)


@pytest.mark.parametrize("frame_count", [1, 2, 4, 5, 17])
def test_a_run_that_fits_is_one_free_window(frame_count):
    latents = latent_count(frame_count)
    assert plan_windows(frame_count, 5, 2) == (Window(0, latents, FREE[:latents], 0, latents - 1),)


def test_one_frame_more_takes_a_second_window_moved_back():
    """What both see beyond the overlap is context: anchored wholly, made by the first."""
    assert plan_windows(18, 5, 2) == (
        Window(0, 5, FREE, 0, 3),
        Window(1, 6, (1.0, 1.0, 1.0, pytest.approx(0.5), 0.0), 4, 5),
    )


def test_forty_nine_frames():
    assert plan_windows(49, 5, 2) == (
        Window(0, 5, FREE, 0, 3),
        Window(3, 8, JOINED, 4, 6),
        Window(6, 11, JOINED, 7, 9),
        Window(8, 13, (1.0, 1.0, pytest.approx(0.5), 0.0, 0.0), 10, 12),
    )


def test_two_hundred_and_forty_frames():
    """61 latents, three new ones a window after the first five: nineteen windows, the last three latents moved back."""
    windows = plan_windows(240, 5, 2)
    assert [window.start for window in windows] == [*range(0, 56, 3), 56]
    assert [(window.first, window.last) for window in windows] == [
        (0, 3),
        *((first, first + 2) for first in range(4, 58, 3)),
        (58, 60),
    ]


def test_ten_thousand_frames():
    windows = plan_windows(10_000, 13, 4)
    assert latent_count(10_000) == 2501
    assert len(windows) == 1 + -(-(2501 - 13) // 9)
    assert windows[-1] == Window(2488, 2501, windows[-1].weights, windows[-2].last + 1, 2500)


def test_the_fade_is_half_a_cosine():
    """Four latents: cos(0), cos(45), cos(90) and cos(135 degrees), brought from -1..1 to 0..1."""
    half = 0.5**0.5
    weights = plan_windows(33, 6, 4)[1].weights
    assert weights == pytest.approx((1, (1 + half) / 2, 0.5, (1 - half) / 2, 0, 0))


def test_an_overlap_of_one_latent_has_no_fade():
    assert plan_windows(29, 5, 1) == (Window(0, 5, FREE, 0, 4), Window(3, 8, (1.0, 1.0, 0.0, 0.0, 0.0), 5, 7))


class TestRepair:
    """Of 49 frames, 13 latents; windows of five that overlap by two, unless said."""

    def test_nine_frames_in_the_middle_cost_a_quarter(self):
        """Three latents, one on either side: the fewest that still anchor it in one window."""
        windows = plan_repair(49, [(20, 28)], 5, 2)
        assert windows == (Window(4, 9, (1.0, 0.0, 0.0, 0.0, 1.0), 5, 7),)
        seen, seen_by_all = (sum(len(w) for w in plan) for plan in (windows, plan_windows(49, 5, 2)))
        assert seen <= seen_by_all / 3

    @pytest.mark.parametrize("first", range(41))
    def test_nine_frames_anywhere_cost_a_third_at_most(self, first):
        seen = sum(len(window) for window in plan_repair(49, [(first, first + 8)], 5, 2))
        assert seen <= sum(len(window) for window in plan_windows(49, 5, 2)) / 3

    def test_one_frame_is_surrounded_by_all_the_context_there_is_room_for(self):
        assert plan_repair(49, [(23, 23)], 5, 2) == (Window(4, 9, (1.0, 1.0, 0.0, 1.0, 1.0), 6, 6),)

    def test_at_the_beginning_there_is_nothing_before(self):
        assert plan_repair(49, [(0, 5)], 5, 2) == (Window(0, 5, (0.0, 0.0, 0.0, 1.0, 1.0), 0, 2),)

    def test_the_first_frame_is_a_latent_of_its_own(self):
        assert plan_repair(49, [(0, 0)], 5, 2) == (Window(0, 3, (0.0, 1.0, 1.0), 0, 0),)

    def test_at_the_end_there_is_nothing_after(self):
        """Frame 48 is the last of latent 12; of a run of 48 frames it is the repeated one."""
        expected = (Window(9, 13, (1.0, 1.0, 0.0, 0.0), 11, 12),)
        assert plan_repair(49, [(41, 48)], 5, 2) == plan_repair(48, [(44, 47)], 5, 2) == expected

    def test_a_long_range_takes_windows_like_a_run_with_kept_latents_at_its_ends(self):
        """Frames 9 to 32 are latents 3 to 8. Eight latents fit two windows: six and one on either side."""
        assert plan_repair(49, [(9, 32)], 5, 2) == (
            Window(2, 7, (1.0, 0.0, 0.0, 0.0, 0.0), 3, 5),
            Window(5, 10, (1.0, pytest.approx(0.5), 0.0, 0.0, 1.0), 6, 8),
        )

    def test_two_far_ranges_have_windows_of_their_own(self):
        assert plan_repair(49, [(37, 40), (5, 8)], 5, 2) == (
            Window(0, 5, (1.0, 1.0, 0.0, 1.0, 1.0), 2, 2),
            Window(8, 13, (1.0, 1.0, 0.0, 1.0, 1.0), 10, 10),
        )

    def test_near_ranges_share_a_window_and_what_is_between_is_anchored(self):
        assert plan_repair(49, [(21, 24), (29, 32)], 5, 2) == (Window(5, 10, (1.0, 0.0, 1.0, 0.0, 1.0), 6, 8),)

    def test_near_ranges_that_do_not_fit_one_window_see_each_other(self):
        """Latents 3 to 5 and 7 to 9: the second leans on 6, kept; the first not on 7, which is made again later."""
        assert plan_repair(49, [(9, 20), (25, 36)], 5, 2) == (
            Window(2, 7, (1.0, 0.0, 0.0, 0.0, 1.0), 3, 5),
            Window(6, 11, (1.0, 0.0, 0.0, 0.0, 1.0), 7, 9),
        )

    def test_what_the_first_range_made_anchors_the_second(self):
        assert plan_repair(49, [(9, 20), (25, 28)], 5, 2)[1] == Window(5, 10, (1.0, 1.0, 0.0, 1.0, 1.0), 7, 7)

    def test_ranges_that_meet_in_a_latent_are_one(self):
        """Frames 22 and 23 are both in latent 6; frame 24 ends it and 25 begins the next."""
        one = plan_repair(49, [(22, 24)], 5, 2)
        assert plan_repair(49, [(23, 24), (22, 22)], 5, 2) == one
        assert plan_repair(49, [(24, 24), (25, 25)], 5, 2) == plan_repair(49, [(21, 28)], 5, 2)

    @pytest.mark.parametrize("frame_count", [1, 2, 5, 17, 18, 49, 240])
    def test_of_everything_is_a_take_from_the_start(self, frame_count):
        assert plan_repair(frame_count, [(0, frame_count - 1)], 5, 2) == plan_windows(frame_count, 5, 2)

    def test_all_but_the_ends_of_a_longer_model_window(self):
        """49 frames fit a window of 13: the kept ones are seen in full, up to the overlap."""
        assert plan_repair(49, [(17, 20)], 13, 4) == (Window(1, 10, (1.0,) * 4 + (0.0,) + (1.0,) * 4, 5, 5),)

    @pytest.mark.parametrize("again", [[], [(5, 4)], [(-1, 3)], [(0, 49)], [(49, 49)], [(0, 3), (60, 61)]])
    def test_ranges_that_are_none_are_refused(self, again):
        with pytest.raises(WindowsRefused) as refused:
            plan_repair(49, again, 5, 2)
        assert refused.value.argument == "again"


@pytest.mark.parametrize("frame_count", [0, -3])
def test_no_frames_are_refused(frame_count):
    with pytest.raises(WindowsRefused):
        plan_windows(frame_count, 5, 2)


@pytest.mark.parametrize(("window", "overlap"), [(5, 0), (5, -1), (5, 5), (5, 6), (1, 1)])
def test_windows_that_would_not_get_on_are_refused(window, overlap):
    with pytest.raises(WindowsRefused) as refused:
        plan_windows(49, window, overlap)
    assert refused.value.argument == "overlap_latents"


def test_a_model_of_one_latent_makes_stills():
    assert plan_windows(1, 1, 1) == (Window(0, 1, (0.0,), 0, 0),)


@pytest.mark.parametrize("seed", range(10))
def test_promises_hold_for_all_lengths_and_ranges(seed):
    """Each latent to be made is delivered once, in order, and anchored only to what is there by then."""
    chance = random.Random(seed)
    for _ in range(300):
        frame_count = chance.randint(1, 150)
        count = latent_count(frame_count)
        window_latents = chance.randint(2, 9)
        overlap_latents = chance.randint(1, window_latents - 1)
        starts = [chance.randrange(frame_count) for _ in range(chance.randint(1, 4))]
        again = [(first, min(frame_count - 1, first + chance.choice([0, 2, 9, 50]))) for first in starts]
        to_make = {ceil_quarter(frame) for first, last in again for frame in range(first, last + 1)}
        made: set[int] = set()
        seen: set[int] = set()
        for window in plan_repair(frame_count, again, window_latents, overlap_latents):
            assert 0 <= window.start <= window.first <= window.last < window.stop <= count
            assert len(window) == len(window.weights) <= window_latents
            for latent, weight in zip(range(window.start, window.stop), window.weights, strict=True):
                assert 0 <= weight <= 1
                if latent not in to_make:
                    assert weight == 1
                elif weight > 0:
                    assert latent in seen
                if window.first <= latent <= window.last:
                    assert (weight < 1) == (latent in to_make)
                if weight == 0:
                    assert latent >= window.first
            delivered = set(range(window.first, window.last + 1))
            assert min(delivered) > max(made, default=-1)
            made |= delivered
            seen |= set(range(window.start, window.stop))
        assert to_make <= made


def ceil_quarter(frame: int) -> int:
    """The latent of a frame, by counting groups of four after the first."""
    return -(-frame // 4)


@pytest.mark.parametrize(
    ("window", "codec_context", "expected"),
    [
        (Window(0, 5, FREE, 0, 3), 1, (0, 16)),
        (Window(0, 5, FREE, 0, 3), 4, (0, 16)),
        (Window(3, 8, JOINED, 4, 6), 1, (8, 28)),
        (Window(3, 8, JOINED, 4, 6), 4, (0, 28)),
        (Window(8, 13, JOINED, 10, 12), 4, (16, 48)),
    ],
)
def test_frames_to_encode_are_whole_groups_after_a_frame_that_begins_them(window, codec_context, expected):
    first, last = frames_needed(window, codec_context)
    assert (first, last) == expected
    assert (last - first) // 4 + 1 == len(window) + warm_up(window.start, codec_context)


def test_planning_needs_no_torch():
    program = "import sys, vera_engine.pipeline.windows; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "False"]
