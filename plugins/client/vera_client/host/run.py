"""One request to the engine and what has become of it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FINAL_STATES = ("finished", "cancelled", "failed")
WORDS = {
    "queued": "In the queue",
    "checking": "Reading the plate",
    "running": "Loading the model",
    "writing": "Writing",
}


@dataclass
class Run:
    """A node's request for one take: to make it, to go on with it, to keep what is there of it."""

    node_id: str
    method: str
    """Of the client: `create_take`, `resume_take`, `keep_frames`; empty where the take is in work already."""
    params: dict[str, Any]
    """Of that method."""
    shown_before: str = ""
    """What the node showed when it asked; its take is shown unless the artist has chosen another one since."""
    ticket: Any = None
    take_id: str = ""
    version: str = ""
    directory: Path = Path()
    """The version directory as this machine sees it; known with the engine's answer."""
    state: str = "sent"
    text: str = "Asking the engine"
    progress: float = 0.0
    """0 to 1."""
    existing: bool = False
    """The very same request had made the take before."""
    warnings: list[str] = field(default_factory=list)
    error: dict[str, str] | None = None
    preview: bytes = b""
    """The newest, as PNG: edit, matte and comp side by side."""
    sequence: int = 0
    wants_cancel: bool = False
    is_settled: bool = False
    """All that was to be done at its end is done."""
    is_shown: bool = False
    """The node has been pointed at its take."""

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    def fail(self, error: dict[str, str]) -> None:
        self.state, self.error = "failed", error
        self.text = " ".join(["Failed:", error["reason"], error.get("remedy", "")]).strip()

    def take_changed(self, take: dict[str, Any]) -> None:
        """Takes in what the engine says of the take as it is now."""
        self.take_id, self.version, self.state = take["take_id"], take["version"], take["state"]
        self.directory, self.warnings = Path(take["directory"]), list(take["warnings"])
        self.existing = self.existing or take.get("existing", False)
        if self.state == "failed":
            self.fail(take["error"])
        elif self.state == "finished":
            self.progress, self.text = 1.0, self._end(take)
        elif self.state == "cancelled":
            self.text = f"{self.version} cancelled"
        else:
            self.text = WORDS[self.state]

    def event(self, message: dict[str, Any]) -> None:
        """Takes in one message about the take."""
        if "state_changed" in message:
            self.take_changed(message["state_changed"]["take"])
        elif "failed" in message:
            self.fail(message["failed"])
        elif "engine_lost" in message:
            self.text = f"Engine lost: {message['engine_lost']['reason']} Looking for it"
        elif "engine_back" in message:
            self.text = "Engine is back"
        elif "queued_at" in message:
            queued = message["queued_at"]
            wait = f", starts in {spell_seconds(queued['seconds_to_start'])}" if "seconds_to_start" in queued else ""
            self.text = f"In the queue, place {queued['place']}{wait}"
        elif "step_done" in message:
            self._step(message["step_done"])
        elif "window_done" in message:
            done = message["window_done"]
            self.progress, self.text = done["window"] / done["window_count"], f"{spell_ranges(done['frames'])} done"
        elif "frame_written" in message:
            self.text = f"Frame {message['frame_written']['frame']} written"
        elif "fetched" in message:
            self.text = f"Fetching the layers, {message['fetched']['file_count']} files are here"
        elif "preview" in message:
            self.preview = base64.b64decode(message["preview"]["png"]) or self.preview

    def _step(self, done: dict[str, Any]) -> None:
        steps_before = (done["window"] - 1) * done["step_count"]
        self.progress = (steps_before + done["step"]) / (done["window_count"] * done["step_count"])
        window = f", window {done['window']} of {done['window_count']}" if done["window_count"] > 1 else ""
        self.text = f"Step {done['step']} of {done['step_count']}{window}, {spell_seconds(done['seconds_left'])} left"

    def _end(self, take: dict[str, Any]) -> str:
        if self.existing:
            return f"{self.version} is this very take already"
        if self.method == "keep_frames":
            return f"{self.version} keeps {spell_ranges(take['frames'])}"
        return f"{self.version} finished in {spell_seconds(take['seconds']['total'])}"


def spell_seconds(seconds: float) -> str:
    """`21 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def spell_ranges(frames: list[dict[str, int]]) -> str:
    """`frames 1011-1018, 1040`."""
    ends = [(each["first_frame"], each["last_frame"]) for each in frames]
    return "frames " + ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ends)
