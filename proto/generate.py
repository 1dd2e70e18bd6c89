"""Generates the Python of `vera_edit/v1/*.proto` beside them; with `--check` only says whether it is up to date.

The generated files are committed, so that neither engine nor bridge needs protoc. `python proto/generate.py` after
every change of a .proto file; continuous integration runs `python proto/generate.py --check`.
"""

from __future__ import annotations

import argparse
import filecmp
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTO_ROOT = Path(__file__).resolve().parent
PACKAGE = Path("vera_edit/v1")


def generate(output: Path) -> list[Path]:
    """Writes `*_pb2.py`, `*_pb2.pyi` and `*_pb2_grpc.py` below `output`; returns their paths relative to it."""
    sources = sorted(path.relative_to(PROTO_ROOT).as_posix() for path in (PROTO_ROOT / PACKAGE).glob("*.proto"))
    well_known_types = files("grpc_tools").joinpath("_proto")
    folders = [f"--{kind}_out={output}" for kind in ("python", "pyi", "grpc_python")]
    code = protoc.main(["protoc", f"-I{PROTO_ROOT}", f"-I{well_known_types}", *folders, *sources])
    if code != 0:
        raise SystemExit(f"protoc ended with {code}")
    return sorted(path.relative_to(output) for path in (output / PACKAGE).glob("*_pb2*.py*"))


def differences() -> list[str]:
    """One line for each generated file that is missing, out of date, or generated from a .proto that is gone."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = generate(Path(folder))
        lines = []
        for path in fresh:
            if not (PROTO_ROOT / path).is_file():
                lines.append(f"missing: proto/{path.as_posix()}")
            elif not filecmp.cmp(Path(folder) / path, PROTO_ROOT / path, shallow=False):
                lines.append(f"out of date: proto/{path.as_posix()}")
    committed = {path.relative_to(PROTO_ROOT) for path in (PROTO_ROOT / PACKAGE).glob("*_pb2*.py*")}
    return lines + [f"left over: proto/{path.as_posix()}" for path in sorted(committed - set(fresh))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where something differs")
    if not parser.parse_args().check:
        for path in generate(PROTO_ROOT):
            print(f"proto/{path.as_posix()}")
        return 0
    lines = differences()
    for line in lines:
        print(line, file=sys.stderr)
    if lines:
        print("run: python proto/generate.py", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
