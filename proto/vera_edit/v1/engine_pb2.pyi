from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelInfo(_message.Message):
    __slots__ = ("name", "vocabulary", "working_width", "working_height", "window_frames", "default_num_inference_steps", "default_guidance_scale", "background_needs_mask", "presets")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    WORKING_WIDTH_FIELD_NUMBER: _ClassVar[int]
    WORKING_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FRAMES_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_NUM_INFERENCE_STEPS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_GUIDANCE_SCALE_FIELD_NUMBER: _ClassVar[int]
    BACKGROUND_NEEDS_MASK_FIELD_NUMBER: _ClassVar[int]
    PRESETS_FIELD_NUMBER: _ClassVar[int]
    name: str
    vocabulary: _containers.RepeatedScalarFieldContainer[str]
    working_width: int
    working_height: int
    window_frames: int
    default_num_inference_steps: int
    default_guidance_scale: float
    background_needs_mask: bool
    presets: _containers.RepeatedCompositeFieldContainer[Preset]
    def __init__(self, name: _Optional[str] = ..., vocabulary: _Optional[_Iterable[str]] = ..., working_width: _Optional[int] = ..., working_height: _Optional[int] = ..., window_frames: _Optional[int] = ..., default_num_inference_steps: _Optional[int] = ..., default_guidance_scale: _Optional[float] = ..., background_needs_mask: _Optional[bool] = ..., presets: _Optional[_Iterable[_Union[Preset, _Mapping]]] = ...) -> None: ...

class Preset(_message.Message):
    __slots__ = ("name", "description", "num_inference_steps")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    NUM_INFERENCE_STEPS_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    num_inference_steps: int
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., num_inference_steps: _Optional[int] = ...) -> None: ...

class GetEngineInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetEngineInfoResponse(_message.Message):
    __slots__ = ("engine_version", "interface_version", "model", "device", "process_id", "max_message_bytes", "idle_seconds", "model_loaded", "unload_seconds", "unfinished_takes")
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_VERSION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    IDLE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MODEL_LOADED_FIELD_NUMBER: _ClassVar[int]
    UNLOAD_SECONDS_FIELD_NUMBER: _ClassVar[int]
    UNFINISHED_TAKES_FIELD_NUMBER: _ClassVar[int]
    engine_version: str
    interface_version: int
    model: ModelInfo
    device: str
    process_id: int
    max_message_bytes: int
    idle_seconds: float
    model_loaded: bool
    unload_seconds: float
    unfinished_takes: int
    def __init__(self, engine_version: _Optional[str] = ..., interface_version: _Optional[int] = ..., model: _Optional[_Union[ModelInfo, _Mapping]] = ..., device: _Optional[str] = ..., process_id: _Optional[int] = ..., max_message_bytes: _Optional[int] = ..., idle_seconds: _Optional[float] = ..., model_loaded: _Optional[bool] = ..., unload_seconds: _Optional[float] = ..., unfinished_takes: _Optional[int] = ...) -> None: ...

class FileProbe(_message.Message):
    __slots__ = ("path", "size", "sha256_of_head")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_OF_HEAD_FIELD_NUMBER: _ClassVar[int]
    path: str
    size: int
    sha256_of_head: str
    def __init__(self, path: _Optional[str] = ..., size: _Optional[int] = ..., sha256_of_head: _Optional[str] = ...) -> None: ...

class ProbeFilesRequest(_message.Message):
    __slots__ = ("probes",)
    PROBES_FIELD_NUMBER: _ClassVar[int]
    probes: _containers.RepeatedCompositeFieldContainer[FileProbe]
    def __init__(self, probes: _Optional[_Iterable[_Union[FileProbe, _Mapping]]] = ...) -> None: ...

class ProbeFilesResponse(_message.Message):
    __slots__ = ("shared",)
    SHARED_FIELD_NUMBER: _ClassVar[int]
    shared: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, shared: _Optional[_Iterable[bool]] = ...) -> None: ...

class StopEngineRequest(_message.Message):
    __slots__ = ("cancel_running",)
    CANCEL_RUNNING_FIELD_NUMBER: _ClassVar[int]
    cancel_running: bool
    def __init__(self, cancel_running: _Optional[bool] = ...) -> None: ...

class StopEngineResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UnloadRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UnloadResponse(_message.Message):
    __slots__ = ("was_loaded",)
    WAS_LOADED_FIELD_NUMBER: _ClassVar[int]
    was_loaded: bool
    def __init__(self, was_loaded: _Optional[bool] = ...) -> None: ...

class CacheKind(_message.Message):
    __slots__ = ("name", "entry_count", "size_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENTRY_COUNT_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    entry_count: int
    size_bytes: int
    def __init__(self, name: _Optional[str] = ..., entry_count: _Optional[int] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class GetCacheRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCacheResponse(_message.Message):
    __slots__ = ("directory", "kinds", "limit_bytes")
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    directory: str
    kinds: _containers.RepeatedCompositeFieldContainer[CacheKind]
    limit_bytes: int
    def __init__(self, directory: _Optional[str] = ..., kinds: _Optional[_Iterable[_Union[CacheKind, _Mapping]]] = ..., limit_bytes: _Optional[int] = ...) -> None: ...

class ClearCacheRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ClearCacheResponse(_message.Message):
    __slots__ = ("freed_bytes",)
    FREED_BYTES_FIELD_NUMBER: _ClassVar[int]
    freed_bytes: int
    def __init__(self, freed_bytes: _Optional[int] = ...) -> None: ...

class ListColorSpacesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListColorSpacesResponse(_message.Message):
    __slots__ = ("config", "names")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    config: str
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, config: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ...) -> None: ...
