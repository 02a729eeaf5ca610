"""What a page's numbers mean (docs/contract/requests.md#paging)."""

from __future__ import annotations

import math

import pytest

from aimo.services.memos.paging import LARGEST_PAGE, PageRequest


@pytest.mark.parametrize(
    ("page", "limit", "window"),
    [
        (1, 10, (0, 10)),
        (3, 20, (40, 20)),
        (0, 10, (0, 0)),
        (-1, 10, (0, 0)),
        (2, 0, (0, 0)),
        (1, -5, (0, 0)),
        (2, 1.5, (1, 1)),
        (1, 1e9, (0, LARGEST_PAGE)),
        (2, 1e9, (LARGEST_PAGE, LARGEST_PAGE)),
        (1, math.inf, (0, LARGEST_PAGE)),
        (math.inf, 10, (10**15, 10)),
        (1, -math.inf, (0, 0)),
    ],
)
def test_a_page_is_cut_where_the_client_says(page: float, limit: float, window: tuple[int, int]) -> None:
    request = PageRequest(page, limit)
    assert (request.offset if request.size else 0, request.size) == window


def test_the_numbers_are_echoed_as_they_came() -> None:
    echoed = PageRequest(2.0, 5.0, "2", "5").describe(11)
    assert (echoed.page, echoed.limit, echoed.total_pages) == ("2", "5", 3)
    assert PageRequest(1, 0).describe(11).total_pages is None
    assert PageRequest(1, -5).describe(11).total_pages == -2
    assert PageRequest(1, 5e-324).describe(11).total_pages is None
    assert PageRequest(1, 10).describe(0).total_pages == 0


def test_what_a_page_cannot_hold_is_on_the_next_ones() -> None:
    asked = PageRequest(1, 20_000).describe(15_000)
    assert (asked.limit, asked.total_pages) == (20_000, 2)
    pages = [PageRequest(number, 20_000) for number in (1, 2)]
    assert [(page.offset, page.size) for page in pages] == [(0, 10_000), (10_000, 10_000)]
