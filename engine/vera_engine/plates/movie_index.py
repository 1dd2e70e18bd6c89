"""Which frames a movie holds, and where its decoder may begin: found by its packets, without decoding."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, takewhile

from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream


class FramesLost(Exception):
    """Frames are damaged so that they are not even found, and nothing says which number the others have. Its text says
    how many."""


@dataclass(frozen=True)
class Keyframe:
    """A frame that needs none before it."""

    shown: int
    """When it is shown, in the stream's time base."""
    decoded: int | None
    """When it is decoded; None where the container does not say."""


@dataclass(frozen=True)
class MovieIndex:
    """The frames of a movie, numbered from 1 as they are shown."""

    frame_count: int
    shown: tuple[int, ...]
    """When each frame is shown, rising, in the stream's time base. Empty where the container does not say so in a way
    to rely on: frames have to be counted then, from the beginning, as they come out of the decoder."""
    keyframes: tuple[Keyframe, ...]
    """Rising; empty where `shown` is."""
    is_cut_off: bool
    """Whether the container speaks of more frames than it holds."""

    @cached_property
    def numbers(self) -> dict[int, int]:
        """Frame numbers by when they are shown."""
        return {moment: number for number, moment in enumerate(self.shown, start=1)}

    def keyframe_before(self, number: int) -> int:
        """The place in `keyframes` of the last that is not shown after a frame; 0 where none is."""
        moment = self.shown[number - 1]
        return max(0, bisect_right(self.keyframes, moment, key=lambda keyframe: keyframe.shown) - 1)

    @property
    def has_leading(self) -> bool:
        """Whether frames are shown before the first that needs none before it. A movie cut out of a longer one may hold
        them, and lack those that they are made from."""
        return bool(self.shown) and self.shown[0] < self.keyframes[0].shown

    def without_lost_leading(self, decoded: Iterable[VideoFrame]) -> MovieIndex:
        """Without those frames before the first keyframe that its decoder does not give: no player shows them.

        Args:
            decoded: From the beginning, as they are shown.
        """
        first = self.keyframes[0].shown
        leading = takewhile(lambda frame: frame.pts is None or frame.pts < first, decoded)
        given = {frame.pts for frame in leading}
        shown = tuple(moment for moment in self.shown if moment >= first or moment in given)
        return replace(self, frame_count=len(shown), shown=shown)


def index_of(container: InputContainer, stream: VideoStream) -> MovieIndex:
    """Goes through a movie's packets, or where all frames are whole ones through the container's own table of them.

    Args:
        container: Just opened; it is at its end, or anywhere, afterwards.
        stream: Of the movie's pictures.

    Raises:
        FFmpegError: The file cannot be read on.
        FramesLost: Frames in the middle are not found.
    """
    reorders = stream.codec_context.reorder_depth > 0
    entries = list(stream.index_entries)
    if entries and not reorders and len(entries) == stream.frames and all(entry.is_keyframe for entry in entries):
        moments = [entry.timestamp for entry in entries if not entry.is_discard]
        is_whole = max(entry.pos + entry.size for entry in entries) <= container.size
        if is_whole and _are_rising(moments) and moments[0] == stream.start_time:
            return MovieIndex(len(moments), tuple(moments), tuple(Keyframe(m, m) for m in moments), is_cut_off=False)
    frames: list[tuple[int | None, Keyframe | None]] = []
    packet_count = 0
    is_cut_off = False
    for packet in container.demux(stream):
        if packet.size == 0:
            continue  # what ends the stream
        packet_count += 1
        if packet.is_corrupt:
            is_cut_off = True
        elif not packet.is_discard:
            moment = packet.dts if packet.pts is None and not reorders else packet.pts
            key = Keyframe(moment, packet.dts) if packet.is_keyframe and moment is not None else None
            frames.append((moment, key))
    is_cut_off = is_cut_off or packet_count < stream.frames
    known = [moment for moment, _ in frames if moment is not None]
    is_mxf = "mxf" in container.format.name
    spoken_of = max(stream.duration or 0, max(known) - min(known) + 1) if is_mxf and known else 0
    if spoken_of > len(frames):  # its moments are frame numbers, but counted on over what is damaged
        raise FramesLost(f"{len(frames)} of {spoken_of} frames are there")
    # MXF often says of frames that are decoded out of turn only when they are decoded.
    are_guesses = reorders and _are_rising(known) and is_mxf
    keyframes = sorted((key for _, key in frames if key is not None), key=lambda key: key.shown)
    if are_guesses or len(set(known)) < len(frames) or not keyframes:
        return MovieIndex(len(frames), (), (), is_cut_off)
    return MovieIndex(len(frames), tuple(sorted(known)), tuple(keyframes), is_cut_off)


def _are_rising(moments: list[int]) -> bool:
    return all(one < next_one for one, next_one in pairwise(moments))
