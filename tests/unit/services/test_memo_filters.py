"""No filter is forgotten on its way from a request to the statement."""

from __future__ import annotations

import re
from dataclasses import Field, fields, replace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from aimo.db.queries import memos
from aimo.db.queries.memos import FilterShape
from aimo.dto.memos import SearchBody
from aimo.http.controllers.memos import LIST_FILTERS, list_filter, search_filter
from aimo.http.input.query_parameters import Query
from aimo.services.memos import lists, tags
from aimo.services.memos.lists import MemoFilter

# A value that filters, for each type that a filter has.
SAMPLES: dict[str, Any] = {"str | None": "c1", "Sequence[str]": ("work",), "int | None": 0, "bool | None": True}

EVERY_FILTER = pytest.mark.parametrize("filtered", fields(MemoFilter), ids=lambda each: each.name)


def field_of(name: str) -> str:
    """Return the field of `MemoFilter` that a parameter or a field of a body sets."""
    snake = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
    return {"start_date": "since", "end_date": "until"}.get(snake, snake)


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
    assert {field_of(each.name) for each in LIST_FILTERS} - {"search"} == filters, "LIST_FILTERS differs"
    in_searches = set(map(field_of, SearchBody.__struct_fields__)) - {"query", "page", "limit"}
    assert in_searches == filters, "SearchBody differs"


@pytest.mark.parametrize("name", [each.name for each in LIST_FILTERS if each.name != "search"])
def test_every_parameter_of_lists_filters(name: str) -> None:
    found = [list_filter(Query(f"{name}={value}".encode())) for value in ("1", "true")]
    field = field_of(name)
    assert any(getattr(each, field) != getattr(MemoFilter(), field) for each in found), f"list_filter() ignores {name}"


@pytest.mark.parametrize("name", sorted(set(SearchBody.__struct_fields__) - {"query", "page", "limit"}))
def test_every_filter_of_a_search_filters(name: str) -> None:
    sent: dict[str, Any] = {"tags": ["work"], "category_id": "c1", "start_date": 1, "end_date": 1}
    body = SearchBody(**{name: sent.get(name, True)})
    assert search_filter(body, body.tags).any, f"search_filter() ignores {name}"


@pytest.mark.parametrize("switch", [each.name for each in fields(FilterShape) if each.name != "category"])
def test_statements_with_every_filter_are_looked_at(switch: str) -> None:
    chosen = replace(FilterShape(), **cast(Any, {switch: True}))
    assert any(memos.count_query(chosen).statement is statement for statement in memos.all_shapes()), (
        f"no statement with {switch}"
    )
