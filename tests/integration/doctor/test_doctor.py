"""The doctor finds what breaks a promise of docs/guarantees.md, mends it, and keeps quiet about what is right."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.support.waiting import eventually_async

from aimo import clock, config, ids
from aimo.db.schema import Attachments, Memos, MemoTags, OutboxEntries, Tags
from aimo.dto.memos import MemoBody
from aimo.dto.users import RegisterBody
from aimo.runtime import Runtime
from aimo.runtime.scheduled_work import create_scheduler
from aimo.services.attachments.service import NewAttachment
from aimo.services.doctor import doctor
from aimo.services.doctor.invariant import InvariantOutcome
from aimo.storage.protocol import StorageError
from aimo.vectors.errors import VectorStoreError

PAGE = (Path(__file__).resolve().parents[3] / "docs/guarantees.md").read_text(encoding="utf-8")
HOUR_AGO = 3700


class House:
    """An installation with one user, two tagged memos, one attachment, and ways to break it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.vectors = runtime.stores.vectors
        self.uid = self.memo = self.other = self.tag = self.attachment = ""

    async def furnish(self, folder: Path) -> None:
        services = self.runtime.services
        self.uid = (
            await services.accounts.register(RegisterBody(email="a@example.test", password="Passw0rd-test"))
        ).uid
        made = [await services.memos.create(self.uid, MemoBody(content=c, tags=["tag"])) for c in ("茶 tea", "snow")]
        self.memo, self.other = (memo.memo_id for memo in made)
        assert made[0].tags
        self.tag = made[0].tags[0].tag_id
        file = folder / "upload"
        file.write_bytes(b"bytes")
        new = NewAttachment(filename="a.txt", content_type="text/plain", size=5, path=file)
        self.attachment = (await services.attachments.create(self.uid, new)).attachment_id

    async def sql(self, statement: Any) -> None:
        async with self.runtime.stores.database.reads() as connection:
            await connection.execute(statement)

    @asynccontextmanager
    async def unchecked(self) -> AsyncIterator[AsyncConnection]:
        """A connection that is not held to foreign keys and valid JSON."""
        database = self.runtime.stores.database
        switch = "PRAGMA foreign_keys = {}"
        if not database.is_sqlite:
            switch = "SET SESSION foreign_key_checks = {0}, check_constraint_checks = {0}"
        async with database.reads() as connection:
            await connection.exec_driver_sql(switch.format(0))
            yield connection
            await connection.exec_driver_sql(switch.format(1))

    async def usage_count(self) -> int:
        async with self.runtime.stores.database.reads() as connection:
            return await connection.scalar(select(Tags.usage_count).where(Tags.tag_id == self.tag)) or 0

    async def run(self, *, repair: bool = False) -> dict[str, InvariantOutcome]:
        return {outcome.name: outcome for outcome in await self.runtime.services.doctor.run(repair=repair)}

    async def violated(self) -> list[str]:
        return [name for name, outcome in (await self.run()).items() if outcome.violations]

    async def drained(self) -> None:
        async def empty() -> bool:
            return not (await self.runtime.services.sync.status()).waiting

        await eventually_async(empty)

    def file(self, key: str) -> Path:
        return self.runtime.settings.attachments_dir / key


