"""The check before the set-up: it finds what is there, and mends what is not with one line."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

PYTHON_WITHOUT_LIBRARIES = """#!/bin/sh
# Names every library it is asked for as missing.
case "$*" in *ctypes*) shift 2; printf '%s\\n' "$@" ;; esac
exit 0
"""


@pytest.fixture
def prerequisites(repository):
    def run(*arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
        command = ["/bin/sh", str(repository / "prerequisites.sh"), *arguments]
        return subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def no_libraries(tmp_path):
    """A PATH whose python3.11 works but finds no system library."""
    python = tmp_path / "python3.11"
    python.write_text(PYTHON_WITHOUT_LIBRARIES)
    python.chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


def test_a_machine_that_runs_these_tests_has_all(prerequisites):
    done = prerequisites("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert prerequisites("packages").stdout == ""


def test_the_python_it_names_is_of_that_version(prerequisites):
    python = prerequisites("python", "3.11").stdout.strip()
    said = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("Python 3.11.")


def test_no_such_python_is_a_status(prerequisites):
    done = prerequisites("python", "3.99")
    assert (done.returncode, done.stdout) == (1, "")


def test_missing_libraries_are_named_with_the_line_that_mends_them(prerequisites, no_libraries):
    done = prerequisites("check", path=no_libraries)
    assert done.returncode == 1
    assert "libX11.so.6" in done.stderr
    line = next(line for line in done.stderr.splitlines() if "apt-get install" in line)
    packages = prerequisites("packages", path=no_libraries).stdout.split()
    assert {"libx11-6", "libxi6", "libxkbcommon0", "libsm6", "libgl1"} <= set(packages)
    assert line.split("-y", 1)[1].split() == packages


def test_a_shim_that_does_not_run_is_passed_over(prerequisites, tmp_path):
    shim = tmp_path / "python3.11"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    python = prerequisites("python", "3.11", path=f"{tmp_path}:{os.environ['PATH']}").stdout.strip()
    assert python != str(shim)


def test_the_readme_names_the_same_packages(repository, prerequisites, no_libraries):
    packages = set(prerequisites("packages", path=no_libraries).stdout.split())
    readme = (repository / "README.md").read_text().replace("\\\n", " ")
    lines = re.findall(r"apt-get install (.*)", readme)
    assert any(packages <= set(line.split()) for line in lines), packages
