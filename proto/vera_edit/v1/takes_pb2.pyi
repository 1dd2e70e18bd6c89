from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EditType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EDIT_TYPE_UNSPECIFIED: _ClassVar[EditType]
    EDIT_TYPE_OBJECT_ADDITION: _ClassVar[EditType]
    EDIT_TYPE_BACKGROUND_CHANGE: _ClassVar[EditType]

class MaskMeaning(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MASK_MEANING_UNSPECIFIED: _ClassVar[MaskMeaning]
    MASK_MEANING_EDIT_HERE: _ClassVar[MaskMeaning]
    MASK_MEANING_KEEP_THIS: _ClassVar[MaskMeaning]

class ColorSpace(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COLOR_SPACE_UNSPECIFIED: _ClassVar[ColorSpace]
    COLOR_SPACE_LINEAR_REC709: _ClassVar[ColorSpace]
    COLOR_SPACE_ACESCG: _ClassVar[ColorSpace]
    COLOR_SPACE_SRGB_DISPLAY: _ClassVar[ColorSpace]

class TakeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TAKE_STATE_UNSPECIFIED: _ClassVar[TakeState]
    TAKE_STATE_QUEUED: _ClassVar[TakeState]
    TAKE_STATE_CHECKING: _ClassVar[TakeState]
    TAKE_STATE_RUNNING: _ClassVar[TakeState]
    TAKE_STATE_WRITING: _ClassVar[TakeState]
    TAKE_STATE_FINISHED: _ClassVar[TakeState]
    TAKE_STATE_CANCELLED: _ClassVar[TakeState]
    TAKE_STATE_FAILED: _ClassVar[TakeState]

class SeamKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEAM_KIND_UNSPECIFIED: _ClassVar[SeamKind]
    SEAM_KIND_WINDOW: _ClassVar[SeamKind]
    SEAM_KIND_REPAIR: _ClassVar[SeamKind]
EDIT_TYPE_UNSPECIFIED: EditType
EDIT_TYPE_OBJECT_ADDITION: EditType
EDIT_TYPE_BACKGROUND_CHANGE: EditType
MASK_MEANING_UNSPECIFIED: MaskMeaning
MASK_MEANING_EDIT_HERE: MaskMeaning
MASK_MEANING_KEEP_THIS: MaskMeaning
COLOR_SPACE_UNSPECIFIED: ColorSpace
COLOR_SPACE_LINEAR_REC709: ColorSpace
COLOR_SPACE_ACESCG: ColorSpace
COLOR_SPACE_SRGB_DISPLAY: ColorSpace
TAKE_STATE_UNSPECIFIED: TakeState
TAKE_STATE_QUEUED: TakeState
TAKE_STATE_CHECKING: TakeState
TAKE_STATE_RUNNING: TakeState
TAKE_STATE_WRITING: TakeState
TAKE_STATE_FINISHED: TakeState
TAKE_STATE_CANCELLED: TakeState
TAKE_STATE_FAILED: TakeState
SEAM_KIND_UNSPECIFIED: SeamKind
SEAM_KIND_WINDOW: SeamKind
SEAM_KIND_REPAIR: SeamKind

class FrameRange(_message.Message):
    __slots__ = ("first_frame", "last_frame")
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    LAST_FRAME_FIELD_NUMBER: _ClassVar[int]
    first_frame: int
    last_frame: int
    def __init__(self, first_frame: _Optional[int] = ..., last_frame: _Optional[int] = ...) -> None: ...

class PlateSource(_message.Message):
    __slots__ = ("path", "upload_id", "frame_offset", "color_space")
    PATH_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    FRAME_OFFSET_FIELD_NUMBER: _ClassVar[int]
    COLOR_SPACE_FIELD_NUMBER: _ClassVar[int]
    path: str
    upload_id: str
    frame_offset: int
    color_space: ColorSpace
    def __init__(self, path: _Optional[str] = ..., upload_id: _Optional[str] = ..., frame_offset: _Optional[int] = ..., color_space: _Optional[_Union[ColorSpace, str]] = ...) -> None: ...

class MaskSource(_message.Message):
    __slots__ = ("source", "meaning", "invert")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MEANING_FIELD_NUMBER: _ClassVar[int]
    INVERT_FIELD_NUMBER: _ClassVar[int]
    source: PlateSource
    meaning: MaskMeaning
    invert: bool
    def __init__(self, source: _Optional[_Union[PlateSource, _Mapping]] = ..., meaning: _Optional[_Union[MaskMeaning, str]] = ..., invert: _Optional[bool] = ...) -> None: ...

class TakeSettings(_message.Message):
    __slots__ = ("seed", "num_inference_steps", "guidance_scale")
    SEED_FIELD_NUMBER: _ClassVar[int]
    NUM_INFERENCE_STEPS_FIELD_NUMBER: _ClassVar[int]
    GUIDANCE_SCALE_FIELD_NUMBER: _ClassVar[int]
    seed: int
    num_inference_steps: int
    guidance_scale: float
    def __init__(self, seed: _Optional[int] = ..., num_inference_steps: _Optional[int] = ..., guidance_scale: _Optional[float] = ...) -> None: ...

class TakeRequest(_message.Message):
    __slots__ = ("node_id", "edit_type", "prompt", "frames", "plate", "mask", "settings", "take_root", "write_comp", "handles", "base_take_id", "base_directory", "strength", "priority", "label", "reuse", "without_mask")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    EDIT_TYPE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    PLATE_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    TAKE_ROOT_FIELD_NUMBER: _ClassVar[int]
    WRITE_COMP_FIELD_NUMBER: _ClassVar[int]
    HANDLES_FIELD_NUMBER: _ClassVar[int]
    BASE_TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    REUSE_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_MASK_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    edit_type: EditType
    prompt: str
    frames: _containers.RepeatedCompositeFieldContainer[FrameRange]
    plate: PlateSource
    mask: MaskSource
    settings: TakeSettings
    take_root: str
    write_comp: bool
    handles: int
    base_take_id: str
    base_directory: str
    strength: float
    priority: int
    label: str
    reuse: bool
    without_mask: bool
    def __init__(self, node_id: _Optional[str] = ..., edit_type: _Optional[_Union[EditType, str]] = ..., prompt: _Optional[str] = ..., frames: _Optional[_Iterable[_Union[FrameRange, _Mapping]]] = ..., plate: _Optional[_Union[PlateSource, _Mapping]] = ..., mask: _Optional[_Union[MaskSource, _Mapping]] = ..., settings: _Optional[_Union[TakeSettings, _Mapping]] = ..., take_root: _Optional[str] = ..., write_comp: _Optional[bool] = ..., handles: _Optional[int] = ..., base_take_id: _Optional[str] = ..., base_directory: _Optional[str] = ..., strength: _Optional[float] = ..., priority: _Optional[int] = ..., label: _Optional[str] = ..., reuse: _Optional[bool] = ..., without_mask: _Optional[bool] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("argument", "value", "reason", "remedy", "kind")
    ARGUMENT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    argument: str
    value: str
    reason: str
    remedy: str
    kind: str
    def __init__(self, argument: _Optional[str] = ..., value: _Optional[str] = ..., reason: _Optional[str] = ..., remedy: _Optional[str] = ..., kind: _Optional[str] = ...) -> None: ...

class TakeSeconds(_message.Message):
    __slots__ = ("total", "queued", "model", "pixels")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PIXELS_FIELD_NUMBER: _ClassVar[int]
    total: float
    queued: float
    model: float
    pixels: float
    def __init__(self, total: _Optional[float] = ..., queued: _Optional[float] = ..., model: _Optional[float] = ..., pixels: _Optional[float] = ...) -> None: ...

class Seam(_message.Message):
    __slots__ = ("first_side", "second_side", "value", "kind")
    FIRST_SIDE_FIELD_NUMBER: _ClassVar[int]
    SECOND_SIDE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    first_side: int
    second_side: int
    value: float
    kind: SeamKind
    def __init__(self, first_side: _Optional[int] = ..., second_side: _Optional[int] = ..., value: _Optional[float] = ..., kind: _Optional[_Union[SeamKind, str]] = ...) -> None: ...

class Take(_message.Message):
    __slots__ = ("take_id", "version", "state", "request", "directory", "error", "seconds", "warnings", "created_at", "frames", "window_count", "label", "note", "starred", "base_take_id", "base_version", "seams", "finished_frames")
    TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    WINDOW_COUNT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    STARRED_FIELD_NUMBER: _ClassVar[int]
    BASE_TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEAMS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FRAMES_FIELD_NUMBER: _ClassVar[int]
    take_id: str
    version: str
    state: TakeState
    request: TakeRequest
    directory: str
    error: Refusal
    seconds: TakeSeconds
    warnings: _containers.RepeatedScalarFieldContainer[str]
    created_at: float
    frames: _containers.RepeatedCompositeFieldContainer[FrameRange]
    window_count: int
    label: str
    note: str
    starred: bool
    base_take_id: str
    base_version: str
    seams: _containers.RepeatedCompositeFieldContainer[Seam]
    finished_frames: _containers.RepeatedCompositeFieldContainer[FrameRange]
    def __init__(self, take_id: _Optional[str] = ..., version: _Optional[str] = ..., state: _Optional[_Union[TakeState, str]] = ..., request: _Optional[_Union[TakeRequest, _Mapping]] = ..., directory: _Optional[str] = ..., error: _Optional[_Union[Refusal, _Mapping]] = ..., seconds: _Optional[_Union[TakeSeconds, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ..., created_at: _Optional[float] = ..., frames: _Optional[_Iterable[_Union[FrameRange, _Mapping]]] = ..., window_count: _Optional[int] = ..., label: _Optional[str] = ..., note: _Optional[str] = ..., starred: _Optional[bool] = ..., base_take_id: _Optional[str] = ..., base_version: _Optional[str] = ..., seams: _Optional[_Iterable[_Union[Seam, _Mapping]]] = ..., finished_frames: _Optional[_Iterable[_Union[FrameRange, _Mapping]]] = ...) -> None: ...

class TakeEvent(_message.Message):
    __slots__ = ("take_id", "sequence", "queued_at", "state_changed", "step_done", "frame_written", "window_done", "preview")
    TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    QUEUED_AT_FIELD_NUMBER: _ClassVar[int]
    STATE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    STEP_DONE_FIELD_NUMBER: _ClassVar[int]
    FRAME_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    WINDOW_DONE_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    take_id: str
    sequence: int
    queued_at: QueuedAt
    state_changed: StateChanged
    step_done: StepDone
    frame_written: FrameWritten
    window_done: WindowDone
    preview: Preview
    def __init__(self, take_id: _Optional[str] = ..., sequence: _Optional[int] = ..., queued_at: _Optional[_Union[QueuedAt, _Mapping]] = ..., state_changed: _Optional[_Union[StateChanged, _Mapping]] = ..., step_done: _Optional[_Union[StepDone, _Mapping]] = ..., frame_written: _Optional[_Union[FrameWritten, _Mapping]] = ..., window_done: _Optional[_Union[WindowDone, _Mapping]] = ..., preview: _Optional[_Union[Preview, _Mapping]] = ...) -> None: ...

class QueuedAt(_message.Message):
    __slots__ = ("place", "seconds_to_start")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    SECONDS_TO_START_FIELD_NUMBER: _ClassVar[int]
    place: int
    seconds_to_start: float
    def __init__(self, place: _Optional[int] = ..., seconds_to_start: _Optional[float] = ...) -> None: ...

class StateChanged(_message.Message):
    __slots__ = ("take",)
    TAKE_FIELD_NUMBER: _ClassVar[int]
    take: Take
    def __init__(self, take: _Optional[_Union[Take, _Mapping]] = ...) -> None: ...

class StepDone(_message.Message):
    __slots__ = ("step", "step_count", "window", "window_count", "seconds_per_step", "seconds_left")
    STEP_FIELD_NUMBER: _ClassVar[int]
    STEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    WINDOW_COUNT_FIELD_NUMBER: _ClassVar[int]
    SECONDS_PER_STEP_FIELD_NUMBER: _ClassVar[int]
    SECONDS_LEFT_FIELD_NUMBER: _ClassVar[int]
    step: int
    step_count: int
    window: int
    window_count: int
    seconds_per_step: float
    seconds_left: float
    def __init__(self, step: _Optional[int] = ..., step_count: _Optional[int] = ..., window: _Optional[int] = ..., window_count: _Optional[int] = ..., seconds_per_step: _Optional[float] = ..., seconds_left: _Optional[float] = ...) -> None: ...

class WindowDone(_message.Message):
    __slots__ = ("window", "window_count", "frames")
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    WINDOW_COUNT_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    window: int
    window_count: int
    frames: _containers.RepeatedCompositeFieldContainer[FrameRange]
    def __init__(self, window: _Optional[int] = ..., window_count: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[FrameRange, _Mapping]]] = ...) -> None: ...

class Preview(_message.Message):
    __slots__ = ("png", "window", "step")
    PNG_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    png: bytes
    window: int
    step: int
    def __init__(self, png: _Optional[bytes] = ..., window: _Optional[int] = ..., step: _Optional[int] = ...) -> None: ...

class FrameWritten(_message.Message):
    __slots__ = ("frame",)
    FRAME_FIELD_NUMBER: _ClassVar[int]
    frame: int
    def __init__(self, frame: _Optional[int] = ...) -> None: ...

class CreateTakeRequest(_message.Message):
    __slots__ = ("request_id", "take")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TAKE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    take: TakeRequest
    def __init__(self, request_id: _Optional[str] = ..., take: _Optional[_Union[TakeRequest, _Mapping]] = ...) -> None: ...

class CreateTakeResponse(_message.Message):
    __slots__ = ("take", "existing")
    TAKE_FIELD_NUMBER: _ClassVar[int]
    EXISTING_FIELD_NUMBER: _ClassVar[int]
    take: Take
    existing: bool
    def __init__(self, take: _Optional[_Union[Take, _Mapping]] = ..., existing: _Optional[bool] = ...) -> None: ...

class GetTakeRequest(_message.Message):
    __slots__ = ("take_id", "directory")
    TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    take_id: str
    directory: str
    def __init__(self, take_id: _Optional[str] = ..., directory: _Optional[str] = ...) -> None: ...

class GetTakeResponse(_message.Message):
    __slots__ = ("take",)
    TAKE_FIELD_NUMBER: _ClassVar[int]
    take: Take
    def __init__(self, take: _Optional[_Union[Take, _Mapping]] = ...) -> None: ...

class ListTakesRequest(_message.Message):
    __slots__ = ("node_id", "take_root")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    TAKE_ROOT_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    take_root: str
    def __init__(self, node_id: _Optional[str] = ..., take_root: _Optional[str] = ...) -> None: ...

class ListTakesResponse(_message.Message):
    __slots__ = ("takes",)
    TAKES_FIELD_NUMBER: _ClassVar[int]
    takes: _containers.RepeatedCompositeFieldContainer[Take]
    def __init__(self, takes: _Optional[_Iterable[_Union[Take, _Mapping]]] = ...) -> None: ...

class WatchTakeRequest(_message.Message):
    __slots__ = ("take_id", "after_sequence")
    TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    take_id: str
    after_sequence: int
    def __init__(self, take_id: _Optional[str] = ..., after_sequence: _Optional[int] = ...) -> None: ...

class WatchTakeResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: TakeEvent
    def __init__(self, event: _Optional[_Union[TakeEvent, _Mapping]] = ...) -> None: ...

class CancelTakeRequest(_message.Message):
    __slots__ = ("take_id",)
    TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    take_id: str
    def __init__(self, take_id: _Optional[str] = ...) -> None: ...

class CancelTakeResponse(_message.Message):
    __slots__ = ("take",)
    TAKE_FIELD_NUMBER: _ClassVar[int]
    take: Take
    def __init__(self, take: _Optional[_Union[Take, _Mapping]] = ...) -> None: ...

class UpdateTakeRequest(_message.Message):
    __slots__ = ("take_id", "directory", "label", "note", "starred")
    TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    STARRED_FIELD_NUMBER: _ClassVar[int]
    take_id: str
    directory: str
    label: str
    note: str
    starred: bool
    def __init__(self, take_id: _Optional[str] = ..., directory: _Optional[str] = ..., label: _Optional[str] = ..., note: _Optional[str] = ..., starred: _Optional[bool] = ...) -> None: ...

class UpdateTakeResponse(_message.Message):
    __slots__ = ("take",)
    TAKE_FIELD_NUMBER: _ClassVar[int]
    take: Take
    def __init__(self, take: _Optional[_Union[Take, _Mapping]] = ...) -> None: ...

class ResumeTakeRequest(_message.Message):
    __slots__ = ("take_id", "directory")
    TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    take_id: str
    directory: str
    def __init__(self, take_id: _Optional[str] = ..., directory: _Optional[str] = ...) -> None: ...

class ResumeTakeResponse(_message.Message):
    __slots__ = ("take",)
    TAKE_FIELD_NUMBER: _ClassVar[int]
    take: Take
    def __init__(self, take: _Optional[_Union[Take, _Mapping]] = ...) -> None: ...

class KeepFramesRequest(_message.Message):
    __slots__ = ("take_id", "directory")
    TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    take_id: str
    directory: str
    def __init__(self, take_id: _Optional[str] = ..., directory: _Optional[str] = ...) -> None: ...

class KeepFramesResponse(_message.Message):
    __slots__ = ("take",)
    TAKE_FIELD_NUMBER: _ClassVar[int]
    take: Take
    def __init__(self, take: _Optional[_Union[Take, _Mapping]] = ...) -> None: ...

class DeleteTakeRequest(_message.Message):
    __slots__ = ("take_id", "directory", "force")
    TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    take_id: str
    directory: str
    force: bool
    def __init__(self, take_id: _Optional[str] = ..., directory: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class DeleteTakeResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UploadPlateRequest(_message.Message):
    __slots__ = ("begin", "chunk", "end_of_file")
    BEGIN_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    END_OF_FILE_FIELD_NUMBER: _ClassVar[int]
    begin: UploadBegin
    chunk: bytes
    end_of_file: UploadEndOfFile
    def __init__(self, begin: _Optional[_Union[UploadBegin, _Mapping]] = ..., chunk: _Optional[bytes] = ..., end_of_file: _Optional[_Union[UploadEndOfFile, _Mapping]] = ...) -> None: ...

class UploadBegin(_message.Message):
    __slots__ = ("file_name",)
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    file_name: str
    def __init__(self, file_name: _Optional[str] = ...) -> None: ...

class UploadEndOfFile(_message.Message):
    __slots__ = ("file_frame", "sha256")
    FILE_FRAME_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    file_frame: int
    sha256: str
    def __init__(self, file_frame: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class UploadPlateResponse(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class ReadLayersRequest(_message.Message):
    __slots__ = ("take_id",)
    TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    take_id: str
    def __init__(self, take_id: _Optional[str] = ...) -> None: ...

class ReadLayersResponse(_message.Message):
    __slots__ = ("chunk", "end_of_file")
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    END_OF_FILE_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    end_of_file: ReadLayersEndOfFile
    def __init__(self, chunk: _Optional[bytes] = ..., end_of_file: _Optional[_Union[ReadLayersEndOfFile, _Mapping]] = ...) -> None: ...

class ReadLayersEndOfFile(_message.Message):
    __slots__ = ("file_name", "sha256")
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    file_name: str
    sha256: str
    def __init__(self, file_name: _Optional[str] = ..., sha256: _Optional[str] = ...) -> None: ...
