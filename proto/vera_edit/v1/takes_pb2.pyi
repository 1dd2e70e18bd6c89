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

class NanPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NAN_POLICY_UNSPECIFIED: _ClassVar[NanPolicy]
    NAN_POLICY_REFUSE: _ClassVar[NanPolicy]
    NAN_POLICY_ZERO: _ClassVar[NanPolicy]

class Detail(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DETAIL_UNSPECIFIED: _ClassVar[Detail]
    DETAIL_PLATE: _ClassVar[Detail]
    DETAIL_EDIT: _ClassVar[Detail]
    DETAIL_SMOOTH: _ClassVar[Detail]

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
NAN_POLICY_UNSPECIFIED: NanPolicy
NAN_POLICY_REFUSE: NanPolicy
NAN_POLICY_ZERO: NanPolicy
DETAIL_UNSPECIFIED: Detail
DETAIL_PLATE: Detail
DETAIL_EDIT: Detail
DETAIL_SMOOTH: Detail
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
    __slots__ = ("path", "upload_id", "frame_offset", "color_space", "fallback_color_space", "view", "part", "layer", "nan")
    PATH_FIELD_NUMBER: _ClassVar[int]
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    FRAME_OFFSET_FIELD_NUMBER: _ClassVar[int]
    COLOR_SPACE_FIELD_NUMBER: _ClassVar[int]
    FALLBACK_COLOR_SPACE_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    NAN_FIELD_NUMBER: _ClassVar[int]
    path: str
    upload_id: str
    frame_offset: int
    color_space: str
    fallback_color_space: str
    view: str
    part: str
    layer: str
    nan: NanPolicy
    def __init__(self, path: _Optional[str] = ..., upload_id: _Optional[str] = ..., frame_offset: _Optional[int] = ..., color_space: _Optional[str] = ..., fallback_color_space: _Optional[str] = ..., view: _Optional[str] = ..., part: _Optional[str] = ..., layer: _Optional[str] = ..., nan: _Optional[_Union[NanPolicy, str]] = ...) -> None: ...

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
    __slots__ = ("seed", "num_inference_steps", "guidance_scale", "preset")
    SEED_FIELD_NUMBER: _ClassVar[int]
    NUM_INFERENCE_STEPS_FIELD_NUMBER: _ClassVar[int]
    GUIDANCE_SCALE_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    seed: int
    num_inference_steps: int
    guidance_scale: float
    preset: str
    def __init__(self, seed: _Optional[int] = ..., num_inference_steps: _Optional[int] = ..., guidance_scale: _Optional[float] = ..., preset: _Optional[str] = ...) -> None: ...

class Box(_message.Message):
    __slots__ = ("x", "y", "width", "height")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    x: int
    y: int
    width: int
    height: int
    def __init__(self, x: _Optional[int] = ..., y: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ...) -> None: ...

class BoxAtFrame(_message.Message):
    __slots__ = ("frame", "box")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    frame: int
    box: Box
    def __init__(self, frame: _Optional[int] = ..., box: _Optional[_Union[Box, _Mapping]] = ...) -> None: ...

class AnimatedBox(_message.Message):
    __slots__ = ("keys",)
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[BoxAtFrame]
    def __init__(self, keys: _Optional[_Iterable[_Union[BoxAtFrame, _Mapping]]] = ...) -> None: ...

class Region(_message.Message):
    __slots__ = ("box", "boxes", "from_mask", "from_base", "margin")
    BOX_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    FROM_MASK_FIELD_NUMBER: _ClassVar[int]
    FROM_BASE_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    box: Box
    boxes: AnimatedBox
    from_mask: bool
    from_base: bool
    margin: int
    def __init__(self, box: _Optional[_Union[Box, _Mapping]] = ..., boxes: _Optional[_Union[AnimatedBox, _Mapping]] = ..., from_mask: _Optional[bool] = ..., from_base: _Optional[bool] = ..., margin: _Optional[int] = ...) -> None: ...

class FinishSettings(_message.Message):
    __slots__ = ("black", "white", "detail", "refine", "despill", "highlights")
    BLACK_FIELD_NUMBER: _ClassVar[int]
    WHITE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    REFINE_FIELD_NUMBER: _ClassVar[int]
    DESPILL_FIELD_NUMBER: _ClassVar[int]
    HIGHLIGHTS_FIELD_NUMBER: _ClassVar[int]
    black: float
    white: float
    detail: Detail
    refine: float
    despill: float
    highlights: float
    def __init__(self, black: _Optional[float] = ..., white: _Optional[float] = ..., detail: _Optional[_Union[Detail, str]] = ..., refine: _Optional[float] = ..., despill: _Optional[float] = ..., highlights: _Optional[float] = ...) -> None: ...

class TakeRequest(_message.Message):
    __slots__ = ("node_id", "edit_type", "prompt", "frames", "plate", "mask", "settings", "take_root", "write_comp", "handles", "base_take_id", "base_directory", "strength", "priority", "label", "reuse", "without_mask", "holdout", "without_holdout", "exposure", "region", "finish", "write_residual", "finish_only")
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
    HOLDOUT_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_HOLDOUT_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    FINISH_FIELD_NUMBER: _ClassVar[int]
    WRITE_RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    FINISH_ONLY_FIELD_NUMBER: _ClassVar[int]
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
    holdout: MaskSource
    without_holdout: bool
    exposure: float
    region: Region
    finish: FinishSettings
    write_residual: bool
    finish_only: bool
    def __init__(self, node_id: _Optional[str] = ..., edit_type: _Optional[_Union[EditType, str]] = ..., prompt: _Optional[str] = ..., frames: _Optional[_Iterable[_Union[FrameRange, _Mapping]]] = ..., plate: _Optional[_Union[PlateSource, _Mapping]] = ..., mask: _Optional[_Union[MaskSource, _Mapping]] = ..., settings: _Optional[_Union[TakeSettings, _Mapping]] = ..., take_root: _Optional[str] = ..., write_comp: _Optional[bool] = ..., handles: _Optional[int] = ..., base_take_id: _Optional[str] = ..., base_directory: _Optional[str] = ..., strength: _Optional[float] = ..., priority: _Optional[int] = ..., label: _Optional[str] = ..., reuse: _Optional[bool] = ..., without_mask: _Optional[bool] = ..., holdout: _Optional[_Union[MaskSource, _Mapping]] = ..., without_holdout: _Optional[bool] = ..., exposure: _Optional[float] = ..., region: _Optional[_Union[Region, _Mapping]] = ..., finish: _Optional[_Union[FinishSettings, _Mapping]] = ..., write_residual: _Optional[bool] = ..., finish_only: _Optional[bool] = ...) -> None: ...

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
    __slots__ = ("take_id", "version", "state", "request", "directory", "error", "seconds", "warnings", "created_at", "frames", "window_count", "label", "note", "starred", "base_take_id", "base_version", "seams", "finished_frames", "color_space", "color_space_source", "layer_space", "color_config", "working_width", "working_height")
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
    COLOR_SPACE_FIELD_NUMBER: _ClassVar[int]
    COLOR_SPACE_SOURCE_FIELD_NUMBER: _ClassVar[int]
    LAYER_SPACE_FIELD_NUMBER: _ClassVar[int]
    COLOR_CONFIG_FIELD_NUMBER: _ClassVar[int]
    WORKING_WIDTH_FIELD_NUMBER: _ClassVar[int]
    WORKING_HEIGHT_FIELD_NUMBER: _ClassVar[int]
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
    color_space: str
    color_space_source: str
    layer_space: str
    color_config: str
    working_width: int
    working_height: int
    def __init__(self, take_id: _Optional[str] = ..., version: _Optional[str] = ..., state: _Optional[_Union[TakeState, str]] = ..., request: _Optional[_Union[TakeRequest, _Mapping]] = ..., directory: _Optional[str] = ..., error: _Optional[_Union[Refusal, _Mapping]] = ..., seconds: _Optional[_Union[TakeSeconds, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ..., created_at: _Optional[float] = ..., frames: _Optional[_Iterable[_Union[FrameRange, _Mapping]]] = ..., window_count: _Optional[int] = ..., label: _Optional[str] = ..., note: _Optional[str] = ..., starred: _Optional[bool] = ..., base_take_id: _Optional[str] = ..., base_version: _Optional[str] = ..., seams: _Optional[_Iterable[_Union[Seam, _Mapping]]] = ..., finished_frames: _Optional[_Iterable[_Union[FrameRange, _Mapping]]] = ..., color_space: _Optional[str] = ..., color_space_source: _Optional[str] = ..., layer_space: _Optional[str] = ..., color_config: _Optional[str] = ..., working_width: _Optional[int] = ..., working_height: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("request_id", "take", "color_config")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TAKE_FIELD_NUMBER: _ClassVar[int]
    COLOR_CONFIG_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    take: TakeRequest
    color_config: str
    def __init__(self, request_id: _Optional[str] = ..., take: _Optional[_Union[TakeRequest, _Mapping]] = ..., color_config: _Optional[str] = ...) -> None: ...

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

class CheckTakeRequest(_message.Message):
    __slots__ = ("take_id", "directory")
    TAKE_ID_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    take_id: str
    directory: str
    def __init__(self, take_id: _Optional[str] = ..., directory: _Optional[str] = ...) -> None: ...

class CheckTakeResponse(_message.Message):
    __slots__ = ("verdict", "exact", "frames", "changed_outside", "largest_relative_error", "matte_coverage", "flicker")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    CHANGED_OUTSIDE_FIELD_NUMBER: _ClassVar[int]
    LARGEST_RELATIVE_ERROR_FIELD_NUMBER: _ClassVar[int]
    MATTE_COVERAGE_FIELD_NUMBER: _ClassVar[int]
    FLICKER_FIELD_NUMBER: _ClassVar[int]
    verdict: str
    exact: bool
    frames: int
    changed_outside: int
    largest_relative_error: float
    matte_coverage: float
    flicker: float
    def __init__(self, verdict: _Optional[str] = ..., exact: _Optional[bool] = ..., frames: _Optional[int] = ..., changed_outside: _Optional[int] = ..., largest_relative_error: _Optional[float] = ..., matte_coverage: _Optional[float] = ..., flicker: _Optional[float] = ...) -> None: ...

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
