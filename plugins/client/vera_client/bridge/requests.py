"""What a client can ask of the bridge, method by method: dicts in, dicts out."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, Callable

import grpc

from vera_edit.v1 import engine_pb2, takes_pb2

from ..errors import Refused
from .convert import error_from_status, to_dict
from .deliveries import Deliveries
from .engine_link import EngineLink
from .new_take import NewTake, Tell
from .transfer import fetch_layers

READING_SECONDS = 3600.0
"""All of a take's files are read, or all of its layers and of its plate."""


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
            "unload": self.unload,
            "cache": self.cache,
            "clear_cache": self.clear_cache,
            "color_spaces": self.color_spaces,
            "create_take": self.create_take,
            "get_take": self.get_take,
            "list_takes": self.list_takes,
            "cancel_take": self.cancel_take,
            "update_take": self.update_take,
            "resume_take": self.resume_take,
            "keep_frames": self.keep_frames,
            "check_take": self.check_take,
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

    # The engine

    async def engine_info(self) -> dict[str, Any]:
        return (await self._link.connect()).info

    async def stop_engine(self, cancel_running: bool = False) -> bool:
        return await self._link.stop_engine(cancel_running)

    async def unload(self) -> bool:
        """An engine is not started to be told that."""
        if not await self._link.is_running():
            return False
        response = await self._link.call("service", "Unload", engine_pb2.UnloadRequest())
        return bool(response.was_loaded)

    async def cache(self) -> dict[str, Any]:
        return to_dict(await self._link.call("service", "GetCache", engine_pb2.GetCacheRequest()))

    async def clear_cache(self) -> int:
        response = await self._link.call("service", "ClearCache", engine_pb2.ClearCacheRequest())
        return int(response.freed_bytes)

    async def color_spaces(self) -> dict[str, Any]:
        return to_dict(await self._link.call("service", "ListColorSpaces", engine_pb2.ListColorSpacesRequest()))

    # Takes

    async def create_take(self, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        return await NewTake(self._link, self._deliveries, self._tell, request, request_id).ask()

    async def get_take(self, take_id: str = "", directory: str = "") -> dict[str, Any]:
        request = takes_pb2.GetTakeRequest(**self._address(take_id, directory))
        return self._localized((await self._link.call("takes", "GetTake", request)).take)

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

    async def update_take(
        self,
        take_id: str = "",
        directory: str = "",
        label: str | None = None,
        note: str | None = None,
        starred: bool | None = None,
    ) -> dict[str, Any]:
        """What is said of a take whose files were fetched is said in the folder on this side too."""
        request = takes_pb2.UpdateTakeRequest(
            **self._address(take_id, directory), label=label, note=note, starred=starred
        )
        take = (await self._link.call("takes", "UpdateTake", request)).take
        self._deliveries.get(take.take_id).write_note(take.label, take.note, take.starred)
        return self._localized(take)

    async def resume_take(self, take_id: str = "", directory: str = "") -> dict[str, Any]:
        request = takes_pb2.ResumeTakeRequest(**self._address(take_id, directory))
        return self._localized((await self._link.call("takes", "ResumeTake", request)).take)

    async def keep_frames(self, take_id: str = "", directory: str = "") -> dict[str, Any]:
        """The frames are here when this answers, also where they had to be fetched."""
        request = takes_pb2.KeepFramesRequest(**self._address(take_id, directory))
        take = (await self._link.call("takes", "KeepFrames", request, READING_SECONDS)).take
        delivery = self._deliveries.get(take.take_id)
        if delivery.directory and delivery.is_open:
            try:
                await fetch_layers(
                    await self._link.connect(),
                    take.take_id,
                    delivery.directory,
                    lambda file: self._tell({"take_id": take.take_id, "fetched": file}),
                )
            except grpc.aio.AioRpcError as error:
                raise error_from_status(error) from error
        return self._localized(take)

    async def check_take(self, take_id: str = "", directory: str = "") -> dict[str, Any]:
        request = takes_pb2.CheckTakeRequest(**self._address(take_id, directory))
        return to_dict(await self._link.call("takes", "CheckTake", request, READING_SECONDS))

    async def delete_take(self, take_id: str = "", directory: str = "", force: bool = False) -> None:
        address = self._address(take_id, directory)
        await self._link.call("takes", "DeleteTake", takes_pb2.DeleteTakeRequest(**address, force=force))
        if "take_id" in address:
            self._deliveries.delete(address["take_id"])

    def _address(self, take_id: str, directory: str) -> dict[str, str]:
        """How the engine knows a take that the client names by its id or by its version directory."""
        if not directory:
            return {"take_id": take_id}
        delivery = self._deliveries.of_directory(directory)
        return {"take_id": delivery.take_id} if delivery else {"directory": directory}

    def _localized(self, take: takes_pb2.Take) -> dict[str, Any]:
        return self._deliveries.localize(to_dict(take))
