"""Pages as clients ask for them (contract 1.12)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from aimo.dto.base import Pagination

# A page that large is the whole of anybody's memos; more would only exhaust the memory.
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
    def size(self) -> int:
        """Rows to fetch; 0 for a page or a limit below 1."""
        if self.page < 1 or not math.isfinite(self.limit):
            return 0
        return max(0, min(int(self.limit), LARGEST_PAGE))

    @property
    def offset(self) -> int:
        """Rows to skip."""
        if not (math.isfinite(self.page) and math.isfinite(self.limit)):
            return 0
        return int(min(max(0.0, (self.page - 1) * self.limit), _FARTHEST))

    def describe(self, total: int) -> Pagination:
        """The pagination object of an answer."""
        pages: int | None = None
        if self.limit != 0 and math.isfinite(self.limit):
            pages = math.ceil(total / self.limit)
        page = self.page if self.echo_page is None else self.echo_page
        limit = self.limit if self.echo_limit is None else self.echo_limit
        return Pagination(total=total, page=_plain(page), limit=_plain(limit), total_pages=pages)


def _plain(number: Number | str) -> Number | str | None:
    """Numbers as JavaScript prints them in JSON: whole ones without a fraction, infinite ones as null."""
    if isinstance(number, float) and not math.isfinite(number):
        return None
    return int(number) if isinstance(number, float) and number.is_integer() else number
