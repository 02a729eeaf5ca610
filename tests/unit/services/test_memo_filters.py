"""No filter is forgotten on its way from a request to the statement."""

from __future__ import annotations

from dataclasses import Field, fields, replace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from aimo.db.queries import memos
from aimo.db.queries.memos import FilterShape
from aimo.dto.memos import SearchBody
from aimo.http.controllers.memos import LIST_FILTERS
from aimo.services.memos import lists, tags
from aimo.services.memos.lists import MemoFilter

# A value that filters, for each type that a filter has.
SAMPLES: dict[str, Any] = {"str | None": "c1", "Sequence[str]": ("work",), "int | None": 0, "bool | None": True}

EVERY_FILTER = pytest.mark.parametrize("filtered", fields(MemoFilter), ids=lambda each: each.name)


def sample(filtered: Field[Any]) -> MemoFilter:
    return MemoFilter(**{filtered.name: SAMPLES[str(filtered.type)]})


@EVERY_FILTER
def test_searches_notice_every_filter(filtered: Field[Any]) -> None:
    assert sample(filtered).any
    assert not MemoFilter().any


@EVERY_FILTER
async def test_every_filter_reaches_the_statement(filtered: Field[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "find_by_names", AsyncMock(return_value=["t1"]))
    selected = await lists.select(AsyncMock(), "u1", sample(filtered))
    assert selected is not None
    assert selected.shape != FilterShape(), f"select() leaves {filtered.name} out"
    assert selected.values or isinstance(getattr(sample(filtered), filtered.name), bool)


def test_every_filter_can_be_asked_for_in_lists_and_searches() -> None:
    filters = {each.name for each in fields(MemoFilter)}
    names = {"startDate": "since", "endDate": "until", "categoryId": "category_id"}
    in_lists = {names.get(each.name, each.name) for each in LIST_FILTERS} - {"search"}
    in_searches = {names.get(name, name) for name in SearchBody.__struct_encode_fields__} - {"query", "page", "limit"}
    assert in_lists == filters
    assert in_searches == filters


@pytest.mark.parametrize("switch", [each.name for each in fields(FilterShape) if each.name != "category"])
def test_statements_with_every_filter_are_looked_at(switch: str) -> None:
    chosen = replace(FilterShape(), **cast(Any, {switch: True}))
    assert any(memos.count_query(chosen).statement is statement for statement in memos.all_shapes()), (
        f"no statement with {switch}"
    )
