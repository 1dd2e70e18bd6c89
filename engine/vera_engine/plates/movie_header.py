"""What a movie says of its pictures, in the form that image files say it: size, pixel aspect, colours, timecode."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import OpenImageIO as oiio
from av import VideoFrame
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.stream import VideoStream

from vera_engine.plates.timecode import Timecode

COLOR_SPACES = {
    # ITU-T H.273's ColourPrimaries and TransferCharacteristics, where they mean one colour space: by the color interop
    # forum's name, or where it has none by that of OpenColorIO's built-in configurations. Video that is tagged BT.709
    # or BT.2020 means what a reference display (BT.1886) shows of it.
    (1, 1): "g24_rec709_display",
    (1, 6): "g24_rec709_display",
    (1, 4): "g22_rec709_scene",
    (1, 8): "lin_rec709_scene",
    (1, 13): "srgb_rec709_scene",
    (9, 1): "Rec.1886 Rec.2020 - Display",
    (9, 14): "Rec.1886 Rec.2020 - Display",
    (9, 15): "Rec.1886 Rec.2020 - Display",
    (9, 8): "lin_rec2020_scene",
    (9, 16): "pq_rec2020_display",
    (9, 18): "hlg_rec2020_display",
    (11, 17): "P3-DCI - Display",
    (12, 13): "srgb_p3d65_scene",
    (12, 16): "pq_p3d65_display",
    (12, 17): "g26_p3d65_display",
}
"""Others, such as the primaries of BT.601, and whatever is unspecified, are no answer."""

_CAMERA = {
    "com.apple.quicktime.make": "cameraMake",
    "com.apple.quicktime.model": "cameraModel",
    "make": "cameraMake",
    "model": "cameraModel",
    "reel_name": "reelName",
}
"""Metadata of movies under the names that OpenEXR gives them."""


@dataclass(frozen=True)
class MovieHeader:
    """Of all its pictures."""

    spec: oiio.ImageSpec
    """Channels R, G, B and, where there is one, A; no timecode."""
    timecode: Timecode | None
    """Of the first picture."""
    matrix: int
    """H.273's MatrixCoefficients; 2 where unspecified."""
    color_range: int
    """FFmpeg's; 0 where unspecified."""

    def spec_of(self, number: int) -> oiio.ImageSpec:
        """Of a frame, counted from 1, with its own timecode."""
        spec = oiio.ImageSpec(self.spec)
        packed = self.timecode.later(number - 1).packed if self.timecode else None
        if packed is not None:
            spec.attribute("smpte:TimeCode", "timecode", packed)
        return spec


def header_of(container: InputContainer, stream: VideoStream) -> MovieHeader:
    """Reads what container and stream say."""
    codec = stream.codec_context
    layout = codec.format
    has_alpha = layout is not None and layout.components[-1].is_alpha
    bits = layout.components[0].bits if layout is not None else 8
    spec = oiio.ImageSpec(codec.width, codec.height, 3 + has_alpha, "uint8" if bits <= 8 else "uint16")
    spec.channelnames = ("R", "G", "B", "A")[: spec.nchannels]
    spec.alpha_channel = 3 if has_alpha else -1
    spec.attribute("oiio:BitsPerSample", bits)
    spec.attribute("PixelAspectRatio", float(stream.sample_aspect_ratio or 1))
    color_space = COLOR_SPACES.get((codec.color_primaries, codec.color_trc))
    if color_space:
        spec.attribute("oiio:ColorSpace", color_space)
    rate = stream.average_rate or stream.guessed_rate
    if rate:
        spec.attribute("framesPerSecond", "rational", (rate.numerator, rate.denominator))
    metadata = {**container.metadata, **stream.metadata}
    for name, attribute in _CAMERA.items():
        if metadata.get(name):
            spec.attribute(attribute, metadata[name])
    return MovieHeader(spec, _timecode_of(container, metadata, rate), codec.colorspace, codec.color_range)


def turn_of(frame: VideoFrame) -> str:
    """How a frame is said to be stored turned or mirrored, as in `90 degrees`; empty where it is upright."""
    note = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(note, SideData):
        return ""
    # Where a point (x, y) is shown: x' = a x + c y, y' = b x + d y, by rows of three
    (a, b, _), (c, d, _), _ = np.frombuffer(bytes(note), np.int32).reshape(3, 3)
    if (b, c) == (0, 0) and a > 0 and d > 0:
        return ""
    return f"{frame.rotation} degrees" if frame.rotation else "upside down"


def _timecode_of(container: InputContainer, metadata: dict[str, str], rate: Fraction | None) -> Timecode | None:
    said = [metadata, *(stream.metadata for stream in container.streams.data)]
    text = next((words["timecode"] for words in said if "timecode" in words), "")
    return Timecode.parse(text, round(rate)) if rate else None
