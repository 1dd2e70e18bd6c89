"""Nodes that make another picture: just the classes that the node under test is made of, and a few for above it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import OpenImageIO as oiio
from scipy import ndimage

from . import graph, pixels
from .nodes import Node
from .picture import RGBA, Box, Picture, black, channels_of, root_format


def _switch(node: Node, frame: float, view: str) -> Picture:
    which = int(node["which"].component(0, frame))
    return pixels.first(node, frame, view, max(0, min(which, len(node._inputs) - 1)))


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
    b = pixels.first(node, frame, view)
    if len(node._inputs) < 2 or node._inputs[1] is None:
        return b
    if len(node._inputs) > 2:
        raise NotImplementedError("several A inputs, or a mask")
    a = pixels.first(node, frame, view, 1)
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
    b, a = pixels.first(node, frame, view), pixels.first(node, frame, view, 1)
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
    picture = pixels.first(node, frame, view)
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


def _remove(node: Node, frame: float, view: str) -> Picture:
    picture = pixels.first(node, frame, view)
    named = channels_of(str(node["channels"].value()), picture)
    is_kept = node["operation"].value() == "keep"
    return replace(picture, planes={name: p for name, p in picture.planes.items() if (name in named) == is_kept})


def _each(node: Node, frame: float, view: str, change: Callable[[np.ndarray], np.ndarray]) -> Picture:
    """The named channels, changed each on its own."""
    picture = pixels.first(node, frame, view)
    named = channels_of(str(node["channels"].value()), picture)
    return replace(picture, planes={name: change(p) if name in named else p for name, p in picture.planes.items()})


def _premult(node: Node, frame: float, view: str) -> Picture:
    alpha = pixels.first(node, frame, view).plane(str(node["alpha"].value()))
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
    b, a, mask = (pixels.first(node, frame, view, k) for k in range(3))
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
    picture = pixels.first(node, frame, view)
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
    picture = pixels.first(node, frame, view)
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
