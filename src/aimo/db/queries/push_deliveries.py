"""Statements on what was pushed."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select, update

from aimo.db.schema import PushDeliveries
from aimo.db.statements import param, unscoped

_PUSHER = "the scheduler pushes for all users"
_OPERATOR = "operators look after the pushes of all users"

_ONE = (
    PushDeliveries.rule_id == param("rule"),
    PushDeliveries.due == param("hour"),
    PushDeliveries.channel == param("target"),
)

KNOWN = unscoped(
    "push_deliveries.known",
    select(PushDeliveries.channel).where(PushDeliveries.rule_id == param("rule"), PushDeliveries.due == param("hour")),
    reason=_PUSHER,
)
CLAIM = unscoped(
    "push_deliveries.claim",
    insert(PushDeliveries).values(
        rule_id=param("rule_id"),
        due=param("due"),
        channel=param("channel"),
        uid=param("uid"),
        state=param("new_state"),
        attempts=param("tries"),
        claimed_at=param("now"),
        retry_at=param("new_retry_at"),
        error=param("new_error"),
    ),
    reason=_PUSHER,
)
CLAIM_AGAIN = unscoped(
    "push_deliveries.claim_again",
    update(PushDeliveries)
    .where(*_ONE, PushDeliveries.state == "waiting")
    .values(
        state="claimed",
        attempts=PushDeliveries.attempts + 1,
        claimed_at=param("now"),
        retry_at=param("new_retry_at"),
    ),
    reason=_PUSHER,
)
RECORD_RESULT = unscoped(
    "push_deliveries.record_result",
    update(PushDeliveries)
    .where(*_ONE)
    .values(state=param("new_state"), retry_at=param("new_retry_at"), error=param("new_error")),
    reason=_PUSHER,
)
WAITING = unscoped(
    "push_deliveries.waiting",
    select(
        PushDeliveries.rule_id, PushDeliveries.due, PushDeliveries.channel, PushDeliveries.uid, PushDeliveries.attempts
    )
    .where(PushDeliveries.state == "waiting", PushDeliveries.retry_at <= param("now"))
    # Every user's first, then every user's second: whoever has many does not fill the group.
    .order_by(
        func.row_number().over(
            partition_by=PushDeliveries.uid, order_by=(PushDeliveries.retry_at, PushDeliveries.rule_id)
        ),
        PushDeliveries.retry_at,
    )
    .limit(param("limit")),
    reason=_PUSHER,
)
LOST = unscoped(
    "push_deliveries.lost",
    select(PushDeliveries.rule_id, PushDeliveries.due, PushDeliveries.channel, PushDeliveries.uid)
    .where(PushDeliveries.state == "claimed", PushDeliveries.retry_at <= param("now"))
    .limit(param("limit")),
    reason=_PUSHER,
)
GIVE_UP = unscoped(
    "push_deliveries.give_up",
    update(PushDeliveries)
    .where(*_ONE, PushDeliveries.state == "claimed", PushDeliveries.retry_at <= param("now"))
    .values(state="unknown", retry_at=None, error=param("new_error")),
    reason=_PUSHER,
)
STATES = unscoped(
    "push_deliveries.states",
    select(PushDeliveries.state).where(PushDeliveries.claimed_at >= param("since")),
    reason=_OPERATOR,
)
TROUBLE = unscoped(
    "push_deliveries.trouble",
    select(
        PushDeliveries.rule_id,
        PushDeliveries.due,
        PushDeliveries.channel,
        PushDeliveries.uid,
        PushDeliveries.state,
        PushDeliveries.attempts,
        PushDeliveries.claimed_at,
        PushDeliveries.retry_at,
        PushDeliveries.error,
    )
    .where(PushDeliveries.claimed_at >= param("since"), PushDeliveries.state != "sent")
    .order_by(PushDeliveries.claimed_at.desc())
    .limit(param("limit")),
    reason=_OPERATOR,
)
FORGET = unscoped(
    "push_deliveries.forget",
    delete(PushDeliveries).where(PushDeliveries.claimed_at < param("before")),
    reason="old deliveries of all users are of no use any more",
)
