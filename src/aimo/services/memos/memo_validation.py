"""What a request says about a memo, checked once, before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence

from aimo import clock
from aimo.db.queries.memos import MemoRow
from aimo.dto.base import UnsetType
from aimo.dto.memos import MemoBody
from aimo.errors import AimoError, Code

# What older releases took, and a migration brings.
MAX_CONTENT_BYTES = 8 * 1024 * 1024
_MAX_TYPE = 255
_MAX_SOURCE = 2000
# Each of them is shown with the memo, in every list.
_MAX_LIST = 1000
# Each tag has a row and a counter of its own to write.
_MAX_TAGS = 1000


def check(body: MemoBody, most_bytes: int) -> str:
    """Return the content of a new memo, once everything that comes with it can be stored.

    Raises:
        AimoError: ``PARAMS_ERROR`` with the reason, as for content of more than ``most_bytes`` in UTF-8.
    """
    content = check_change(body)
    require_size(content, most_bytes)
    return content


def check_change(body: MemoBody) -> str:
    """Do the same for a change of a memo, whose size is checked by `require_size`.

    Raises:
        AimoError: ``PARAMS_ERROR`` with the reason.
    """
    if not body.content:
        raise AimoError(Code.PARAMS_ERROR, "Content is required")
    if not body.content.strip():
        raise AimoError(Code.PARAMS_ERROR, "Content must not be blank")
    require_size(body.content, MAX_CONTENT_BYTES)
    if isinstance(body.type, str) and len(body.type) > _MAX_TYPE:
        raise AimoError(Code.PARAMS_ERROR, f"Type is longer than {_MAX_TYPE} characters")
    if isinstance(body.source, str) and len(body.source) > _MAX_SOURCE:
        raise AimoError(Code.PARAMS_ERROR, f"Source is longer than {_MAX_SOURCE} characters")
    for given in (body.attachments, body.relation_ids):
        _check_length(given, _MAX_LIST)
    validate_tag_lists(body.tag_ids, body.tags)
    return body.content


def apply(body: MemoBody, row: MemoRow) -> MemoRow:
    """Return a memo with what a body says of it; what it does not name stays.

    Category and tags are not followed here: what a body means by them depends on the user's other rows.
    """
    return row._replace(
        type=row.type if isinstance(body.type, UnsetType) else body.type,
        source=row.source if isinstance(body.source, UnsetType) else body.source,
        attachments=row.attachments if isinstance(body.attachments, UnsetType) else optional(body.attachments) or None,
        is_public=row.is_public if isinstance(body.is_public, UnsetType) else bool(body.is_public),
    )


def require_size(content: str, most_bytes: int, before: str = "") -> None:
    """See that content is not too large, or is not larger than what a memo had ``before``.

    Memos that are larger came with a migration; they can be edited as long as they do not grow.

    Raises:
        AimoError: ``PARAMS_ERROR`` with the limit and the size.
    """
    if len(content) * 4 <= most_bytes or content == before:
        return
    size = len(content.encode("utf-8", "surrogatepass"))
    if size > max(most_bytes, len(before.encode("utf-8", "surrogatepass")) - 1 if before else 0):
        raise AimoError(Code.PARAMS_ERROR, f"Content has {size} bytes; at most {most_bytes} are possible")


def validate_tag_lists(*lists: Sequence[str] | UnsetType | None) -> None:
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
    """Return a list of a request without duplicates; nothing, null and absent are an empty one."""
    return list(dict.fromkeys(value)) if isinstance(value, Sequence) else []
