"""What a request says about a memo, checked once, before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence

from aimo import clock
from aimo.dto.base import UnsetType
from aimo.dto.memos import MemoBody
from aimo.errors import AimoError, Code

# What a MEDIUMTEXT column holds, less than MySQL's default packet of 16 MB by some.
MAX_CONTENT_BYTES = 8 * 1024 * 1024
_MAX_TYPE = 255
_MAX_LIST = 10_000
# Each tag has a row and a counter of its own to write.
_MAX_TAGS = 1000


def check(body: MemoBody) -> str:
    """The content of a memo, once everything that comes with it can be stored.

    PARAMS_ERROR with the reason otherwise.
    """
    if not body.content:
        raise AimoError(Code.PARAMS_ERROR, "Content is required")
    if not body.content.strip():
        raise AimoError(Code.PARAMS_ERROR, "Content must not be blank")
    if len(body.content.encode()) > MAX_CONTENT_BYTES:
        raise AimoError(Code.PARAMS_ERROR, f"Content is longer than {MAX_CONTENT_BYTES} bytes")
    if isinstance(body.type, str) and len(body.type) > _MAX_TYPE:
        raise AimoError(Code.PARAMS_ERROR, f"Type is longer than {_MAX_TYPE} characters")
    for given in (body.attachments, body.relation_ids):
        _check_length(given, _MAX_LIST)
    check_tags(body.tag_ids, body.tags)
    return body.content


def check_tags(*lists: Sequence[str] | UnsetType | None) -> None:
    """PARAMS_ERROR for more tags, or names of tags, than a memo may have."""
    for given in lists:
        _check_length(given, _MAX_TAGS)


def _check_length(given: Sequence[str] | UnsetType | None, most: int) -> None:
    if isinstance(given, Sequence) and len(given) > most:
        raise AimoError(Code.PARAMS_ERROR, f"A list has more than {most} entries")


def moment(value: float | None, default: int) -> int:
    """Epoch milliseconds from a request; nothing or 0 means the default.

    PARAMS_ERROR for a time that the database cannot keep.
    """
    if not value:
        return default
    if not clock.EARLIEST_MS <= value <= clock.LATEST_MS:
        raise AimoError(Code.PARAMS_ERROR, "A time lies outside the years 1000 to 9999")
    return int(value)


def optional(value: Sequence[str] | UnsetType | None) -> list[str]:
    """A list of a request without duplicates; nothing, null and absent are an empty one."""
    return list(dict.fromkeys(value)) if isinstance(value, Sequence) else []
