"""Moving files between storages: nothing lost, whatever is killed."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from tests.support.buckets import Buckets, buckets, shared_buckets
from tests.support.server import AIMO, environment

from aimo import clock, ids
from aimo.cli.attachments import create_place
from aimo.config import Settings
from aimo.db.connection import Database
from aimo.db.schema import Attachments, Users
from aimo.services.attachments.file_urls import placed
from aimo.services.attachments.storage_move import FileMove
from aimo.services.attachments.thumbnails import copies_of
from aimo.storage.buckets import configured_bucket
from aimo.storage.keys import attachment_key, avatar_key
from aimo.storage.local import LocalStorage
from aimo.storage.protocol import Storage
from aimo.storage.signing import FileSigner

__all__ = ["buckets", "shared_buckets"]

DAY = "2026-01-31"


class Library:
    """Users with files in a folder, their rows, and a bucket to move them to."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.local = LocalStorage(settings.attachments_dir, FileSigner("secret"))
        self.bucket = configured_bucket(settings, "s3")
        self.scratch = settings.aimo_data_dir / "incoming"
        self.bytes: dict[str, bytes] = {}

    async def user(self, picture: bytes = b"", stored: str | None = None) -> str:
        uid = ids.user_id()
        avatar = stored
        if picture:
            avatar = avatar_key(uid, DAY, "x.png")
            await self.keep(avatar, picture)
        values = {"uid": uid, "email": uid, "email_key": uid, "password": "x", "salt": "x", "status": 1}
        async with self.database.reads() as connection:
            await connection.execute(insert(Users).values(values | {"avatar": avatar}))
        return uid

    async def file(self, uid: str, data: bytes, name: str = "a.png") -> str:
        attachment_id = ids.attachment_id()
        key = attachment_key(uid, DAY, attachment_id, name)
        await self.keep(key, data)
        row = {
            "attachment_id": attachment_id,
            "uid": uid,
            "filename": name,
            "type": "image/png",
            "size": len(data),
            "path": key,
            "storage_type": "local",
            "seq": clock.next_sequence(),
        }
        async with self.database.reads() as connection:
            await connection.execute(insert(Attachments).values(row))
        return key

    async def keep(self, key: str, data: bytes) -> None:
        await self.local.prepare()
        source = self.local.scratch / "new"
        source.write_bytes(data)
        await self.local.put(key, source, "image/png")
        source.unlink()
        self.bytes[key] = data

    async def rows(self) -> dict[str, Any]:
        async with self.database.reads() as connection:
            return {row.path: row for row in await connection.execute(select(Attachments.__table__))}

    async def moving(self, source: Storage | None = None, target: Storage | None = None) -> FileMove:
        await self.bucket.prepare()
        await self.local.prepare()
        return FileMove(self.database, source or self.local, target or self.bucket, scratch=self.scratch)


@pytest.fixture
async def library(
    migrated_database: dict[str, str], buckets: Buckets, settings: Callable[..., Settings]
) -> AsyncIterator[Library]:
    chosen = settings(**{**migrated_database, **buckets.settings(), "ATTACHMENT_STORAGE_TYPE": "local"})
    database = await Database.open(chosen)
    try:
        yield Library(database, chosen)
    finally:
        await database.close()


async def test_files_and_pictures_move_with_their_rows(library: Library, buckets: Buckets) -> None:
    uid = await library.user(picture=b"me")
    await library.user(stored="https://pictures.example/me.png")
    keys = [await library.file(uid, bytes([n]) * n * 1000) for n in range(5)]
    move = await library.moving()
    await move.move()
    await move.verify()
    assert (move.report.moved, move.report.verified, move.report.complete) == (6, 6, True)
    assert {key: buckets.body(f"attachments/{key}") for key in library.bytes} == library.bytes
    for row in (await library.rows()).values():
        assert (row.storage_type, row.bucket, row.prefix, row.region) == ("s3", "memos", "attachments", "us-east-1")
        assert (row.endpoint, row.is_public_bucket) == (buckets.url, "false")
    assert await library.local.exists(keys[0]), "nothing is removed unless it is asked for"
    await move.remove_sources()
    assert move.report.removed == 6
    assert not any([await library.local.exists(key) for key in library.bytes])

    again = await library.moving()
    await again.move()
    assert (again.report.moved, again.report.already_there, again.report.complete) == (0, 6, True)


