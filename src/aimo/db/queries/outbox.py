"""Statements on dirty marks and leases: the machinery of the sync worker."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, and_, delete, func, insert, not_, or_, select, update

from aimo.db.dialect_sql import insert_new
from aimo.db.schema import Lease, Memo, VectorMark
from aimo.db.statements import among, owned, param, unscoped
from aimo.db.types import now_utc

# The next try of an entry that is set aside: far from everything that is due, and served by the same index.
SET_ASIDE_UNTIL = 253_402_214_400_000
MOST_CRASHES = 3
_IS_SET_ASIDE = and_(VectorMark.next_try_at >= SET_ASIDE_UNTIL, VectorMark.crashes >= MOST_CRASHES)

_WORKER = "the sync worker applies the marks of all users"

MARK = owned(
    "outbox.mark",
    insert(VectorMark).values(
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
        VectorMark.mark_id,
        VectorMark.kind,
        VectorMark.entity_id,
        VectorMark.uid,
        VectorMark.attempts,
        VectorMark.crashes,
    )
    .where(VectorMark.next_try_at <= param("now"))
    .order_by(VectorMark.next_try_at, VectorMark.mark_id)
    .limit(param("limit")),
    excuse=_WORKER,
)
REMAINING = unscoped(
    "outbox.remaining",
    select(
        VectorMark.mark_id,
        VectorMark.created_at,
        VectorMark.next_try_at,
        VectorMark.attempts,
        VectorMark.last_error,
    ).where(VectorMark.mark_id.in_(among("mark_ids"))),
    excuse=_WORKER,
)
DELETE = unscoped("outbox.delete", delete(VectorMark).where(VectorMark.mark_id.in_(among("mark_ids"))), excuse=_WORKER)
POSTPONE = unscoped(
    "outbox.postpone",
    update(VectorMark)
    .where(VectorMark.mark_id.in_(among("mark_ids")))
    .values(attempts=VectorMark.attempts + 1, next_try_at=param("next_try"), last_error=param("error")),
    excuse=_WORKER,
)
DELAY = unscoped(
    "outbox.delay",
    update(VectorMark).where(VectorMark.mark_id.in_(among("mark_ids"))).values(next_try_at=param("next_try")),
    excuse=_WORKER,
)
RELEASE = unscoped(
    "outbox.release",
    update(VectorMark)
    .where(VectorMark.next_try_at > param("now"), VectorMark.next_try_at <= param("latest"))
    .values(next_try_at=param("next_try")),
    excuse=_WORKER,
)
DEPTH = unscoped(
    "outbox.depth",
    select(func.count(), func.min(VectorMark.created_at), func.max(VectorMark.attempts)).where(not_(_IS_SET_ASIDE)),
    excuse=_WORKER,
)
NEWEST = unscoped(
    "outbox.newest", select(VectorMark.mark_id).order_by(VectorMark.mark_id.desc()).limit(1), excuse=_WORKER
)
START = unscoped(
    "outbox.start",
    update(VectorMark).where(VectorMark.mark_id.in_(among("mark_ids"))).values(started_at=param("now")),
    excuse=_WORKER,
)
END = unscoped(
    "outbox.end",
    update(VectorMark).where(VectorMark.mark_id.in_(among("mark_ids"))).values(started_at=None),
    excuse=_WORKER,
)
STARTED = unscoped(
    "outbox.started",
    select(VectorMark.mark_id, VectorMark.kind, VectorMark.entity_id, VectorMark.crashes).where(
        VectorMark.started_at.is_not(None)
    ),
    excuse=_WORKER,
)
COUNT_CRASH = unscoped(
    "outbox.count_crash",
    update(VectorMark)
    .where(VectorMark.mark_id.in_(among("mark_ids")))
    .values(crashes=VectorMark.crashes + 1, next_try_at=param("next_try"), started_at=None),
    excuse=_WORKER,
)
SET_ASIDE = unscoped(
    "outbox.set_aside",
    select(
        VectorMark.mark_id,
        VectorMark.kind,
        VectorMark.entity_id,
        VectorMark.uid,
        VectorMark.attempts,
        VectorMark.crashes,
    )
    .where(_IS_SET_ASIDE)
    .order_by(VectorMark.next_try_at, VectorMark.mark_id),
    excuse=_WORKER,
)
COUNT_SET_ASIDE = unscoped(
    "outbox.count_set_aside",
    select(func.count()).select_from(VectorMark).where(_IS_SET_ASIDE),
    excuse=_WORKER,
)
RETRY_SET_ASIDE = unscoped(
    "outbox.retry_set_aside",
    update(VectorMark)
    .where(_IS_SET_ASIDE)
    .values(crashes=param("new_crashes"), next_try_at=param("next_try"), started_at=None),
    excuse=_WORKER,
)
LAST_ERROR = unscoped(
    "outbox.last_error",
    select(VectorMark.last_error)
    .where(VectorMark.last_error.is_not(None))
    .order_by(VectorMark.mark_id.desc())
    .limit(1),
    excuse=_WORKER,
)
COUNT_MEMOS = unscoped(
    "outbox.count_memos", select(func.count()).select_from(Memo), excuse="a rebuild goes through the memos of all users"
)
NEXT_MEMOS = unscoped(
    "outbox.next_memos",
    select(Memo.memo_id, Memo.uid).where(Memo.memo_id > param("after")).order_by(Memo.memo_id).limit(param("limit")),
    excuse="rebuilding re-creates the vectors of all users",
)
LIVE_MEMOS = unscoped(
    "outbox.live_memos",
    select(Memo.memo_id).where(Memo.memo_id.in_(among("memo_ids"))),
    excuse="the sweep removes rows of LanceDB whose memo is gone, whoever owned it",
)

NOW = unscoped("leases.now", select(now_utc()), excuse="the database's clock belongs to nobody")
CREATE_LEASE = unscoped(
    "leases.create",
    insert_new(cast(Table, Lease.__table__)).values(
        name=param("name"), holder=param("holder"), expires_at=param("expires_at")
    ),
    excuse="leases belong to processes",
)
TAKE_LEASE = unscoped(
    "leases.take",
    update(Lease)
    .where(
        Lease.name == param("lease"),
        or_(Lease.holder == param("me"), Lease.holder == param("dead"), Lease.expires_at < param("now")),
    )
    .values(holder=param("new_holder"), expires_at=param("new_expiry")),
    excuse="leases belong to processes",
)
LEASE = unscoped(
    "leases.one",
    select(Lease.holder, Lease.expires_at).where(Lease.name == param("lease")),
    excuse="leases belong to processes",
)
RELEASE_LEASE = unscoped(
    "leases.release",
    delete(Lease).where(Lease.name == param("lease"), Lease.holder == param("me")),
    excuse="leases belong to processes",
)
