"""Queries on what was pushed. A delivery is addressed by its rule, its hour and the name of its channel."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import PushDeliveries
from aimo.db.statements import param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for, values_for


class DeliveryKey(NamedTuple):
    """A message to one channel; ``due`` is the local hour that it belongs to."""

    rule_id: str
    due: str
    channel: str


class Delivery(NamedTuple):
    """A message, whose it is, and how often it was tried before."""

    rule_id: str
    due: str
    channel: str
    uid: str
    attempts: int = 0

    @property
    def key(self) -> DeliveryKey:
        """What addresses its row."""
        return DeliveryKey(self.rule_id, self.due, self.channel)


class DeliveryRow(NamedTuple):
    """A delivery as it is stored; times are epoch milliseconds."""

    rule_id: str
    due: str
    channel: str
    uid: str
    state: str
    attempts: int
    claimed_at: int
    retry_at: int | None
    error: str | None


_PUSHER = "the scheduler pushes for all users"
_OPERATOR = "operators look after the pushes of all users"
_COLUMNS = columns_for(Delivery, PushDeliveries)
_ONE = (
    PushDeliveries.rule_id == param("key_rule_id"),
    PushDeliveries.due == param("key_due"),
    PushDeliveries.channel == param("key_channel"),
)

_IS_DUE = or_(PushDeliveries.retry_at <= param("now"), PushDeliveries.retry_at > param("latest"))

_KNOWN_CHANNELS = Scalar[str](
    unscoped(
        "push_deliveries.known",
        select(PushDeliveries.channel).where(
            PushDeliveries.rule_id == param("rule"), PushDeliveries.due == param("hour")
        ),
        reason=_PUSHER,
    )
)
_CREATE = Command(
    unscoped(
        "push_deliveries.claim",
        insert(PushDeliveries).values(values_for(DeliveryRow, PushDeliveries)),
        reason=_PUSHER,
    )
)
_CLAIM_AGAIN = Command(
    unscoped(
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
)
_RECORD_RESULT = Command(
    unscoped(
        "push_deliveries.record_result",
        update(PushDeliveries)
        .where(*_ONE)
        .values(state=param("new_state"), retry_at=param("new_retry_at"), error=param("new_error")),
        reason=_PUSHER,
    )
)
_WAITING = Query(
    unscoped(
        "push_deliveries.waiting",
        select(*_COLUMNS)
        .where(PushDeliveries.state == "waiting", _IS_DUE)
        # Every user's first, then every user's second: whoever has many does not fill the group.
        .order_by(
            func.row_number().over(
                partition_by=PushDeliveries.uid, order_by=(PushDeliveries.retry_at, PushDeliveries.rule_id)
            ),
            PushDeliveries.retry_at,
        )
        .limit(param("limit")),
        reason=_PUSHER,
    ),
    Delivery,
)
_LOST = Query(
    unscoped(
        "push_deliveries.lost",
        select(*_COLUMNS).where(PushDeliveries.state == "claimed", _IS_DUE).limit(param("limit")),
        reason=_PUSHER,
    ),
    Delivery,
)
_GIVE_UP = Command(
    unscoped(
        "push_deliveries.give_up",
        update(PushDeliveries)
        .where(*_ONE, PushDeliveries.state == "claimed", _IS_DUE)
        .values(state="unknown", retry_at=None, error=param("new_error")),
        reason=_PUSHER,
    )
)
_IS_BEYOND = and_(PushDeliveries.state.in_(("waiting", "claimed")), PushDeliveries.retry_at > param("latest"))
_BEYOND_THEIR_RULE = Query(
    unscoped(
        "push_deliveries.beyond_rule", select(*_COLUMNS).where(_IS_BEYOND).limit(param("limit")), reason=_OPERATOR
    ),
    Delivery,
)
_HEAL = Command(
    unscoped(
        "push_deliveries.heal",
        update(PushDeliveries).where(_IS_BEYOND).values(retry_at=param("new_retry_at")),
        reason=_OPERATOR,
    )
)
_STATES = Scalar[str](
    unscoped(
        "push_deliveries.states",
        select(PushDeliveries.state).where(PushDeliveries.claimed_at >= param("since")),
        reason=_OPERATOR,
    )
)
_UNSENT = Query(
    unscoped(
        "push_deliveries.unsent",
        select(*columns_for(DeliveryRow, PushDeliveries))
        .where(PushDeliveries.claimed_at >= param("since"), PushDeliveries.state != "sent")
        .order_by(PushDeliveries.claimed_at.desc())
        .limit(param("limit")),
        reason=_OPERATOR,
    ),
    DeliveryRow,
)
_DELETE_OUTDATED = Command(
    unscoped(
        "push_deliveries.delete_outdated",
        delete(PushDeliveries).where(
            or_(PushDeliveries.claimed_at < param("before"), PushDeliveries.claimed_at > param("after"))
        ),
        reason="old deliveries of all users are of no use any more",
    )
)


def _key(key: DeliveryKey) -> dict[str, str]:
    return {f"key_{name}": value for name, value in key._asdict().items()}


async def known_channels(connection: ReadConnection, *, rule_id: str, due: str) -> set[str]:
    """Return the channels of a rule that have or had a delivery of an hour."""
    return set(await _KNOWN_CHANNELS.all(connection, rule=rule_id, hour=due))


async def create(connection: AsyncConnection, delivery: DeliveryRow) -> None:
    """Store a delivery.

    Raises:
        IntegrityError: there is one of its key, or its rule is gone.
    """
    await _CREATE.run(connection, **delivery._asdict())


async def claim_again(connection: AsyncConnection, key: DeliveryKey, *, now: int, lost_at: int) -> bool:
    """Claim a delivery that waits, as lost from a moment on; False where it does not wait."""
    return bool(await _CLAIM_AGAIN.run(connection, **_key(key), now=now, new_retry_at=lost_at))


async def record_result(
    connection: AsyncConnection, key: DeliveryKey, *, state: str, retry_at: int | None, error: str | None
) -> None:
    """Store what became of a delivery."""
    await _RECORD_RESULT.run(connection, **_key(key), new_state=state, new_retry_at=retry_at, new_error=error)


async def waiting(connection: ReadConnection, *, now: int, latest: int, limit: int) -> list[Delivery]:
    """Load the deliveries to be tried again by now: every user's first, then every user's second.

    Those to be tried after ``latest``, the longest wait, are among them: they are of a clock that was ahead.
    """
    return await _WAITING.all(connection, now=now, latest=latest, limit=limit)


async def lost(connection: ReadConnection, *, now: int, latest: int, limit: int) -> list[Delivery]:
    """Load the deliveries that were claimed so long ago, or so far ahead, that nobody can be working on them."""
    return await _LOST.all(connection, now=now, latest=latest, limit=limit)


async def give_up(connection: AsyncConnection, key: DeliveryKey, *, now: int, latest: int, error: str) -> None:
    """Store of a lost delivery that nobody knows what became of it."""
    await _GIVE_UP.run(connection, **_key(key), now=now, latest=latest, new_error=error)


async def beyond_their_rule(connection: ReadConnection, *, latest: int, limit: int) -> list[Delivery]:
    """Load unfinished deliveries that nobody looks at until after a moment."""
    return await _BEYOND_THEIR_RULE.all(connection, latest=latest, limit=limit)


async def heal(connection: AsyncConnection, *, latest: int, now: int) -> int:
    """Have them looked at now; return how many they are."""
    return await _HEAL.run(connection, latest=latest, new_retry_at=now)


async def states(connection: ReadConnection, *, since: int) -> list[str]:
    """Return the state of each delivery claimed since a moment."""
    return await _STATES.all(connection, since=since)


async def unsent(connection: ReadConnection, *, since: int, limit: int) -> list[DeliveryRow]:
    """Load the deliveries claimed since a moment that were not simply sent, the latest first."""
    return await _UNSENT.all(connection, since=since, limit=limit)


async def delete_outdated(connection: AsyncConnection, *, before: int, after: int) -> None:
    """Remove the deliveries claimed before a moment, or after another one by a clock that was ahead."""
    await _DELETE_OUTDATED.run(connection, before=before, after=after)
