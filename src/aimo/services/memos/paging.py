"""Pages as clients ask for them (docs/contract/requests.md#paging)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aimo.dto.base import UNSET, Pagination

PAGE_BYTES: Final = 32 * 1024 * 1024
"""Content after which a page ends, whatever its limit. Its totals stay; a smaller limit reaches what is left out."""

PUBLIC_PAGE_BYTES: Final = 1024 * 1024
"""The same for strangers, of whom any number may ask at once."""

SURELY_SMALL: Final = 32
"""Memos that are read at once without asking for their sizes: of today's largest size they just fill a page."""

# More at once would only exhaust the memory: what a larger page would hold as well is on the next ones.
LARGEST_PAGE = 10_000
_FARTHEST = 10**15

Number = int | float


@dataclass(frozen=True)
class PageRequest:
    """The numbers that the client sent, and what they mean for a query."""

    page: Number
    limit: Number
    echo_page: Number | str | None = None
    echo_limit: Number | str | None = None

    @property
    def _limit(self) -> Number:
        return max(-LARGEST_PAGE, min(self.limit, LARGEST_PAGE))

    @property
    def size(self) -> int:
        """Rows to fetch; 0 for a page or a limit below 1."""
        return max(0, int(self._limit)) if self.page >= 1 else 0

    @property
    def offset(self) -> int:
        """Rows to skip."""
        return int(min(max(0.0, (min(self.page, _FARTHEST) - 1) * self._limit), _FARTHEST))

    def describe(self, total: int, *, truncated: bool = False) -> Pagination:
        """Return the pagination object of an answer; ``truncated`` tells that the page ends before its limit."""
        pages = total / self._limit if self._limit else math.inf
        return Pagination(
            total=total,
            page=_plain(self.page if self.echo_page is None else self.echo_page),
            limit=_plain(self.limit if self.echo_limit is None else self.echo_limit),
            total_pages=math.ceil(pages) if math.isfinite(pages) else None,
            truncated=truncated or UNSET,
        )


def fitting(sizes: Iterable[int], most: int = PAGE_BYTES) -> int:
    """Return how many of these sizes make a page of ``most`` bytes: the first always, then as long as there is room."""
    total = count = 0
    for size in sizes:
        total += size
        if count and total > most:
            break
        count += 1
    return count


def _plain(number: Number | str) -> Number | str | None:
    """Numbers as JavaScript prints them in JSON: whole ones without a fraction, infinite ones as null."""
    if isinstance(number, float) and not math.isfinite(number):
        return None
    return int(number) if isinstance(number, float) and number.is_integer() else number
