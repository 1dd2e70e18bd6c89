"""Frames of a movie by number, exact wherever its decoder has to be sent to find them.

Frames are numbered from 1 in the order they are shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av import VideoFrame
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vera_engine.plates.channels import Role
from vera_engine.plates.image import PlateUnreadable, check_openable
from vera_engine.plates.movie_header import MovieHeader, header_of, turn_of
from vera_engine.plates.movie_index import FramesLost, MovieIndex, index_of
from vera_engine.plates.movie_pixels import LayoutUnsupported, rgb_of
from vera_engine.plates.upright import turned

_OPTIONS = {
    # Nothing that is called a movie may make the library open other files, or addresses.
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mxf",
}
_THREADS = 4  # each keeps frames of its own
_FRAMES_DECODED_ON = 8  # rather than sending the decoder elsewhere
_CENTERED_CODECS = ("mjpeg", "mpeg1video")
_UNSPECIFIED_MATRIX = 2


class Movie:
    """An open movie, for one thread at a time.

    Args:
        path: The file.
        role: What it is read as, for messages.
        index: Its index, where it was open before.

    Raises:
        PlateForbidden, PlateUnreadable: It cannot be opened, or holds no pictures that can be decoded.
    """

    header: MovieHeader
    index: MovieIndex
    at: int
    """The number of the frame that the decoder gave last; 0 where that is not known."""
    _frames: Iterator[tuple[VideoFrame, bool]]
    _last: VideoFrame | None
    """The frame `at`, where it is whole."""

    def __init__(self, path: Path, role: Role, index: MovieIndex | None = None) -> None:
        check_openable(path, role)
        self._path = path
        self._role = role
        self._begin()
        try:
            self.header = header_of(self._container, self._stream)
            self.index = index or self._indexed()
            self._begin()
        except (av.FFmpegError, FramesLost) as error:
            self.close()
            raise self._unreadable(str(error)) from error

    def close(self) -> None:
        """Lets go of the file."""
        self._container.close()

    def read(self, number: int) -> NDArray[np.float32]:
        """A frame, from 1 to `index.frame_count`, as (H, W, 3 or 4) float32: see `rgb_of`.

        Raises:
            PlateUnreadable: It is damaged, changes its size, or is coded in a way that is not read.
            PlateTurned: It is not stored upright.
        """
        frame = self._frame(number)
        spec = self.header.spec
        if (frame.width, frame.height) != (spec.width, spec.height):
            raise self._unreadable(f"from {spec.width}x{spec.height} its pictures become {frame.width}x{frame.height}")
        turn = turn_of(frame)
        if turn:
            raise turned(self._path, self._role, turn)
        matrix = self.header.matrix if frame.colorspace == _UNSPECIFIED_MATRIX else frame.colorspace
        is_centered = self._stream.codec_context.name in _CENTERED_CODECS
        try:
            return rgb_of(frame, matrix, frame.color_range or self.header.color_range, is_centered)
        except LayoutUnsupported as error:
            raise self._unreadable(f"it holds {error}, which is not supported") from error

    def _indexed(self) -> MovieIndex:
        index = index_of(self._container, self._stream)
        if not index.has_leading:
            return index
        self._begin()
        try:
            return index.without_lost_leading(frame for frame, _ in self._frames)
        except av.FFmpegError:
            return index  # damaged there, which is told of the frames that it hits

    def _frame(self, number: int) -> VideoFrame:
        if number == self.at and self._last is not None:
            return self._last
        damage: PlateUnreadable | None = None
        for enter in self._entries(number):
            enter()
            try:
                frame = self._decoded_on(number)
            except PlateUnreadable as error:
                damage = damage or error
                continue
            if frame is not None:
                return frame
        raise damage or self._unreadable("its decoder does not give this frame")

    def _entries(self, number: int) -> Iterator[Callable[[], None]]:
        """Ways to get to a frame, the shortest first. Where a stream can be entered is not always where its tables say:
        then a keyframe before. The beginning is far, and nothing that is damaged gets whole from there."""
        if not self.index.shown:
            yield (lambda: None) if 0 < self.at < number else self._begin
            return
        place = self.index.keyframe_before(number)
        keyframe = self.index.numbers[self.index.keyframes[place].shown]
        is_near = keyframe <= self.at or number - self.at <= _FRAMES_DECODED_ON
        if self.at and self.at < number and is_near:
            yield lambda: None
        yield lambda: self._seek(place)
        if place > 0:
            yield lambda: self._seek(place - 1)
        else:
            yield self._begin

    def _decoded_on(self, number: int) -> VideoFrame | None:
        """The frame of that number, where it comes next or after others; None where it does not come.

        Raises:
            PlateUnreadable: It is damaged, or one that it may be made from.
        """
        try:
            for frame, is_whole in self._frames:
                counted = None if self.index.shown else self.at + 1
                at = counted or (self.index.numbers.get(frame.pts) if frame.pts is not None else None)
                if at is None:
                    continue
                self.at, self._last = at, frame if is_whole else None
                if at < number:
                    continue
                if at == number and self._last is None:
                    raise self._unreadable("this frame is damaged, or one that it is made from")
                return self._last if at == number else None
        except av.FFmpegError as error:
            self._leave()
            raise self._unreadable(str(error.strerror)) from error
        self._leave()
        return None

    def _seek(self, place: int) -> None:
        """Goes to a keyframe, or before it: containers mean different things by a moment, and find them roughly."""
        wanted = self.index.keyframes[place]
        earlier = self.index.keyframes[max(0, place - 1)]
        for moment in (wanted.shown, wanted.decoded, earlier.decoded, earlier.shown):
            if moment is None:
                continue
            try:
                self._container.seek(moment, stream=self._stream)
                packets = self._container.demux(self._stream)
                first = next(packets)
            except (av.FFmpegError, StopIteration):
                continue
            begins = first.dts if first.pts is None else first.pts
            if first.is_keyframe and begins is not None and begins <= wanted.shown:
                self._decode(chain([first], packets))
                return
        self._begin()

    def _begin(self) -> None:
        """Opens the file, again where it is open."""
        if hasattr(self, "_container"):
            self.close()
        try:
            self._container = av.open(self._path, options=_OPTIONS, metadata_errors="replace")
        except av.FFmpegError as error:
            raise self._unreadable(f"it is no movie, or cut off ({error.strerror})") from error
        streams = [
            stream
            for stream in self._container.streams.video
            if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic  # a poster
        ]
        if not streams:
            self.close()
            raise self._unreadable("it holds no pictures, or none that can be decoded")
        self._stream: VideoStream = streams[0]
        self._stream.thread_type = "AUTO"
        self._stream.thread_count = _THREADS
        self._decode(self._container.demux(self._stream))

    def _decode(self, packets: Iterable[Packet[VideoStream]]) -> None:
        self._leave()
        frames = (frame for packet in packets for frame in packet.decode())
        self._frames = _with_wholeness(frames, self._stream.codec_context.reorder_depth)

    def _leave(self) -> None:
        """Forgets where the decoder is."""
        self._frames, self.at, self._last = iter(()), 0, None

    def _unreadable(self, reason: str) -> PlateUnreadable:
        return PlateUnreadable(
            f"The movie cannot be read: {reason}.",
            argument=self._role.argument,
            value=self._path,
            remedy="Copy or write it again, or make an image sequence of it.",
        )


def _with_wholeness(frames: Iterable[VideoFrame], reorder_depth: int) -> Iterator[tuple[VideoFrame, bool]]:
    """Frames as they are shown, and whether they are whole: neither damaged nor made from one that is.

    The decoder tells only of the damaged one itself. Others may be made from those before them, back to a keyframe, and
    from as many after them as can be decoded out of turn.
    """
    waiting: deque[tuple[VideoFrame, bool]] = deque()
    is_whole = True
    for frame in frames:
        is_whole = (is_whole or frame.key_frame) and not frame.is_corrupt
        if not is_whole:
            waiting = deque((earlier, was_whole and earlier.key_frame) for earlier, was_whole in waiting)
        waiting.append((frame, is_whole))
        if len(waiting) > reorder_depth:
            yield waiting.popleft()
    yield from waiting
