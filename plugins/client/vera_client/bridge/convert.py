"""dict <-> proto: one converter each way for every message of the interface, and gRPC status -> error.

A dict has the message's own field names; repeated messages are lists. Enums are the short words of `WORDS`. Scalars are
always there on the way out; unset messages and unset optional fields are not. On the way in None and an empty enum word
mean unset.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, TypeVar

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from grpc_status import rpc_status

from vera_edit.v1 import takes_pb2

from ..errors import EngineUnavailable, Refused, VeraClientError

WORDS: dict[str, dict[str, int]] = {
    "EditType": {
        "add": takes_pb2.EDIT_TYPE_OBJECT_ADDITION,
        "background": takes_pb2.EDIT_TYPE_BACKGROUND_CHANGE,
    },
    "MaskMeaning": {
        "edit": takes_pb2.MASK_MEANING_EDIT_HERE,
        "keep": takes_pb2.MASK_MEANING_KEEP_THIS,
    },
    "NanPolicy": {
        "refuse": takes_pb2.NAN_POLICY_REFUSE,
        "zero": takes_pb2.NAN_POLICY_ZERO,
    },
    "Detail": {
        "plate": takes_pb2.DETAIL_PLATE,
        "edit": takes_pb2.DETAIL_EDIT,
        "smooth": takes_pb2.DETAIL_SMOOTH,
    },
    "TakeState": {
        "queued": takes_pb2.TAKE_STATE_QUEUED,
        "checking": takes_pb2.TAKE_STATE_CHECKING,
        "running": takes_pb2.TAKE_STATE_RUNNING,
        "writing": takes_pb2.TAKE_STATE_WRITING,
        "finished": takes_pb2.TAKE_STATE_FINISHED,
        "cancelled": takes_pb2.TAKE_STATE_CANCELLED,
        "failed": takes_pb2.TAKE_STATE_FAILED,
    },
    "SeamKind": {
        "window": takes_pb2.SEAM_KIND_WINDOW,
        "repair": takes_pb2.SEAM_KIND_REPAIR,
    },
}
"""Enum name -> short word -> value; every value but the unspecified one."""

INTEGER_BITS = {FieldDescriptor.CPPTYPE_INT32: 32, FieldDescriptor.CPPTYPE_INT64: 64}

MessageType = TypeVar("MessageType", bound=Message)


def to_dict(message: Message) -> dict[str, Any]:
    """A message as plain JSON values; int64 stays a number, float32 is said with the digits it has, bytes as base64."""
    result: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.is_repeated:
            result[field.name] = [_plain(field, item) for item in value]
        elif not field.has_presence or message.HasField(field.name):
            result[field.name] = _plain(field, value)
    return result


def from_dict(values: Mapping[str, Any], message_type: type[MessageType], within: str = "") -> MessageType:
    """A message from plain JSON values.

    Args:
        values: By field name; nested dicts for messages.
        message_type: The generated class.
        within: The dotted name of `values` itself, for errors.

    Raises:
        Refused: An unknown field, a word that is none of the enum's, a value of another type or out of range.
    """
    message = message_type()
    _fill(message, values, within)
    return message


def _fill(message: Message, values: Any, within: str) -> None:
    descriptor = message.DESCRIPTOR
    if not isinstance(values, Mapping):
        raise _refusal("Fields by name are expected here.", within, values, "")
    for oneof in descriptor.oneofs:
        given = [field.name for field in oneof.fields if values.get(field.name) is not None]
        if len(given) > 1:
            raise _refusal(f"Only one of {' and '.join(given)} can be given.", within, dict(values), "")
    for name, value in values.items():
        argument = f"{within}.{name}" if within else str(name)
        field = descriptor.fields_by_name.get(name)
        if field is None:
            known = ", ".join(sorted(descriptor.fields_by_name))
            raise _refusal("There is no such field.", argument, value, f"The fields are {known}.")
        if value is None or (field.enum_type is not None and value == ""):
            continue
        if field.message_type is not None and field.is_repeated:
            if not isinstance(value, list):
                raise _refusal("A list is expected here.", argument, value, "")
            for number, item in enumerate(value):
                _fill(getattr(message, name).add(), item, f"{argument}[{number}]")
        elif field.message_type is not None:
            nested = getattr(message, name)
            nested.SetInParent()
            _fill(nested, value, argument)
        else:
            try:
                setattr(message, name, _checked(field, value, argument))
            except (TypeError, ValueError) as error:
                raise _refusal(f"This value cannot be sent: {error}.", argument, value, "") from error


def _plain(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return to_dict(value)
    if field.enum_type is not None:
        return _word(field.enum_type, value)
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        return float(f"{value:.7g}")
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode("ascii")
    return value


def _word(enum: Any, number: int) -> str:
    """The short word of an enum's value; empty for the unspecified one and for those of a later engine."""
    return next((word for word, value in WORDS[enum.name].items() if value == number), "")


def _checked(field: Any, value: Any, argument: str) -> Any:
    if field.enum_type is not None:
        words = WORDS[field.enum_type.name]
        if not isinstance(value, str) or value not in words:
            raise _refusal("This is none of the words known here.", argument, value, f"Use {' or '.join(words)}.")
        return words[value]
    if field.cpp_type in INTEGER_BITS:
        limit = 1 << (INTEGER_BITS[field.cpp_type] - 1)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _refusal("A whole number is expected here.", argument, value, "")
        if not -limit <= value < limit:
            raise _refusal("This number is too large.", argument, value, f"Use {-limit} to {limit - 1}.")
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            raise _refusal("True or false is expected here.", argument, value, "")
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        if not isinstance(value, str):
            raise _refusal("Text is expected here.", argument, value, "")
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            remedy = "Rename the file or folder to a name in UTF-8."
            raise _refusal("This text holds bytes that are not UTF-8.", argument, ascii(value), remedy)
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _refusal("A number is expected here.", argument, value, "")
    return value


def _refusal(reason: str, argument: str, value: Any, remedy: str) -> Refused:
    return Refused(reason, argument=argument, value=value, remedy=remedy, kind="InvalidRequest")


def error_from_status(error: grpc.aio.AioRpcError) -> VeraClientError:
    """The engine's own refusal with all its fields, or, where there is none, what gRPC says of the call."""
    nature = error.code().name.lower()
    try:
        status = rpc_status.from_call(error)  # type: ignore[arg-type]
    except ValueError:  # details that belong to another status
        status = None
    for detail in status.details if status else ():
        refusal = takes_pb2.Refusal()
        if detail.Unpack(refusal):
            return Refused(
                refusal.reason,
                argument=refusal.argument,
                value=refusal.value,
                remedy=refusal.remedy,
                kind=refusal.kind or "Refused",
                nature=nature,
            )
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return EngineUnavailable(f"The engine does not answer: {error.details()}.", nature=nature)
    return VeraClientError(f"The engine failed: {error.details()}.", kind=error.code().name, nature=nature)
