"""No outbox entry is set aside because applying it killed the process."""

from __future__ import annotations

from collections.abc import Sequence

from aimo.db.connection import Database
from aimo.services.doctor.invariant import FewViolations, Violation
from aimo.services.sync import crashes
from aimo.services.sync.outbox import OutboxEntry

_RETRY = "try once more with `aimo sync run --retry-set-aside`, best after an update"
_WHAT_TO_DO = {"rebuild": _RETRY, "attachment": f"delete the attachment, or {_RETRY}"}
_EDIT = f"edit or delete the memo, or {_RETRY}"


class SetAside(FewViolations):
    """Names the entries, which nobody but the operator or the memo's owner can release."""

    name = "no-entries-set-aside"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def repair(self, violations: Sequence[Violation]) -> int:
        """None: applying such an entry would kill this process, too."""
        return 0

    async def violations(self) -> list[Violation]:
        """Return the entries that are set aside."""
        return [_violation(entry) for entry in await crashes.set_aside(self._database)]


def _violation(entry: OutboxEntry) -> Violation:
    problem = (
        f"outbox entry {entry.entry_id} ({entry.kind}) is set aside, the process died {entry.crashes} times while it "
        f"was applied: {_WHAT_TO_DO.get(entry.kind, _EDIT)}"
    )
    return Violation(entry.entity_id, entry.uid, problem, str(entry.entry_id))
