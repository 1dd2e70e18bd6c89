"""Write the lock files again from pyproject.toml: `make locks`, or `make locks UPGRADE=1` for the newest versions.

Each environment's own pip resolves (nothing is installed), so a lock holds for that environment's Python. Versions of
the present lock are kept unless an upgrade is asked for. torch is written without a local tag, and what only one of its
builds needs is left out: the same lock then installs a CPU build or a CUDA build, whichever pip finds, and torch
itself says which versions of CUDA's libraries belong to it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ONE_BUILD_ONLY = re.compile(r"^(nvidia|cuda|triton|pytorch-triton|mkl|intel-openmp)(-|$)")
"""What only some builds of torch need: CUDA's libraries and compiler, MKL."""


@dataclass(frozen=True)
class Lock:
    """One lock file: the environment whose pip resolves it, and what it is resolved from."""

    name: str
    environment: str
    requirements: tuple[str, ...]

    @property
    def path(self) -> Path:
        return REPOSITORY / "locks" / f"{self.name}.txt"

    @property
    def python(self) -> Path:
        return REPOSITORY / self.environment / "bin" / "python"


def locks_of_project() -> list[Lock]:
    """The project's lock files, with their requirements from pyproject.toml."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    project, groups = settings["project"], settings["dependency-groups"]
    extras = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    return [
        Lock("engine", ".venv", (*project["dependencies"], *extras)),
        Lock("blender-4.5", ".venv-blender", tuple(groups["blender-4-5"])),
        Lock("blender-5.2", ".venv-blender52", tuple(groups["blender-5-2"])),
    ]


def canonical(name: str) -> str:
    """A distribution's name as package indexes compare it: lower case, one hyphen for any run of `-_.`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins_from_report(report: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    """The `name==version` lines of pip's installation report: sorted, no local tag, nothing of one torch build only."""
    versions = {
        canonical(item["metadata"]["name"]): item["metadata"]["version"].partition("+")[0] for item in report["install"]
    }
    return [f"{name}=={version}" for name, version in sorted(versions.items()) if not ONE_BUILD_ONLY.match(name)]


def resolve(lock: Lock, keep: Path | None) -> list[str]:
    """The lock's lines, resolved by pip of the lock's environment.

    Args:
        lock: What to resolve.
        keep: A file of pins to stay with where they still fit; None takes the newest of everything.

    Raises:
        subprocess.CalledProcessError: when pip finds no fitting set.
    """
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [str(lock.python), "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", report.name, *(["--constraint", str(keep)] if keep else []), *lock.requirements]
        subprocess.run(command, check=True)
        return pins_from_report(json.loads(Path(report.name).read_text()))


def main() -> int:
    """Write each lock whose environment is here; say which were left alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions instead of the present ones")
    parser.add_argument("names", nargs="*", help="locks to write, as in engine or blender-4.5; all when left out")
    arguments = parser.parse_args()
    known = {lock.name: lock for lock in locks_of_project()}
    if unknown := [name for name in arguments.names if name not in known]:
        parser.error(f"no lock is named {', '.join(unknown)}: the locks are {', '.join(known)}")
    for lock in (known[name] for name in arguments.names or known):
        if not lock.python.exists():
            print(f"{lock.path.name}: left as it is, {lock.environment} is not set up", file=sys.stderr)
            continue
        keep = lock.path if lock.path.exists() and not arguments.upgrade else None
        pins = resolve(lock, keep)
        lock.path.write_text("\n".join([f"# Written by locks/update.py for {lock.environment}.", *pins]) + "\n")
        print(f"{lock.path.name}: {len(pins)} packages")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
