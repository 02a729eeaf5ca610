"""Which tables a LanceDB folder has."""

from __future__ import annotations

from typing import Any

_PAGE = 1000


async def table_names(connection: Any) -> list[str]:
    """Return the names of all tables, sorted: LanceDB hands them out in pages."""
    names: list[str] = []
    token: str | None = None
    while True:
        page = await connection.list_tables(limit=_PAGE, page_token=token)
        names += page.tables
        token = page.page_token
        if not token:
            return sorted(names)
