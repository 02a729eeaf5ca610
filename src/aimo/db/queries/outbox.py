"""Queries on outbox entries: which memo or attachment LanceDB must look at again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import and_, delete, func, insert, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import OutboxEntries
from aimo.db.statements import in_list, owned, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for

# The next try of an entry that is set aside: far from everything that is due, and served by the same index.
SET_ASIDE_UNTIL = 253_402_214_400_000
MOST_CRASHES = 3

HELD_MS: Final = 60_000
"""The longest that an entry is out of sight which has never failed."""

LONGEST_WAIT_MS: Final = 3_600_000
"""The longest that any other entry waits for its next try."""


class OutboxEntry(NamedTuple):
    """One entry. ``attempts`` counts how often applying it failed, ``crashes`` how often the process died of it."""

    entry_id: int
    kind: str
    entity_id: str
    uid: str
    attempts: int = 0
    crashes: int = 0


class NewEntry(NamedTuple):
    """What an entry is written with: it is due at ``due_at``, epoch milliseconds."""

    kind: str
    entity_id: str
    uid: str
    due_at: int


class WaitingEntry(NamedTuple):
    """An entry that has not been applied; times are epoch milliseconds."""

    entry_id: int
    created_at: int
    next_try_at: int
    attempts: int
    last_error: str | None


class StartedEntry(NamedTuple):
    """An entry that is being applied, or was when the process died."""

    entry_id: int
    kind: str
    entity_id: str
    crashes: int


class Backlog(NamedTuple):
    """How many entries wait, since when (epoch milliseconds), and how often one of them has failed at most."""

    waiting: int
    oldest_at: int | None
    attempts: int | None


_WORKER = "the sync worker applies the entries of all users"
_IS_SET_ASIDE = and_(OutboxEntries.next_try_at >= SET_ASIDE_UNTIL, OutboxEntries.crashes >= MOST_CRASHES)
_LISTED = OutboxEntries.entry_id.in_(in_list("entry_ids"))
_COLUMNS = columns_for(OutboxEntry, OutboxEntries)
_BY_NEXT_TRY = (OutboxEntries.next_try_at, OutboxEntries.entry_id)

_CREATE = Command(
    owned(
        "outbox.create",
        insert(OutboxEntries).values(
            kind=param("kind"),
            entity_id=param("entity_id"),
            uid=param("uid"),
            attempts=0,
            created_at=param("due_at"),
            next_try_at=param("due_at"),
        ),
    )
)
_DUE = Query(
    unscoped(
        "outbox.due",
        select(*_COLUMNS)
        .where(OutboxEntries.next_try_at <= param("now"))
        .order_by(*_BY_NEXT_TRY)
        .limit(param("limit")),
        reason=_WORKER,
    ),
    OutboxEntry,
)
_REMAINING = Query(
    unscoped("outbox.remaining", select(*columns_for(WaitingEntry, OutboxEntries)).where(_LISTED), reason=_WORKER),
    WaitingEntry,
)
_DELETE = Command(unscoped("outbox.delete", delete(OutboxEntries).where(_LISTED), reason=_WORKER))
_POSTPONE = Command(
    unscoped(
        "outbox.postpone",
        update(OutboxEntries)
        .where(_LISTED)
        .values(attempts=OutboxEntries.attempts + 1, next_try_at=param("next_try"), last_error=param("error")),
        reason=_WORKER,
    )
)
_DELAY = Command(
    unscoped("outbox.delay", update(OutboxEntries).where(_LISTED).values(next_try_at=param("next_try")), reason=_WORKER)
)
_RELEASE = Command(
    unscoped(
        "outbox.release",
        update(OutboxEntries)
        .where(OutboxEntries.next_try_at > param("now"), OutboxEntries.next_try_at <= param("latest"))
        .values(next_try_at=param("next_try")),
        reason=_WORKER,
    )
)
# By the rules no entry waits that long: the clock was ahead when its next try was written.
_IS_BEYOND_ITS_RULE = and_(
    OutboxEntries.next_try_at > param("held_until"),
    or_(
        OutboxEntries.next_try_at > param("longest_until"),
        and_(OutboxEntries.attempts == 0, OutboxEntries.crashes == 0),
    ),
    not_(_IS_SET_ASIDE),
)
_BEYOND_THEIR_RULE = Query(
    unscoped(
        "outbox.beyond_rule",
        select(*_COLUMNS).where(_IS_BEYOND_ITS_RULE).order_by(*_BY_NEXT_TRY).limit(param("limit")),
        reason=_WORKER,
    ),
    OutboxEntry,
)
_HEAL = Command(
    unscoped(
        "outbox.heal",
        update(OutboxEntries).where(_IS_BEYOND_ITS_RULE).values(next_try_at=param("next_try")),
        reason=_WORKER,
    )
)
_BACKLOG = Query(
    unscoped(
        "outbox.depth",
        select(
            func.count().label("waiting"),
            func.min(OutboxEntries.created_at).label("oldest_at"),
            func.max(OutboxEntries.attempts).label("attempts"),
        ).where(not_(_IS_SET_ASIDE)),
        reason=_WORKER,
    ),
    Backlog,
)
_NEWEST_ID = Scalar[int](
    unscoped(
        "outbox.newest", select(OutboxEntries.entry_id).order_by(OutboxEntries.entry_id.desc()).limit(1), reason=_WORKER
    )
)
_RECORD_START = Command(
    unscoped("outbox.start", update(OutboxEntries).where(_LISTED).values(started_at=param("now")), reason=_WORKER)
)
_RECORD_END = Command(
    unscoped("outbox.end", update(OutboxEntries).where(_LISTED).values(started_at=None), reason=_WORKER)
)
_STARTED = Query(
    unscoped(
        "outbox.started",
        select(*columns_for(StartedEntry, OutboxEntries)).where(OutboxEntries.started_at.is_not(None)),
        reason=_WORKER,
    ),
    StartedEntry,
)
_COUNT_CRASH = Command(
    unscoped(
        "outbox.count_crash",
        update(OutboxEntries)
        .where(_LISTED)
        .values(crashes=OutboxEntries.crashes + 1, next_try_at=param("next_try"), started_at=None),
        reason=_WORKER,
    )
)
_SET_ASIDE = Query(
    unscoped("outbox.set_aside", select(*_COLUMNS).where(_IS_SET_ASIDE).order_by(*_BY_NEXT_TRY), reason=_WORKER),
    OutboxEntry,
)
_COUNT_SET_ASIDE = Scalar[int](
    unscoped(
        "outbox.count_set_aside",
        select(func.count()).select_from(OutboxEntries).where(_IS_SET_ASIDE),
        reason=_WORKER,
    )
)
_RETRY_SET_ASIDE = Command(
    unscoped(
        "outbox.retry_set_aside",
        update(OutboxEntries)
        .where(_IS_SET_ASIDE)
        .values(crashes=param("new_crashes"), next_try_at=param("next_try"), started_at=None),
        reason=_WORKER,
    )
)
_LAST_ERROR = Scalar[str](
    unscoped(
        "outbox.last_error",
        select(OutboxEntries.last_error)
        .where(OutboxEntries.last_error.is_not(None))
        .order_by(OutboxEntries.entry_id.desc())
        .limit(1),
        reason=_WORKER,
    )
)


async def create(connection: AsyncConnection, entry: NewEntry) -> int:
    """Write an entry, and return its number."""
    return await _CREATE.insert(connection, **entry._asdict())


async def create_many(connection: AsyncConnection, entries: Sequence[NewEntry]) -> None:
    """Write entries."""
    await _CREATE.run_many(connection, [entry._asdict() for entry in entries])


async def due(connection: ReadConnection, *, now: int, limit: int) -> list[OutboxEntry]:
    """Load the entries that are due at a moment, the longest waiting first."""
    return await _DUE.all(connection, now=now, limit=limit)


async def remaining(connection: ReadConnection, *, entry_ids: Sequence[int]) -> list[WaitingEntry]:
    """Load those of these entries that have not been applied."""
    return await _REMAINING.all(connection, entry_ids=entry_ids)


async def delete_entries(connection: AsyncConnection, *, entry_ids: Sequence[int]) -> None:
    """Remove these entries, at least one."""
    await _DELETE.run(connection, entry_ids=entry_ids)


async def postpone(connection: AsyncConnection, *, entry_ids: Sequence[int], until: int, error: str) -> None:
    """Count a failure of these entries, at least one, and store when they are tried again and why they failed."""
    await _POSTPONE.run(connection, entry_ids=entry_ids, next_try=until, error=error)


async def delay(connection: AsyncConnection, *, entry_ids: Sequence[int], until: int) -> None:
    """Store when these entries, at least one, are tried again."""
    await _DELAY.run(connection, entry_ids=entry_ids, next_try=until)


async def release(connection: AsyncConnection, *, now: int, latest: int) -> None:
    """Have the entries applied now that would be tried after ``now`` and until ``latest``."""
    await _RELEASE.run(connection, now=now, latest=latest, next_try=now)


def _rule(now: int) -> dict[str, int]:
    return {"held_until": now + HELD_MS, "longest_until": now + LONGEST_WAIT_MS}


async def beyond_their_rule(connection: ReadConnection, *, now: int, limit: int) -> list[OutboxEntry]:
    """Load entries whose next try is later than any rule puts it."""
    return await _BEYOND_THEIR_RULE.all(connection, **_rule(now), limit=limit)


async def heal(connection: AsyncConnection, *, now: int) -> int:
    """Have them tried now; return how many they are."""
    return await _HEAL.run(connection, **_rule(now), next_try=now)


async def backlog(connection: ReadConnection) -> Backlog:
    """Return how many entries wait, without those that are set aside."""
    (found,) = await _BACKLOG.all(connection)
    return found


async def newest_id(connection: ReadConnection) -> int:
    """Return the number of the newest entry, 0 without any."""
    return await _NEWEST_ID.first(connection) or 0


async def record_start(connection: AsyncConnection, *, entry_ids: Sequence[int], now: int) -> None:
    """Store that these entries, at least one, are being applied."""
    await _RECORD_START.run(connection, entry_ids=entry_ids, now=now)


async def record_end(connection: AsyncConnection, *, entry_ids: Sequence[int]) -> None:
    """Store that these entries, at least one, are not being applied any more."""
    await _RECORD_END.run(connection, entry_ids=entry_ids)


async def started(connection: ReadConnection) -> list[StartedEntry]:
    """Load the entries that are being applied."""
    return await _STARTED.all(connection)


async def count_crash(connection: AsyncConnection, *, entry_ids: Sequence[int], next_try: int) -> None:
    """Count one crash more of these entries, at least one, and store when they are tried again."""
    await _COUNT_CRASH.run(connection, entry_ids=entry_ids, next_try=next_try)


async def set_aside(connection: ReadConnection) -> list[OutboxEntry]:
    """Load the entries that are not applied any more, oldest first."""
    return await _SET_ASIDE.all(connection)


async def count_set_aside(connection: ReadConnection) -> int:
    """Count them."""
    return await _COUNT_SET_ASIDE.one(connection)


async def retry_set_aside(connection: AsyncConnection, *, now: int) -> int:
    """Have them applied once more; return how many they are."""
    return await _RETRY_SET_ASIDE.run(connection, new_crashes=MOST_CRASHES - 1, next_try=now)


async def last_error(connection: ReadConnection) -> str | None:
    """Return why the newest of the entries that failed did."""
    return await _LAST_ERROR.first(connection)
