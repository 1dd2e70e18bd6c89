"""A new take: what the engine does not see is sent first, then the take is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Callable

from vera_edit.v1 import takes_pb2

from ..errors import Refused
from .convert import from_dict, to_dict
from .deliveries import Deliveries, Delivery, reserve_version
from .engine_link import EngineLink
from .sequence import Sequence
from .transfer import probe, probe_folder, upload

CREATE_SECONDS = 60.0
"""Every frame's header is read before a take is accepted, perhaps over a slow network."""
LONGEST_RANGE = 1_000_000
"""Frames; a longer range, or one that is none, is for the engine to refuse."""

Tell = Callable[[dict[str, Any]], None]


class NewTake:
    """One request of a client for a take.

    Args:
        link: The way to the engine.
        deliveries: What the bridge moves itself.
        tell: Called with `{"request_id", "uploaded"}` after each file sent.
        request: The client's request, as `VeraClient.create_take` takes it.
        request_id: The client's own id for it.

    Raises:
        Refused: A field is wrong in itself.
    """

    def __init__(
        self, link: EngineLink, deliveries: Deliveries, tell: Tell, request: Mapping[str, Any], request_id: str
    ) -> None:
        self._link = link
        self._deliveries = deliveries
        self._tell = tell
        self._request = from_dict(request, takes_pb2.TakeRequest)
        self._request_id = request_id
        self._base_frames: tuple[range, ...] = ()

    async def ask(self) -> dict[str, Any]:
        """The take, as `VeraClient.create_take` returns it."""
        request = self._request
        made_folders = _missing_folders(request.take_root)
        try:
            await self._look_at_base()
            plate_path = await self._send_unless_shared(request.plate, "plate")
            mask_path, holdout_path = "", ""
            if request.HasField("mask"):
                mask_path = await self._send_unless_shared(request.mask.source, "mask.source")
            if request.HasField("holdout"):
                holdout_path = await self._send_unless_shared(request.holdout.source, "holdout.source")
            take_root = await self._root_unless_shared(is_remote=bool(plate_path))
            if take_root:
                request.take_root = ""
            create = takes_pb2.CreateTakeRequest(
                request_id=self._request_id,
                take=request,
                color_config=os.environ.get("OCIO", "") if self._link.is_on_this_machine else None,
            )
            response = await self._link.call("takes", "CreateTake", create, CREATE_SECONDS)
            take = response.take
            sent = plate_path, mask_path, holdout_path
            if (any(sent) or take_root) and take.take_id not in self._deliveries.ids():
                node_id = take.request.node_id
                version = reserve_version(take_root, node_id) if take_root else ""
                self._deliveries.put(Delivery(take.take_id, *sent, take_root, node_id, version))
        finally:
            _remove_if_empty(made_folders)
        return {**self._deliveries.localize(to_dict(take)), "existing": response.existing}

    async def _look_at_base(self) -> None:
        """Where the base's own files had to be sent they are sent again: the engine keeps them for a time only."""
        request = self._request
        delivery = self._deliveries.of_directory(request.base_directory) if request.base_directory else None
        if delivery is not None:
            request.base_directory, request.base_take_id = "", delivery.take_id
        elif request.base_take_id:
            delivery = self._deliveries.get(request.base_take_id)
        if delivery is None or not delivery.has_sent_files:
            return
        get_base = takes_pb2.GetTakeRequest(take_id=delivery.take_id)
        base = (await self._link.call("takes", "GetTake", get_base)).take
        self._base_frames = _ranges(base.frames)
        if delivery.plate_path and not request.plate.WhichOneof("location"):
            request.plate.CopyFrom(base.request.plate)
            request.plate.path = delivery.plate_path
        if delivery.mask_path and not request.HasField("mask") and not request.without_mask:
            request.mask.CopyFrom(base.request.mask)
            request.mask.source.path = delivery.mask_path
        if delivery.holdout_path and not request.HasField("holdout") and not request.without_holdout:
            request.holdout.CopyFrom(base.request.holdout)
            request.holdout.source.path = delivery.holdout_path

    async def _send_unless_shared(self, source: takes_pb2.PlateSource, argument: str) -> str:
        """Uploads a plate's or mask's files where the engine does not see them; their path here, else empty.

        A path without any file on this side goes to the engine as it is: it knows best what to say of it.
        """
        if source.WhichOneof("location") != "path":
            return ""
        frames = (*_ranges(self._request.frames, self._request.handles), *self._base_frames)
        sequence = Sequence(source, frames, argument)
        first = sequence.first_file()
        if first is None or (await probe(self._link, [first]))[0]:
            return ""
        sequence.check_complete()
        path = source.path
        engine = await self._link.connect()
        source.upload_id = await upload(
            engine, sequence, lambda file: self._tell({"request_id": self._request_id, "uploaded": file})
        )
        return path

    async def _root_unless_shared(self, is_remote: bool) -> str:
        """The take root where the engine does not see it, else empty."""
        take_root = self._request.take_root
        if not os.path.isabs(take_root):
            return ""
        try:
            Path(take_root).mkdir(parents=True, exist_ok=True)
            return "" if await probe_folder(self._link, Path(take_root)) else take_root
        except OSError as error:
            if not is_remote:
                return ""  # the engine may, and says so where it may not either
            raise Refused(
                f"Takes cannot be written there: {error.strerror}.",
                argument="take_root",
                value=take_root,
                remedy="Choose a folder you may write to.",
                kind="TakeRootUnwritable",
                nature="permission_denied",
            ) from error


def _ranges(frames: Iterable[takes_pb2.FrameRange], handles: int = 0) -> tuple[range, ...]:
    """Frame ranges with their handles, as far as they are any."""
    handles = handles if 0 <= handles < LONGEST_RANGE else 0
    lengths = (one.last_frame - one.first_frame for one in frames)
    return tuple(
        range(one.first_frame - handles, one.last_frame + handles + 1)
        for one, length in zip(frames, lengths)
        if 0 <= length < LONGEST_RANGE
    )


def _missing_folders(path: str) -> list[Path]:
    """The folders that would have to be made for a path, innermost first."""
    folders: list[Path] = []
    folder: Path | None = Path(path) if os.path.isabs(path) else None
    while folder is not None and not folder.exists() and folder.parent != folder:
        folders.append(folder)
        folder = folder.parent
    return folders


def _remove_if_empty(folders: list[Path]) -> None:
    """Takes back what was made for the handshake and nobody used."""
    for folder in folders:
        if not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()
