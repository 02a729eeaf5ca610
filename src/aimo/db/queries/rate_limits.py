"""Statements on counters of attempts."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Integer, Table, bindparam, case, delete, or_, select, update

from aimo.db.dialect_sql import insert_new
from aimo.db.schema import RateLimit
from aimo.db.statements import among, param, unscoped
from aimo.db.types import Millis

_EXCUSE = "attempts are counted before anybody knows who makes them"
_EXPIRED = RateLimit.expires_at <= param("now")
_EXPIRY = bindparam("expiry", type_=Millis())
_AMOUNT = bindparam("amount", type_=Integer())

STANDING = unscoped(
    "rate_limits.standing",
    select(RateLimit.name, RateLimit.hits, RateLimit.expires_at).where(
        RateLimit.name.in_(among("keys")), RateLimit.expires_at > param("now")
    ),
    excuse=_EXCUSE,
)
CREATE = unscoped(
    "rate_limits.create",
    insert_new(cast(Table, RateLimit.__table__)).values(name=param("name"), hits=0, expires_at=param("expiry")),
    excuse=_EXCUSE,
)
# MySQL assigns from left to right, so the number comes before the time on which it depends.
COUNT_UP = unscoped(
    "rate_limits.count_up",
    update(RateLimit)
    .where(RateLimit.name == param("key"), or_(RateLimit.hits <= param("highest"), _EXPIRED))
    .ordered_values(
        (RateLimit.hits, case((_EXPIRED, _AMOUNT), else_=RateLimit.hits + _AMOUNT)),
        (RateLimit.expires_at, case((_EXPIRED, _EXPIRY), else_=RateLimit.expires_at)),
    ),
    excuse=_EXCUSE,
)
COUNT_DOWN = unscoped(
    "rate_limits.count_down",
    update(RateLimit)
    .where(RateLimit.name == param("key"), RateLimit.hits >= _AMOUNT)
    .values(hits=RateLimit.hits - _AMOUNT),
    excuse=_EXCUSE,
)
KEEP = unscoped(
    "rate_limits.keep",
    update(RateLimit).where(RateLimit.name == param("key")).values(expires_at=_EXPIRY),
    excuse=_EXCUSE,
)
EXPIRY = unscoped(
    "rate_limits.expiry", select(RateLimit.expires_at).where(RateLimit.name == param("key")), excuse=_EXCUSE
)
EXPIRED = unscoped(
    "rate_limits.expired",
    select(RateLimit.name).where(_EXPIRED).order_by(RateLimit.expires_at).limit(param("limit")),
    excuse=_EXCUSE,
)
FORGET = unscoped(
    "rate_limits.forget", delete(RateLimit).where(RateLimit.name.in_(among("keys")), _EXPIRED), excuse=_EXCUSE
)
