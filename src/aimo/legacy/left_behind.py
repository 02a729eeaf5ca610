"""Whose rows a run left behind, and why, so that people can be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Executable

from aimo import ids
from aimo.db.connection import Database
from aimo.db.queries import migration as sql

_IN_ONE_QUERY = 1000
# Rows that do not say whose they are, by the column that leads to what does.
_OWNED_BY = {
    "ai_messages": ("conversationId", sql.CONVERSATION_OWNERS),
    "review_items": ("sessionId", sql.SESSIONS),
}


async def count_left_behind(database: Database, quarantine: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return for each user of quarantined rows the e-mail, if there is one, and how many rows for which reason.

    Rows of which nobody knows any more whose they are come last, with neither.
    """
    owners: dict[str, dict[str, Any]] = {}
    for name, (column, statement) in _OWNED_BY.items():
        keys = (row["row"].get(column) for row in quarantine if row["table"] == name)
        owners[name] = await _find(database, statement, keys)
    counts: dict[str | None, Counter[str]] = {}
    for row in quarantine:
        uid = _owner(row, owners)
        counts.setdefault(uid, Counter())[f"{row['table']}: {row['reason']}"] += 1
    emails = await _find(database, sql.EMAIL_OF, counts)
    return [
        {"uid": uid, "email": emails.get(uid) if uid else None, "rows": dict(sorted(counts[uid].items()))}
        for uid in sorted(counts, key=lambda uid: (uid is None, uid or ""))
    ]


def _owner(row: Mapping[str, Any], owners: Mapping[str, Mapping[str, str]]) -> str | None:
    content = row["row"]
    found = content.get("uid")
    if row["table"] == "users":
        found = row["key"]
    elif row["table"] in owners:
        through = content.get(_OWNED_BY[row["table"]][0])
        found = owners[row["table"]].get(through) if isinstance(through, str) else None
    return found if isinstance(found, str) else None


async def _find(database: Database, statement: Executable, keys: Iterable[object]) -> dict[str, Any]:
    """Return the second column of the rows that have these keys in the first."""
    possible = [key for key in dict.fromkeys(keys) if isinstance(key, str) and ids.is_possible(key)]
    found: dict[str, Any] = {}
    for start in range(0, len(possible), _IN_ONE_QUERY):
        async with database.reads() as connection:
            rows = await connection.execute(statement, {"keys": possible[start : start + _IN_ONE_QUERY]})
            found |= {row[0]: row[1] for row in rows}
    return found
