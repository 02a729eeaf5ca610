"""What the tables of both stores hold, for operators.

See docs/contract/machines.md#table-browser, docs/decisions/24-table-browser.md.
"""

from __future__ import annotations

import msgspec

from aimo.db.connection import Database
from aimo.db.queries.table_browser import INSPECTED, BrowsableTable
from aimo.dto.debug import TableData, TableField, TableSchema
from aimo.errors import AimoError, Code
from aimo.vectors import table_browser as vector_tables
from aimo.vectors.store import VectorStore
from aimo.vectors.table import LanceTable

MOST_ROWS = 1000
# Beyond the end of any table, and a number that both stores can count to.
_LARGEST_OFFSET = 2**31 - 1


class TableBrowser:
    """Shows the tables of the contract under its column names, without anything secret, and those of LanceDB."""

    def __init__(self, database: Database, vectors: VectorStore) -> None:
        self._database = database
        self._vectors: dict[str, LanceTable] = {table.name: table for table in vectors.tables}

    def schema(self, table: str) -> TableSchema:
        """Return the columns of a table; NOT_FOUND for one that is not shown."""
        shown = self._table(table)
        listed = shown.columns if isinstance(shown, BrowsableTable) else vector_tables.columns(shown)
        fields = [TableField(name=column.name, type=column.type, nullable=column.nullable) for column in listed]
        return TableSchema(table_name=table, fields=fields)

    async def rows(self, table: str, page: float, size: float) -> TableData:
        """Return a page of a table's rows; PARAMS_ERROR for impossible numbers, NOT_FOUND for other tables."""
        if not page >= 1:
            raise AimoError(Code.PARAMS_ERROR, "Page must be >= 1")
        if not 1 <= size <= MOST_ROWS:
            raise AimoError(Code.PARAMS_ERROR, f"PageSize must be between 1 and {MOST_ROWS}")
        shown = self._table(table)
        page = min(page, _LARGEST_OFFSET)
        offset = min((page - 1) * size, _LARGEST_OFFSET)
        limit, skipped = int(size), int(offset)
        if isinstance(shown, BrowsableTable):
            data = await self._relational(shown, limit, skipped)
        else:
            data = await vector_tables.rows(shown, offset=skipped, limit=limit)
        return TableData(table_name=table, page=page, page_size=size, offset=offset, data=data, count=len(data))

    async def _relational(self, shown: BrowsableTable, limit: int, offset: int) -> list[dict[str, object]]:
        async with self._database.reads() as connection:
            rows = await connection.execute(shown.page, {"limit": limit, "offset": offset})
            return [
                {column.name: _cell(column.type, value) for column, value in zip(shown.columns, row, strict=True)}
                for row in rows
            ]

    def _table(self, name: str) -> BrowsableTable | LanceTable:
        if not name:
            raise AimoError(Code.PARAMS_ERROR, "Table name is required")
        shown = INSPECTED.get(name) or self._vectors.get(name)
        if shown is None:
            raise AimoError(Code.NOT_FOUND, f"Table '{name}' not found or error: Table '{name}' was not found")
        return shown


def _cell(kind: str, value: object) -> object:
    """Return a value as its type has it: switches as 0 and 1, objects as JSON text."""
    if kind == "Int32" and isinstance(value, bool):
        return int(value)
    return msgspec.json.encode(value).decode() if kind == "Utf8" and not isinstance(value, str | None) else value
