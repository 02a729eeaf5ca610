"""A backup that is damaged or made by somebody else changes nothing, and a restoration that failed can be repeated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.support.backups import (
    aimo,
    assert_stores_agree,
    back_up,
    furnish,
    inside,
    packed,
    restore,
    rewritten,
    unpacked,
)
from tests.support.buckets import Buckets, buckets, shared_buckets
from tests.support.server import Server

from aimo.db import migrate
from aimo.db.schema import Memos, Tags
from aimo.errors import ConfigurationError
from aimo.runtime import Runtime
from aimo.services.backup.format import FORMAT, Header
from aimo.services.backup.restore import Restore
from aimo.services.backup.writer import Writer

__all__ = ["buckets", "shared_buckets"]

Members = dict[str, bytes]
MEMOS = "tables/memos/000000.ndjson"
VECTORS = "vectors/memo_vectors/000000.ndjson"
CACHE = "vectors/embedding_cache/000000.ndjson"


@pytest.fixture(scope="module")
def archive(module_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Path:
    running = module_server()
    furnish(running.user())
    assert_stores_agree(running)
    file = tmp_path_factory.mktemp("backup") / "backup.tar.gz"
    back_up(running.settings, file, vectors=True)
    return file


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    return {"AIMO_DATA_DIR": str(tmp_path / "data")}


@pytest.fixture(params=["sqlite", "mysql"])
def either(request: pytest.FixtureRequest, settings: dict[str, str]) -> dict[str, str]:
    """An empty installation on each kind of database."""
    return settings if request.param == "sqlite" else request.getfixturevalue("mysql_database") | settings


def in_first(name: str, **values: Any) -> Callable[[Members], None]:
    """Other values in the first row of a member; None takes one out."""

    def change(members: Members) -> None:
        first, _, others = members[name].partition(b"\n")
        row = json.loads(first) | values
        kept = {key: value for key, value in row.items() if value is not None or key not in values}
        members[name] = json.dumps(kept).encode() + b"\n" + others

    return change


def added(name: str, content: bytes) -> Callable[[Members], None]:
    return lambda members: members.update({name: content})


def in_header(**values: Any) -> Callable[[Members], None]:
    return lambda members: members.update(
        {"backup.json": json.dumps(json.loads(members["backup.json"]) | values).encode()}
    )


def twice(members: Members) -> None:
    members[MEMOS] += members[MEMOS].partition(b"\n")[0] + b"\n"


def stored(settings: Mapping[str, str]) -> dict[str, Any]:
    """What an installation has outside of its relational database."""

    async def counted(runtime: Runtime) -> dict[str, Any]:
        vectors = runtime.stores.vectors
        tables = [*await vectors.cache_tables(), vectors.memo_vectors, vectors.memo_texts, vectors.attachment_vectors]
        return {table.name: await table.count_rows() for table in tables}

    counts = inside(settings, counted)
    folder = Path(settings["AIMO_DATA_DIR"]) / "attachments"
    return {name: rows for name, rows in counts.items() if rows} | {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


IMPOSSIBLE: dict[str, tuple[Callable[[Members], None], str]] = {
    "an unknown table": (added("tables/stars/000000.ndjson", b'{"a":1}\n'), "stars"),
    "a table elsewhere": (added("vectors/../../evil/000000.ndjson", b'{"a":1}\n'), "evil"),
    "an unknown table of vectors": (added("vectors/memo_texts/000000.ndjson", b'{"a":1}\n'), "memo_texts"),
    "an unknown member": (added("secrets.txt", b"x"), "secrets.txt"),
    "a file elsewhere": (added("files/../evil.png", b"x"), "evil"),
    "a hidden file": (added("files/u/.ssh", b"x"), "ssh"),
    "a member without rows": (added("vectors/embedding_cache/000001.ndjson", b""), "empty"),
    "a vector of three bytes": (in_first(CACHE, embedding="QUJD"), "embedding"),
    "vectors of different lengths": (in_first(CACHE, embedding="QUJDRA=="), "length"),
    "a vector that is no text": (in_first(VECTORS, embedding=5), "embedding"),
    "a vector without its owner": (in_first(VECTORS, uid=None), "columns"),
    "a moment of the cache that is too late": (in_first(CACHE, createdAt=10**30), "createdAt"),
    "a number that is too large": (in_first(MEMOS, seq=10**30), "seq"),
    "a moment that is too late": (in_first(MEMOS, created_at=10**18), "created_at"),
    "a text instead of a number": (in_first(MEMOS, seq="5"), "seq"),
    "a number instead of a text": (in_first(MEMOS, content=5), "content"),
    "a number instead of a list": (in_first(MEMOS, tag_ids=5), "tag_ids"),
    "a missing column": (in_first(MEMOS, content=None), "content"),
    "a missing column that may be empty": (in_first(MEMOS, source=None), "source"),
    "an unknown column": (in_first(MEMOS, colour="red"), "colour"),
    "a format before the first": (in_header(format=-5), "-5"),
    "a header without end": (in_header(aimo="x" * 100_000), "longer than"),
    "rows nested without end": (added("tables/tags/000001.ndjson", b'{"a":' * 100_000 + b"\n"), "tags"),
}


@pytest.mark.parametrize(("change", "why"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_what_no_backup_has_is_refused_before_anything_is_changed(
    archive: Path, tmp_path: Path, settings: dict[str, str], change: Callable[[Members], None], why: str
) -> None:
    bad = rewritten(archive, tmp_path / "bad.tar.gz", change)
    with pytest.raises(ConfigurationError, match=f"The backup is damaged: .*{why}.*Nothing was changed"):
        restore(settings, bad)
    assert stored(settings) == {}
    assert list(tmp_path.rglob("*evil*")) == []


@pytest.mark.parametrize("name", ["files/u/2026-01-01/late.png", MEMOS, "manifest.json", "backup.json"])
def test_nothing_is_restored_that_the_manifest_cannot_vouch_for(
    archive: Path, tmp_path: Path, settings: dict[str, str], name: str
) -> None:
    members = unpacked(archive)
    bad = packed(tmp_path / "bad.tar.gz", [*members, (name, dict(members).get(name, b"late"))])
    with pytest.raises(ConfigurationError, match="damaged"):
        restore(settings, bad)
    assert stored(settings) == {}


def without(members: Members, *columns: str) -> None:
    """Take columns out of all memos."""
    rows = [json.loads(line) for line in members[MEMOS].splitlines()]
    kept = [{key: value for key, value in row.items() if key not in columns} for row in rows]
    members[MEMOS] = b"".join(json.dumps(row).encode() + b"\n" for row in kept)


def test_columns_that_came_with_a_later_release_may_be_missing_in_an_older_backup(
    archive: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    def older(members: Members) -> None:
        in_header(schema="0042", format=FORMAT)(members)
        without(members, "source", "deleted_at")

    assert restore(settings, rewritten(archive, tmp_path / "older.tar.gz", older)).rows["tables/memos"] == 4


def test_names_that_were_different_in_an_older_release_are_merged(
    archive: Path, tmp_path: Path, either: dict[str, str]
) -> None:
    tags = "tables/tags/000000.ndjson"

    def older(members: Members) -> None:
        in_header(schema="0052")(members)
        without(members, "deleted_at")
        members[tags] = members[tags].replace(b'"name":"t0","name_key":"t0"', '"name":"Ａ","name_key":"ａ"'.encode())
        assert "ａ".encode() in members[tags]

    async def shown(runtime: Runtime) -> tuple[list[Any], list[Any]]:
        async with runtime.stores.database.reads() as connection:
            names = await connection.execute(select(Tags.name, Tags.usage_count).order_by(Tags.seq))
            carried = await connection.execute(select(Memos.tag_ids).order_by(Memos.seq))
            return [tuple(row) for row in names], [row[0] for row in carried]

    restore(either, rewritten(archive, tmp_path / "older.tar.gz", older))
    names, carried = inside(either, shown)
    # Only what was merged is counted again.
    assert names == [("a", 4), ("t1", 0), ("t2", 1), ("t3", 1)]
    assert [len(tag_ids) for tag_ids in carried] == [1, 2, 2, 2]


def test_long_texts_and_lists_come_back_as_they_were(archive: Path, tmp_path: Path, either: dict[str, str]) -> None:
    """Those that are not looked into while a backup is verified."""
    long = {"content": '雪🎉 \\ " \n' * 20_000, "attachments": [f"gone-{number:020}🎉" for number in range(5_000)]}
    first = json.loads(dict(unpacked(archive))[MEMOS].partition(b"\n")[0]) | long
    restore(either, rewritten(archive, tmp_path / "long.tar.gz", in_first(MEMOS, **long)))
    back_up(either, tmp_path / "again.tar.gz")
    rows = [json.loads(line) for line in dict(unpacked(tmp_path / "again.tar.gz"))[MEMOS].splitlines()]
    assert first in rows


async def test_a_file_that_two_rows_name_is_restored(tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"shared"

    schema = migrate.known_revisions()[-1]
    header = Header(format=FORMAT, aimo="1", schema=schema, created_at=0, database="sqlite", model="m", dimension=1)
    with Writer(tmp_path / "backup.tar.gz", header) as writer:
        for _ in range(2):
            await writer.file("u/2026-01-01/a.txt", 6, chunks())
        writer.finish()
    settings = {"AIMO_DATA_DIR": str(tmp_path / "data")}
    await asyncio.to_thread(restore, settings, tmp_path / "backup.tar.gz")
    assert await asyncio.to_thread(stored, settings) == {"u/2026-01-01/a.txt": b"shared"}


def test_a_restoration_that_failed_leaves_nothing_and_can_be_run_again(
    archive: Path, tmp_path: Path, either: dict[str, str]
) -> None:
    settings = either
    bad = rewritten(archive, tmp_path / "bad.tar.gz", twice)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"could not be restored: .*taken back; it can be run again"):
            restore(settings, bad)
        assert stored(settings) == {}
    counts = restore(settings, archive).rows
    found = stored(settings)
    assert found["memo_vectors"] == counts["vectors/memo_vectors"] > 0
    assert found["embedding_cache"] == counts["vectors/embedding_cache"] > 0


def test_what_a_killed_restoration_left_is_taken_up_by_the_next(
    archive: Path, tmp_path: Path, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> str:
        return "killed"

    bad = rewritten(archive, tmp_path / "bad.tar.gz", twice)
    with monkeypatch.context() as patch:
        patch.setattr(Restore, "_undo_restore", killed)
        with pytest.raises(ConfigurationError, match="killed"):
            restore(settings, bad)
    left = stored(settings)
    assert left["memo_vectors"]
    restore(settings, archive)
    assert stored(settings) == left


def test_a_cache_that_was_there_before_survives_a_restoration_that_failed(
    archive: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    async def remember(runtime: Runtime) -> None:
        cache = runtime.stores.vectors.embedding_cache
        await cache.put_many("model", {"dear": [1.0] * cache.dimension})

    inside(settings, remember)
    with pytest.raises(ConfigurationError, match="could not be restored"):
        restore(settings, rewritten(archive, tmp_path / "bad.tar.gz", twice))
    assert stored(settings) == {"embedding_cache": 1}


def test_a_bucket_is_left_as_it_was_and_its_objects_are_never_overwritten(
    archive: Path, tmp_path: Path, settings: dict[str, str], buckets: Buckets
) -> None:
    settings |= buckets.settings()
    files = {name.removeprefix("files/"): body for name, body in unpacked(archive) if name.startswith("files/")}
    with pytest.raises(ConfigurationError, match="taken back"):
        restore(settings, rewritten(archive, tmp_path / "bad.tar.gz", twice))
    assert buckets.stored() == []
    restore(settings, archive)
    prefix = "attachments/"
    stored_as = {name: name.removeprefix(prefix) for name in buckets.stored()}
    assert {key: buckets.body(name) for name, key in stored_as.items()} == files

    foreign = next(iter(stored_as))
    buckets.clear()
    buckets.client.put_object(Bucket="memos", Key=foreign, Body=b"somebody else's")
    with pytest.raises(ConfigurationError, match="another file"):
        restore({**settings, "AIMO_DATA_DIR": str(tmp_path / "second")}, archive)
    assert buckets.stored() == [foreign]
    assert buckets.body(foreign) == b"somebody else's"


def test_a_stored_file_is_never_overwritten(archive: Path, settings: dict[str, str]) -> None:
    key = next(name for name, _ in unpacked(archive) if name.startswith("files/")).removeprefix("files/")
    foreign = Path(settings["AIMO_DATA_DIR"]) / "attachments" / key
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"somebody else's")
    with pytest.raises(ConfigurationError, match="another file"):
        restore(settings, archive)
    assert stored(settings) == {key: b"somebody else's"}


def test_rows_that_arrived_keep_their_files_though_their_commit_went_unanswered(
    archive: Path, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Restore._restore_everything

    async def unanswered(*arguments: Any) -> None:
        await whole(*arguments)
        raise ConnectionResetError("lost the connection")

    with monkeypatch.context() as patch:
        patch.setattr(Restore, "_restore_everything", unanswered)
        with pytest.raises(ConfigurationError, match=r"nothing was taken back: ask `aimo doctor`"):
            restore(settings, archive)
    assert all(outcome.is_satisfied for outcome in inside(settings, lambda runtime: runtime.services.doctor.run()))


def test_the_command_says_in_one_line_what_failed_while_restoring(
    archive: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    bad = rewritten(archive, tmp_path / "bad.tar.gz", twice)
    refused = aimo(settings, tmp_path, "restore", str(bad))
    assert refused.returncode == 1
    assert "aimo: The backup could not be restored" in refused.stderr
    assert "Traceback" not in refused.stderr
