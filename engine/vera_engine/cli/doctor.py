"""`vera-edit doctor`: everything that can be wrong with an installation, looked at one by one, each with its remedy."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from vera_client.engine_files import EngineFiles
from vera_client.interface import INTERFACE_VERSION
from vera_engine import __version__
from vera_engine.cli import blender_add_on, nuke_plugin
from vera_engine.cli.install import Installation
from vera_engine.cli.machine import TorchMissing, ask_torch, find_engine, is_writable, state_files
from vera_engine.errors import VeraEditError
from vera_engine.model.checksums import verify_weights
from vera_engine.model.settings import model_folder

INSTALL = "Run: vera-edit install blender, or nuke"
ROOM_FOR_TAKES = 2 * 1024**3
"""Bytes free below which a take root is warned of: some 100 frames of 2K layers."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    status: Literal["ok", "warn", "fail"]
    """`fail`: nothing will work before this is mended. `warn`: some use of it will not."""
    subject: str
    detail: str
    remedy: str = ""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "doctor", help="check this installation; exit status 1 when something must be mended"
    )
    parser.add_argument(
        "--model", default="small", metavar="small|DIR", help="small, or a model folder (default: small)"
    )
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="where the engine keeps its state (default: the user's own)"
    )
    parser.add_argument("--take-root", type=Path, metavar="DIR", help="a folder meant for takes, to be checked too")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print each finding as it is made; 1 when one of them is a failure."""
    findings = []
    for finding in examine(arguments.model, state_files(arguments.state_dir), arguments.take_root):
        findings.append(finding)
        if not arguments.json:
            print(f"{finding.status:<5} {finding.subject}: {finding.detail}")
            if finding.remedy:
                print(f"      -> {finding.remedy}")
    failed = any(finding.status == "fail" for finding in findings)
    if arguments.json:
        print(json.dumps({"ok": not failed, "findings": [asdict(finding) for finding in findings]}))
    return 1 if failed else 0


def examine(model: str, files: EngineFiles, take_root: Path | None) -> Iterator[Finding]:
    """Every check in turn, the slow one last: torch takes seconds to import.

    Args:
        model: "small" or a model folder.
        files: The state directory to look at.
        take_root: A folder meant for takes; None leaves that check out.
    """
    yield check_python()
    yield _guarded("color", check_color)
    yield check_movies()
    yield _guarded("model", lambda: check_weights(model))
    yield check_state_dir(files)
    yield check_engine(files)
    yield check_bridge(files)
    yield _guarded("blender", check_blender)
    yield _guarded("nuke", check_nuke)
    if take_root is not None:
        yield check_take_root(take_root)
    yield check_torch()


def check_python() -> Finding:
    """The interpreter is one that the project is tested with."""
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("ok", "python", f"{version}, {sys.executable}")
    return Finding("fail", "python", f"{version}, {sys.executable}", "Set vera-edit up with Python 3.11.")


def check_color() -> Finding:
    """OpenImageIO reads its built-in OpenColorIO configuration, and mid-gray comes out as arithmetic says."""
    try:
        import numpy as np

        from vera_engine.plates.color import ColorSpace, plate_to_model_rgb
        from vera_engine.plates.color_config import ColorConfig
    except ImportError as error:
        return Finding("fail", "color", f"OpenImageIO cannot be used: {error}", "Install vera-edit[engine].")
    gray = plate_to_model_rgb(np.full((1, 1, 3), 0.18, np.float32), ColorSpace.parse("acescg"))
    expected = 1.055 * 0.18 ** (1 / 2.4) - 0.055
    if not np.allclose(gray, expected, atol=2e-3):
        wrong = f"mid-gray of ACEScg becomes {gray.ravel().tolist()} instead of {expected:.4f}"
        return Finding("fail", "color", wrong, "Install the OpenImageIO that locks/engine.txt names.")
    return Finding("ok", "color", f"OpenImageIO with {ColorConfig.current().name}")


def check_movies() -> Finding:
    """Movies can be read; image sequences need nothing of it."""
    try:
        import av
    except ImportError as error:
        return Finding("warn", "movies", f"cannot be read: {error}", "Install vera-edit[engine]; sequences do without.")
    return Finding("ok", "movies", f"PyAV {av.__version__}")


def check_torch(nvidia: Path = Path("/dev/nvidiactl")) -> Finding:
    """torch can be imported, and uses the NVIDIA device where this machine has one."""
    try:
        found = ask_torch()
    except TorchMissing as error:
        return Finding("fail", "torch", f"cannot be used: {error}", "Install vera-edit[engine].")
    if found.device.startswith("cpu") and nvidia.exists():
        unused = f"{found.version} computes on {found.device}, though there is an NVIDIA device"
        return Finding("warn", "torch", unused, "Install torch's CUDA build (README: torch for CPU or CUDA).")
    return Finding("ok", "torch", f"{found.version}, {found.device}")


def check_weights(model: str) -> Finding:
    """The model is there and its weights are those that were recorded."""
    folder = model_folder(model)
    settings = verify_weights(folder)
    return Finding(
        "ok", "model", f"{settings.name}, {len(settings.weights_sha256)} weights files as recorded, {folder}"
    )


def check_state_dir(files: EngineFiles) -> Finding:
    """The engine can keep its state."""
    if is_writable(files.state_dir):
        return Finding("ok", "state", str(files.state_dir))
    return Finding(
        "fail",
        "state",
        f"{files.state_dir} cannot be written",
        "Give yourself write permission there, or set VERA_EDIT_STATE_DIR to another folder.",
    )


def check_engine(files: EngineFiles) -> Finding:
    """A running engine is this installation's; none running is well too."""
    engine = find_engine(files)
    if engine is None:
        return Finding("ok", "engine", "not running; it is started when it is needed")
    said = engine.port_file
    if not engine.answers:
        return Finding(
            "warn",
            "engine",
            f"process {said.process_id} has gone without removing {files.port_file}",
            f"Nothing to do: the next start replaces it. {files.engine_log} may say why it went.",
        )
    where = f"version {said.engine_version}, process {said.process_id}, {said.address}"
    if (said.interface_version, said.engine_version) != (INTERFACE_VERSION, __version__):
        return Finding(
            "fail" if said.interface_version != INTERFACE_VERSION else "warn",
            "engine",
            f"another version is running: {where}; this is {__version__}, interface {INTERFACE_VERSION}",
            f"End it when it has no more to do (kill {said.process_id}); the next take starts this version.",
        )
    return Finding("ok", "engine", f"running: {where}")


