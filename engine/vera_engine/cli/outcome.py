"""How a subcommand ends: its exit status, its errors in words, its last line of `--json`."""

from __future__ import annotations

import json
import sys
from typing import Any

from vera_client import BridgeUnavailable, EngineMismatch, EngineUnavailable, NoReply, VeraClientError
from vera_engine.errors import Cancelled, Internal, VeraEditError

DONE = 0
FAILED = 1
REFUSED = 2
NO_ENGINE = 3
STOPPED = 130
"""As a shell counts a program ended by Ctrl-C."""
UNREAD = 141
"""As a shell counts a program whose reader, as `head`, went away."""

EXIT_STATUS = """
exit status:
  0    done: the take is finished, the question is answered
  1    failed: the take or something else went wrong on the way
  2    refused: the command line or the request is wrong, or not possible now; nothing was begun
  3    no engine: none can be started or reached, or it is of another version or model
  130  stopped: by Ctrl-C, or the take was cancelled
  141  whatever reads the output, as `head`, has enough
"""

AnyError = VeraEditError | VeraClientError


def exit_status(error: AnyError) -> int:
    """What a script is told of an error."""
    if isinstance(error, VeraClientError):
        if error.is_bad_input or error.nature in ("failed_precondition", "unauthenticated"):
            return NO_ENGINE if isinstance(error, EngineMismatch) else REFUSED
        if isinstance(error, (EngineUnavailable, BridgeUnavailable, NoReply)):
            return NO_ENGINE
        return STOPPED if error.nature == "cancelled" else FAILED
    if isinstance(error, Cancelled):
        return STOPPED
    return FAILED if isinstance(error, Internal) else REFUSED


_REMEDIES = {
    "TakeShared": "Give --force to delete it all the same: the frames they share are theirs as well, and stay.",
    "TakeStarred": "Take its star away first (`vera-edit takes unstar`), or give --force.",
    "PixelsNotFinite": "Give --nan zero to have them read as 0, or mend the plate.",
    "MaskNeeded": "Give --mask, a mask of the subject: white on what is kept.",
}
"""What mends an error on a command line, by kind, where the engine can only speak of fields and nodes."""


def error_fields(error: AnyError) -> dict[str, str]:
    """An error as `--json` says it."""
    fields = {name: getattr(error, name) for name in ("kind", "argument", "value", "reason", "remedy")}
    return {**fields, "remedy": _REMEDIES.get(error.kind, error.remedy)}


def print_error(reason: str, argument: str = "", value: str = "", remedy: str = "") -> None:
    """What is wrong, with what, and what mends it, to stderr."""
    print(f"error: {reason}", file=sys.stderr)
    if argument:
        print(f"  {argument}: {' '.join(value.splitlines())}", file=sys.stderr)
    if remedy:
        print(f"  {remedy}", file=sys.stderr)


def print_json(result: dict[str, Any]) -> None:
    """The last line of `--json`."""
    print(json.dumps(result, ensure_ascii=False), flush=True)
