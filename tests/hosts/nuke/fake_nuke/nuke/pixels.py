"""What nodes show: just the classes that the node under test is made of, on planes of 32-bit floats.

Boxes are Nuke's: x and y of the lower left corner, r and t beyond the upper right one, y upward. Rows of a plane go
downward, as in files. Outside its box a picture is black.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from scipy import ndimage

from . import callbacks, graph, knobs
from .graph import Group, Node

Box = tuple[int, int, int, int]
FILE_NAMES = {"R": "red", "G": "green", "B": "blue", "A": "alpha"}
RGBA = ("rgba.red", "rgba.green", "rgba.blue", "rgba.alpha")


@dataclass(frozen=True)
class Picture:
    """Planes over one box."""

    format: tuple[int, int, float]
    """Width, height and pixel aspect."""
    box: Box
    planes: dict[str, np.ndarray]
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        x, y, r, t = self.box
        return t - y, r - x

    def plane(self, channel: str) -> np.ndarray:
        """Black where there is no such channel."""
        return self.planes.get(channel, np.zeros(self.shape, np.float32))

    def over_box(self, box: Box) -> Picture:
        """The same over another box."""
        return replace(self, box=box, planes={name: self._moved(plane, box) for name, plane in self.planes.items()})

    def _moved(self, plane: np.ndarray, box: Box) -> np.ndarray:
        if box == self.box:
            return plane
        x, y, r, t = box
        moved = np.zeros((t - y, r - x), np.float32)
        left, right = max(x, self.box[0]), min(r, self.box[2])
        low, high = max(y, self.box[1]), min(t, self.box[3])
        if left < right and low < high:
            rows = slice(t - high, t - low), slice(left - x, right - x)
            mine = slice(self.box[3] - high, self.box[3] - low), slice(left - self.box[0], right - self.box[0])
            moved[rows] = plane[mine]
        return moved


def evaluate(node: Node, frame: float, view: str) -> Picture:
    """What a node shows at a frame.

    Raises:
        RuntimeError: As Nuke does, with its kind of text.
    """
    if node._class in ("Read", "Write", "Group", "Input", "Output", "Dot", "NoOp", "TimeOffset", "FrameHold"):
        pass
    elif node._class not in OPERATIONS:
        raise NotImplementedError(f"{node._class} is not evaluated here")
    if node._knobs["disable"].component(0, frame) and node._class not in ("Group", "Read", "Constant"):
        return first(node, frame, view)
    if node._class in MOVES:
        return MOVES[node._class](node, frame, view)
    return OPERATIONS[node._class](node, frame, view)


def first(node: Node, frame: float, view: str, index: int = 0) -> Picture:
    """What an input shows; black of the script's format where nothing is connected."""
    source = node._inputs[index] if index < len(node._inputs) else None
    return evaluate(source, frame, view) if source is not None else black()


def black() -> Picture:
    width, height, aspect = root_format()
    return Picture((width, height, aspect), (0, 0, width, height), {})


def root_format() -> tuple[int, int, float]:
    words = str(graph.root()["format"].value()).split()
    return int(words[0]), int(words[1]), float(words[6])


def format_of(node: Node, frame: float) -> tuple[int, int, float]:
    return evaluate(node, frame, "main").format


def metadata_of(node: Node, frame: float, view: str) -> dict[str, Any]:
    try:
        return evaluate(node, frame, view).metadata
    except RuntimeError:
        return {}


def range_of(node: Node) -> tuple[int, int]:
    """First and last frame that a node has, as far as that is said above."""
    if node._class in ("Read", "Constant"):
        return int(node["first"].value()), int(node["last"].value())
    if node._class == "Input":
        outside = node._parent.seen_input(int(node["number"].value())) if node._parent else None
        return range_of(outside) if outside else _root_range()
    shift = int(node["time_offset"].value()) if node._class == "TimeOffset" else 0
    if isinstance(node, Group):
        output = node.output()
        return range_of(output) if output else _root_range()
    ranges = [range_of(source) for source in node._inputs if source is not None]
    if not ranges:
        return _root_range()
    return min(low for low, _ in ranges) + shift, max(high for _, high in ranges) + shift


def _root_range() -> tuple[int, int]:
    return graph.root().firstFrame(), graph.root().lastFrame()


# nodes that only say which picture, and when


def _group(node: Node, frame: float, view: str) -> Picture:
    assert isinstance(node, Group)
    if node._knobs["disable"].component(0, frame):
        return first(node, frame, view)
    output = node.output()
    if output is None:
        raise RuntimeError(f"{node.name()}: no Output")
    return evaluate(output, frame, view)


