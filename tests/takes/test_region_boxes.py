"""Where a region lies in every frame, worked out by hand."""

from __future__ import annotations

import pytest

from vera_engine.plates.frames import FrameSet
from vera_engine.takes.region import Box, Region, RegionKind
from vera_engine.takes.region_boxes import RegionEmpty, box_around, is_cut, region_warnings, resolve_region

PICTURE = Box(0, 0, 100, 60)
OVERSCAN = Box(-10, -5, 120, 70)


def moving(*keys: tuple[int, Box], margin: int = 0) -> Region:
    return Region(RegionKind.BOXES, keys, margin)


def resolved(region: Region, frames: str, picture: Box = PICTURE, **found: dict[int, Box]) -> dict[int, Box]:
    of_all = FrameSet.parse(frames)
    region = resolve_region(region, of_all, picture, found.get("found", {}))
    assert (region.kind, region.margin) == (RegionKind.BOXES, 0)
    return {frame: region.box(frame) for frame in of_all}


def test_a_box_that_moves_lies_linearly_between_its_keys_on_whole_pixels() -> None:
    region = moving((10, Box(0, 0, 20, 10)), (14, Box(10, 3, 20, 10)))
    expected = {8: (0, 0), 10: (0, 0), 11: (2, 1), 12: (5, 2), 13: (8, 2), 14: (10, 3), 20: (10, 3)}
    assert {frame: (region.box(frame).x, region.box(frame).y) for frame in expected} == expected


def test_all_boxes_get_the_size_of_the_largest_around_their_own_middle() -> None:
    boxes = resolved(moving((1, Box(40, 20, 10, 10)), (3, Box(50, 20, 20, 14))), "1-3")
    assert boxes == {1: Box(35, 18, 20, 14), 2: Box(43, 19, 20, 14), 3: Box(50, 20, 20, 14)}


def test_a_margin_reaches_to_the_edge_of_the_picture_and_no_further() -> None:
    assert resolved(Region.resting(Box(2, 20, 30, 20), 8), "1") == {1: Box(0, 12, 46, 36)}
    assert resolved(Region.resting(Box(0, 0, 90, 60), 8), "1") == {1: Box(0, 0, 100, 60)}
    assert resolved(Region.resting(Box(2, 20, 30, 20), 8), "1", OVERSCAN) == {1: Box(-6, 12, 46, 36)}


def test_a_box_that_leaves_the_picture_waits_at_its_edge() -> None:
    boxes = resolved(moving((1, Box(70, 0, 20, 20)), (3, Box(130, 0, 20, 20))), "1-3")
    assert [boxes[frame].x for frame in (1, 2, 3)] == [70, 80, 80]
    assert region_warnings(Region.resting(Box(90, 0, 20, 20)), [1, 2], PICTURE, Box(80, 0, 20, 20), (16, 16)) == [
        "The region reaches beyond the picture in 1-2: it was moved in, or cut there."
    ]


def test_frames_in_which_nothing_was_found_lie_between_their_neighbors() -> None:
    found = {2: Box(10, 10, 8, 8), 6: Box(30, 10, 8, 8)}
    boxes = resolved(Region(RegionKind.MASK, margin=1), "1-7", found=found)
    assert [boxes[frame].x for frame in range(1, 8)] == [9, 9, 14, 19, 24, 29, 29]
    assert {(box.width, box.height) for box in boxes.values()} == {(10, 10)}


def test_a_region_that_rests_is_one_box() -> None:
    region = resolve_region(moving((1, Box(1, 1, 5, 5)), (9, Box(1, 1, 5, 5))), range(1, 10), PICTURE, {})
    assert region == Region.resting(Box(1, 1, 5, 5))


def test_a_region_that_rests_now_and_then_is_said_in_few_keys_and_the_same_everywhere() -> None:
    found = {frame: Box(10 + max(0, frame - 500) // 100 * 3, 0, 20, 20) for frame in range(1000)}
    region = resolve_region(Region(RegionKind.BASE), range(1000), PICTURE, found)
    assert {frame: region.box(frame) for frame in range(1000)} == found
    assert len(region.keys) < 20


@pytest.mark.parametrize(
    ("region", "words"),
    [
        (Region.resting(Box(100, 0, 5, 5)), "outside the picture"),
        (Region.resting(Box(-5, -5, 5, 5)), "outside the picture"),
        (Region(RegionKind.MASK, margin=50), "mask is empty"),
        (Region(RegionKind.BASE), "matte is empty"),
    ],
)
def test_a_region_without_a_pixel_of_the_picture_is_refused(region: Region, words: str) -> None:
    with pytest.raises(RegionEmpty, match=words) as caught:
        resolve_region(region, range(1, 4), PICTURE, {})
    assert caught.value.argument == "region"


def test_a_region_that_the_model_sees_enlarged_is_said() -> None:
    small = Region.resting(Box(0, 0, 40, 30))
    assert len(region_warnings(small, [1], PICTURE, Box(0, 0, 40, 30), (48, 32))) == 1
    assert region_warnings(small, [1], PICTURE, Box(0, 0, 40, 30), (40, 30)) == []


@pytest.mark.parametrize(
    ("matte", "region", "cut"),
    [
        (Box(12, 12, 5, 5), Box(10, 10, 20, 20), False),
        (Box(10, 12, 5, 5), Box(10, 10, 20, 20), True),
        (Box(12, 25, 5, 5), Box(10, 10, 20, 20), True),
        (Box(0, 12, 5, 5), Box(0, 10, 20, 20), False),  # there is no more of the picture
        (Box(80, 40, 20, 20), Box(80, 40, 20, 20), True),  # but on the other sides
    ],
)
def test_a_matte_that_its_region_cuts(matte: Box, region: Box, cut: bool) -> None:
    assert is_cut(matte, region, PICTURE) is cut


def test_the_box_around_boxes() -> None:
    assert box_around([Box(-3, 4, 5, 5), Box(10, 0, 2, 3)]) == Box(-3, 0, 15, 9)
