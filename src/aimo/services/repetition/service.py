"""Spaced repetition: settings, cards that are due, and reviews (docs/contract/spaced-repetition.md)."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.queries import cards as card_queries
from aimo.db.queries import memos as memo_queries
from aimo.db.queries import spaced_repetition as repetition_queries
from aimo.db.queries.cards import CardRow, DueCard
from aimo.db.queries.spaced_repetition import SettingsRow
from aimo.db.transaction import atomically
from aimo.dto.base import UNSET, UnsetType
from aimo.dto.repetition import DueCard as DueCardShape
from aimo.dto.repetition import (
    DueCards,
    DueMemo,
    ImportedCards,
    RepetitionSettings,
    RepetitionSettingsBody,
    RepetitionStats,
    ReviewedCard,
)
from aimo.errors import AimoError, Code
from aimo.js_coercion import to_number
from aimo.services.repetition.eligibility import eligibility
from aimo.services.repetition.schedule import QUALITIES, reviewed, tomorrow_morning
from aimo.services.utf16_text import beginning, cut

_TITLE_UNITS = 50
_CONTENT_UNITS = 200
_MOST_A_DAY = 100


class RepetitionService:
    """One card a memo, made with it and never removed by rules or the trash: what takes part is decided on reading."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone

    async def settings(self, uid: str) -> RepetitionSettings:
        """Return what the user has chosen."""
        async with self._database.driver_connection() as connection:
            return _present_settings(_known(await repetition_queries.settings(connection, owner=uid)))

    async def change_settings(self, uid: str, body: RepetitionSettingsBody) -> RepetitionSettings:
        """Change what the body names.

        Raises:
            AimoError: PARAMS_ERROR for a limit or a switch that is none.
        """
        enabled, limit = _enabled(body.sr_enabled), _limit(body.sr_daily_limit)

        async def work(connection: AsyncConnection) -> SettingsRow:
            row = _known(await repetition_queries.settings_for_update(connection, owner=uid))
            chosen = row._replace(
                sr_enabled=row.sr_enabled if enabled is None else enabled,
                sr_daily_limit=row.sr_daily_limit if limit is None else limit,
            )
            await repetition_queries.set_settings(connection, owner=uid, chosen=chosen)
            return chosen

        return _present_settings(await atomically(self._database, "repetition.settings", work, user=uid))

    async def due(self, uid: str) -> DueCards:
        """Return the cards that are due, the longest first, as many as the user's daily limit says."""
        now = clock.now_ms()
        async with self._database.driver_connection() as connection:
            limit = _known(await repetition_queries.settings(connection, owner=uid)).sr_daily_limit
            chosen = await eligibility(connection, uid, self._zone)
            total = await card_queries.count_due(connection, chosen.shape, owner=uid, values=chosen.values, now=now)
            cards = await card_queries.due(
                connection, chosen.shape, owner=uid, values=chosen.values, now=now, limit=limit
            )
        return DueCards(cards=[_present_due(card) for card in cards], total_due=total, daily_limit=limit)

    async def stats(self, uid: str) -> RepetitionStats:
        """Return how many cards take part, due or not."""
        async with self._database.driver_connection() as connection:
            chosen = await eligibility(connection, uid, self._zone)
            total = await card_queries.count_all(connection, chosen.shape, owner=uid, values=chosen.values)
        return RepetitionStats(total_cards=total)

    async def review(self, uid: str, card_id: str, quality: object) -> ReviewedCard:
        """Take an answer and return the card as it is then; ``skip`` changes nothing.

        Raises:
            AimoError: PARAMS_ERROR for an unknown quality, NOT_FOUND for a card that the user does not have.
        """
        if not isinstance(quality, str) or quality not in (*QUALITIES, "skip"):
            names = ", ".join((*QUALITIES, "skip"))
            raise AimoError(Code.PARAMS_ERROR, f"quality must be one of: {names}")

        async def work(connection: AsyncConnection) -> CardRow:
            possible = ids.is_possible(card_id)
            card = await card_queries.get_for_update(connection, owner=uid, card_id=card_id) if possible else None
            if card is None:
                raise AimoError(Code.NOT_FOUND, "Card not found")
            if quality == "skip":
                return card
            after = reviewed(card, quality, clock.now_ms(), self._zone)
            await card_queries.store_review(connection, after)
            return after

        return _present_card(await atomically(self._database, "repetition.review", work, user=uid, entity=card_id))

    async def import_existing(self, uid: str) -> ImportedCards:
        """Make cards for the live memos that take part and have none; they are due tomorrow morning."""
        now = clock.now_ms()

        async def work(connection: AsyncConnection) -> tuple[int, int]:
            chosen = await eligibility(connection, uid, self._zone)
            total = await memo_queries.count_all(connection, owner=uid)
            made = await card_queries.create_missing(
                connection,
                chosen.shape,
                owner=uid,
                values=chosen.values,
                next_review_at=tomorrow_morning(now, self._zone),
                now=now,
            )
            return made, total

        made, total = await atomically(self._database, "repetition.import", work, user=uid)
        return ImportedCards(imported=made, skipped=max(0, total - made))


def title_of(content: str) -> str:
    """Return the first line of a memo, trimmed."""
    return content.split("\n", 1)[0].strip()


def _known(row: SettingsRow | None) -> SettingsRow:
    if row is None:
        raise AimoError(Code.NOT_FOUND, "User not found")
    return row


def _enabled(value: object) -> bool | None:
    if value is UNSET or isinstance(value, bool):
        return None if isinstance(value, UnsetType) else bool(value)
    raise AimoError(Code.PARAMS_ERROR, "srEnabled must be true or false")


def _limit(value: object) -> int | None:
    if isinstance(value, UnsetType):
        return None
    number = to_number(value) if isinstance(value, str) else value
    if isinstance(number, int | float) and not isinstance(number, bool) and number in range(1, _MOST_A_DAY + 1):
        return int(number)
    raise AimoError(Code.PARAMS_ERROR, f"srDailyLimit must be an integer between 1 and {_MOST_A_DAY}")


def _present_settings(row: SettingsRow) -> RepetitionSettings:
    return RepetitionSettings(sr_enabled=bool(row.sr_enabled), sr_daily_limit=row.sr_daily_limit)


def _present_due(card: DueCard) -> DueCardShape:
    return DueCardShape(
        card_id=card.card_id,
        memo_id=card.memo_id,
        memo=DueMemo(
            id=card.memo_id,
            title=beginning(title_of(card.content), _TITLE_UNITS),
            content=cut(card.content, _CONTENT_UNITS),
        ),
        ease_factor=round(card.ease_factor, 4),
        interval=card.interval_days,
        repetitions=card.repetitions,
        lapse_count=card.lapse_count,
        next_review_at=clock.to_iso(card.next_review_at),
    )


def _present_card(card: CardRow) -> ReviewedCard:
    return ReviewedCard(
        card_id=card.card_id,
        user_id=card.uid,
        memo_id=card.memo_id,
        ease_factor=round(card.ease_factor, 4),
        interval=card.interval_days,
        repetitions=card.repetitions,
        lapse_count=card.lapse_count,
        next_review_at=clock.to_iso(card.next_review_at),
        last_review_at=None if card.last_review_at is None else clock.to_iso(card.last_review_at),
        created_at=clock.to_iso(card.created_at),
    )
