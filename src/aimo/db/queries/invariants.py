"""Queries on what the doctor found, for whoever asks later."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import insert_new
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import InvariantChecks
from aimo.db.statements import param, unscoped
from aimo.db.typed import Command, Query, columns_for, table_of


class CheckRow(NamedTuple):
    """What the latest look at an invariant found; ``finished_at`` is in epoch milliseconds."""

    name: str
    checked: int
    violations: int
    repaired: int
    finished_at: int


_OPERATOR = "the doctor looks at the whole installation"

_RESULTS = Query(
    unscoped("invariants.results", select(*columns_for(CheckRow, InvariantChecks)), reason=_OPERATOR), CheckRow
)
_CREATE_UNLESS_KNOWN = Command(
    unscoped(
        "invariants.create",
        insert_new(table_of(InvariantChecks)).values(
            name=param("name"), checked=0, violations=0, repaired=0, finished_at=param("now")
        ),
        reason=_OPERATOR,
    )
)
_RECORD = Command(
    unscoped(
        "invariants.record",
        update(InvariantChecks)
        .where(InvariantChecks.name == param("key"))
        .values(
            checked=param("new_checked"),
            violations=param("new_violations"),
            repaired=param("new_repaired"),
            finished_at=param("now"),
        ),
        reason=_OPERATOR,
    )
)


async def results(connection: ReadConnection) -> list[CheckRow]:
    """Load what the latest look at each invariant found."""
    return await _RESULTS.all(connection)


async def record(connection: AsyncConnection, check: CheckRow) -> None:
    """Store what a look at an invariant found."""
    await _CREATE_UNLESS_KNOWN.run(connection, name=check.name, now=check.finished_at)
    await _RECORD.run(
        connection,
        key=check.name,
        now=check.finished_at,
        new_checked=check.checked,
        new_violations=check.violations,
        new_repaired=check.repaired,
    )
