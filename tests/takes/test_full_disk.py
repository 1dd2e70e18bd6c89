"""A take on a disk that is really full, and on the same disk when there is room again."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.takes.making import TakeMaking, layers_of

KILOBYTES = 2000

SCRIPT = """
import errno, sys
from pathlib import Path

from tests.takes.making import TakeMaking, again, layers_of
from vera_engine.plates.disk import DiskFull

making = TakeMaking(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
take = making.reserve("1001-1027")
filler = Path(sys.argv[3]) / "takes" / "filler"

def fill(event):
    # all that is left of the disk, in the middle of the second window
    if event["event"] == "frame_written" and event["frame"] == 1020:
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(1024)):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC

try:
    making.attempt(take, fill)
except DiskFull as error:
    print(error.kind, Path(error.value).name)
print(sum(path.name.endswith(".tmp") for path in take.partial_directory.iterdir()))
print(sorted(layers_of(take.partial_directory).items()))
filler.unlink()
resumed = making.attempt(again(take))
print({event["window"] for event in resumed.named("step_done")})
print(sorted(layers_of(take.directory).items()))
"""


def test_a_take_on_a_full_disk(making: TakeMaking, tmp_path: Path) -> None:
    alone = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no mount namespaces here")
    small = tmp_path / "small" / "takes"
    small.mkdir(parents=True)
    mount = f'mount -t tmpfs -o size={KILOBYTES}k none "$0" && exec "$@"'
    model, plates = making.model_folder, making.plates
    ended = subprocess.run(
        [
            *alone,
            "sh",
            "-c",
            mount,
            str(small),
            sys.executable,
            "-c",
            SCRIPT,
            str(model),
            str(plates),
            str(small.parent),
        ],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr
    said, half_written, left, made_again, layers = ended.stdout.splitlines()
    assert re.fullmatch(r"DiskFull (layers|model)\.102[1-7]\.exr", said)  # the first of those that are written at once
    assert half_written == "0"
    undisturbed = sorted(layers_of(making.make("1001-1027").take.directory).items())
    kept = ast.literal_eval(left)
    assert 20 <= len(kept) < 27
    assert set(kept) < set(undisturbed)
    assert made_again == "{2}"
    assert layers == str(undisturbed)
