"""No statement meets a memo in the trash by accident."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import and_, delete, func, or_, select, union, update
from sqlalchemy.orm import aliased
from tests.support.live_check import ignores_trash
from tests.support.statements import registered

from aimo.db.queries.live import IN_TRASH, LIVE
from aimo.db.schema import MemoRelations, Memos, MemoTags
from aimo.db.statements import param

_OTHER = aliased(Memos)


def test_every_statement_on_memos_asks_for_live_ones_or_says_why_not() -> None:
    ignoring = {name: entry.trashed for name, entry in registered().items() if ignores_trash(entry.statement)}
    assert {name for name, reason in ignoring.items() if reason is None} == set()
    excused = {name for name, entry in registered().items() if entry.trashed is not None}
    assert excused == set(ignoring), "a reason is given where none is needed"


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(select(Memos.content), id="plain"),
        pytest.param(select(Memos.content).where(or_(LIVE, Memos.is_public)), id="or others"),
        pytest.param(select(func.count()).select_from(Memos), id="count"),
        pytest.param(
            select(MemoTags.tag_id)
            .join(Memos, Memos.memo_id == MemoTags.memo_id)
            .where(MemoTags.uid == param("owner")),
            id="joined",
        ),
        pytest.param(
            select(MemoTags.tag_id).outerjoin(Memos, and_(Memos.memo_id == MemoTags.memo_id, LIVE)), id="outer join"
        ),
        pytest.param(
            select(MemoTags.tag_id).where(MemoTags.memo_id.in_(select(Memos.memo_id).where(Memos.is_public))),
            id="nested",
        ),
        pytest.param(
            select(MemoRelations.relation_id).join(
                select(Memos.memo_id).subquery("picked"), MemoRelations.source_memo_id == MemoRelations.relation_id
            ),
            id="selected from",
        ),
        pytest.param(select(select(func.count(Memos.memo_id)).scalar_subquery()), id="counted beside it"),
        pytest.param(
            select(Memos.content).join(_OTHER, _OTHER.memo_id == Memos.memo_id).where(LIVE), id="one of two aliases"
        ),
        pytest.param(union(select(Memos.memo_id).where(LIVE), select(Memos.memo_id)), id="one half of a union"),
        pytest.param(update(Memos).values(content="x"), id="update"),
        pytest.param(delete(Memos), id="delete"),
    ],
)
def test_a_statement_that_forgets_the_trash_is_found_out(statement: Any) -> None:
    assert ignores_trash(statement)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(select(Memos.content).where(LIVE), id="live"),
        pytest.param(select(Memos.content).where(IN_TRASH), id="in the trash"),
        pytest.param(
            select(MemoTags.tag_id).join(Memos, and_(Memos.memo_id == MemoTags.memo_id, LIVE)), id="joined live ones"
        ),
        pytest.param(select(MemoTags.tag_id), id="no memos"),
    ],
)
def test_a_statement_that_asks_is_fine(statement: Any) -> None:
    assert not ignores_trash(statement)