def _input(node: Node, frame: float, view: str) -> Picture:
    group = node._parent
    outside = group.seen_input(int(node["number"].value())) if group else None
    return evaluate(outside, frame, view) if outside is not None else black()


def _read(node: Node, frame: float, view: str) -> Picture:
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


MOVES: dict[str, Callable[[Node, float, str], Picture]] = {
    "Group": _group,
    "Input": _input,
    "Read": _read,
    "Output": first,
    "Write": first,
    "Dot": first,
    "NoOp": first,
    "TimeOffset": lambda node, frame, view: first(node, frame - node["time_offset"].component(0, frame), view),
    "FrameHold": lambda node, _frame, view: first(node, int(node["first_frame"].value()), view),
}


# nodes that make another picture


def _switch(node: Node, frame: float, view: str) -> Picture:
    which = int(node["which"].component(0, frame))
    return first(node, frame, view, max(0, min(which, len(node._inputs) - 1)))


def _boxed(node: Node, b: Picture, a: Picture) -> Box:
    said = str(node["bbox"].value())
    if said in ("A", "B"):
        return a.box if said == "A" else b.box
    (x, y, r, t), (x2, y2, r2, t2) = a.box, b.box
    if said == "union":
        return min(x, x2), min(y, y2), max(r, r2), max(t, t2)
    return max(x, x2), max(y, y2), min(r, r2), min(t, t2)


def _merge(node: Node, frame: float, view: str) -> Picture:
    """B is input 0, A input 1. An A that is not connected leaves B as it is."""
    b = first(node, frame, view)
    if len(node._inputs) < 2 or node._inputs[1] is None:
        return b
    if len(node._inputs) > 2:
        raise NotImplementedError("several A inputs, or a mask")
    a = first(node, frame, view, 1)
    for name, usual in (("Achannels", "rgba"), ("Bchannels", "rgba"), ("also_merge", "none")):
        if node[name].value() != usual:
            raise NotImplementedError(name)
    box = _boxed(node, b, a)
    a, b = a.over_box(box), b.over_box(box)
    alpha_a = a.plane(RGBA[3])
    operation: Callable[[np.ndarray, np.ndarray], np.ndarray] = {
        "over": lambda A, B: A + B * (1 - alpha_a),
        "stencil": lambda A, B: B * (1 - alpha_a),
        "mask": lambda A, B: B * alpha_a,
        "min": np.minimum,
        "max": np.maximum,
        "multiply": lambda A, B: A * B,
        "plus": lambda A, B: A + B,
        "copy": lambda A, B: A,
    }[str(node["operation"].value())]
    mix = np.float32(node["mix"].component(0, frame))
    done = {}
    for name in channels_of(str(node["output"].value()), b):
        if name in a.planes or name in b.planes:
            merged = operation(a.plane(name), b.plane(name))
            done[name] = merged if mix == 1 else merged * mix + b.plane(name) * (1 - mix)
    return replace(b, planes={**b.planes, **done})


def _copy(node: Node, frame: float, view: str) -> Picture:
    b, a = first(node, frame, view), first(node, frame, view, 1)
    box = _boxed(node, b, a)
    a, b = a.over_box(box), b.over_box(box)
    planes = dict(b.planes)
    if node["mix"].component(0, frame) != 1 or node["channels"].value() != "none":
        raise NotImplementedError("Copy with mix or channels")
    for k in range(4):
        source, target = str(node[f"from{k}"].value()), str(node[f"to{k}"].value())
        if "none" not in (source, target):
            _need_channel(target)
            planes[target] = a.plane(source)
    return replace(b, planes=planes)


def _need_channel(name: str) -> None:
    if not any(name in channels for channels in graph.layers.values()):
        raise RuntimeError(f"{name}: there is no such channel")


def _shuffle(node: Node, frame: float, view: str) -> Picture:
    """One input, from layer `in1` to layer `out1`, by its mappings."""
    if node["in2"].value() != "none" or node["out2"].value() != "none":
        raise NotImplementedError("Shuffle2 of several layers")
    picture = first(node, frame, view)
    count, *words = str(node["mappings"].value()).split()
    if len(words) != 6 * int(count):
        raise RuntimeError(f"{node.name()}: mappings {node['mappings'].value()!r}")
    planes = dict(picture.planes)
    for k in range(int(count)):
        source, source_input, source_index, target, target_output, _ = words[6 * k : 6 * k + 6]
        if target_output != "0" or not target.startswith(str(node["out1"].value()).replace("alpha", "rgba")):
            raise RuntimeError(f"{node.name()}: {target} is not in {node['out1'].value()}")
        if source in ("white", "black"):
            if (source_input, source_index) != ("-1", "-1"):
                raise RuntimeError(f"{node.name()}: {source} comes from no input")
            planes[target] = np.full(picture.shape, source == "white", np.float32)
        else:
            if not source.startswith(str(node["in1"].value())):
                raise RuntimeError(f"{node.name()}: {source} is not in {node['in1'].value()}")
            planes[target] = picture.plane(source)
    return replace(picture, planes=planes)


