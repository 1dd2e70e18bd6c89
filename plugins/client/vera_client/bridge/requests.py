"""What a client can ask of the bridge, method by method: dicts in, dicts out."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, Callable

from vera_edit.v1 import takes_pb2

from ..errors import Refused
from .convert import from_dict, to_dict
from .deliveries import Deliveries, Delivery, reserve_version
from .engine_link import EngineLink
from .transfer import Sequence, probe, probe_folder, upload

CREATE_SECONDS = 60.0
"""Every frame's header is read before a take is accepted, perhaps over a slow network."""

Tell = Callable[[dict[str, Any]], None]


class Requests:
    """Answers the client's requests.

    Args:
        link: The way to the engine.
        deliveries: What the bridge moves itself.
        tell: Called with messages that belong to no reply.
    """

    def __init__(self, link: EngineLink, deliveries: Deliveries, tell: Tell) -> None:
        self._link = link
        self._deliveries = deliveries
        self._tell = tell
        self._methods: dict[str, Callable[..., Awaitable[Any]]] = {
            "engine_info": self.engine_info,
            "stop_engine": self.stop_engine,
            "create_take": self.create_take,
            "get_take": self.get_take,
            "list_takes": self.list_takes,
            "cancel_take": self.cancel_take,
            "delete_take": self.delete_take,
        }

    async def answer(self, method: str, params: Mapping[str, Any]) -> Any:
        """
        Raises:
            Refused: No such method, or parameters it does not take; or by the engine.
            VeraClientError: See `EngineLink.call`.
        """
        if method not in self._methods:
            raise Refused(
                "There is no such request.",
                argument="method",
                value=method,
                remedy=f"Use one of {', '.join(self._methods)}.",
            )
        try:
            answer = self._methods[method](**params)
        except TypeError as error:
            raise Refused(f"The request's parameters do not fit: {error}.", argument=method, value=params) from error
        return await answer

    async def engine_info(self) -> dict[str, Any]:
        return (await self._link.connect()).info

    async def stop_engine(self, cancel_running: bool = False) -> None:
        await self._link.stop_engine(cancel_running)

    async def get_take(self, take_id: str) -> dict[str, Any]:
        response = await self._link.call("takes", "GetTake", takes_pb2.GetTakeRequest(take_id=take_id))
        return self._localized(response.take)

    async def list_takes(self, node_id: str = "", take_root: str = "") -> list[dict[str, Any]]:
        request = takes_pb2.ListTakesRequest(node_id=node_id, take_root=take_root)
        takes = list((await self._link.call("takes", "ListTakes", request)).takes)
        fetched_ids = self._deliveries.ids()
        if take_root and fetched_ids:
            # The engine keeps those below a root of its own.
            everywhere = takes_pb2.ListTakesRequest(node_id=node_id)
            known = {take.take_id for take in takes}
            for take in (await self._link.call("takes", "ListTakes", everywhere)).takes:
                delivery_root = self._deliveries.get(take.take_id).take_root if take.take_id in fetched_ids else ""
                if take.take_id not in known and delivery_root and Path(delivery_root) == Path(take_root):
                    takes.append(take)
            takes.sort(key=lambda take: take.created_at)
        return [self._localized(take) for take in takes]

    async def cancel_take(self, take_id: str) -> dict[str, Any]:
        response = await self._link.call("takes", "CancelTake", takes_pb2.CancelTakeRequest(take_id=take_id))
        return self._localized(response.take)

    async def delete_take(self, take_id: str) -> None:
        await self._link.call("takes", "DeleteTake", takes_pb2.DeleteTakeRequest(take_id=take_id))
        self._deliveries.delete(take_id)

    async def create_take(self, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Sends what the engine does not see, then asks for the take."""
        take_request = from_dict(request, takes_pb2.TakeRequest)
        made_folders = _missing_folders(take_request.take_root)
        try:
            plate_path = await self._send_unless_shared(take_request, take_request.plate, "plate", request_id)
            mask_path = ""
            if take_request.HasField("mask"):
                source = take_request.mask.source
                mask_path = await self._send_unless_shared(take_request, source, "mask.source", request_id)
            take_root = await self._root_unless_shared(take_request, is_remote=bool(plate_path))
            if take_root:
                take_request.take_root = ""
            create = takes_pb2.CreateTakeRequest(request_id=request_id, take=take_request)
            take = (await self._link.call("takes", "CreateTake", create, CREATE_SECONDS)).take
            if (plate_path or mask_path or take_root) and take.take_id not in self._deliveries.ids():
                node_id = take.request.node_id
                version = reserve_version(take_root, node_id) if take_root else ""
                self._deliveries.put(Delivery(take.take_id, plate_path, mask_path, take_root, node_id, version))
        finally:
            _remove_if_empty(made_folders)
        return self._localized(take)

    async def _send_unless_shared(
        self, request: takes_pb2.TakeRequest, source: takes_pb2.PlateSource, argument: str, request_id: str
    ) -> str:
        """Uploads a plate's or mask's files where the engine does not see them; their path here, else empty.

        A path without any file on this side goes to the engine as it is: it knows best what to say of it.
        """
        if source.WhichOneof("location") != "path":
            return ""
        sequence = Sequence(source, request.frames, argument)
        first = sequence.first_file()
        if first is None or (await probe(self._link, [first]))[0]:
            return ""
        sequence.check_complete()
        path = source.path
        engine = await self._link.connect()
        source.upload_id = await upload(
            engine, sequence, lambda file: self._tell({"request_id": request_id, "uploaded": file})
        )
        return path

    async def _root_unless_shared(self, request: takes_pb2.TakeRequest, is_remote: bool) -> str:
        """The take root where the engine does not see it, else empty."""
        take_root = request.take_root
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

    def _localized(self, take: takes_pb2.Take) -> dict[str, Any]:
        return self._deliveries.get(take.take_id).localize(to_dict(take))


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
