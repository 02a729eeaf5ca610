"""Statements on dirty entries and leases: the machinery of the sync worker."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, and_, delete, func, insert, not_, or_, select, update

from aimo.db.dialect_sql import insert_new
from aimo.db.schema import Leases, Memos, OutboxEntries
from aimo.db.statements import in_list, owned, param, unscoped
from aimo.db.types import now_utc

# The next try of an entry that is set aside: far from everything that is due, and served by the same index.
SET_ASIDE_UNTIL = 253_402_214_400_000
MOST_CRASHES = 3
_IS_SET_ASIDE = and_(OutboxEntries.next_try_at >= SET_ASIDE_UNTIL, OutboxEntries.crashes >= MOST_CRASHES)

_WORKER = "the sync worker applies the entries of all users"

CREATE = owned(
    "outbox.create",
    insert(OutboxEntries).values(
        kind=param("kind"),
        entity_id=param("entity_id"),
        uid=param("uid"),
        attempts=0,
        created_at=param("now"),
        next_try_at=param("now"),
    ),
)
DUE = unscoped(
    "outbox.due",
    select(
        OutboxEntries.entry_id,
        OutboxEntries.kind,
        OutboxEntries.entity_id,
        OutboxEntries.uid,
        OutboxEntries.attempts,
        OutboxEntries.crashes,
    )
    .where(OutboxEntries.next_try_at <= param("now"))
    .order_by(OutboxEntries.next_try_at, OutboxEntries.entry_id)
    .limit(param("limit")),
    reason=_WORKER,
)
REMAINING = unscoped(
    "outbox.remaining",
    select(
        OutboxEntries.entry_id,
        OutboxEntries.created_at,
        OutboxEntries.next_try_at,
        OutboxEntries.attempts,
        OutboxEntries.last_error,
    ).where(OutboxEntries.entry_id.in_(in_list("entry_ids"))),
    reason=_WORKER,
)
DELETE = unscoped(
    "outbox.delete", delete(OutboxEntries).where(OutboxEntries.entry_id.in_(in_list("entry_ids"))), reason=_WORKER
)
POSTPONE = unscoped(
    "outbox.postpone",
    update(OutboxEntries)
    .where(OutboxEntries.entry_id.in_(in_list("entry_ids")))
    .values(attempts=OutboxEntries.attempts + 1, next_try_at=param("next_try"), last_error=param("error")),
    reason=_WORKER,
)
DELAY = unscoped(
    "outbox.delay",
    update(OutboxEntries).where(OutboxEntries.entry_id.in_(in_list("entry_ids"))).values(next_try_at=param("next_try")),
    reason=_WORKER,
)
RELEASE = unscoped(
    "outbox.release",
    update(OutboxEntries)
    .where(OutboxEntries.next_try_at > param("now"), OutboxEntries.next_try_at <= param("latest"))
    .values(next_try_at=param("next_try")),
    reason=_WORKER,
)
DEPTH = unscoped(
    "outbox.depth",
    select(func.count(), func.min(OutboxEntries.created_at), func.max(OutboxEntries.attempts)).where(
        not_(_IS_SET_ASIDE)
    ),
    reason=_WORKER,
)
NEWEST = unscoped(
    "outbox.newest", select(OutboxEntries.entry_id).order_by(OutboxEntries.entry_id.desc()).limit(1), reason=_WORKER
)
START = unscoped(
    "outbox.start",
    update(OutboxEntries).where(OutboxEntries.entry_id.in_(in_list("entry_ids"))).values(started_at=param("now")),
    reason=_WORKER,
)
END = unscoped(
    "outbox.end",
    update(OutboxEntries).where(OutboxEntries.entry_id.in_(in_list("entry_ids"))).values(started_at=None),
    reason=_WORKER,
)
STARTED = unscoped(
    "outbox.started",
    select(OutboxEntries.entry_id, OutboxEntries.kind, OutboxEntries.entity_id, OutboxEntries.crashes).where(
        OutboxEntries.started_at.is_not(None)
    ),
    reason=_WORKER,
)
COUNT_CRASH = unscoped(
    "outbox.count_crash",
    update(OutboxEntries)
    .where(OutboxEntries.entry_id.in_(in_list("entry_ids")))
    .values(crashes=OutboxEntries.crashes + 1, next_try_at=param("next_try"), started_at=None),
    reason=_WORKER,
)
SET_ASIDE = unscoped(
    "outbox.set_aside",
    select(
        OutboxEntries.entry_id,
        OutboxEntries.kind,
        OutboxEntries.entity_id,
        OutboxEntries.uid,
        OutboxEntries.attempts,
        OutboxEntries.crashes,
    )
    .where(_IS_SET_ASIDE)
    .order_by(OutboxEntries.next_try_at, OutboxEntries.entry_id),
    reason=_WORKER,
)
COUNT_SET_ASIDE = unscoped(
    "outbox.count_set_aside",
    select(func.count()).select_from(OutboxEntries).where(_IS_SET_ASIDE),
    reason=_WORKER,
)
RETRY_SET_ASIDE = unscoped(
    "outbox.retry_set_aside",
    update(OutboxEntries)
    .where(_IS_SET_ASIDE)
    .values(crashes=param("new_crashes"), next_try_at=param("next_try"), started_at=None),
    reason=_WORKER,
)
LAST_ERROR = unscoped(
    "outbox.last_error",
    select(OutboxEntries.last_error)
    .where(OutboxEntries.last_error.is_not(None))
    .order_by(OutboxEntries.entry_id.desc())
    .limit(1),
    reason=_WORKER,
)
COUNT_MEMOS = unscoped(
    "outbox.count_memos",
    select(func.count()).select_from(Memos),
    reason="a rebuild goes through the memos of all users",
)
NEXT_MEMOS = unscoped(
    "outbox.next_memos",
    select(Memos.memo_id, Memos.uid)
    .where(Memos.memo_id > param("after"))
    .order_by(Memos.memo_id)
    .limit(param("limit")),
    reason="rebuilding re-creates the vectors of all users",
)
LIVE_MEMOS = unscoped(
    "outbox.live_memos",
    select(Memos.memo_id).where(Memos.memo_id.in_(in_list("memo_ids"))),
    reason="the sweep removes rows of LanceDB whose memo is gone, whoever owned it",
)

NOW = unscoped("leases.now", select(now_utc()), reason="the database's clock belongs to nobody")
CREATE_LEASE = unscoped(
    "leases.create",
    insert_new(cast(Table, Leases.__table__)).values(
        name=param("name"), holder=param("holder"), expires_at=param("expires_at")
    ),
    reason="leases belong to processes",
)
TAKE_LEASE = unscoped(
    "leases.take",
    update(Leases)
    .where(
        Leases.name == param("lease"),
        or_(Leases.holder == param("me"), Leases.holder == param("dead"), Leases.expires_at < param("now")),
    )
    .values(holder=param("new_holder"), expires_at=param("new_expiry")),
    reason="leases belong to processes",
)
LEASE = unscoped(
    "leases.one",
    select(Leases.holder, Leases.expires_at).where(Leases.name == param("lease")),
    reason="leases belong to processes",
)
RELEASE_LEASE = unscoped(
    "leases.release",
    delete(Leases).where(Leases.name == param("lease"), Leases.holder == param("me")),
    reason="leases belong to processes",
)