def channels_of(said: str, picture: Picture) -> list[str]:
    """The channels that a knob names."""
    if said == "all":
        return list(picture.planes)
    if said == "none":
        return []
    if said in graph.layers:
        return graph.layers[said]
    raise RuntimeError(f"no channels {said!r}")


def _remove(node: Node, frame: float, view: str) -> Picture:
    picture = first(node, frame, view)
    named = channels_of(str(node["channels"].value()), picture)
    is_kept = node["operation"].value() == "keep"
    return replace(picture, planes={name: p for name, p in picture.planes.items() if (name in named) == is_kept})


def _each(node: Node, frame: float, view: str, change: Callable[[np.ndarray], np.ndarray]) -> Picture:
    """The named channels, changed each on its own."""
    picture = first(node, frame, view)
    named = channels_of(str(node["channels"].value()), picture)
    return replace(picture, planes={name: change(p) if name in named else p for name, p in picture.planes.items()})


def _premult(node: Node, frame: float, view: str) -> Picture:
    alpha = first(node, frame, view).plane(str(node["alpha"].value()))
    return _each(node, frame, view, lambda plane: plane * alpha)


def _clamp(node: Node, frame: float, view: str) -> Picture:
    low, high = (np.float32(node[name].component(0, frame)) for name in ("minimum", "maximum"))
    return _each(node, frame, view, lambda plane: np.clip(plane, low, high))


def _invert(node: Node, frame: float, view: str) -> Picture:
    picture = _each(node, frame, view, lambda plane: np.float32(1) - plane)
    named = channels_of(str(node["channels"].value()), picture)
    missing = {name: np.ones(picture.shape, np.float32) for name in named if name not in picture.planes}
    return replace(picture, planes={**picture.planes, **missing})


def _keymix(node: Node, frame: float, view: str) -> Picture:
    b, a, mask = (first(node, frame, view, k) for k in range(3))
    box = _boxed(node, b, a)
    m = mask.over_box(box).plane(str(node["maskChannel"].value())) * np.float32(node["mix"].component(0, frame))
    if node["invertMask"].value():
        m = 1 - m
    a, b = a.over_box(box), b.over_box(box)
    names = (
        {*a.planes, *b.planes} if node["channels"].value() == "all" else channels_of(str(node["channels"].value()), b)
    )
    done = {name: a.plane(name) * m + b.plane(name) * (1 - m) for name in names}
    return replace(b, planes={**b.planes, **done})


def _erode(node: Node, frame: float, view: str) -> Picture:
    """Whole pixels and the box filter alone: the least, or with a negative size the largest, of a square."""
    sizes = [node["size"].component(k, frame) for k in range(2)]
    if node["filter"].value() != "box" or any(size != int(size) for size in sizes):
        raise NotImplementedError("Erode other than by whole pixels of a box")
    window = [2 * abs(int(size)) + 1 for size in reversed(sizes)]
    change = ndimage.minimum_filter if sizes[0] > 0 else ndimage.maximum_filter
    return _each(node, frame, view, lambda plane: change(plane, window, mode="nearest"))


def _blur(node: Node, frame: float, view: str) -> Picture:
    """A Gaussian of a third of the size: close to Nuke's, not its very weights."""
    sigmas = [node["size"].component(k, frame) / 3 for k in (1, 0)]
    return _each(node, frame, view, lambda plane: ndimage.gaussian_filter(plane, sigmas, mode="nearest"))


def _grade(node: Node, frame: float, view: str) -> Picture:
    def value(name: str) -> np.float32:
        return np.float32(node[name].component(0, frame))

    low, high = value("blackpoint"), value("whitepoint")
    slope = value("multiply") * value("white") / (high - low)
    if value("gamma") != 1:
        raise NotImplementedError("gamma")

    def change(plane: np.ndarray) -> np.ndarray:
        done = (plane - low) * slope + value("add")
        done = np.maximum(done, 0) if node["black_clamp"].value() else done
        return np.minimum(done, 1) if node["white_clamp"].value() else done

    return _each(node, frame, view, change)


def _constant(node: Node, frame: float, view: str) -> Picture:
    said = str(node["format"].value()).split()
    width, height, aspect = (int(said[0]), int(said[1]), 1.0) if said else root_format()
    names = channels_of(str(node["channels"].value()), black())
    values = (node["color"].component(RGBA.index(name), frame) for name in names)
    planes = {name: np.full((height, width), value, np.float32) for name, value in zip(names, values, strict=True)}
    return Picture((width, height, aspect), (0, 0, width, height), planes)


