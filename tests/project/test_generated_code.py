"""The generated code that is committed is what the .proto files say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


def check(proto: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(proto / "generate.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_committed_code_is_up_to_date(repository):
    done = check(repository / "proto")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_changed_interface_is_noticed(repository, tmp_path):
    proto = shutil.copytree(repository / "proto", tmp_path / "proto")
    takes = proto / "vera_edit" / "v1" / "takes.proto"
    takes.write_text(takes.read_text() + "\nmessage LeftOver { int32 frame = 1; }\n")
    done = check(proto)
    assert done.returncode == 1
    assert "takes_pb2.py" in done.stderr
