"""What operators see of the tables (docs/contract/machines.md#table-browser)."""

from __future__ import annotations

from aimo.dto.base import Annotated, Dto, Meta


class TableField(Dto):
    """A column of a table."""

    name: Annotated[str, Meta(description="Its name.")]
    type: Annotated[str, Meta(description="Its type, worded as Arrow's JavaScript library does.")]
    nullable: Annotated[bool, Meta(description="Whether it may be null.")]


class TableSchema(Dto):
    """The columns of a table."""

    table_name: Annotated[str, Meta(description="Name of the table.")]
    fields: Annotated[list[TableField], Meta(description="The columns that are shown; secrets are not.")]


class TableData(Dto):
    """A page of rows."""

    table_name: Annotated[str, Meta(description="Name of the table.")]
    page: Annotated[int | float, Meta(description="The page, from 1.")]
    page_size: Annotated[int | float, Meta(description="Rows a page.")]
    offset: Annotated[int | float, Meta(description="How many rows come before.")]
    data: Annotated[list[dict[str, object]], Meta(description="The rows by column; times are epoch milliseconds.")]
    count: Annotated[int, Meta(description="How many rows this page has.")]
