"""Sources and files in buckets, and a database that goes away for a while."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.buckets import KEY_ID, REGION, SECRET, Buckets, buckets, shared_buckets
from tests.support.mariadb import MariaDB

from aimo.legacy.copy.lance_stage import LanceStage
from aimo.legacy.copy.progress import Progress

from .source_builder import plain_rows, write
from .support import MakeSettings, address_of, assert_accounted, lance, load_dump, move, settings_for, unpack

__all__ = ["buckets", "shared_buckets"]

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(200)


def make(folder: Path, files: int = 3, place: str = "s3") -> dict[str, list[dict[str, Any]]]:
    rows = plain_rows(random.Random(13), 30)
    for number, attachment in enumerate(rows["attachments"]):
        path = folder / "files" / attachment["path"]
        attachment["storageType"] = place
        attachment["size"] = len(PICTURE) + number
        if number < files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PICTURE + bytes(number))
    write(folder / "old", rows)
    return rows


@pytest.mark.parametrize("kind", ["s3", "oss"])
async def test_files_are_copied_into_the_configured_bucket_and_compared(
    kind: str, installed: MakeSettings, buckets: Buckets, tmp_path: Path
) -> None:
    rows = make(tmp_path, place="local")
    settings = installed(**buckets.settings(kind))
    report = await move(settings, tmp_path / "old", copy_files=str(tmp_path / "files"))
    assert report.exit_code == 3, "most files are not there"
    assert report.content["files"]["copied"] == 3
    assert len(report.content["files"]["missing"]) == 27
    stored = {key: buckets.body(key) for key in buckets.stored()}
    keys = [f"attachments/{row['path']}" for row in rows["attachments"][:3]]
    assert stored == {key: PICTURE + bytes(i) for i, key in enumerate(keys)}
    # What was changed in the bucket is found and mended, what is right is left alone.
    buckets.client.put_object(Bucket="memos", Key=keys[1], Body=b"other")
    again = await move(settings, tmp_path / "old", copy_files=str(tmp_path / "files"))
    assert (again.content["files"]["copied"], again.content["files"]["present"]) == (1, 2)
    without = await move(settings, tmp_path / "old")
    assert without.content["files"]["present"] == 3


async def test_a_source_in_a_bucket_moves_like_a_folder(
    installed: MakeSettings, buckets: Buckets, tmp_path: Path
) -> None:
    rows = make(tmp_path)
    upload(tmp_path / "old", buckets)
    settings = installed(
        lancedb_s3_endpoint=buckets.url, aws_region=REGION, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET
    )
    before = buckets.stored()
    report = await move(settings, "s3://memos/lance")
    assert_accounted(report, rows)
    assert report.exit_code == 0
    assert lance(report, "memo_vectors")["copied"] == 30
    assert buckets.stored() == before, "the source is only read"


async def test_vectors_in_a_bucket_are_read_beside_the_rows_in_mysql(
    settings: MakeSettings, mariadb: MariaDB, buckets: Buckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = unpack("release-0.9.5", tmp_path)
    upload(old.lancedb, buckets)
    source = load_dump(mariadb, old.folder)
    target = settings(
        **settings_for(tmp_path / "data", {}, 384),
        jwt_secret="the secret that the old server had",
        aimo_source_password=source["MYSQL_PASSWORD"],
        lancedb_s3_endpoint=buckets.url,
        aws_region=REGION,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
    )
    before = buckets.stored()
    options = {"vectors": "s3://memos/lance", "source_zone": "UTC"}
    with monkeypatch.context() as patched:
        # Killed, it goes on with the same versions of the bucket's tables.
        patched.setattr(LanceStage, "copy_all", killed)
        with pytest.raises(asyncio.CancelledError):
            await move(target, address_of(source), **options)
    report = await move(target, address_of(source), **options)
    assert report.content["remarks"][0].startswith("Went on with the interrupted run")
    assert (report.state, report.exit_code, report.content["problems"]) == ("validated", 3, [])
    assert (lance(report, "memo_vectors")["copied"], lance(report, "embedding_cache")["copied"]) == (46, 58)
    assert buckets.stored() == before, "the source is only read"


async def killed(*_: object) -> None:
    raise asyncio.CancelledError


def upload(folder: Path, buckets: Buckets) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            buckets.client.upload_file(str(path), "memos", f"lance/{path.relative_to(folder)}")


@pytest.fixture
def own_mariadb() -> Iterator[MariaDB]:
    server = MariaDB()
    try:
        yield server.start()
    finally:
        server.close()


async def test_the_migration_waits_for_an_unavailable_database(
    installed: MakeSettings, own_mariadb: MariaDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = make(tmp_path)
    away: list[str] = []
    starting: list[asyncio.Task[None]] = []
    begin = Progress.begin

    async def come_back() -> None:
        await asyncio.sleep(0.3)
        await asyncio.to_thread(own_mariadb.start)

    def begin_without_database(self: Progress, name: str, total: int, done: int = 0) -> None:
        begin(self, name, total, done)
        if name in ("memos", "memo_vectors", "verify memos") and name not in away:
            away.append(name)
            own_mariadb.kill()
            starting.append(asyncio.create_task(come_back()))

    monkeypatch.setattr(Progress, "begin", begin_without_database)
    report = await move(installed(**own_mariadb.create_database()), tmp_path / "old")
    assert away == ["memos", "memo_vectors", "verify memos"]
    assert_accounted(report, rows)
    assert report.exit_code == 0, report.content["verification"]["mismatches"][:3]
