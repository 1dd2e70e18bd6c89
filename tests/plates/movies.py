"""Movies written by PyAV whose frames carry their number in the picture, so that no index has to be believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

WIDTH, HEIGHT, BITS, BLOCK = 256, 120, 8, 32


def picture_of(number: int) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8: eight gray columns, bright where the number's bit is set; above them color bars."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for bit in range(BITS):
        picture[:, bit * BLOCK : (bit + 1) * BLOCK] = 200 if number >> bit & 1 else 40
    picture[:32, :128] = (180, 60, 60)
    picture[:32, 128:] = (60, 90, 170)
    return picture


def number_in(picture: np.ndarray) -> int:
    """The number in a picture of any RGB, black 0, white 1."""
    middles = [picture[50:, bit * BLOCK + 8 : (bit + 1) * BLOCK - 8, 1].mean() for bit in range(BITS)]
    return sum(1 << bit for bit, mean in enumerate(middles) if mean > 0.47)


def write_movie(
    path: Path,
    codec: str = "libx264",
    layout: str = "yuv420p",
    frame_count: int = 40,
    rate: Fraction | int = 24,
    picture: Callable[[int], np.ndarray] = picture_of,
    options: Mapping[str, str] | None = None,
    container: Mapping[str, str] | None = None,
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, str] | None = None,
    moment: Callable[[int], int] = lambda number: number - 1,
) -> Path:
    """Writes frames 1 to `frame_count`.

    Args:
        picture: What makes a frame of its number, RGB uint8 or an array in the codec's own `layout`.
        options: The codec's.
        container: The container's.
        tags: Attributes of the codec's context: colors, pixel aspect.
        metadata: The container's, such as its timecode.
        moment: When a frame is shown, in frames.
    """
    with av.open(path, "w", options=dict(container or {})) as movie:
        movie.metadata.update(metadata or {})
        stream = movie.add_stream(codec, rate=rate, options=dict(options or {}))
        height, width = picture(1).shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, layout
        stream.thread_count = 1
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        for number in range(1, frame_count + 1):
            array = picture(number)
            frame = av.VideoFrame.from_ndarray(array, format="rgb24" if array.dtype == np.uint8 else "rgb48le")
            frame.pts, frame.time_base = moment(number), Fraction(1, 1) / rate
            movie.mux(stream.encode(frame))
        movie.mux(stream.encode(None))
    return path


def cut_movie(path: Path, source: Path, keyframe: int) -> Path:
    """A movie's packets from one of its keyframes on, counted from 0 in decoding order, as they are."""
    with av.open(source) as whole, av.open(path, "w") as movie:
        stream = movie.add_stream_from_template(whole.streams.video[0])
        seen = -1
        for packet in whole.demux(video=0):
            seen += packet.is_keyframe and packet.size > 0
            if seen >= keyframe and packet.size:
                packet.stream = stream
                movie.mux(packet)
    return path