def check_bridge(files: EngineFiles) -> Finding:
    """A host finds an interpreter that can speak to the engine."""
    python = os.environ.get("VERA_EDIT_PYTHON") or files.read_python()
    if python is None:
        return Finding("warn", "bridge", "hosts have not been told of this engine", INSTALL)
    try:
        asked = subprocess.run(
            [python, "-c", "import grpc; print(grpc.__version__)"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        problem = asked.stderr.strip().splitlines()[-1] if asked.returncode else ""
    except (OSError, subprocess.TimeoutExpired, IndexError) as error:
        problem = str(error) or type(error).__name__
    if problem:
        remedy = INSTALL if "VERA_EDIT_PYTHON" not in os.environ else "Mend VERA_EDIT_PYTHON."
        return Finding("fail", "bridge", f"hosts are sent to {python}: {problem}", remedy)
    return Finding("ok", "bridge", f"{python}, grpcio {asked.stdout.strip()}")


def check_blender() -> Finding:
    """The add-on that Blender has is the one that belongs to this engine."""
    homes = blender_add_on.find_blender_homes()
    found = [each for home in homes for each in blender_add_on.installations(home) if each.target.exists()]
    return _host("blender", "the add-on", "in no Blender's folder", found)


def check_nuke() -> Finding:
    """The plugin that Nuke has is the one that belongs to this engine."""
    by_path = nuke_plugin.on_nuke_path()
    if by_path is not None and nuke_plugin.is_this_engines(by_path):
        return Finding("ok", "nuke", f"the plugin is in {by_path}, by NUKE_PATH")
    if by_path is not None:
        other = f"another version of the plugin is in {by_path}, by NUKE_PATH"
        return Finding("warn", "nuke", other, "Let NUKE_PATH name what `vera-edit install nuke --print-path` prints.")
    home = nuke_plugin.find_nuke_home()
    if not home.exists():
        return Finding("ok", "nuke", f"Nuke was never started here: there is no {home}")
    found = [each for each in nuke_plugin.installations(home) if each.target.exists()]
    return _host("nuke", "the plugin", f"not in {home}", found)


def _host(host: str, noun: str, missing: str, found: Sequence[Installation]) -> Finding:
    remedy = f"Run: vera-edit install {host}"
    if not found:
        return Finding("warn", host, f"{noun} is {missing}", remedy)
    stale = [str(each.target) for each in found if each.differences()]
    if stale:
        return Finding("warn", host, f"another version of {noun} is in {', '.join(stale)}", remedy)
    return Finding("ok", host, f"{noun} is in {', '.join(str(each.target) for each in found)}")


def check_take_root(take_root: Path) -> Finding:
    """Takes can be written there, and there is room for some."""
    folder = take_root.absolute()
    if not is_writable(folder):
        remedy = "Give yourself write permission there, or choose another folder."
        return Finding("fail", "take root", f"{folder} cannot be written", remedy)
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{folder}, {free / 1024**3:.1f} GiB free"
    if free < ROOM_FOR_TAKES:
        return Finding("warn", "take root", detail, "Make room: a take of 100 frames at 2K needs about 2 GiB.")
    return Finding("ok", "take root", detail)


def _guarded(subject: str, check: Callable[[], Finding]) -> Finding:
    """A check whose typed error is the finding."""
    try:
        return check()
    except VeraEditError as error:
        where = f" ({error.argument}: {error.value})" if error.argument else ""
        return Finding("fail", subject, f"{error.reason}{where}", error.remedy)
