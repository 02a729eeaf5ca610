"""Statements on counters of attempts."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Integer, Table, bindparam, case, delete, or_, select, update

from aimo.db.dialect_sql import insert_new
from aimo.db.schema import RateLimits
from aimo.db.statements import in_list, param, unscoped
from aimo.db.types import Millis

_EXCUSE = "attempts are counted before anybody knows who makes them"
_EXPIRED = RateLimits.expires_at <= param("now")
_EXPIRY = bindparam("expiry", type_=Millis())
_AMOUNT = bindparam("amount", type_=Integer())

STANDING = unscoped(
    "rate_limits.standing",
    select(RateLimits.name, RateLimits.hits, RateLimits.expires_at).where(
        RateLimits.name.in_(in_list("keys")), RateLimits.expires_at > param("now")
    ),
    reason=_EXCUSE,
)
CREATE = unscoped(
    "rate_limits.create",
    insert_new(cast(Table, RateLimits.__table__)).values(name=param("name"), hits=0, expires_at=param("expiry")),
    reason=_EXCUSE,
)
# MySQL assigns from left to right, so the number comes before the time on which it depends.
COUNT_UP = unscoped(
    "rate_limits.count_up",
    update(RateLimits)
    .where(RateLimits.name == param("key"), or_(RateLimits.hits <= param("highest"), _EXPIRED))
    .ordered_values(
        (RateLimits.hits, case((_EXPIRED, _AMOUNT), else_=RateLimits.hits + _AMOUNT)),
        (RateLimits.expires_at, case((_EXPIRED, _EXPIRY), else_=RateLimits.expires_at)),
    ),
    reason=_EXCUSE,
)
COUNT_DOWN = unscoped(
    "rate_limits.count_down",
    update(RateLimits)
    .where(RateLimits.name == param("key"), RateLimits.hits >= _AMOUNT)
    .values(hits=RateLimits.hits - _AMOUNT),
    reason=_EXCUSE,
)
KEEP = unscoped(
    "rate_limits.keep",
    update(RateLimits).where(RateLimits.name == param("key")).values(expires_at=_EXPIRY),
    reason=_EXCUSE,
)
EXPIRY = unscoped(
    "rate_limits.expiry", select(RateLimits.expires_at).where(RateLimits.name == param("key")), reason=_EXCUSE
)
EXPIRED = unscoped(
    "rate_limits.expired",
    select(RateLimits.name).where(_EXPIRED).order_by(RateLimits.expires_at).limit(param("limit")),
    reason=_EXCUSE,
)
FORGET = unscoped(
    "rate_limits.forget", delete(RateLimits).where(RateLimits.name.in_(in_list("keys")), _EXPIRED), reason=_EXCUSE
)