async def test_no_small_copies_are_left_where_pictures_were(library: Library) -> None:
    uid = await library.user()
    moved, lost = [await library.file(uid, bytes([n]) * 9) for n in range(2)]
    for key in (moved, lost):
        for copy in copies_of(key):
            await library.keep(copy, b"small")
            library.bytes.pop(copy)
    await library.local.delete(lost)
    move = await library.moving()
    await move.move()
    assert await library.local.exists(copies_of(moved)[0]), "nothing is removed unless it is asked for"
    await move.remove_sources()
    assert (move.report.removed, move.report.missing) == (1, [lost])
    assert not any([await library.local.exists(key) for key in [moved, *copies_of(moved)]])
    assert all([await library.local.exists(key) for key in copies_of(lost)]), "perhaps all that is left of a picture"
    # As a move of an earlier release has left them.
    await library.keep(copies_of(moved)[1], b"small")
    await (await library.moving()).remove_sources()
    assert not await library.local.exists(copies_of(moved)[1])


async def test_files_come_back(library: Library) -> None:
    uid = await library.user(picture=b"me")
    await library.file(uid, b"data")
    away = await library.moving()
    await away.move()
    await away.remove_sources()
    back = await library.moving(library.bucket, library.local)
    await back.move()
    await back.remove_sources()
    for key, data in library.bytes.items():
        async with await library.local.open(key) as stored:
            assert b"".join([piece async for piece in stored.chunks]) == data
        assert not await library.bucket.exists(key)
    assert {(row.storage_type, row.bucket) for row in (await library.rows()).values()} == {("local", None)}


async def test_files_move_from_any_storage_to_any_other(
    migrated_database: dict[str, str], buckets: Buckets, settings: Callable[..., Settings]
) -> None:
    both = buckets.settings("s3") | buckets.settings("oss") | {"ATTACHMENT_OSS_PREFIX": "of/oss"}
    chosen = settings(**{**migrated_database, **both})
    places = {kind: create_place(chosen, kind) for kind in ("local", "oss", "s3")}
    database = await Database.open(chosen)
    try:
        library = Library(database, chosen)
        uid = await library.user(picture=b"me")
        await library.file(uid, b"data")
        await library.file(uid, b"", "empty.txt")
        for source, target in pairwise(("local", "oss", "s3", "local", "s3", "oss", "local")):
            move = await library.moving(places[source], places[target])
            await move.move()
            await move.verify()
            await move.remove_sources()
            assert (move.report.moved, move.report.verified, move.report.removed) == (3, 3, 3), (source, target)
            assert move.report.complete
            for key, data in library.bytes.items():
                async with await places[target].open(key) as stored:
                    assert b"".join([piece async for piece in stored.chunks]) == data
                assert not await places[source].exists(key)
            named = placed(places[target].placement)
            for row in (await library.rows()).values():
                assert {column: getattr(row, column) for column in named} == named, (source, target)
    finally:
        await database.close()


async def test_a_file_that_is_gone_is_reported_and_its_row_left_alone(library: Library) -> None:
    uid = await library.user()
    gone, there = await library.file(uid, b"gone"), await library.file(uid, b"there")
    await library.local.delete(gone)
    move = await library.moving()
    await move.move()
    assert (move.report.missing, move.report.moved) == ([gone], 1)
    rows = await library.rows()
    assert (rows[gone].storage_type, rows[there].storage_type) == ("local", "s3")


async def test_a_file_removed_on_the_way_leaves_nothing_behind(
    library: Library, monkeypatch: pytest.MonkeyPatch, buckets: Buckets
) -> None:
    await library.file(await library.user(), b"data")
    move = await library.moving()
    put = library.bucket.put

    async def put_and_lose(key: str, source: Path, content_type: str) -> None:
        await put(key, source, content_type)
        async with library.database.reads() as connection:
            await connection.execute(delete(Attachments))

    monkeypatch.setattr(library.bucket, "put", put_and_lose)
    await move.move()
    assert buckets.stored() == []