def _crop(node: Node, frame: float, view: str) -> Picture:
    """Outside the box black; the box in whole pixels."""
    picture = first(node, frame, view)
    if node["reformat"].value() or not node["crop"].value():
        raise NotImplementedError("Crop that reformats or repeats")
    x, y, r, t = (node["box"].component(k, frame) for k in range(4))
    x, y, r, t = (math.floor(value + 0.5) for value in (x, y, r, t))
    low, high = (max(x, picture.box[0]), max(y, picture.box[1])), (min(r, picture.box[2]), min(t, picture.box[3]))
    if low[0] >= high[0] or low[1] >= high[1]:
        return picture.over_box((0, 0, 1, 1)) if x >= r else replace(picture, box=(0, 0, 1, 1), planes={})
    return picture.over_box((*low, *high))


def _reformat(node: Node, frame: float, view: str) -> Picture:
    """To a box by stretching, alone."""
    picture = first(node, frame, view)
    if (node["type"].value(), node["resize"].value(), node["box_fixed"].value()) != ("to box", "distort", True):
        raise NotImplementedError("Reformat other than to a box")
    width, height = (int(node[name].component(0, frame)) for name in ("box_width", "box_height"))
    whole = picture.over_box((0, 0, *picture.format[:2]))
    planes = {}
    for name, plane in whole.planes.items():
        resized = oiio.ImageBufAlgo.resize(
            oiio.ImageBuf(np.ascontiguousarray(plane)[..., None]), roi=oiio.ROI(0, width, 0, height)
        )
        planes[name] = np.asarray(resized.get_pixels(oiio.FLOAT))[..., 0]
    aspect = node["box_pixel_aspect"].component(0, frame)
    return replace(picture, format=(width, height, aspect), box=(0, 0, width, height), planes=planes)


OPERATIONS: dict[str, Callable[[Node, float, str], Picture]] = {
    "Switch": _switch,
    "Merge2": _merge,
    "Copy": _copy,
    "Shuffle2": _shuffle,
    "Remove": _remove,
    "Premult": _premult,
    "Clamp": _clamp,
    "Invert": _invert,
    "Keymix": _keymix,
    "FilterErode": _erode,
    "Blur": _blur,
    "Grade": _grade,
    "Constant": _constant,
    "Crop": _crop,
    "Reformat": _reformat,
}


def render(write: Node, frame: int, view: str) -> Path:
    """One frame of a Write, as EXR.

    Raises:
        RuntimeError: As Nuke does.
    """
    picture = first(write, frame, view)
    said = write["file"]
    assert isinstance(said, knobs.File_Knob)
    path = Path(knobs.numbered(said.getEvaluatedValue(frame), frame).replace("%V", view).replace("%v", view[:1]))
    if write["create_directories"].value():
        path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.is_dir():
        raise RuntimeError(f"{write.name()}: {path}: No such file or directory")
    if path.suffix != ".exr" or write["file_type"].value() not in ("", "exr"):
        raise NotImplementedError(f"{write['file_type'].value()} {path.suffix}")
    names = [name for name in channels_of(str(write["channels"].value()), picture) if name in picture.planes]
    if not names:
        raise RuntimeError(f"{write.name()}: nothing to write, channels {write['channels'].value()} are missing")
    short = {f"rgba.{long}": letter for letter, long in FILE_NAMES.items()}
    width, height, aspect = picture.format
    rows, columns = picture.shape
    kind = oiio.HALF if write["datatype"].value() == "16 bit half" else oiio.FLOAT
    spec = oiio.ImageSpec(columns, rows, len(names), kind)
    spec.channelnames = [short.get(name, name) for name in names]
    spec.x, spec.y = picture.box[0], height - picture.box[3]
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = 0, 0, width, height
    spec.attribute("PixelAspectRatio", aspect)
    spec.attribute("compression", "zips")
    if str(write["metadata"].value()).startswith("all metadata"):
        for name, value in picture.metadata.items():
            if name == "exr/smpte:TimeCode":
                spec.attribute("smpte:TimeCode", "timecode[1]", value)
            elif name.startswith("exr/") and isinstance(value, (str, float, int)) and name[4:] not in ("compression",):
                spec.attribute(name[4:], value)
    output = oiio.ImageOutput.create(str(path))
    if not output.open(str(path), spec):
        raise RuntimeError(f"{write.name()}: {output.geterror()}")
    done = output.write_image(np.stack([picture.planes[name] for name in names], -1))
    output.close()
    if not done:
        raise RuntimeError(f"{write.name()}: {output.geterror()}")
    return path
