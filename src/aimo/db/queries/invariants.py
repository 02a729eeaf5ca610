"""What the doctor found, for whoever asks later."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, select, update

from aimo.db.dialect_sql import insert_new
from aimo.db.schema import InvariantChecks
from aimo.db.statements import param, unscoped

_OPERATOR = "the doctor looks at the whole installation"

RESULTS = unscoped(
    "invariants.results",
    select(InvariantChecks.name, InvariantChecks.violations, InvariantChecks.repaired, InvariantChecks.finished_at),
    reason=_OPERATOR,
)
CREATE = unscoped(
    "invariants.create",
    insert_new(cast(Table, InvariantChecks.__table__)).values(
        name=param("name"), checked=0, violations=0, repaired=0, finished_at=param("now")
    ),
    reason=_OPERATOR,
)
RECORD = unscoped(
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
