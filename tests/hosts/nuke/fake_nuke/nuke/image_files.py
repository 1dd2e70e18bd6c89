"""Files that Reads show and Writes write, by OpenImageIO."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from . import callbacks, knobs
from .nodes import Node
from .picture import RGBA, Picture, black, channels_of

FILE_NAMES = {"R": "red", "G": "green", "B": "blue", "A": "alpha"}


def read(node: Node, frame: float, view: str) -> Picture:
    if node._knobs["disable"].component(0, frame):
        return black()
    number = _file_frame(node, frame)
    if number is None:
        return replace(black(), metadata={})
    said = node["file"]
    assert isinstance(said, knobs.File_Knob)
    pattern = said.getEvaluatedValue(frame).replace("%V", view).replace("%v", view[:1])
    path = Path(knobs.numbered(_filtered(pattern), number))
    if not path.is_file():
        if str(node["on_error"].value()) == "black":
            return black()
        raise RuntimeError(f"{node.name()}: {path}: Read error: No such file or directory")
    return _load(path, node)


def _filtered(path: str) -> str:
    """The path as those make it that were added to look at every file name."""
    for call, args, kwargs, _ in callbacks.added.get("filenameFilter", ()):
        path = call(path, *args, **kwargs) or path
    return path


def _file_frame(node: Node, frame: float) -> float | None:
    """The number of the file; None: black."""
    mode, said = str(node["frame_mode"].value()), str(node["frame"].value()).strip()
    low, high = node["first"].component(0, frame), node["last"].component(0, frame)
    number = float(frame)
    if said and mode == "offset":
        number += int(said)
    elif said and mode == "start at":
        number += low - int(said)
    elif said:
        number = knobs.expressions.evaluate(said, lambda name: node.number_of(name, frame))
    if low <= number <= high:
        return number
    edge = str(node["before" if number < low else "after"].value())
    if edge == "black":
        return None
    if edge == "hold":
        return low if number < low else high
    if edge == "loop":
        return low + (number - low) % (high - low + 1)
    raise NotImplementedError(edge)


_loaded: dict[tuple[str, int, int], Picture] = {}


def _load(path: Path, node: Node) -> Picture:
    status = path.stat()
    which = (str(path), status.st_mtime_ns, status.st_ino)
    if which not in _loaded:
        picture = oiio.ImageBuf(str(path))
        if picture.has_error or not picture.initialized:
            raise RuntimeError(f"{node.name()}: {path}: {picture.geterror()}")
        spec, window = picture.spec(), picture.roi_full
        width, height = window.width, window.height
        box = (
            spec.x - window.xbegin,
            height - (spec.y - window.ybegin + spec.height),
            spec.x - window.xbegin + spec.width,
            height - (spec.y - window.ybegin),
        )
        values = picture.get_pixels(oiio.FLOAT)
        planes = {_channel(name): np.ascontiguousarray(values[..., k]) for k, name in enumerate(spec.channelnames)}
        if spec.nchannels == 1 and spec.channelnames[0] == "Y":
            planes = dict.fromkeys(RGBA[:3], planes["rgba.Y"])
        said = {"input/filename": str(path), "input/width": width, "input/height": height}
        said |= {f"exr/{each.name}": each.value for each in spec.extra_attribs}
        aspect = float(spec.getattribute("PixelAspectRatio") or 1.0)
        _loaded[which] = Picture((width, height, aspect), box, planes, said)
    picture = _loaded[which]
    if not node["raw"].value():
        picture = _converted(picture, str(node["colorspace"].value()), path)
    return picture


def _channel(name: str) -> str:
    layer, _, channel = name.rpartition(".")
    return f"{layer or 'rgba'}.{FILE_NAMES.get(channel, channel)}"


def _converted(picture: Picture, space: str, path: Path) -> Picture:
    """To the working space, which is scene_linear; a default is that for EXR and sRGB for what is not float."""
    if space in ("default", "scene_linear", "data"):
        if space != "default" or path.suffix == ".exr":
            return picture
        space = "sRGB"
    planes = dict(picture.planes)
    for layer in {name.rpartition(".")[0] for name in planes}:
        names = [f"{layer}.{each}" for each in ("red", "green", "blue")]
        if all(name in planes for name in names):
            pixels = np.stack([planes[name] for name in names], -1)
            buffer = oiio.ImageBuf(np.ascontiguousarray(pixels))
            done = oiio.ImageBufAlgo.colorconvert(buffer, space, "scene_linear")
            if done.has_error:
                raise RuntimeError(done.geterror())
            planes |= {name: done.get_pixels(oiio.FLOAT)[..., k] for k, name in enumerate(names)}
    return replace(picture, planes=planes)


def write(node: Node, picture: Picture, frame: int, view: str) -> Path:
    """One frame of a Write, as EXR.

    Raises:
        RuntimeError: As Nuke does.
    """
    said = node["file"]
    assert isinstance(said, knobs.File_Knob)
    path = Path(knobs.numbered(said.getEvaluatedValue(frame), frame).replace("%V", view).replace("%v", view[:1]))
    if node["create_directories"].value():
        path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.is_dir():
        raise RuntimeError(f"{node.name()}: {path}: No such file or directory")
    if path.suffix != ".exr" or node["file_type"].value() not in ("", "exr"):
        raise NotImplementedError(f"{node['file_type'].value()} {path.suffix}")
    names = [name for name in channels_of(str(node["channels"].value()), picture) if name in picture.planes]
    if not names:
        raise RuntimeError(f"{node.name()}: nothing to write, channels {node['channels'].value()} are missing")
    short = {f"rgba.{long}": letter for letter, long in FILE_NAMES.items()}
    width, height, aspect = picture.format
    rows, columns = picture.shape
    kind = oiio.HALF if node["datatype"].value() == "16 bit half" else oiio.FLOAT
    spec = oiio.ImageSpec(columns, rows, len(names), kind)
    spec.channelnames = [short.get(name, name) for name in names]
    spec.x, spec.y = picture.box[0], height - picture.box[3]
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = 0, 0, width, height
    spec.attribute("PixelAspectRatio", aspect)
    spec.attribute("compression", "zips")
    if str(node["metadata"].value()).startswith("all metadata"):
        for name, value in picture.metadata.items():
            if name == "exr/smpte:TimeCode":
                spec.attribute("smpte:TimeCode", "timecode[1]", value)
            elif name.startswith("exr/") and isinstance(value, (str, float, int)) and name[4:] not in ("compression",):
                spec.attribute(name[4:], value)
    output = oiio.ImageOutput.create(str(path))
    if not output.open(str(path), spec):
        raise RuntimeError(f"{node.name()}: {output.geterror()}")
    done = output.write_image(np.stack([picture.planes[name] for name in names], -1))
    output.close()
    if not done:
        raise RuntimeError(f"{node.name()}: {output.geterror()}")
    return path
