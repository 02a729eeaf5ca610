"""Whether people have worked in the new server since a run was found valid: what they changed is no damage."""

from __future__ import annotations

from collections.abc import Mapping, Set

from aimo.db.connection import Database
from aimo.db.queries import migration as sql
from aimo.legacy.copy import runs as run_states
from aimo.legacy.copy.runs import Run

# What changes in a row without a new time of change, when another row is deleted.
_FOLLOWS = frozenset(
    {"category_id", "tag_ids", "attachments", "profile_id", "user_model_id", "memo_id", "memo_ids", "deleted_at"}
)


class UseSince:
    """What is known of the time since a run.

    Args:
        since: when the run ended, in epoch milliseconds; None where nothing can have changed since it was found valid.
    """

    def __init__(self, since: int | None) -> None:
        self._since = since

    @classmethod
    async def of(cls, database: Database, run: Run) -> UseSince:
        """Look for traces of people: logins, and rows that were made or changed after a run that was valid."""
        if run.state != run_states.VALIDATED or run.finished_at is None:
            return cls(None)
        async with database.reads() as connection:
            for statement in sql.LATEST:
                latest = (await connection.execute(statement)).scalar_one_or_none()
                if latest is not None and latest > run.finished_at:
                    return cls(run.finished_at)
        return cls(None)

    @property
    def any(self) -> bool:
        """Whether there was any."""
        return self._since is not None

    def explains(self, held: Mapping[str, object] | None, columns: Set[str]) -> bool:
        """Return whether people can have changed these columns of a row, or removed or made it (None)."""
        if self._since is None:
            return False
        if held is None or "updated_at" not in held or columns <= _FOLLOWS:
            return True
        changed = held["updated_at"]
        return isinstance(changed, int) and changed > self._since
