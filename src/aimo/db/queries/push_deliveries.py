"""Statements on what was pushed."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select, update

from aimo.db.schema import PushDelivery
from aimo.db.statements import param, unscoped

_PUSHER = "the scheduler pushes for all users"
_OPERATOR = "operators look after the pushes of all users"

_ONE = (
    PushDelivery.rule_id == param("rule"),
    PushDelivery.due == param("hour"),
    PushDelivery.channel == param("target"),
)

KNOWN = unscoped(
    "push_deliveries.known",
    select(PushDelivery.channel).where(PushDelivery.rule_id == param("rule"), PushDelivery.due == param("hour")),
    excuse=_PUSHER,
)
CLAIM = unscoped(
    "push_deliveries.claim",
    insert(PushDelivery).values(
        rule_id=param("rule_id"),
        due=param("due"),
        channel=param("channel"),
        uid=param("uid"),
        state=param("new_state"),
        attempts=param("tries"),
        claimed_at=param("now"),
        next_look_at=param("next_look"),
        error=param("new_error"),
    ),
    excuse=_PUSHER,
)
CLAIM_AGAIN = unscoped(
    "push_deliveries.claim_again",
    update(PushDelivery)
    .where(*_ONE, PushDelivery.state == "waiting")
    .values(
        state="claimed",
        attempts=PushDelivery.attempts + 1,
        claimed_at=param("now"),
        next_look_at=param("next_look"),
    ),
    excuse=_PUSHER,
)
SETTLE = unscoped(
    "push_deliveries.settle",
    update(PushDelivery)
    .where(*_ONE)
    .values(state=param("new_state"), next_look_at=param("next_look"), error=param("new_error")),
    excuse=_PUSHER,
)
WAITING = unscoped(
    "push_deliveries.waiting",
    select(PushDelivery.rule_id, PushDelivery.due, PushDelivery.channel, PushDelivery.uid, PushDelivery.attempts)
    .where(PushDelivery.state == "waiting", PushDelivery.next_look_at <= param("now"))
    # Every user's first, then every user's second: whoever has many does not fill the group.
    .order_by(
        func.row_number().over(
            partition_by=PushDelivery.uid, order_by=(PushDelivery.next_look_at, PushDelivery.rule_id)
        ),
        PushDelivery.next_look_at,
    )
    .limit(param("limit")),
    excuse=_PUSHER,
)
LOST = unscoped(
    "push_deliveries.lost",
    select(PushDelivery.rule_id, PushDelivery.due, PushDelivery.channel, PushDelivery.uid)
    .where(PushDelivery.state == "claimed", PushDelivery.next_look_at <= param("now"))
    .limit(param("limit")),
    excuse=_PUSHER,
)
GIVE_UP = unscoped(
    "push_deliveries.give_up",
    update(PushDelivery)
    .where(*_ONE, PushDelivery.state == "claimed", PushDelivery.next_look_at <= param("now"))
    .values(state="unknown", next_look_at=None, error=param("new_error")),
    excuse=_PUSHER,
)
STATES = unscoped(
    "push_deliveries.states",
    select(PushDelivery.state).where(PushDelivery.claimed_at >= param("since")),
    excuse=_OPERATOR,
)
TROUBLE = unscoped(
    "push_deliveries.trouble",
    select(
        PushDelivery.rule_id,
        PushDelivery.due,
        PushDelivery.channel,
        PushDelivery.uid,
        PushDelivery.state,
        PushDelivery.attempts,
        PushDelivery.claimed_at,
        PushDelivery.next_look_at,
        PushDelivery.error,
    )
    .where(PushDelivery.claimed_at >= param("since"), PushDelivery.state != "sent")
    .order_by(PushDelivery.claimed_at.desc())
    .limit(param("limit")),
    excuse=_OPERATOR,
)
FORGET = unscoped(
    "push_deliveries.forget",
    delete(PushDelivery).where(PushDelivery.claimed_at < param("before")),
    excuse="old deliveries of all users are of no use any more",
)
