"""The engine as a host sees it: requests out, messages in, and never a wait on the host's main thread.

Standard library only, so that it runs inside any host's Python from 3.9 on.
"""

from __future__ import annotations

import atexit
import os
import queue
import time
import uuid
from pathlib import Path
from typing import Any, Callable

from .conversation import Conversation
from .engine_files import EngineFiles, default_state_dir
from .errors import NoReply, VeraClientError
from .ticket import Ticket
from .watches import Message, is_last


class VeraClient:
    """Speaks with one engine through a bridge process, which it starts on the first request.

    Requests: `submit` returns at once with a `Ticket`, and `poll` brings the answer as a message. The methods named
    after a request (`create_take`, `cancel`, ...) submit it and wait for the answer, at most `timeout` seconds; what
    they answer is not repeated by `poll`.

    Messages that `poll` returns, each a dict:

    - `{"reply": ticket_id, "method": ..., "result": ...}` or `{"reply": ticket_id, "method": ..., "error": {...}}`:
      the answer to a `submit`. An error has `kind`, `nature`, `argument`, `value`, `reason`, `remedy`.
    - `{"take_id", "sequence", "queued_at" | "state_changed" | "step_done" | "window_done" | "frame_written" |
      "preview": ...}`: an event of a watched take, in order and each once, with the fields of proto's message of that
      name. `state_changed` holds `{"take": {...}}`; `finished`, `cancelled` and `failed` are the last. `preview` holds
      a PNG file as base64 in `png`, empty where a newer preview has come.
    - `{"take_id", "sequence", "ended_before": {"take": {...}}}`: the take had been cancelled or had failed, and was
      resumed since; its events go on.
    - `{"take_id", "fetched": {"file_name", "file_count"}}`: a file has been brought from an engine that shares no file
      system; the state `finished` is told when all of them are there.
    - `{"take_id", "engine_lost": {"reason"}}`: the engine has died or does not answer; the bridge looks for it or
      starts another. Then `{"take_id", "engine_back": {"engine_version", "process_id"}}`, and the events go on.
    - `{"take_id", "failed": {...error...}}`: the watch is over without the take's final state being known.
    - `{"request_id", "uploaded": {"file_name", "file", "file_count"}}`: a file of the plate or mask has been sent.
    - `{"bridge_restarted": {"reason"}}`: the bridge had died; a new one has taken up its requests and watches.

    A take is a dict with the fields of proto's `Take`; enums are words: `edit_type` `add` or `background`, a mask's
    `meaning` `edit` or `keep`, `nan` `refuse` or `zero`, `detail` `plate`, `edit` or `smooth`, `state` `queued`,
    `checking`, `running`, `writing`, `finished`, `cancelled` or `failed`, a seam's `kind` `window` or `repair`; an
    empty word is left to the default. `frames` is everywhere a list of `{"first_frame", "last_frame"}`.

    Args:
        python: The interpreter of the engine's environment. None: the variable VERA_EDIT_PYTHON, else the `python` file
            of the state directory, else the running interpreter where it has grpcio.
        state_dir: Where engine and clients meet. None: VERA_EDIT_STATE_DIR, else the platform's place.
        address: `host:port` or `unix:/path` of an engine that runs already; None: the engine of this user and state
            directory, started where it does not run.
        token: That engine's token. None: the variable VERA_EDIT_TOKEN.
        certificate: PEM file of the authority that signed the engine's certificate. None: the system's authorities.
            Beyond this machine a token and TLS are needed.
        model: `small` or a model folder for the engine; one that runs with another model is refused. None: any.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`, for an engine that is started.
        idle_seconds: After that long without work, an engine that is started ends by itself. None: 1800; 0: never.
        threads: CPU threads, for an engine that is started. None: its own default.
    """

    def __init__(
        self,
        python: str | None = None,
        state_dir: os.PathLike[str] | str | None = None,
        address: str | None = None,
        *,
        token: str | None = None,
        certificate: os.PathLike[str] | str | None = None,
        model: str | None = None,
        device: str | None = None,
        idle_seconds: float | None = None,
        threads: int | None = None,
    ) -> None:
        state_dir = Path(state_dir).absolute() if state_dir else default_state_dir().absolute()
        options = {
            "state_dir": str(state_dir),
            "address": address,
            "token": token or os.environ.get("VERA_EDIT_TOKEN"),
            "certificate": None if certificate is None else os.path.abspath(certificate),
            "model": os.path.abspath(model) if model and os.path.isdir(model) else model,
            "device": device,
            "idle_seconds": idle_seconds,
            "threads": threads,
        }
        self._conversation = Conversation(EngineFiles(state_dir), python, options)
        atexit.register(self.close)

    # Requests

    def submit(self, method: str, **params: Any) -> Ticket:
        """Sends a request and returns at once; its answer comes by `poll` and in the ticket.

        Args:
            method: `engine_info`, `stop_engine`, `unload`, `cache`, `clear_cache`, `color_spaces`,
                `create_take`, `get_take`, `list_takes`, `cancel_take`, `update_take`, `resume_take`, `keep_frames`,
                `check_take`, `delete_take`.
            params: As the method of (nearly) that name takes them.
        """
        return self._conversation.submit(method, params, tell=True)

    def engine_info(self, timeout: float = 30.0) -> dict[str, Any]:
        """Finds or starts the engine; proto's `GetEngineInfoResponse`.

        Raises:
            EngineUnavailable: None runs and none can be started; says why.
            EngineMismatch: One runs, with another interface version or model.
            BridgeUnavailable: The engine's environment is not there or broken.
        """
        info: dict[str, Any] = self._call("engine_info", {}, timeout)
        return info

    def create_take(
        self, request: dict[str, Any], timeout: float | None = 30.0, request_id: str | None = None
    ) -> dict[str, Any]:
        """Checks and queues a take; the take, with its effective settings and, besides, `existing`: true where
        `reuse` was asked for and a finished take of the same request was there.

        Where the engine does not see the plate's files they are sent first, which may take longer than `timeout`.

        Args:
            request: Proto's `TakeRequest`: `{"node_id", "edit_type", "prompt", "frames": [{"first_frame",
                "last_frame"}], "handles", "plate": {"path", "frame_offset", "color_space", "fallback_color_space",
                "view", "part", "layer", "nan"}, "mask": {"source": {...}, "meaning", "invert"}, "without_mask",
                "holdout": {as mask}, "without_holdout", "settings": {"seed", "num_inference_steps", "guidance_scale",
                "preset"}, "exposure", "region": {"box": {"x", "y", "width", "height"} or "boxes": {"keys": [{"frame",
                "box"}]} or "from_mask": True or "from_base": True, "margin"}, "finish": {"black", "white", "detail",
                "refine", "despill", "highlights"}, "finish_only", "take_root", "write_comp", "write_residual",
                "base_take_id", "base_directory", "strength", "priority", "label", "reuse"}`. Left out or None: the
                default; with a base, the base's.
            request_id: The same id again answers with the same take. None: a new one.

        Raises:
            Refused: With the field at fault, its value, the reason and the remedy.
            VeraClientError: As `engine_info`.
        """
        params = {"request": request, "request_id": request_id or uuid.uuid4().hex}
        take: dict[str, Any] = self._call("create_take", params, timeout)
        return take

    def get_take(self, take_id: str = "", directory: str = "", timeout: float = 30.0) -> dict[str, Any]:
        """The take as it is now, by its id or by its version directory."""
        take: dict[str, Any] = self._call("get_take", {"take_id": take_id, "directory": directory}, timeout)
        return take

    def list_takes(self, node_id: str = "", take_root: str = "", timeout: float = 30.0) -> list[dict[str, Any]]:
        """Takes of one node or all, below one take root or all; oldest first, in every state. Below a take root also
        those that other engines left there."""
        params = {"node_id": node_id, "take_root": take_root}
        takes: list[dict[str, Any]] = self._call("list_takes", params, timeout)
        return takes

    def cancel(self, take_id: str, timeout: float = 30.0) -> dict[str, Any]:
        """Asks a take to stop, which it does within a step; the take as it is now. A final one stays as it is."""
        take: dict[str, Any] = self._call("cancel_take", {"take_id": take_id}, timeout)
        return take

    def update_take(
        self,
        take_id: str = "",
        directory: str = "",
        *,
        label: str | None = None,
        note: str | None = None,
        starred: bool | None = None,
        timeout: float = 30.0,
    ) -> dict[str, Any]:
        """Changes what an artist says of a take, in any state; the take. What is None stays as it is."""
        params = {"take_id": take_id, "directory": directory, "label": label, "note": note, "starred": starred}
        take: dict[str, Any] = self._call("update_take", params, timeout)
        return take

    def resume_take(self, take_id: str = "", directory: str = "", timeout: float = 30.0) -> dict[str, Any]:
        """Queues a cancelled or failed take again, to go on after its last finished window; the take."""
        take: dict[str, Any] = self._call("resume_take", {"take_id": take_id, "directory": directory}, timeout)
        return take

    def keep_frames(self, take_id: str = "", directory: str = "", timeout: float | None = 60.0) -> dict[str, Any]:
        """Makes a finished version of the frames that a cancelled or failed take had finished; the take."""
        take: dict[str, Any] = self._call("keep_frames", {"take_id": take_id, "directory": directory}, timeout)
        return take

    def check_take(self, take_id: str = "", directory: str = "", timeout: float | None = None) -> dict[str, Any]:
        """Proves a finished take from its files and its plate, which are all read; proto's `CheckTakeResponse`.

        `verdict` is a line to show; `exact` is whether no pixel changed outside the matte and the layers merge to what
        the model meant. `largest_relative_error` and `flicker` are left out where they are not known.
        """
        found: dict[str, Any] = self._call("check_take", {"take_id": take_id, "directory": directory}, timeout)
        return found

    def delete_take(
        self, take_id: str = "", directory: str = "", *, force: bool = False, timeout: float = 30.0
    ) -> None:
        """Removes a final take and its files; refused without `force` where it is starred or another's base."""
        self._call("delete_take", {"take_id": take_id, "directory": directory, "force": force}, timeout)

    def unload(self, timeout: float = 30.0) -> bool:
        """Has a running engine free its model and the memory of the graphics card; whether there was one to free.
        Refused while a take runs. Starts no engine."""
        was_loaded: bool = self._call("unload", {}, timeout)
        return was_loaded

    def cache(self, timeout: float = 30.0) -> dict[str, Any]:
        """What the engine keeps so that it need not be computed again; proto's `GetCacheResponse`."""
        cache: dict[str, Any] = self._call("cache", {}, timeout)
        return cache

    def clear_cache(self, timeout: float = 30.0) -> int:
        """Removes all of it that no running take uses; the bytes that were freed."""
        freed_bytes: int = self._call("clear_cache", {}, timeout)
        return freed_bytes

    def color_spaces(self, timeout: float = 30.0) -> dict[str, Any]:
        """The colour spaces that a plate may be in: `{"config": its OpenColorIO configuration, "names": [...]}`."""
        spaces: dict[str, Any] = self._call("color_spaces", {}, timeout)
        return spaces

    def stop_engine(self, cancel_running: bool = False, timeout: float = 30.0) -> bool:
        """Ends a running engine, of any interface version; refused while a take is queued or running, unless
        `cancel_running`. False where none runs."""
        return bool(self._call("stop_engine", {"cancel_running": cancel_running}, timeout))

    def watch(self, take_id: str, after_sequence: int = 0) -> None:
        """Has the take's events after that sequence come by `poll`, to its final state. Returns at once."""
        self._conversation.watch(take_id, after_sequence)

    # Messages

    def poll(self) -> list[Message]:
        """All messages that have come since the last call; never blocks."""
        return self._conversation.poll()

    def wait(
        self,
        take_id: str,
        on_event: Callable[[Message], None] | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Waits for a take's end, for use without a host; its messages go to `on_event` instead of `poll`.

        Returns:
            The take in its final state, which may be `cancelled` or `failed`.

        Raises:
            NoReply: It has not ended after `timeout` seconds.
            VeraClientError: The engine is lost and did not come back, or does not know the take.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._conversation.listen(take_id) as messages:
            while True:
                try:
                    message = messages.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    raise NoReply(f"Not ended after {timeout:g} s.", argument="take_id", value=take_id) from None
                if on_event:
                    on_event(message)
                if "failed" in message:
                    raise VeraClientError.from_dict(message["failed"])
                if is_last(message):
                    take: dict[str, Any] = message["state_changed"]["take"]
                    return take

    def close(self) -> None:
        """Ends the bridge; the engine and its takes go on. Requests still open fail with `ClientClosed`."""
        self._conversation.close()
        atexit.unregister(self.close)

    def _call(self, method: str, params: dict[str, Any], timeout: float | None) -> Any:
        return self._conversation.submit(method, params, tell=False).result(timeout)
