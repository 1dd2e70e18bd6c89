"""`vera-edit edit`: one take from the shell, by the same way a host goes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vera_client import FINAL_STATES, Refused, VeraClient, VeraClientError
from vera_engine.errors import Cancelled, Internal, InvalidArgument, VeraEditError
from vera_engine.plates.frames import FrameRange

if TYPE_CHECKING:
    from vera_engine.cli.edit_progress import EditProgress

SECONDS_TO_CANCEL = 60.0
"""A step of a large model may take long; after that the take is left to the engine."""

DESCRIPTION = """
Makes one take: an edit layer and its matte for a frame range of a plate, as OpenEXR files.

The engine of this user is used, and started where it does not run. Ctrl-C cancels the take.
"""

EPILOG = """
The take is the folder TAKE_ROOT/NODE/v001 (v002, ...), with layers.1001.exr for frame 1001: R G B A is the edit,
premultiplied, with its matte; straight.R straight.G straight.B its colour before that. Without --take-root,
TAKE_ROOT is vera_takes/ beside the plate's own folder: /shots/010/vera_takes for /shots/010/plate/plate.####.exr.

The last line of --json is one object: {"state": "finished" | "cancelled" | "failed", "take": path of the finished
version's folder or null, "version": "v001" or null, "frames": "1001-1017", "seconds": {"total", "queued", "model",
"pixels"} or null}, and, where the state is failed, "error": {"kind", "argument", "value", "reason", "remedy"}.

