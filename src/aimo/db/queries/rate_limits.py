"""Statements on counters of attempts."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, bindparam, case, delete, or_, select, update

from aimo.db.portable import insert_new
from aimo.db.schema import RateLimit
from aimo.db.statements import param, unscoped
from aimo.db.types import Millis

_EXCUSE = "attempts are counted before anybody knows who makes them"
_EXPIRED = RateLimit.expires_at <= param("now")

CREATE = unscoped(
    "rate_limits.create",
    insert_new(cast(Table, RateLimit.__table__)).values(name=param("name"), hits=0, expires_at=param("expiry")),
    excuse=_EXCUSE,
)
# MySQL assigns from left to right, so the number comes before the time on which it depends.
COUNT_UP = unscoped(
    "rate_limits.count_up",
    update(RateLimit)
    .where(RateLimit.name == param("key"), or_(RateLimit.hits < param("most"), _EXPIRED))
    .ordered_values(
        (RateLimit.hits, case((_EXPIRED, 1), else_=RateLimit.hits + 1)),
        (RateLimit.expires_at, case((_EXPIRED, bindparam("expiry", type_=Millis())), else_=RateLimit.expires_at)),
    ),
    excuse=_EXCUSE,
)
COUNT_DOWN = unscoped(
    "rate_limits.count_down",
    update(RateLimit).where(RateLimit.name == param("key"), RateLimit.hits > 0).values(hits=RateLimit.hits - 1),
    excuse=_EXCUSE,
)
EXPIRY = unscoped(
    "rate_limits.expiry", select(RateLimit.expires_at).where(RateLimit.name == param("key")), excuse=_EXCUSE
)
FORGET = unscoped("rate_limits.forget", delete(RateLimit).where(_EXPIRED), excuse=_EXCUSE)
