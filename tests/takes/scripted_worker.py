"""A worker that makes no pictures: it does what the prompt of a take says. Speaks as `vera_engine.takes.worker` does.

`finish`, `fail`, `die`, `die once`, `babble`; `wait` until it is cancelled, `hang` whatever it is told; `windows`
makes them and says so, `die after windows` dies after each new one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from vera_engine.takes import store
from vera_engine.takes.take import Take, TakeSeconds


def say(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def finish(take: Take) -> None:
    """A complete version directory with one frame in it."""
    directory = store.open_partial(take)
    (directory / "layers.1001.exr").write_bytes(take.take_id.encode())
    say("frame_written", take_id=take.take_id, frame=1001)
    warnings = [*take.warnings, "mind the gap"]
    store.write_record(
        directory,
        {
            "take_id": take.take_id,
            "frames": {str(frame): {} for frame in take.frames},
            "made": take.request.made_frames.as_dicts(),
            "seconds": asdict(TakeSeconds(3, 1, 1, 1)),
            "warnings": warnings,
            "seams": [{"between": [1001, 1002], "seam": 0.75, "kind": "window"}],
            "model": {"name": "words", "weights_sha256": {"vae/a.safetensors": "a" * 64}},
        },
    )
    store.complete(take)


def window(take: Take, number: int, seconds: float | None) -> None:
    """One of the take's windows, of one frame: its last step, its preview, its end."""
    numbered = {"take_id": take.take_id, "window": number, "window_count": take.window_count}
    say("step_done", **numbered, step=4, step_count=4, seconds_per_step=0.5)
    say("preview", take_id=take.take_id, png=f"{number}{number}==", window=number, step=4)
    frame = take.frames.first + number - 1
    say("window_done", **numbered, frames=[{"first_frame": frame, "last_frame": frame}], seconds=seconds)


def main(state_dir: Path) -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "cancel" in message:
            say("cancelled", take_id=message["cancel"])
            continue
        take = Take.from_dict(message["submit"])
        with (state_dir / "order.txt").open("a") as order:
            order.write(f"{take.request.node_id} {take.version}\n")
        say("checking", take_id=take.take_id)
        say("loaded", device="script")
        say("running", take_id=take.take_id)
        said = {"step": 1, "step_count": 1, "window": 1, "window_count": 1, "seconds_per_step": 0.5}
        match take.request.prompt:
            case "finish":
                say("warning", take_id=take.take_id, text="mind the gap")
                say("step_done", take_id=take.take_id, **said)
                say("writing", take_id=take.take_id)
                finish(take)
                say("finished", take_id=take.take_id)
            case "finish and die":
                finish(take)
                os.kill(os.getpid(), signal.SIGKILL)
            case "fail":
                error = {"kind": "PlateUnreadable", "reason": "cut off", "argument": "plate.path", "value": "x"}
                say("failed", take_id=take.take_id, error=error)
            case "die once" if (state_dir / "died").exists():
                finish(take)
                say("finished", take_id=take.take_id)
            case "die" | "die once":
                (store.open_partial(take) / "layers.1001.exr").write_bytes(b"half a fra")
                (state_dir / "died").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            case "windows":
                for number in range(1, take.window_count + 1):
                    window(take, number, 8.0 / number)
                finish(take)
                say("finished", take_id=take.take_id)
            case "die after windows":
                done = state_dir / "windows"
                count = len(done.read_text()) if done.exists() else 0
                for number in range(1, count + 1):
                    window(take, number, None)
                if count == take.window_count:
                    finish(take)
                    say("finished", take_id=take.take_id)
                    continue
                window(take, count + 1, 1.0)
                done.write_text("x" * (count + 1))
                os.kill(os.getpid(), signal.SIGKILL)
            case "babble":
                print("Loading checkpoint shards: 50%", flush=True)
            case "wait":
                (state_dir / "waiting").touch()
            case "hang":
                threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