Exit status: 0 finished, 1 failed, 2 refused, 130 cancelled.
"""


class EditRefused(InvalidArgument):
    """The engine did not take the request."""


class EditFailed(Internal):
    """The take, or the way to the engine, failed."""


class EditCancelled(Cancelled):
    """The take was cancelled."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "edit",
        help="make a take of a plate, without a host",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("plate", metavar="PLATE", help="the plate's files: plate.####.exr or plate.%%04d.exr")
    parser.add_argument("--frames", required=True, metavar="FIRST-LAST", help="both inclusive, as in 1001-1017")
    parser.add_argument("--edit", required=True, metavar="add|background", help="put something in, or change the back")
    parser.add_argument("--prompt", required=True, metavar="TEXT", help="what to do, in words the model knows")
    mask = parser.add_argument_group("mask")
    mask.add_argument("--mask", metavar="MASK", help="the mask's files, as PLATE")
    mask.add_argument(
        "--mask-means",
        default="",
        metavar="edit|keep",
        help="what white says: edit here, or keep this (default: edit for add, keep for background)",
    )
    mask.add_argument("--invert-mask", action="store_true", help="turn white and black around first")
    settings = parser.add_argument_group("settings", "Where one is not given, the model's own is taken.")
    settings.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same take (default: drawn)")
    settings.add_argument("--steps", type=int, metavar="N", help="denoising steps")
    settings.add_argument("--guidance", type=float, metavar="G", help="classifier-free guidance, 1 for none")
    files = parser.add_argument_group("files")
    files.add_argument(
        "--colorspace", default="", metavar="lin_rec709|acescg|srgb", help="the plate's, where its files do not say"
    )
    files.add_argument(
        "--frame-offset",
        type=int,
        default=0,
        metavar="N",
        help="file frame = frame + N, also of the mask (default: 0)",
    )
    files.add_argument("--take-root", type=Path, metavar="DIR", help="where takes go (default: see below)")
    files.add_argument("--node", default="shell", metavar="NAME", help="folder below the take root (default: shell)")
    files.add_argument("--write-comp", action="store_true", help="also write comp.####.exr, the edit over the plate")
    engine = parser.add_argument_group("engine")
    engine.add_argument("--model", metavar="small|DIR", help="refused where the engine runs with another one")
    engine.add_argument("--device", metavar="auto|cpu|cuda|mps", help="for an engine that is started")
    engine.add_argument("--threads", type=int, metavar="N", help="for an engine that is started")
    engine.add_argument("--state-dir", type=Path, metavar="DIR", help="where engine and clients meet")
    engine.add_argument(
        "--address", metavar="HOST:PORT", help="an engine that runs already; its token in the variable VERA_EDIT_TOKEN"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make the take and say how it went; raises what `main` prints."""
    try:
        take = edit(arguments)
    except VeraClientError as error:
        if arguments.json:
            print_result(arguments, error=error.as_dict())
        raise _for_main(error) from error
    except VeraEditError as error:
        if arguments.json:
            print_result(arguments, error={**vars(error), "kind": error.kind})
        raise
    if arguments.json:
        print_result(arguments, take, take.get("error"))
    elif take["state"] == "finished":
        print(take["directory"])
    if take["state"] == "cancelled":
        raise EditCancelled("The take was cancelled.", argument="take", value=take["version"])
    if take["state"] == "failed":
        fields = {name: take["error"][name] for name in ("argument", "value", "remedy")}
        raise EditFailed(take["error"]["reason"], **fields)
    return 0


def edit(arguments: argparse.Namespace) -> dict[str, Any]:
    """The take in its final state.

    Raises:
        VeraEditError: The command line itself is wrong.
        VeraClientError: The engine refuses, or cannot be reached.
    """
    from vera_engine.cli.edit_progress import EditProgress  # tqdm is not for the other subcommands

    request = make_request(arguments)
    client = VeraClient(
        state_dir=arguments.state_dir,
        address=arguments.address,
        model=arguments.model,
        device=arguments.device,
        threads=arguments.threads,
    )
    with EditProgress(sys.stderr) as progress:
        try:
            return follow(client, request, progress)
        finally:
            client.close()


def follow(client: VeraClient, request: dict[str, Any], progress: EditProgress) -> dict[str, Any]:
    """Asks for the take and waits for its end; the first Ctrl-C cancels it, a second one leaves it to the engine."""
    progress.say("looking for the engine")
    ticket = client.submit("create_take", request=request)
    try:
        take: dict[str, Any] = ticket.result()
        progress.begin(take)
        return client.wait(take["take_id"], on_event=progress.show)
    except KeyboardInterrupt:
        progress.say("cancelling (Ctrl-C again: leave the take to the engine)")
        take = ticket.result(SECONDS_TO_CANCEL)
        if take["state"] not in FINAL_STATES:
            client.cancel(take["take_id"])
        return client.wait(take["take_id"], on_event=progress.show, timeout=SECONDS_TO_CANCEL)


def make_request(arguments: argparse.Namespace) -> dict[str, Any]:
    """The request as the client takes it, with absolute paths.

    Raises:
        VeraEditError: The frame range is none, or there is no place for a default take root.
    """
    frames = FrameRange.parse(arguments.frames)
    plate = os.path.abspath(arguments.plate)
    request: dict[str, Any] = {
        "node_id": arguments.node,
        "edit_type": arguments.edit,
        "prompt": arguments.prompt,
        "frames": {"first_frame": frames.first, "last_frame": frames.last},
        "plate": {"path": plate, "frame_offset": arguments.frame_offset, "color_space": arguments.colorspace},
        "settings": {
            "seed": arguments.seed,
            "num_inference_steps": arguments.steps,
            "guidance_scale": arguments.guidance,
        },
        "take_root": str(take_root(arguments.take_root, Path(plate))),
        "write_comp": arguments.write_comp,
    }
    if arguments.mask:
        source = {"path": os.path.abspath(arguments.mask), "frame_offset": arguments.frame_offset}
        request["mask"] = {"source": source, "meaning": arguments.mask_means, "invert": arguments.invert_mask}
    elif arguments.mask_means or arguments.invert_mask:
        raise InvalidArgument(
            "There is no mask that this could be about.",
            argument="mask_means" if arguments.mask_means else "invert_mask",
            value=arguments.mask_means or True,
            remedy="Give the mask's files with --mask.",
        )
    return request


def take_root(given: Path | None, plate: Path) -> Path:
    """The take root as given, else `vera_takes` beside the plate's own folder.

    Raises:
        InvalidArgument: The plate lies in the root of its file system, which has no beside.
    """
    if given is not None:
        return given.absolute()
    if plate.parent == plate.parent.parent:
        raise InvalidArgument(
            "There is no folder beside the plate's own to put takes in.",
            argument="take_root",
            remedy="Name one with --take-root.",
        )
    return plate.parent.parent / "vera_takes"


def print_result(
    arguments: argparse.Namespace, take: dict[str, Any] | None = None, error: dict[str, Any] | None = None
) -> None:
    """The last line of --json; its fields are stable."""
    result: dict[str, Any] = {
        "state": take["state"] if take else "failed",
        "take": take["directory"] if take and take["state"] == "finished" else None,
        "version": take["version"] if take else None,
        "frames": arguments.frames,
        "seconds": take.get("seconds") if take else None,
    }
    if error:
        result["error"] = {name: error[name] for name in ("kind", "argument", "value", "reason", "remedy")}
    print(json.dumps(result, ensure_ascii=False), flush=True)


def _for_main(error: VeraClientError) -> VeraEditError:
    kind = EditRefused if isinstance(error, Refused) and error.nature != "internal" else EditFailed
    return kind(error.reason, argument=error.argument, value=error.value, remedy=error.remedy)
