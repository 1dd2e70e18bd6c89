"""The files of Read nodes: which they show at which frames, and whether they can stand for the plate as they are."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nuke

from vera_client.host.plate_files import Plate

from . import spaces

PICTURES = (".exr", ".dpx", ".cin", ".tif", ".tiff", ".png", ".jpg", ".jpeg")
"""Sequences of these the engine reads as Nuke does; movies are rendered, for their codecs' matrices are Nuke's."""
FILE_KNOBS = ("file", "vfield_file", "modelFile")
CONSTANT = re.compile(r"(?:frame|t|x)?\s*(?:([+-])\s*(\d+))?")
"""Frame expressions that shift and do nothing else."""
MARKS = re.compile(r"#+|%0\d+d")


def sequence_of(read: nuke.Node, frames: range, view: str) -> Plate | None:
    """The files that a Read shows unchanged over the frames in a view, or None where it has to be rendered.

    Rendered are movies, stills, frames that are held, looped or retimed, several views in one file, straight alpha that
    is taken out, disabled Reads and color spaces that have no name of their own. Whether the files are there is not
    asked here.
    """
    if read.Class() != "Read" or _is_on(read, "disable") or _is_on(read, "premultiplied"):
        return None
    color_space = spaces.working_space() if _is_on(read, "raw") else spaces.engine_name(str(read["colorspace"].value()))
    offset = frame_offset(read)
    if color_space is None or offset is None:
        return None
    if frames[0] + offset < int(read["first"].value()) or frames[-1] + offset > int(read["last"].value()):
        return None
    if len(nuke.views()) > 1 and "%v" not in str(read["file"].value()).lower():
        return None
    pattern = pattern_of(read["file"], view)
    if not os.path.isabs(pattern):
        return None  # from where Nuke was started
    if not pattern.lower().endswith(PICTURES) or not MARKS.search(Path(pattern).name):
        return None
    plate = Plate(pattern, offset, color_space)
    return plate if all(_shows(read, frame, view, plate.file(frame)) for frame in (frames[0], frames[-1])) else None


def frame_offset(read: nuke.Node) -> int | None:
    """File frame - host frame, where that is the same at every frame.

    As Foundry's guide has it: an offset is added to the frame; "start at" is where the first file is shown. RV's own
    link to Nuke (OpenRV, rvnuke) reads an offset so too; published scripts that mean it the other way round are why
    `_shows` asks Nuke.
    """
    mode, said = str(read["frame_mode"].value()), str(read["frame"].value()).strip()
    if mode == "expression":
        shift = CONSTANT.fullmatch(said)
        return None if shift is None else int(f"{shift[1] or '+'}{shift[2] or 0}")
    if not said:
        return 0
    if not re.fullmatch(r"[+-]?\d+", said):
        return None
    return int(read["first"].value()) - int(said) if mode == "start at" else int(said)


def pattern_of(knob: nuke.Knob, view: str) -> str:
    """The path in a file knob, its expressions evaluated, the view put in, marks for the frame number left; a relative
    one from the script's project directory on. Empty where there is none."""
    path = str((knob.getEvaluatedValue() if isinstance(knob, nuke.File_Knob) else knob.value()) or "")
    path = path.replace("%V", view).replace("%v", view[:1])
    return os.path.join(project_directory(), path) if path else ""


def project_directory() -> str:
    """What relative paths are meant from; empty where the script does not say."""
    knob = nuke.root().knob("project_directory")
    return str(knob.getEvaluatedValue() or "") if isinstance(knob, nuke.File_Knob) else ""


def files_of(node: nuke.Node, frames: range, view: str, is_shifted: bool) -> list[Path]:
    """The files that a node reads over the frames; all of its own where they are asked for at frames not known."""
    found: list[Path] = []
    for name in FILE_KNOBS if node.Class() != "Write" else ():
        knob = node.knob(name)
        pattern = pattern_of(knob, view) if isinstance(knob, nuke.File_Knob) else ""
        if not pattern:
            continue
        if not MARKS.search(Path(pattern).name):
            found.append(Path(pattern))
            continue
        shown = _numbers(node, frames, is_shifted) if node.Class() == "Read" else frames
        found += [Plate(pattern, 0, "").file(number) for number in shown]
    return found


def _numbers(read: nuke.Node, frames: range, is_shifted: bool) -> range:
    """The numbers of the files that a Read may show over the frames."""
    own = range(int(read["first"].value()), int(read["last"].value()) + 1)
    offset = None if is_shifted else frame_offset(read)
    if offset is None or not own:
        return own
    first, last = frames[0] + offset, frames[-1] + offset
    is_held = {str(read["before"].value()), str(read["after"].value())} <= {"hold", "black"}
    if not is_held and (first < own[0] or last > own[-1]):
        return own
    return range(min(max(first, own[0]), own[-1]), max(min(last, own[-1]), own[0]) + 1)


def _shows(read: nuke.Node, frame: int, view: str, file: Path) -> bool:
    """Whether Nuke too says that it reads this file at the frame; where it says nothing, the file is missing and the
    artist is told so."""
    said = read.metadata("input/filename", frame, view)
    return not said or _plain(str(said)) == _plain(str(file))


def _plain(path: str) -> str:
    """Of one file the same text, on Windows too."""
    return os.path.normcase(os.path.normpath(path))


def _is_on(node: nuke.Node, name: str) -> bool:
    knob = node.knob(name)
    return knob is not None and bool(knob.value())
