"""Rows and stored files are compared by listing what is stored, wherever that is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update
from tests.support.buckets import Buckets, buckets, shared_buckets

from aimo import config, ids
from aimo.db.schema import Attachments, MigrationQuarantine
from aimo.dto.users import RegisterBody
from aimo.runtime import Runtime
from aimo.services.attachments.service import NewAttachment
from aimo.services.doctor import doctor
from aimo.services.doctor import stored_files as files
from aimo.services.doctor.invariant import InvariantOutcome
from aimo.storage.object_store import RemoteObject, RemoteStorage

__all__ = ["buckets", "shared_buckets"]


async def upload(runtime: Runtime, uid: str, folder: Path) -> str:
    source = folder / ids.attachment_id()
    source.write_bytes(b"bytes")
    new = NewAttachment(filename="a.txt", content_type="text/plain", size=5, path=source)
    return (await runtime.services.attachments.create(uid, new)).attachment_id


async def test_a_bucket_is_listed_and_not_asked_for_each_object(
    settings: Callable[..., config.Settings], buckets: Buckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(files, "_YOUNG_SECONDS", -3600)
    asked: list[str] = []
    look_up = RemoteStorage.open

    async def counted(storage: RemoteStorage, key: str) -> RemoteObject:
        asked.append(key)
        return await look_up(storage, key)

    monkeypatch.setattr(RemoteStorage, "open", counted)
    async with Runtime(settings(**buckets.settings()), worker=False) as runtime:
        uid = (
            await runtime.services.accounts.register(RegisterBody(email="a@example.test", password="Passw0rd-test"))
        ).uid
        # Nobody is there to apply their entries, which each would wait for.
        made = await asyncio.gather(*(upload(runtime, uid, tmp_path) for _ in range(30)))
        outcomes = {outcome.name: outcome for outcome in await runtime.services.doctor.run()}
        for name in ("attachment-files", "stray-files"):
            assert (outcomes[name].checked, outcomes[name].violations) == (30, 0)
        assert asked == []
        [lost] = [key for key in buckets.stored() if made[7] in key]
        prefix, _, key = lost.partition("/")
        stray = key.replace(made[7], "nobodys")
        buckets.client.put_object(Bucket="memos", Key=f"{prefix}/{stray}", Body=b"left behind")
        buckets.client.delete_object(Bucket="memos", Key=lost)
        [cut] = [key for key in buckets.stored() if made[8] in key]
        buckets.client.put_object(Bucket="memos", Key=cut, Body=b"")
        outcomes = {outcome.name: outcome for outcome in await runtime.services.doctor.run(repair=True)}
        assert {example.entity: example.problem for example in outcomes["attachment-files"].examples} == {
            made[7]: "its stored object is missing",
            made[8]: "its stored object has 0 bytes instead of 5",
        }
        assert [example.entity for example in outcomes["stray-files"].examples] == [stray]
        assert set(asked) == {key, stray, cut.removeprefix(f"{prefix}/")}
        assert f"{prefix}/{stray}" not in buckets.stored()


async def test_a_file_may_have_any_name_that_its_row_knows(
    settings: Callable[..., config.Settings],
    migrated_database: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another program's installation, once migrated, may name its files otherwise."""
    monkeypatch.setattr(doctor, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(files, "_YOUNG_SECONDS", -3600)
    async with Runtime(settings(**migrated_database), worker=False) as runtime:
        uid = (
            await runtime.services.accounts.register(RegisterBody(email="a@example.test", password="Passw0rd-test"))
        ).uid
        attachment_id = await upload(runtime, uid, tmp_path)
        [stored] = runtime.settings.attachments_dir.rglob("*.txt")
        stored.rename(stored.with_name("holiday 1.txt"))
        path = f"{uid}/{stored.parent.name}/holiday 1.txt"
        async with runtime.stores.database.reads() as connection:
            # Both are our own.
            await connection.exec_driver_sql(f"UPDATE attachments SET path = '{path}'")
        assert [outcome for outcome in await runtime.services.doctor.run() if not outcome.is_satisfied] == []
        await runtime.services.attachments.delete(uid, attachment_id)


@pytest.fixture
async def runtime(
    settings: Callable[..., config.Settings], migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Runtime]:
    """An installation to which no file is too young."""
    monkeypatch.setattr(doctor, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(files, "_YOUNG_SECONDS", -3600)
    async with Runtime(settings(**migrated_database), worker=False) as runtime:
        yield runtime


async def examined(runtime: Runtime, name: str, *, repair: bool = False) -> InvariantOutcome:
    outcomes = {outcome.name: outcome for outcome in await runtime.services.doctor.run(repair=repair)}
    return outcomes[name]


def stored(runtime: Runtime, key: str) -> Path:
    path = runtime.settings.attachments_dir / key
    path.parent.mkdir(parents=True)
    path.write_bytes(b"bytes")
    return path


async def test_files_of_another_database_are_reported_and_never_removed(runtime: Runtime) -> None:
    """An empty database, before a restoration for example, knows none of the files."""
    uid = ids.user_id()
    keys = {f"{uid}/2024-01-01/{ids.attachment_id()}.txt", f"avatar/{uid}/2024-01-01/{ids.attachment_id()}.png"}
    paths = [stored(runtime, key) for key in keys]
    outcome = await examined(runtime, "stray-files", repair=True)
    assert (outcome.violations, outcome.repaired, outcome.is_satisfied) == (2, 0, False)
    assert {example.entity for example in outcome.examples} == keys
    assert all("left alone: check that it is the database" in example.problem for example in outcome.examples)
    assert all(path.exists() for path in paths)


async def test_files_of_quarantined_rows_are_no_orphans(runtime: Runtime) -> None:
    """By their key, by the id in it, and pictures: of users whom the database has as well as of others."""
    uid = (await runtime.services.accounts.register(RegisterBody(email="a@example.test", password="Passw0rd-test"))).uid
    stranger, named = ids.user_id(), ids.attachment_id()
    keys = [f"{uid}/2024-01-01/a.txt", f"{uid}/2024-01-02/{named}.txt", f"avatar/{stranger}/2024-01-01/a.png"]
    paths = [stored(runtime, key) for key in keys]
    rows: list[tuple[str, str | None, Any]] = [
        ("attachments", None, {"path": keys[0], "attachmentId": 5}),
        ("attachments", named, {"path": {"unreadable": "damaged"}}),
        ("users", stranger, {"avatar": keys[2]}),
    ]
    kept = {"run_id": "r", "reason": "refused", "message": "-", "created_at": 0}
    async with runtime.stores.database.engine.begin() as connection:
        for position, (table, key, content) in enumerate(rows):
            row = {"table_name": table, "row_key": key, "content": content, "position": position, **kept}
            await connection.execute(insert(MigrationQuarantine).values(row))
    outcome = await examined(runtime, "stray-files", repair=True)
    assert (outcome.checked, outcome.violations) == (3, 0), outcome.examples
    assert all(path.exists() for path in paths)


async def test_a_file_of_another_size_than_its_row_says_is_told_and_remains(runtime: Runtime, tmp_path: Path) -> None:
    uid = (await runtime.services.accounts.register(RegisterBody(email="a@example.test", password="Passw0rd-test"))).uid
    cut, unknown = [await upload(runtime, uid, tmp_path) for _ in range(2)]
    [file] = runtime.settings.attachments_dir.rglob(f"{cut}*")
    file.write_bytes(b"")
    async with runtime.stores.database.reads() as connection:
        # A migration puts 0 where the source does not know.
        await connection.execute(update(Attachments).where(Attachments.attachment_id == unknown).values(size=0))
    outcome = await examined(runtime, "attachment-files", repair=True)
    assert (outcome.checked, outcome.violations, outcome.repaired) == (2, 1, 0)
    assert (outcome.examples[0].entity, outcome.examples[0].problem) == (
        cut,
        "its stored object has 0 bytes instead of 5",
    )
    assert file.exists()


async def test_a_file_name_that_is_not_utf8_stops_no_check(runtime: Runtime) -> None:
    uid = (await runtime.services.accounts.register(RegisterBody(email="a@example.test", password="Passw0rd-test"))).uid
    path = stored(runtime, os.fsdecode(f"{uid}/2024-01-01/".encode() + b"\xff.txt"))
    outcomes = await runtime.services.doctor.run(repair=True)
    assert [outcome for outcome in outcomes if outcome.violations] == []
    assert path.exists()
