"""Run a test function in a fresh Blender: what one test leaves behind, or crashes, is no other test's business.

As a program: `python own_process.py test_file.py test_name tmp_path`.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
IN_CHILD = "VERA_EDIT_TEST_IN_CHILD"


def own_process(test: Callable[[Path], None]) -> Callable[[Path], None]:
    """Has a test function of one argument, `tmp_path`, run in a process of its own, at most 300 s."""
    if os.environ.get(IN_CHILD):
        return test

    @functools.wraps(test)
    def run(tmp_path: Path) -> None:
        command = [sys.executable, str(HERE / "own_process.py"), inspect.getfile(test), test.__name__, str(tmp_path)]
        done = run_blender(command, timeout=300)
        assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout[-6000:]}"

    return run


def run_blender(
    command: list[str], timeout: float, extra: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command with bpy's Python, output merged, with an environment in which it finds what it needs."""
    environment = {**os.environ, **(extra or {}), IN_CHILD: "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, env=environment, timeout=timeout, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def main() -> None:
    test_file, name, tmp_path = sys.argv[1:]
    sys.path[:0] = [str(HERE), str(REPOSITORY / "plugins"), str(REPOSITORY / "plugins" / "client")]
    spec = importlib.util.spec_from_file_location("test_in_child", test_file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    status = 1
    try:
        spec.loader.exec_module(module)
        getattr(module, name)(Path(tmp_path))
        status = 0
    except BaseException:  # noqa: BLE001  whatever it is, the parent is told
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # bpy 4.5 hangs at exit while a node and its class are alive


if __name__ == "__main__":
    main()