async def test_a_file_removed_before_its_turn_is_not_missing(
    library: Library, monkeypatch: pytest.MonkeyPatch, buckets: Buckets
) -> None:
    uid = await library.user(picture=b"me")
    await library.file(uid, b"data")
    opening = library.local.open

    async def lose_and_open(key: str) -> Any:
        await library.local.delete(key)
        async with library.database.reads() as connection:
            await connection.execute(delete(Attachments))
            await connection.execute(update(Users).values(avatar="avatar/new"))
        return await opening(key)

    monkeypatch.setattr(library.local, "open", lose_and_open)
    move = await library.moving()
    await move.move()
    assert (move.report.missing, move.report.moved, buckets.stored()) == ([], 0, [])


async def test_a_picture_replaced_on_the_way_leaves_nothing_behind(
    library: Library, monkeypatch: pytest.MonkeyPatch, buckets: Buckets
) -> None:
    await library.user(picture=b"me")
    put = library.bucket.put

    async def put_and_replace(key: str, source: Path, content_type: str) -> None:
        await put(key, source, content_type)
        async with library.database.reads() as connection:
            await connection.execute(update(Users).values(avatar="another"))

    monkeypatch.setattr(library.bucket, "put", put_and_replace)
    await (await library.moving()).move()
    assert buckets.stored() == []


async def test_a_copy_that_differs_is_noticed_and_the_row_left_alone(
    library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = await library.file(await library.user(), b"data")
    put = library.bucket.put
    other = tmp_path / "other"
    other.write_bytes(b"date")

    async def put_another(key: str, source: Path, content_type: str) -> None:
        await put(key, other, content_type)

    monkeypatch.setattr(library.bucket, "put", put_another)
    move = await library.moving()
    await move.move()
    await move.remove_sources()
    assert move.report.failed == {key: "the copy differs from the original"}
    assert (await library.rows())[key].storage_type == "local"
    assert await library.local.exists(key)


async def test_verifying_finds_what_changed_later(library: Library, buckets: Buckets) -> None:
    uid = await library.user()
    changed, gone = await library.file(uid, b"data"), await library.file(uid, b"more")
    await (await library.moving()).move()
    buckets.client.put_object(Bucket="memos", Key=f"attachments/{changed}", Body=b"date")
    buckets.client.delete_object(Bucket="memos", Key=f"attachments/{gone}")
    move = await library.moving()
    await move.verify()
    assert (list(move.report.failed), move.report.missing) == ([changed], [gone])


async def test_rows_of_a_third_storage_stay_as_they_are(library: Library) -> None:
    key = await library.file(await library.user(), b"data")
    async with library.database.reads() as connection:
        await connection.execute(update(Attachments).values(storage_type="oss", bucket="other"))
    move = await library.moving()
    await move.move()
    assert (move.report.moved, move.report.already_there) == (0, 0)
    assert (await library.rows())[key].bucket == "other"


async def test_a_move_that_is_killed_again_and_again_ends_well(
    library: Library, buckets: Buckets, migrated_database: dict[str, str], tmp_path: Path
) -> None:
    uid = await library.user(picture=b"me")
    for number in range(60):
        await library.file(uid, hashlib.sha256(bytes([number])).digest() * 5000)
    values = {"AIMO_DATA_DIR": str(tmp_path / "data"), **migrated_database, **buckets.settings()}
    command = [str(AIMO), "attachments", "move", "--from", "local", "--to", "s3", "--delete-source"]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, env=environment(values), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    for wanted in (10, 30, 50):
        running = start()
        while len(buckets.stored()) < wanted and running.poll() is None:
            time.sleep(0.01)
        running.kill()
        running.communicate()
        for key, row in (await library.rows()).items():
            place = library.bucket if row.storage_type == "s3" else library.local
            assert await place.exists(key), f"the row of {key} names a place that does not have it"

    last = start()
    told, logged = last.communicate(timeout=120)
    assert last.returncode == 0, told + logged
    assert {row.storage_type for row in (await library.rows()).values()} == {"s3"}
    assert {key: buckets.body(f"attachments/{key}") for key in library.bytes} == library.bytes
    assert list((tmp_path / "data/attachments").rglob("*.png")) == []
    assert [path.name for path in (tmp_path / "data/incoming").iterdir() if not path.name.startswith("move-")] == []


def test_the_same_place_twice_is_refused(tmp_path: Path) -> None:
    command = [str(AIMO), "attachments", "move", "--from", "local", "--to", "local"]
    done = subprocess.run(
        command, check=False, env=environment({}), cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (1, "aimo: --from and --to are the same\n")
