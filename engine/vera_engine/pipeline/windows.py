"""Which latents the model sees at a time, and which of them it delivers. Plans alone: no torch, no arrays.

A *run* is frames without a gap, by frame index 0 to T - 1; where a codec needs 4n + 1 frames, the last one is repeated.
Its *latent timeline*: latent 0 is frame 0, latent i is frames 4i - 3 to 4i, as the codecs' causal groups are. Windows
are slices of this one timeline, whatever their place in it, so a latent means the same frames to all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vera_engine.errors import InvalidArgument

GROUP_FRAMES = 4
"""Frames of every latent but the first, which has one."""
CODEC_CONTEXT = {"LinearVideoCodec": 2, "AutoencoderKLWan": 4}
"""By class name, how many latents of warm-up a codec takes where it begins inside the timeline.

The linear codec's frames depend on those of the latent before: two, because the first of what it is given is of another
kind.
Wan's convolutions reach back much farther, each latent counting for less: see docs/decisions/DR009 for its four.
"""


class WindowsRefused(InvalidArgument):
    """A run, a range or a window that no plan can be made for."""


@dataclass(frozen=True)
class Window:
    """What the transformer sees at once, and what comes of it."""

    start: int
    stop: int
    """The slice [start, stop) of the timeline that it sees."""
    weights: tuple[float, ...]
    """For each latent of the slice, how strongly it is anchored to the timeline as it is before: 1 wholly, 0 free."""
    first: int
    last: int
    """The latents, both inclusive, that are final once this window is done. Those of the slice after `last` are not
    final, but the next window is anchored to them."""

    def __len__(self) -> int:
        """Latents that the transformer sees."""
        return self.stop - self.start


def latent_count(frame_count: int) -> int:
    """Latents in the timeline of a run.

    Raises:
        WindowsRefused: There is no frame.
    """
    if frame_count < 1:
        raise WindowsRefused("A run has at least one frame.", argument="frame_count", value=frame_count)
    return latents_of_frames(0, frame_count - 1)[1] + 1


def latents_of_frames(first_index: int, last_index: int) -> tuple[int, int]:
    """The first and the last latent that hold any of a range of frames, all inclusive."""
    return math.ceil(first_index / GROUP_FRAMES), math.ceil(last_index / GROUP_FRAMES)


def frames_of_latents(first: int, last: int, frame_count: int) -> range:
    """The frame indices that the latents `first` to `last`, inclusive, hold; without the repeated last frame."""
    return range(_first_frame(first), min(GROUP_FRAMES * last + 1, frame_count))


def warm_up(first: int, codec_context: int) -> int:
    """Latents before latent `first` that a codec goes through, to be dropped, when it begins inside the timeline."""
    return min(first, codec_context)


def frames_needed(window: Window, codec_context: int) -> tuple[int, int]:
    """The first and the last frame index, inclusive, to encode for a window; past the run's end means its last frame.

    The codec takes the first of these frames for the first of a clip. Where the window begins inside the timeline that
    latent is part of the warm-up and dropped.
    """
    first = window.start - warm_up(window.start, codec_context)
    return GROUP_FRAMES * first, GROUP_FRAMES * (window.stop - 1)


def plan_windows(frame_count: int, window_latents: int, overlap_latents: int) -> tuple[Window, ...]:
    """Windows over all of a run, in the order they have to be made.

    Each begins `overlap_latents` before the end of the one before it; the last is moved back to be as long as the
    others. In the last `overlap_latents` that two windows share, the anchor fades: from 1, along half a cosine, towards
    0. The later window delivers those that its own result has a part in, the earlier one those before.

    Args:
        frame_count: Frames of the run, 1 or more.
        window_latents: The most latents that the model sees at once.
        overlap_latents: 1 or more; less than `window_latents` where one window is not enough.

    Raises:
        WindowsRefused: There is no frame, or no such windows.
    """
    return plan_repair(frame_count, [(0, frame_count - 1)], window_latents, overlap_latents)


def plan_repair(
    frame_count: int, again: Sequence[tuple[int, int]], window_latents: int, overlap_latents: int
) -> tuple[Window, ...]:
    """Windows that make ranges of a run again, anchored on both sides to what is kept, in the order to be made.

    Up to `overlap_latents` kept latents before and after a range are seen, with weight 1; fewer, but at least one,
    where that saves a window. A latent that holds kept and other frames is made again. Ranges whose surroundings meet
    share a window where it is long enough; it then delivers the kept latents between them too, unchanged.

    Args:
        frame_count: Frames of the run.
        again: Ranges (first, last) of frame indices, inclusive, in any order; they may touch or overlap.
        window_latents, overlap_latents: As for `plan_windows`.

    Raises:
        WindowsRefused: There is no frame, no range, one that is reversed or not in the run, or no such windows.
    """
    count = latent_count(frame_count)
    if overlap_latents < 1 or (count > window_latents and overlap_latents >= window_latents):
        raise WindowsRefused(
            f"A timeline of {count} latents needs windows that overlap by 1 to {window_latents - 1}.",
            argument="overlap_latents",
            value=overlap_latents,
        )
    groups = _grouped(_latent_ranges(frame_count, again), count, window_latents, overlap_latents)
    windows: list[Window] = []
    for group, following in zip(groups, [*groups[1:], [(count, count)]], strict=True):
        windows.extend(_windows_of(group, following[0][0], window_latents, overlap_latents))
    return tuple(windows)


LatentRange = tuple[int, int]
"""First and last latent, inclusive."""


def _latent_ranges(frame_count: int, again: Sequence[tuple[int, int]]) -> list[LatentRange]:
    """The latents to be made again: rising ranges that do not touch."""
    if not again:
        raise WindowsRefused("There is no range to make again.", argument="again", value=again)
    ranges: list[LatentRange] = []
    for first_index, last_index in sorted(again):
        if not 0 <= first_index <= last_index < frame_count:
            raise WindowsRefused(
                f"The range is reversed, or not among the frames 0 to {frame_count - 1}.",
                argument="again",
                value=(first_index, last_index),
            )
        first, last = latents_of_frames(first_index, last_index)
        if ranges and first <= ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], max(ranges[-1][1], last)
        else:
            ranges.append((first, last))
    return ranges


def _grouped(
    ranges: Sequence[LatentRange], count: int, window_latents: int, overlap_latents: int
) -> list[list[LatentRange]]:
    """The ranges, those together that share one window: no more latents are seen than if each had its own."""
    groups = [[ranges[0]]]
    for first, last in ranges[1:]:
        before = groups[-1]
        surroundings_meet = first - before[-1][1] - 1 <= 2 * overlap_latents
        least = last - before[0][0] + 1 + min(1, before[0][0]) + min(1, count - 1 - last)
        if surroundings_meet and least <= window_latents:
            before.append((first, last))
        else:
            groups.append([(first, last)])
    return groups


def _windows_of(
    group: Sequence[LatentRange], following: int, window_latents: int, overlap_latents: int
) -> Iterator[Window]:
    """Windows that make a group of ranges; `following` is the next latent after them that is not kept."""
    first, last = group[0][0], group[-1][1]
    start, stop = _surrounded(first, last, following, window_latents, overlap_latents)
    slices = _slices(start, stop, window_latents, overlap_latents)
    # Where the anchor of each later window begins to fade: never so late that nothing is left for the last one to make.
    fades = [max(later[0], min(earlier[1], last) - overlap_latents) for earlier, later in pairwise(slices)]
    for index, (window_start, window_stop) in enumerate(slices):
        fade = fades[index - 1] if index else window_start - overlap_latents
        weights = (
            _fading(latent - fade, overlap_latents) if any(a <= latent <= b for a, b in group) else 1.0
            for latent in range(window_start, window_stop)
        )
        yield Window(
            start=window_start,
            stop=window_stop,
            weights=tuple(weights),
            first=fade + 1 if index else first,
            last=fades[index] if index < len(fades) else last,
        )


def _surrounded(first: int, last: int, following: int, window_latents: int, overlap_latents: int) -> tuple[int, int]:
    """The slice [start, stop) that making the latents `first` to `last` takes, with kept ones on both sides."""
    span = last - first + 1
    before, after = min(overlap_latents, first), min(overlap_latents, following - 1 - last)
    # A window of two latents cannot hold one between two others.
    least = span + min(1, before) + (min(1, after) if window_latents > 2 else 0)
    further = max(0, math.ceil((least - window_latents) / max(1, window_latents - overlap_latents)))
    spare = window_latents + further * (window_latents - overlap_latents) - span
    while before + after > spare:
        if before > after:
            before -= 1
        else:
            after -= 1
    return first - before, last + 1 + after


def _slices(start: int, stop: int, window_latents: int, overlap_latents: int) -> list[tuple[int, int]]:
    """Slices as long as a window that cover [start, stop): the last moved back; one shorter where that is enough."""
    length = min(window_latents, stop - start)
    step = max(1, window_latents - overlap_latents)
    return [(begin, begin + length) for begin in [*range(start, stop - length, step), stop - length]]


def _fading(place: int, overlap_latents: int) -> float:
    """1 up to place 0, then along half a cosine to 0 at place `overlap_latents`, and 0 from there."""
    if place <= 0:
        return 1.0
    return (1 + math.cos(math.pi * place / overlap_latents)) / 2 if place < overlap_latents else 0.0


def _first_frame(latent: int) -> int:
    """The first frame of a latent."""
    return GROUP_FRAMES * latent - GROUP_FRAMES + 1 if latent else 0