@pytest.fixture
async def house(
    settings: Callable[..., config.Settings],
    migrated_database: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[House]:
    monkeypatch.setattr(doctor, "_PAUSE_SECONDS", 0.1)
    async with Runtime(settings(**migrated_database)) as runtime:
        house = House(runtime)
        await house.furnish(tmp_path)
        await house.drained()
        yield house


async def lose_vector(house: House) -> None:
    await house.vectors.memo_vectors.delete([house.memo])


async def lose_text(house: House) -> None:
    await house.vectors.memo_texts.delete([house.memo])


async def keep_old_vector(house: House) -> None:
    dimension = house.vectors.memo_vectors.dimension
    await house.vectors.memo_vectors.upsert([(house.memo, house.uid, np.eye(dimension)[0])])


async def keep_old_text(house: House) -> None:
    await house.vectors.memo_texts.upsert([(house.memo, house.uid, "what it was before")])


async def repeat_rows(house: House) -> None:
    for table in (house.vectors.memo_vectors, house.vectors.memo_texts):
        rows = await table.handle.query().to_arrow()
        await table.handle.add(rows)


async def give_to_stranger(house: House) -> None:
    await house.vectors.memo_texts.upsert([(house.memo, ids.user_id(), "茶 tea")])


async def leave_rows(house: House) -> None:
    dimension = house.vectors.memo_vectors.dimension
    await house.vectors.memo_vectors.upsert([(ids.memo_id(), house.uid, np.eye(dimension)[0])])
    await house.vectors.memo_texts.upsert([(ids.memo_id(), house.uid, "gone")])
    await house.vectors.attachment_vectors.upsert([(ids.attachment_id(), house.uid, np.eye(1024)[0])])


async def miscount(house: House) -> None:
    await house.sql(update(Tags).values(usage_count=7))


async def forget_tag(house: House) -> None:
    await house.sql(delete(MemoTags).where(MemoTags.memo_id == house.memo))


async def invent_tag(house: House) -> None:
    tag_id = (await house.runtime.services.tags.create(house.uid, _named("new"))).tag_id
    await house.sql(insert(MemoTags).values(memo_id=house.memo, tag_id=tag_id, uid=house.uid))


async def leave_tags(house: House) -> None:
    """What a deletion leaves where foreign keys are not looked after."""
    async with house.unchecked() as connection:
        await connection.execute(insert(MemoTags).values(memo_id=ids.memo_id(), tag_id=house.tag, uid=house.uid))
        await connection.execute(insert(MemoTags).values(memo_id="a", tag_id=house.tag, uid=house.uid))


async def count_left_tags(house: House) -> None:
    await leave_tags(house)
    await house.sql(update(Tags).where(Tags.tag_id == house.tag).values(usage_count=Tags.usage_count + 2))


async def give_tag_to_stranger(house: House) -> None:
    body = RegisterBody(email=f"{ids.user_id()}@example.test", password="Passw0rd-test")
    stranger = (await house.runtime.services.accounts.register(body)).uid
    await house.sql(update(MemoTags).where(MemoTags.memo_id == house.memo).values(uid=stranger))


async def leave_files(house: House) -> None:
    old = time.time() - HOUR_AGO
    for key in (f"{house.uid}/2024-01-01/{ids.attachment_id()}.txt", f"avatar/{house.uid}/2024-01-01/x.png"):
        house.file(key).parent.mkdir(parents=True)
        house.file(key).write_bytes(b"left behind")
        os.utime(house.file(key), (old, old))


def _named(name: str) -> Any:
    from aimo.dto.tags import TagBody

    return TagBody(name=name)


BREAKAGES: list[tuple[Callable[[House], Awaitable[None]], set[str]]] = [
    (lose_vector, {"indexed-memos"}),
    (lose_text, {"indexed-memos"}),
    (keep_old_vector, {"indexed-memos"}),
    (keep_old_text, {"indexed-memos"}),
    (repeat_rows, {"indexed-memos"}),
    (give_to_stranger, {"indexed-memos", "no-orphan-rows"}),
    (leave_rows, {"no-orphan-rows"}),
    (miscount, {"tag-counts"}),
    (forget_tag, {"memo-tags", "tag-counts"}),
    (invent_tag, {"memo-tags", "tag-counts"}),
    (leave_tags, {"memo-tags"}),
    (count_left_tags, {"memo-tags", "tag-counts"}),
    (give_tag_to_stranger, {"memo-tags", "tag-counts"}),
    (leave_files, {"stray-files"}),
]


async def test_every_violation_is_found_and_repaired(house: House) -> None:
    assert await house.violated() == []
    for break_it, expected in BREAKAGES:
        await break_it(house)
        assert set(await house.violated()) == expected, break_it.__name__
        outcomes = await house.run(repair=True)
        assert all(outcome.is_satisfied for outcome in outcomes.values()), break_it.__name__
        await house.drained()
        assert await house.violated() == [], break_it.__name__
        assert await house.usage_count() == 2, break_it.__name__
    found = await house.runtime.services.search.hybrid(house.uid, "tea", _any(), _first_page())
    assert [memo.memo_id for memo in found.items][:1] == [house.memo]


def _any() -> Any:
    from aimo.services.memos.lists import MemoFilter

    return MemoFilter()


def _first_page() -> Any:
    from aimo.services.memos.paging import PageRequest

    return PageRequest(1, 10)


async def test_a_lost_file_is_reported_and_its_row_kept(house: House) -> None:
    stored = list(house.runtime.settings.attachments_dir.rglob("*.txt"))
    assert len(stored) == 1
    stored[0].unlink()
    outcome = (await house.run(repair=True))["attachment-files"]
    assert (outcome.violations, outcome.repaired, outcome.is_satisfied) == (1, 0, False)
    assert outcome.examples[0].entity == house.attachment
    await house.sql(delete(Attachments))
    assert await house.violated() == []


async def test_foreign_and_recent_files_are_not_touched(house: House) -> None:
    old = time.time() - HOUR_AGO
    for key in ("README.txt", "notes/a/b/c.txt", f"{house.uid}/plain.txt"):
        house.file(key).parent.mkdir(parents=True, exist_ok=True)
        house.file(key).write_bytes(b"not ours")
        os.utime(house.file(key), (old, old))
    young = house.file(f"{house.uid}/2024-01-01/{ids.attachment_id()}.txt")
    young.parent.mkdir(parents=True)
    young.write_bytes(b"an upload under way")
    assert (await house.run(repair=True))["stray-files"].violations == 0
    assert young.exists()


async def test_an_outbox_entry_excuses_its_entity(house: House) -> None:
    await house.runtime.services.sync.stop()
    await lose_vector(house)
    entry = insert(OutboxEntries).values(kind="memo", entity_id=house.memo, uid=house.uid, attempts=0)
    await house.sql(entry.values(created_at=1, next_try_at=clock.now_ms() + 50_000))
    assert await house.violated() == []


async def test_changes_under_way_are_no_violation(house: House) -> None:
    services, stop = house.runtime.services, asyncio.Event()

    async def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            body = MemoBody(content=f"number {number}", tags=[f"tag {number % 3}"])
            await services.memos.update(house.uid, house.memo, body)
            made = await services.memos.create(house.uid, body)
            await services.memos.delete(house.uid, made.memo_id)

    writers = [asyncio.create_task(write()) for _ in range(2)]
    try:
        for _ in range(3):
            assert await house.violated() == []
    finally:
        stop.set()
        await asyncio.gather(*writers)


async def test_results_are_kept_for_the_figures(house: House) -> None:
    await miscount(house)
    await house.run()
    text = (await house.runtime.services.metrics_exporter.exposition()).decode()
    assert 'aimo_invariant_violations{invariant="tag-counts"} 1.0' in text
    assert 'aimo_invariant_violations{invariant="memo-tags"} 0.0' in text
    await house.run(repair=True)
    text = (await house.runtime.services.metrics_exporter.exposition()).decode()
    assert 'aimo_invariant_violations{invariant="tag-counts"} 0.0' in text


async def test_the_nightly_upkeep_examines_everything_and_shows_it(house: House) -> None:
    runtime = house.runtime
    scheduler = create_scheduler(runtime.settings, runtime.stores, runtime.services)
    await scheduler.run_upkeep()
    text = (await runtime.services.metrics_exporter.exposition()).decode()
    shown = dict(re.findall(r'aimo_invariant_checked_timestamp_seconds{invariant="([a-z-]+)"} ([\d.e+]+)', text))
    assert len(shown) == 9
    assert all(time.time() - float(moment) < 60 for moment in shown.values())


async def test_the_nightly_upkeep_repairs_what_only_has_to_be_written_again(house: House) -> None:
    runtime = house.runtime
    for break_it in (lose_text, leave_rows, miscount, leave_files):
        await break_it(house)
    await create_scheduler(runtime.settings, runtime.stores, runtime.services).run_upkeep()
    text = (await runtime.services.metrics_exporter.exposition()).decode()
    shown = dict(re.findall(r'aimo_invariant_repaired{invariant="([a-z-]+)"} ([\d.]+)', text))
    assert {name for name, repaired in shown.items() if float(repaired)} == {"indexed-memos", "no-orphan-rows"}
    assert 'aimo_invariant_violations{invariant="no-orphan-rows"} 0.0' in text
    await house.drained()
    assert await house.violated() == ["tag-counts", "stray-files"]


async def test_the_nightly_upkeep_throws_no_vectors_away_that_are_of_another_model(house: House) -> None:
    runtime = house.runtime
    table = runtime.stores.vectors.memo_vectors
    await table.recreate("another model", table.dimension)
    await table.upsert([(house.memo, house.uid, np.ones(table.dimension))])
    await create_scheduler(runtime.settings, runtime.stores, runtime.services).run_upkeep()
    await asyncio.sleep(1)
    assert table.model == "another model"
    assert await table.count() == 1
    assert "indexed-memos" in await house.violated()


@pytest.mark.parametrize("text", ["5", '"word"', "{}", "no JSON"])
async def test_an_unreadable_tag_list_is_reported_and_other_checks_go_on(house: House, text: str) -> None:
    async with house.unchecked() as connection:
        damaged = update(Memos).where(Memos.memo_id == house.memo).values(tag_ids=literal_column(f"'{text}'"))
        await connection.execute(damaged)
    await lose_text(house)
    outcomes = await house.run(repair=True)
    assert (outcomes["indexed-memos"].violations, outcomes["indexed-memos"].is_satisfied) == (1, True)
    assert [(each.entity, each.problem) for each in outcomes["memo-tags"].examples] == [
        (house.memo, "memos.tag_ids is no list: set it to a JSON list of the ids of its tags, or to NULL")
    ]
    assert not outcomes["memo-tags"].is_satisfied
    # The index is the last to know the tags.
    assert (outcomes["tag-counts"].violations, await house.usage_count()) == (0, 2)


async def test_a_check_that_fails_is_a_violation_and_the_others_go_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listing(batch: int) -> AsyncIterator[Any]:
        raise StorageError("the bucket does not answer")
        yield

    monkeypatch.setattr(house.runtime.stores.storage, "listing", listing)
    await miscount(house)
    outcomes = await house.run()
    assert {name for name, outcome in outcomes.items() if not outcome.is_satisfied} == {
        "attachment-files",
        "stray-files",
        "tag-counts",
    }
    [failure] = outcomes["stray-files"].examples
    assert failure.problem.startswith("could not be checked: StorageError: the bucket does not answer")
    text = (await house.runtime.services.metrics_exporter.exposition()).decode()
    assert 'aimo_invariant_violations{invariant="stray-files"} 1.0' in text


async def test_the_nightly_examination_does_not_wait_for_a_sound_lancedb(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = house.runtime

    async def optimize() -> None:
        raise VectorStoreError("no space left")

    monkeypatch.setattr(runtime.stores.vectors, "optimize", optimize)
    scheduler = create_scheduler(runtime.settings, runtime.stores, runtime.services)
    await scheduler.run_upkeep()
    text = (await runtime.services.metrics_exporter.exposition()).decode()
    assert text.count("aimo_invariant_checked_timestamp_seconds{") == 9


async def test_every_check_is_described(house: House) -> None:
    described = set(re.findall(r"^\| `([a-z-]+)` \|.*\| doctor", PAGE, re.MULTILINE))
    assert set(await house.run()) == described
