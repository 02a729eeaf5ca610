"""Times that a wrong clock has stored are known, found and healed, whatever row they are in."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable

import pytest
from sqlalchemy import insert, select, update
from tests.integration.push.environment import DUE, Place
from tests.support.waiting import eventually_async
from tests.support.wrong_clock import put_clock

from aimo import clock
from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.queries import rate_limits as counter_queries
from aimo.db.schema import Leases, Model, OutboxEntries, PushDeliveries, RateLimits, SpacedRepetitionCards, Users
from aimo.db.types import Millis
from aimo.dto.memos import MemoBody
from aimo.dto.users import RegisterBody
from aimo.errors import AimoError, RateLimitExceeded
from aimo.runtime import Runtime
from aimo.services.accounts.sessions import Device
from aimo.services.doctor import doctor
from aimo.services.memos.paging import PageRequest
from aimo.services.sync import outbox, service
from aimo.services.trash.service import TrashFilter

Make = Callable[..., Settings]

DAY_MS = 86_400_000
AHEAD_MS = 400 * DAY_MS
HOME = Device(address="192.0.2.7")


async def shift_all_times(database: Database, chance: random.Random) -> None:
    """Shift every stored time of every row by up to ten years."""
    async with database.reads() as connection:
        for table in Model.metadata.sorted_tables:
            times = [column for column in table.columns if isinstance(column.type, Millis)]
            keys = list(table.primary_key.columns)
            for row in (await connection.execute(select(table))).mappings().all() if times else ():
                values = {column.key: clock.now_ms() + chance.randint(-3650, 3650) * DAY_MS for column in times}
                await connection.execute(update(table).where(*(key == row[key.key] for key in keys)).values(values))


BOUNDED = {
    "leases.expires_at": "means nothing to other processes than that it changes",
    "outbox_entries.next_try_at": "`outbox.heal`, the doctor",
    "push_deliveries.retry_at": "due when it is too far ahead, the doctor",
    "rate_limits.expires_at": "counts nothing when it is too far ahead, the doctor",
    "spaced_repetition_cards.next_review_at": "`stored_times.heal`, the doctor",
    "spaced_repetition_cards.last_review_at": "tells that `next_review_at` is too far ahead",
    "memos.deleted_at": "`stored_times.heal`, the doctor; never before a night that was believed",
    "users.sr_reminded_on": "claimed anew when it is too far ahead, `stored_times.heal`, the doctor",
    "in_app_notifications.created_at": "those in the future are the first to go",
    "sessions.created_at": "those in the future are the first to end",
    "answered_requests.expires_at": "forgotten when it is too far ahead",
    "push_deliveries.claimed_at": "forgotten when it is too far ahead",
    "trusted_times.at": "believed again after two nights",
}
# What is shown, sorted by, compared by clients, ends something, or is kept for longer: nobody waits for it.
NOBODY_WAITS = {
    "access_tokens": "created_at expires_at last_used_at",
    "ai_conversations": "created_at updated_at",
    "ai_messages": "created_at",
    "asr_tasks": "expires_at",
    "attachments": "created_at",
    "categories": "created_at updated_at",
    "daily_recommendations": "created_at date",
    "invariant_checks": "finished_at",
    "memo_changes": "changed_at",
    "memo_relations": "created_at",
    "memos": "created_at updated_at",
    "migration_checkpoints": "created_at",
    "migration_quarantine": "created_at",
    "migration_runs": "finished_at started_at",
    "outbox_entries": "created_at started_at",
    "push_deliveries": "due",
    "push_rules": "created_at updated_at",
    "review_profiles": "created_at updated_at",
    "review_sessions": "completed_at created_at",
    "sessions": "expires_at last_used_at",
    "spaced_repetition_cards": "created_at",
    "spaced_repetition_rules": "created_at",
    "table_migrations": "last_migrated_at",
    "tags": "created_at updated_at",
    "user_feature_configs": "created_at updated_at",
    "user_models": "created_at updated_at",
    "users": "created_at tokens_valid_from updated_at",
}


def test_of_every_stored_time_it_is_known_why_nobody_waits_for_it_for_ever() -> None:
    named = re.compile(r"(_at|_on|_day|_from|_until|_ms)$|^(date|day|due)$")
    times = {
        f"{table.name}.{column.name}"
        for table in Model.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Millis) or named.search(column.name)
    }
    others = {f"{table}.{name}" for table, names in NOBODY_WAITS.items() for name in names.split()}
    assert times == BOUNDED.keys() | others
    assert not BOUNDED.keys() & others


@pytest.mark.parametrize("seed", [1])
async def test_whatever_times_are_stored_new_memos_are_found_and_the_right_password_logs_in(
    settings: Make, migrated_database: dict[str, str], seed: int
) -> None:
    chosen = settings(**migrated_database, EMBEDDER="local", RATE_LIMIT=True)
    async with Runtime(chosen) as runtime:
        accounts = runtime.services.accounts
        uid = (await accounts.register(RegisterBody(email="a@example.test", password="correct horse"))).uid
        await runtime.services.memos.create(uid, MemoBody(content="written before"))
        for _ in range(10):
            with pytest.raises(AimoError):
                await accounts.log_in("a@example.test", "wrong", device=HOME)
        with pytest.raises(RateLimitExceeded):
            await accounts.log_in("a@example.test", "correct horse", device=HOME)
    database = await Database.open(chosen)
    await outbox.create_entries(database, "memo", [("m1", uid)])
    async with database.reads() as connection:
        lease = {"name": "lancedb-writer", "holder": "another machine|1", "expires_at": 0}
        await connection.execute(insert(Leases).values(lease))
    await shift_all_times(database, random.Random(seed))
    await database.close()
    async with Runtime(chosen) as runtime:
        await runtime.services.memos.create(uid, MemoBody(content="written after"))

        async def found() -> bool:
            return len(await runtime.stores.vectors.memo_texts.containing(uid, ["after"])) == 1

        await eventually_async(found, timeout=20)
        assert (await runtime.services.accounts.log_in("a@example.test", "correct horse", device=HOME)).token


async def test_the_doctor_names_times_that_no_rule_gives_and_ends_the_waits(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(service, "_HEALING_SECONDS", 1000.0)
    async with Runtime(settings(**migrated_database, EMBEDDER="local")) as runtime:
        database = runtime.stores.database
        await asyncio.sleep(0.2)
        place = Place(database)
        await place.rule("a")
        await place.rounds.run(DUE)
        later = clock.now_ms() + AHEAD_MS
        entry = {"kind": "memo", "entity_id": "m1", "uid": "u", "created_at": later, "next_try_at": later}
        async with database.reads() as connection:
            await connection.execute(insert(OutboxEntries).values(entry | {"attempts": 0}))
            await connection.execute(insert(RateLimits).values(name="login-pair:1", hits=10, expires_at=later))
            await connection.execute(update(PushDeliveries).values(state="claimed", retry_at=later))
        outcome = next(each for each in await runtime.services.doctor.run() if each.name == "bounded-waits")
        assert outcome.violations == 3
        assert {each.entity for each in outcome.examples} >= {"m1", "login-pair:1"}
        await runtime.services.doctor.run(repair=True)
        outcome = next(each for each in await runtime.services.doctor.run() if each.name == "bounded-waits")
        assert outcome.violations == 0
        async with database.reads() as connection:
            assert await counter_queries.keys_beyond(connection, latest=0, limit=10) == []


async def test_cards_trash_and_reminders_of_a_clock_that_was_ahead_are_found_and_healed(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Runtime(settings(**migrated_database, EMBEDDER="local", OUTBOX_WORKER=False)) as runtime:
        services, database = runtime.services, runtime.stores.database
        uid = (await services.accounts.register(RegisterBody(email="a@example.test", password="correct horse"))).uid

        async def write() -> tuple[str, str]:
            memo_id = (await services.memos.create(uid, MemoBody(content="memo"))).memo_id
            async with database.reads() as connection:
                card = select(SpacedRepetitionCards.card_id).where(SpacedRepetitionCards.memo_id == memo_id)
                return memo_id, (await connection.execute(card)).scalar_one()

        (_, right), (_, answered), (gone, _) = [await write() for _ in range(3)]
        await services.repetition.review(uid, right, "mastered")
        await services.memos.delete(uid, gone)
        with monkeypatch.context() as ahead:
            put_clock(ahead, 100 * DAY_MS)
            _, fresh = await write()
            wrong = (await write())[0]
            await services.repetition.review(uid, answered, "mastered")
            await services.memos.delete(uid, wrong)
        async with database.reads() as connection:
            await connection.execute(update(Users).values(sr_reminded_on="2222-02-22"))

        async def look() -> set[str]:
            outcome = next(each for each in await services.doctor.run() if each.name == "bounded-waits")
            assert outcome.violations == len(outcome.examples)
            return {each.entity for each in outcome.examples}

        async def due() -> dict[str, int]:
            async with database.reads() as connection:
                columns = select(SpacedRepetitionCards.card_id, SpacedRepetitionCards.next_review_at)
                return {row[0]: row[1] for row in await connection.execute(columns)}

        before = await due()
        async with database.reads() as connection:
            wrong_card = (
                await connection.execute(
                    select(SpacedRepetitionCards.card_id).where(SpacedRepetitionCards.memo_id == wrong)
                )
            ).scalar_one()
        assert await look() == {uid, fresh, answered, wrong_card, wrong}

        # The first night notes the time; while the clock is behind nothing is touched.
        assert await services.ahead_times.run() == 0
        with monkeypatch.context() as behind:
            put_clock(behind, -AHEAD_MS)
            assert await services.ahead_times.run() == 0
        assert await due() == before
        assert await services.ahead_times.run() == 5
        assert await look() == set()
        healed = await due()
        assert {card for card in before if healed[card] != before[card]} == {fresh, answered, wrong_card}
        assert all(healed[card] <= clock.now_ms() for card in (fresh, answered))
        page = await services.trash.page(uid, TrashFilter(), newest_first=True, request=PageRequest(1, 10))
        assert [memo.memo_id for memo in page.list] == [wrong, gone]
        assert page.list[0].deleted_at <= clock.now_ms()


async def test_a_memo_deleted_by_a_clock_that_is_behind_is_not_purged_early(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(**migrated_database, EMBEDDER="local", TRASH_RETENTION_DAYS=7)
    async with Runtime(chosen) as runtime:
        services = runtime.services
        uid = (await services.accounts.register(RegisterBody(email="a@example.test", password="correct horse"))).uid
        memo_id = (await services.memos.create(uid, MemoBody(content="memo"))).memo_id

        async def night() -> int:
            await services.ahead_times.run()
            return await services.trash_retention.run()

        await night()
        with monkeypatch.context() as behind:
            put_clock(behind, -AHEAD_MS)
            await services.memos.delete(uid, memo_id)
            assert await night() == 0
        for days in (1, 3, 5, 6.9):
            with monkeypatch.context() as later:
                put_clock(later, int(days * DAY_MS))
                assert await night() == 0
        with monkeypatch.context() as later:
            put_clock(later, int(7.1 * DAY_MS))
            assert await night() == 1
