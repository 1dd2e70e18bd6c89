"""One bridge at a time finds or starts the engine: a lock on a file, which the system lets go when its holder dies."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

SECONDS_BETWEEN_TRIES = 0.05
HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
"""What the systems say of a lock that another process holds."""

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_held(path: Path) -> bool:
    """Whether some process holds the lock on a file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        _try_lock(descriptor)
    except OSError as error:
        return error.errno in HELD
    else:
        return False
    finally:
        os.close(descriptor)


@contextlib.asynccontextmanager
async def start_lock(path: Path, seconds: float) -> AsyncIterator[None]:
    """Holds the lock, having waited at most `seconds` for it; goes on without it where the file system has no locks.

    Raises:
        TimeoutError: Another bridge held it all that time.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                _try_lock(descriptor)
                break
            except OSError as error:
                if error.errno not in HELD:
                    break
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{path} was held for {seconds:g} s") from error
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        yield
    finally:
        os.close(descriptor)
