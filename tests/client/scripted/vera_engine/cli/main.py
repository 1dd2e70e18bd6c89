"""A real gRPC engine whose takes go by their prompt instead of by a model, and whose faults are told to it.

`python -m vera_engine.cli.main serve --state-dir DIR` as the real one; `script.json` in DIR holds its faults:
`die` (words it ends with at once), `interface_version`, `is_blind` (it sees no file of the client), `token` (it listens
on TCP), `corrupt` (a fetched file's checksum is wrong), `short` (take.json is not sent), `loaded` (a model is in
memory).

Prompts: `steps` runs to its end; `hold` stops after its first step until cancelled or until a second life of the
engine, and goes on when resumed; `die` ends the engine by SIGKILL after its first step, in every life; `fail` fails;
`""` is refused where there is no base. So is seed 13, always.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import hashlib
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

from vera_edit.v1 import engine_pb2, engine_pb2_grpc, takes_pb2, takes_pb2_grpc


def has_base(request: takes_pb2.TakeRequest) -> bool:
    return bool(request.base_take_id or request.base_directory)


async def refuse(context: grpc.aio.ServicerContext, code: int, **fields: str) -> None:
    detail = any_pb2.Any()
    detail.Pack(takes_pb2.Refusal(**fields))
    status = status_pb2.Status(code=code, message=fields["reason"], details=[detail])
    await context.abort_with_status(rpc_status.to_status(status))


class ScriptedEngine(engine_pb2_grpc.EngineServiceServicer, takes_pb2_grpc.TakeServiceServicer):
    def __init__(self, state_dir: Path, script: dict[str, Any]) -> None:
        self.state_dir = state_dir
        self.script = script
        self.stopping = asyncio.Event()
        self.cancelled: dict[str, asyncio.Event] = {}
        self.cached_bytes = 3_000_000
        self.lives = len(list(state_dir.glob("life.*"))) + 1
        (state_dir / f"life.{self.lives}").touch()

    # Takes on disk, so that a second life knows them

    def record(self, take_id: str) -> Path:
        return self.state_dir / "scripted" / f"{take_id}.take"

    def load(self, take_id: str) -> takes_pb2.Take:
        return takes_pb2.Take.FromString(self.record(take_id).read_bytes())

    def save(self, take: takes_pb2.Take) -> takes_pb2.Take:
        self.record(take.take_id).parent.mkdir(exist_ok=True)
        self.record(take.take_id).write_bytes(take.SerializeToString())
        return take

    # EngineService

    async def GetEngineInfo(self, request, context):
        return engine_pb2.GetEngineInfoResponse(
            engine_version="0.1.0",
            interface_version=self.script.get("interface_version", 1),
            model=engine_pb2.ModelInfo(name="small", vocabulary=["a", "red", "ball"]),
            device="cpu float32",
            process_id=os.getpid(),
            idle_seconds=float(self.script.get("idle", 0)),
        )

    async def ProbeFiles(self, request, context):
        return engine_pb2.ProbeFilesResponse(shared=[self.sees(probe) for probe in request.probes])

    def sees(self, probe: engine_pb2.FileProbe) -> bool:
        path = Path(probe.path)
        if self.script.get("is_blind") or not path.is_file() or path.stat().st_size != probe.size:
            return False
        return hashlib.sha256(path.read_bytes()[:65536]).hexdigest() == probe.sha256_of_head

    async def StopEngine(self, request, context):
        self.stopping.set()
        return engine_pb2.StopEngineResponse()

    async def Unload(self, request, context):
        return engine_pb2.UnloadResponse(was_loaded=self.script.pop("loaded", False))

    async def GetCache(self, request, context):
        kinds = [("text", 3, 4000), ("plate", 2, self.cached_bytes)]
        return engine_pb2.GetCacheResponse(
            directory=str(self.state_dir / "cache"),
            kinds=[engine_pb2.CacheKind(name=name, entry_count=count, size_bytes=size) for name, count, size in kinds],
            limit_bytes=4_000_000_000,
        )

    async def ClearCache(self, request, context):
        freed, self.cached_bytes = self.cached_bytes, 0
        return engine_pb2.ClearCacheResponse(freed_bytes=freed)

    async def ListColorSpaces(self, request, context):
        return engine_pb2.ListColorSpacesResponse(config="studio", names=["ACEScg", "ARRI LogC4"])

    # TakeService

    async def CreateTake(self, request, context):
        asked = request.take
        base = await self.find(asked.base_take_id, asked.base_directory, context) if has_base(asked) else None
        if not asked.prompt and base is None:
            await refuse(
                context,
                code_pb2.INVALID_ARGUMENT,
                argument="prompt",
                value="'' – nichts",
                reason="The prompt is empty.",
                remedy="Say what shall be in the shot.",
                kind="PromptEmpty",
            )
        if asked.settings.seed == 13:
            await refuse(context, code_pb2.FAILED_PRECONDITION, reason="The queue is full.", kind="QueueFull")
        if self.record(request.request_id).exists():
            return takes_pb2.CreateTakeResponse(take=self.load(request.request_id))
        for take in self.all() if asked.reuse and asked.settings.HasField("seed") else ():
            same = take.request.prompt == asked.prompt and take.request.settings.seed == asked.settings.seed
            if same and take.state == takes_pb2.TAKE_STATE_FINISHED:
                return takes_pb2.CreateTakeResponse(take=take, existing=True)
        node = Path(asked.take_root or self.state_dir / "takes") / asked.node_id
        node.mkdir(parents=True, exist_ok=True)
        version = f"v{len(list(node.iterdir())) + 1:03d}"
        (node / f"{version}.partial").mkdir()
        take = takes_pb2.Take(
            take_id=request.request_id,
            version=version,
            state=takes_pb2.TAKE_STATE_QUEUED,
            request=asked,
            directory=str(node / version),
            warnings=["'bonsai' is a word the model does not know"] if "bonsai" in asked.prompt else [],
            created_at=len(self.all()),
            frames=asked.frames if base is None else base.frames,
            window_count=1,
            label=asked.label,
        )
        if asked.plate.fallback_color_space:
            take.color_space, take.color_space_source = asked.plate.fallback_color_space, "option"
            take.layer_space, take.color_config = f"linear {take.color_space}", "studio"
        take.request.settings.seed = asked.settings.seed if asked.settings.HasField("seed") else 2**62
        take.request.settings.num_inference_steps = 3
        if base is not None:
            take.base_take_id, take.base_version = base.take_id, base.version
            take.request.prompt = asked.prompt or base.request.prompt
            take.request.edit_type = asked.edit_type or base.request.edit_type
            if not asked.plate.WhichOneof("location"):
                take.request.plate.CopyFrom(base.request.plate)
            if not asked.HasField("mask") and base.request.HasField("mask"):
                take.request.mask.CopyFrom(base.request.mask)
        return takes_pb2.CreateTakeResponse(take=self.save(take))

    async def GetTake(self, request, context):
        return takes_pb2.GetTakeResponse(take=await self.find(request.take_id, request.directory, context))

    async def find(self, take_id: str, directory: str, context: grpc.aio.ServicerContext) -> takes_pb2.Take:
        for take in self.all():
            if take.directory == directory if directory else take.take_id == take_id:
                return take
        reason = "There is no such take."
        argument, value = ("directory", directory) if directory else ("take_id", take_id)
        await refuse(context, code_pb2.NOT_FOUND, argument=argument, value=value, reason=reason, kind="TakeNotFound")
        raise AssertionError("aborted")

    def all(self) -> list[takes_pb2.Take]:
        takes = [self.load(file.stem) for file in (self.state_dir / "scripted").glob("*.take")]
        return sorted(takes, key=lambda take: take.created_at)

    async def ListTakes(self, request, context):
        takes = [take for take in self.all() if request.node_id in ("", take.request.node_id)]
        takes = [take for take in takes if request.take_root in ("", take.request.take_root)]
        return takes_pb2.ListTakesResponse(takes=takes)

    async def CancelTake(self, request, context):
        take = await self.find(request.take_id, "", context)
        self.cancelled.setdefault(request.take_id, asyncio.Event()).set()
        return takes_pb2.CancelTakeResponse(take=take)

    async def UpdateTake(self, request, context):
        take = await self.find(request.take_id, request.directory, context)
        for name in ("label", "note", "starred"):
            if request.HasField(name):
                setattr(take, name, getattr(request, name))
        return takes_pb2.UpdateTakeResponse(take=self.save(take))

    async def ResumeTake(self, request, context):
        take = await self.find(request.take_id, request.directory, context)
        await self.check_stopped(take, context)
        (self.state_dir / "scripted" / f"{take.take_id}.resumed").touch()
        take.state = takes_pb2.TAKE_STATE_QUEUED
        return takes_pb2.ResumeTakeResponse(take=self.save(take))

    async def KeepFrames(self, request, context):
        take = await self.find(request.take_id, request.directory, context)
        await self.check_stopped(take, context)
        del take.frames[:]
        take.frames.append(takes_pb2.FrameRange(first_frame=1001, last_frame=1002))
        async for _ in self.write(take):
            pass
        take.state = takes_pb2.TAKE_STATE_FINISHED
        return takes_pb2.KeepFramesResponse(take=self.save(take))

    async def CheckTake(self, request, context):
        take = await self.find(request.take_id, request.directory, context)
        verdict = f"exact: {take.version}"
        return takes_pb2.CheckTakeResponse(verdict=verdict, exact=True, frames=3, largest_relative_error=0.0)

    async def check_stopped(self, take: takes_pb2.Take, context: grpc.aio.ServicerContext) -> None:
        if take.state not in (takes_pb2.TAKE_STATE_CANCELLED, takes_pb2.TAKE_STATE_FAILED):
            reason = "The take was not stopped."
            await refuse(
                context,
                code_pb2.FAILED_PRECONDITION,
                argument="take_id",
                value=take.take_id,
                reason=reason,
                kind="TakeNotStopped",
            )

    async def DeleteTake(self, request, context):
        take = await self.find(request.take_id, request.directory, context)
        if take.starred and not request.force:
            await refuse(
                context,
                code_pb2.FAILED_PRECONDITION,
                argument="take_id",
                value=take.take_id,
                reason="The take is starred.",
                remedy="Take its star away, or force it.",
                kind="TakeStarred",
            )
        self.record(take.take_id).unlink()
        return takes_pb2.DeleteTakeResponse()

    async def WatchTake(self, request, context):
        sequence = 0
        async for event in self.events(await self.find(request.take_id, "", context)):
            sequence += 1
            if sequence > request.after_sequence:
                event.take_id, event.sequence = request.take_id, sequence
                yield takes_pb2.WatchTakeResponse(event=event)

    async def events(self, take: takes_pb2.Take):
        prompt = take.request.prompt
        take.state = takes_pb2.TAKE_STATE_RUNNING
        yield takes_pb2.TakeEvent(queued_at=takes_pb2.QueuedAt(place=1, seconds_to_start=2.5))
        yield takes_pb2.TakeEvent(state_changed=takes_pb2.StateChanged(take=self.save(take)))
        for step in (1, 2, 3):
            yield takes_pb2.TakeEvent(
                step_done=takes_pb2.StepDone(
                    step=step,
                    step_count=3,
                    window=1,
                    window_count=1,
                    seconds_per_step=0.125,
                    seconds_left=0.125 * (3 - step),
                )
            )
            if prompt == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if prompt == "hold" and self.lives == 1 and step == 1:
                await self.cancelled.setdefault(take.take_id, asyncio.Event()).wait()
                take.state = takes_pb2.TAKE_STATE_CANCELLED
                yield takes_pb2.TakeEvent(state_changed=takes_pb2.StateChanged(take=take))
                if not (self.state_dir / "scripted" / f"{take.take_id}.resumed").exists():
                    self.save(take)
                    return
                take.state = takes_pb2.TAKE_STATE_RUNNING
            if step == 2:
                yield takes_pb2.TakeEvent(preview=takes_pb2.Preview(png=b"\x89PNG\xff", window=1, step=2))
        if prompt == "fail":
            take.state = takes_pb2.TAKE_STATE_FAILED
            take.error.CopyFrom(
                takes_pb2.Refusal(reason="The model gave NaN.", kind="NotFinite", remedy="Another seed.")
            )
        else:
            async for event in self.write(take):
                yield event
            yield takes_pb2.TakeEvent(
                window_done=takes_pb2.WindowDone(window=1, window_count=1, frames=take.request.frames)
            )
            take.state = takes_pb2.TAKE_STATE_FINISHED
            take.seconds.total = 1.5
            if take.base_take_id:
                kinds = (takes_pb2.SEAM_KIND_WINDOW, takes_pb2.SEAM_KIND_REPAIR)
                del take.seams[:]
                take.seams.extend(
                    takes_pb2.Seam(first_side=1000 + side, second_side=1001 + side, value=0.25 + side, kind=kind)
                    for side, kind in enumerate(kinds, start=1)
                )
        yield takes_pb2.TakeEvent(state_changed=takes_pb2.StateChanged(take=self.save(take)))

    async def write(self, take: takes_pb2.Take):
        directory = Path(take.directory)
        partial = directory.with_name(f"{directory.name}.partial")
        for one in take.frames:
            for frame in range(one.first_frame, one.last_frame + 1):
                if partial.exists():
                    # Larger than one chunk, and another one each frame.
                    (partial / f"layers.{frame:04d}.exr").write_bytes(f"{frame} ".encode() * 250_000)
                yield takes_pb2.TakeEvent(frame_written=takes_pb2.FrameWritten(frame=frame))
        if partial.exists():
            (partial / "take.json").write_text(json.dumps({"take_id": take.take_id}))
            partial.rename(directory)

    async def UploadPlate(self, request_iterator, context):
        upload_id, folder, data = "", self.state_dir, b""
        async for request in request_iterator:
            part = request.WhichOneof("part")
            if part == "begin":
                folder = Path(tempfile.mkdtemp(dir=self.state_dir, prefix="upload-"))
                upload_id, name = folder.name, request.begin.file_name
            elif part == "chunk":
                data += request.chunk
            else:
                if hashlib.sha256(data).hexdigest() != request.end_of_file.sha256:
                    await context.abort(grpc.StatusCode.DATA_LOSS, "checksum")
                (folder / name.replace("####", f"{request.end_of_file.file_frame:04d}")).write_bytes(data)
                data = b""
        return takes_pb2.UploadPlateResponse(upload_id=upload_id)

    async def ReadLayers(self, request, context):
        directory = Path(self.load(request.take_id).directory)
        files = sorted(directory.glob("*.exr")) + ([] if self.script.get("short") else [directory / "take.json"])
        for file in files:
            data = file.read_bytes()
            for begin in range(0, len(data), 1 << 20):
                yield takes_pb2.ReadLayersResponse(chunk=data[begin : begin + (1 << 20)])
            digest = hashlib.sha256(data + (b"!" if self.script.get("corrupt") else b"")).hexdigest()
            end = takes_pb2.ReadLayersEndOfFile(file_name=self.script.get("file_name", file.name), sha256=digest)
            yield takes_pb2.ReadLayersResponse(end_of_file=end)


async def serve(state_dir: Path, script: dict[str, Any]) -> None:
    token = script.get("token")
    engine = ScriptedEngine(state_dir, script)

    async def check_token(continuation, details):
        if token and ("authorization", f"Bearer {token}") not in details.invocation_metadata:

            async def deny(request, context):
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is wrong")

            return grpc.unary_unary_rpc_method_handler(deny)
        return await continuation(details)

    class TokenInterceptor(grpc.aio.ServerInterceptor):
        async def intercept_service(self, continuation, handler_call_details):
            return await check_token(continuation, handler_call_details)

    server = grpc.aio.server(interceptors=[TokenInterceptor()])
    engine_pb2_grpc.add_EngineServiceServicer_to_server(engine, server)
    takes_pb2_grpc.add_TakeServiceServicer_to_server(engine, server)
    if token:
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    else:
        address = f"unix:{tempfile.mkdtemp()}/engine.sock"
        server.add_insecure_port(address)
    await server.start()
    said = {
        "address": address,
        "token": token,
        "process_id": os.getpid(),
        "engine_version": "0.1.0",
        "interface_version": script.get("interface_version", 1),
    }
    beside = state_dir / f"engine.json.{os.getpid()}"
    beside.write_text(json.dumps(said))
    beside.rename(state_dir / "engine.json")
    await engine.stopping.wait()
    await server.stop(0.5)
    (state_dir / "engine.json").unlink()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--state-dir", type=Path, required=True)
    for option in ("--model", "--device", "--idle", "--threads"):
        parser.add_argument(option)
    arguments = parser.parse_args()
    script_file = arguments.state_dir / "script.json"
    script = json.loads(script_file.read_text()) if script_file.exists() else {}
    if script.get("die"):
        sys.exit(script["die"])
    lock = open(arguments.state_dir / "engine.lock", "a")  # noqa: SIM115 - held to the end of the process
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if arguments.idle:
        script["idle"] = arguments.idle
    asyncio.run(serve(arguments.state_dir, script))


if __name__ == "__main__":
    main()
