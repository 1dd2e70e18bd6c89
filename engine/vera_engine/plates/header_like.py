"""Headers of files that are written like a plate's frame: its windows and metadata, in OpenEXR's words."""

from __future__ import annotations

import math
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from vera_engine.errors import FailedPrecondition, InvalidArgument, PermissionRefused
from vera_engine.plates.color import ColorSpace
from vera_engine.plates.color_rules import color_space_of_file
from vera_engine.plates.image import Header
from vera_engine.plates.plate_format import PlateFormat
from vera_engine.plates.write import ImageNotWritten, write_image

_OF_THE_FILE = (
    # Metadata that describe how the plate's file is stored, or channels that the new file lacks.
    "BlenderMultiChannel",
    "CICP",
    "Orientation",
    "acesImageContainerFlag",
    "channels",
    "chunkCount",
    "compression",
    "dwaCompressionLevel",
    "multiView",
    "name",
    "planarconfig",
    "textureformat",
    "type",
    "version",
    "view",
    "wrapmodes",
)
_OF_THE_FILE_BY_PREFIX = (
    "ICCProfile",
    "cineon:",
    "cryptomatte/",
    "dpx:",
    "jpeg:",
    "oiio:",
    "openexr:",
    "png:",
    "tiff:",
)
_COLOR_TAGS = ("colorInteropID", "oiio:ColorSpace", "chromaticities")
_OF_THE_SHOT = {
    # What DPX and Cineon alone say by these names, and where OpenEXR keeps it; its own writer leaves them out.
    "InputDevice": "cameraModel",
    "InputDeviceSerialNumber": "cameraSerialNumber",
    "FilmEdgeCode": "filmEdgeCode",
    "Format": "filmFormat",
    "FrameId": "frameId",
    "FrameRate": "framesPerSecond",
    "ShutterAngle": "shutterAngle",
    "SlateInfo": "slateInfo",
    "SourceDateTime": "sourceDateTime",
    "SourceImageFileName": "sourceImageFileName",
}
_FASTEST = 100_000  # frames per second that a camera may have taken


class MetadataRefused(InvalidArgument):
    """A plate whose metadata no file can take over."""


def check_metadata(header: Header, plate: PlateFormat, argument: str) -> None:
    """Writes one pixel like a plate's frame, and throws it away: what OpenEXR's writer refuses is known beforehand.

    Args:
        header: The frame's.
        plate: Its format.
        argument: Named in the error.

    Raises:
        MetadataRefused: No file can be written like this frame.
    """
    spec = spec_like(header, plate, ("R", "G", "B"), "half")
    spec.width = spec.height = 1
    try:
        with tempfile.TemporaryDirectory() as folder:
            write_image(Path(folder) / "pixel.exr", np.zeros((1, 1, 3), np.float16), spec, "exr")
    except ImageNotWritten as error:
        raise MetadataRefused(
            "OpenEXR does not take over what this file says of itself, so that no layers could be written like it.",
            argument=argument,
            value=header.path,
            remedy=f"Write the plate without such metadata. {error.reason}",
        ) from error
    except (OSError, PermissionRefused, FailedPrecondition):
        return  # no room for temporary files is no fault of the plate's


def spec_like(header: Header, plate: PlateFormat, channels: tuple[str, ...], pixel_type: str) -> oiio.ImageSpec:
    """What a file of one part says that is written like a plate's frame.

    Args:
        header: The frame's.
        plate: Its format.
        channels: Those of the new file.
        pixel_type: `half` or `float`.
    """
    spec = oiio.ImageSpec(header.spec)
    spec.nchannels = len(channels)
    spec.channelnames = channels
    spec.channelformats = ()
    spec.set_format(pixel_type)
    spec.alpha_channel = channels.index("A") if "A" in channels else -1
    spec.z_channel = -1
    spec.tile_width = spec.tile_height = spec.tile_depth = 0
    for attribute in header.spec.extra_attribs:
        name = attribute.name
        if name in _OF_THE_FILE or (name.startswith(_OF_THE_FILE_BY_PREFIX) and name != "oiio:ColorSpace"):
            spec.erase_attribute(name)
        prefix, _, rest = name.partition(":")
        if prefix in ("cineon", "dpx") and rest in _OF_THE_SHOT:
            _say_of_the_shot(spec, _OF_THE_SHOT[rest], attribute.value)
    spec.attribute("PixelAspectRatio", plate.pixel_aspect)
    if not plate.color_space.is_linear or _says_otherwise(header.spec, plate.color_space):
        _tag(spec, plate.color_space.linear)
    date = spec.get_string_attribute("DateTime")
    if not (date and date.isprintable()):
        spec.attribute("DateTime", "")  # else the time of writing, and the same take would give other bits
    spec.attribute("compression", "zip")
    return spec


def _says_otherwise(spec: oiio.ImageSpec, space: ColorSpace) -> bool:
    """Whether the plate's file names another space than the one it is taken for. One that says nothing does not: then
    a host takes both files for the same."""
    says = any(spec.getattribute(name) is not None for name in _COLOR_TAGS)
    return says and color_space_of_file(spec) != space


def _tag(spec: oiio.ImageSpec, linear: ColorSpace) -> None:
    """Says that values are in this linear space, whatever the plate's file says, where files have words for it."""
    for name in _COLOR_TAGS:
        spec.erase_attribute(name)
    if linear.interop_id:
        spec.attribute("oiio:ColorSpace", linear.interop_id)
    if linear.chromaticities:
        spec.attribute("chromaticities", "float[8]", linear.chromaticities)


def _say_of_the_shot(spec: oiio.ImageSpec, name: str, value: object) -> None:
    """Sets an attribute, unless the header was never filled in there."""
    if isinstance(value, float) and math.isfinite(value):
        rate = Fraction(value).limit_denominator(1001)
        if name == "framesPerSecond" and 0 < rate <= _FASTEST:
            spec.attribute(name, "rational", (rate.numerator, rate.denominator))
        elif name != "framesPerSecond":
            spec.attribute(name, value)
    elif isinstance(value, str) and value.strip().isprintable() and value.strip():
        spec.attribute(name, value)
