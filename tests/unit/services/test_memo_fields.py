"""A field of memos that was forgotten anywhere on its way from the request to the answer is named."""

from __future__ import annotations

from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints
from unittest.mock import AsyncMock

import msgspec
import pytest

from aimo.db.queries.memos import MemoRow
from aimo.db.schema import Memos
from aimo.db.typed import table_of
from aimo.dto.base import UNSET
from aimo.dto.memos import Memo, MemoBody
from aimo.services.memos import memo_presenter, memo_validation
from aimo.services.memos.memo_presenter import LISTED, MemoPresenter

# The order of insertion is not a memo's own: it is given with the row. Rows are live, unless they are of the trash.
NOT_IN_ROWS: Final = {"seq", "deleted_at"}
# Given by the server.
NOT_SENT: Final = {"memo_id", "uid"}
# What a body means by these depends on other rows, or on the clock: the service follows them.
NOT_APPLIED: Final = {*NOT_SENT, "content", "category_id", "tag_ids", "created_at", "updated_at"}

PLAIN = MemoRow("m1", "u1", "c1", "text", "text", "web", ["a1"], ["t1"], 1, 2)
EVERY_FIELD = pytest.mark.parametrize("field", MemoRow._fields)


def other_value(field: str) -> object:
    """Return a value that a body can have of this field, and that `PLAIN` has not."""
    hint = get_type_hints(MemoRow)[field]
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    before = getattr(PLAIN, field)
    samples: dict[Any, object] = {bool: not before, str: f"other {field}", int: 77, list[str]: ["other"]}
    return samples[next(kind for kind in kinds if kind is not type(None))]


def test_every_column_is_in_the_row() -> None:
    assert {column.key for column in table_of(Memos).columns} - NOT_IN_ROWS == set(MemoRow._fields)


@EVERY_FIELD
def test_every_field_can_be_sent_and_is_applied(field: str) -> None:
    if field in NOT_SENT:
        return
    assert field in MemoBody.__struct_fields__, f"MemoBody has no {field}"
    if field not in NOT_APPLIED:
        body = MemoBody(**{field: other_value(field)})  # type: ignore[arg-type]
        assert getattr(memo_validation.apply(body, PLAIN), field) == other_value(field), f"apply() leaves {field} out"
        assert memo_validation.apply(MemoBody(), PLAIN) == PLAIN


@EVERY_FIELD
async def test_every_field_is_shown(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert field in Memo.__struct_fields__, f"Memo has no {field}"
    shown_files = AsyncMock(return_value={})
    monkeypatch.setattr(MemoPresenter, "_attachments", shown_files)
    monkeypatch.setattr(memo_presenter, "read_together", AsyncMock(return_value=([], [])))
    row = PLAIN._replace(**{field: other_value(field)})  # type: ignore[arg-type]
    (shown,) = await MemoPresenter(AsyncMock()).present(AsyncMock(), "u1", [row], LISTED)
    value = getattr(shown, field)
    assert value is not UNSET, f"LISTED does not show {field}"
    if field != "attachments":
        assert msgspec.to_builtins(value) == other_value(field), f"_memo() leaves {field} out"
