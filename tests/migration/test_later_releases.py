"""Databases of later releases: vectors in tables of their own, rows in the trash, tables that have no place here."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
import pytest

from aimo.legacy.row_outcomes import QuarantineReason
from aimo.vectors.hashes import text_model_hash

from .source_builder import DIMENSION, MODEL, TABLES, TEXT, ident, plain_rows, vector_type, write
from .support import MakeSettings, assert_accounted, lance, lance_rows, move, reasons, table

ROWS = 30
DELETED = {(name, "deletedAt"): pa.int64() for name in TABLES if name not in ("table_migrations", "users")}


def make(folder: Path, *, owned: bool) -> dict[str, list[dict[str, Any]]]:
    """A source whose vectors are apart: without rows' owners, as that release writes them, or with them."""
    rows = plain_rows(random.Random(9), ROWS)
    for name in TABLES:
        for row in rows[name]:
            row["deletedAt"] = 0
    for memo in rows["memos"][:4]:
        memo["deletedAt"] = 1_760_000_000_000
    rows["tags"][5]["deletedAt"] = 7
    for number, attachment in enumerate(rows["attachments"]):
        attachment["apart"] = [float(number + 1)] * DIMENSION
    write(folder, rows, types=DELETED)
    database = lancedb.connect(folder)
    database.open_table("memos").drop_columns(["embedding"])
    database.open_table("attachments").drop_columns(["multimodalEmbedding"])
    memos = rows["memos"][:-1]
    twice = [*memos, memos[10]]
    columns: dict[str, Any] = {"memoId": [memo["memoId"] for memo in twice]}
    columns["embedding"] = pa.array([memo["embedding"] for memo in twice], vector_type(DIMENSION))
    apart: dict[str, Any] = {"attachmentId": [row["attachmentId"] for row in rows["attachments"]]}
    apart["multimodalEmbedding"] = pa.array([row["apart"] for row in rows["attachments"]], vector_type(DIMENSION))
    if owned:
        columns["uid"] = [memo["uid"] for memo in twice]
    columns["deletedAt"] = pa.array([0] * len(twice), pa.int64())
    database.create_table("memo_vectors", pa.table(columns))
    database.create_table("attachment_vectors", pa.table(apart))
    database.create_table("reminders", pa.table({"id": pa.array(["r1"], TEXT)}))
    return rows


@pytest.mark.parametrize("owned", [False, True])
async def test_separate_vectors_are_migrated_and_the_trash_stays_a_trash(
    owned: bool, installed: MakeSettings, tmp_path: Path
) -> None:
    rows = make(tmp_path / "old", owned=owned)
    rehearsed = await move(installed(), tmp_path / "old", dry_run=True)
    report = await move(installed(), tmp_path / "old")
    assert_accounted(report, rows)
    assert report.exit_code == 3, report.content["verification"]["mismatches"]
    assert rehearsed.content["lance"] == report.content["lance"]
    assert rehearsed.content["tables"] == report.content["tables"]
    trash = {key for key, reason in reasons(report).items() if reason == QuarantineReason.DELETED}
    assert trash == {ident("t", 5)}
    assert table(report, "memos")["quarantined"] == 0
    with sqlite3.connect(tmp_path / "data" / "aimo.db") as connection:
        kept = dict(connection.execute("SELECT memo_id, deleted_at FROM memos WHERE deleted_at > 0"))
    assert kept == {ident("m", i): 1_760_000_000_000 for i in range(4)}
    # One memo has no vector there, one has two, four are in the trash.
    assert lance(report, "memo_vectors") == {
        "table": "memo_vectors",
        "rows": ROWS,
        "copied": ROWS - 5,
        "marked": 0,
        "left_out": 5,
        "there": 0,
    }
    assert lance(report, "attachment_vectors")["copied"] == ROWS
    assert report.content["not_migrated"] == {"reminders": 1}
    assert report.content["model"]["name"] == MODEL
    vectors = lance_rows(tmp_path / "data" / "lancedb", "memo_vectors")
    assert {row["memoId"]: row["uid"] for row in vectors} == {
        memo["memoId"]: memo["uid"] for memo in rows["memos"][4:-1]
    }
    again = await move(installed(), tmp_path / "old")
    assert again.content["nothing_to_do"] and again.exit_code == 3


async def test_memos_without_a_separate_vector_get_an_outbox_entry(installed: MakeSettings, tmp_path: Path) -> None:
    rows = make(tmp_path / "old", owned=False)
    target = installed()
    report = await move(target, tmp_path / "old")
    assert_accounted(report, rows)
    assert len(lance_rows(target.lancedb_uri, "memo_vectors")) == ROWS - 5
    assert marks(target) == {("memo", ident("m", ROWS - 1))}


async def test_vectors_of_attachments_of_another_length_are_marked(installed: MakeSettings, tmp_path: Path) -> None:
    rows = plain_rows(random.Random(10), 20)
    for memo in rows["memos"]:
        memo["attachments"] = None
    for attachment in rows["attachments"][:6]:
        attachment["multimodalEmbedding"] = [0.5] * DIMENSION
    write(
        tmp_path / "first", {**rows, "attachments": []}, types={("attachments", "multimodalEmbedding"): vector_type(4)}
    )
    write(tmp_path / "old", rows)
    target = installed()
    assert (await move(target, tmp_path / "first")).exit_code == 0
    report = await move(target, tmp_path / "old")
    assert_accounted(report, rows)
    assert report.exit_code == 0
    assert lance(report, "attachment_vectors")["marked"] == 6
    assert lance(report, "attachment_vectors")["left_out"] == 14
    assert marks(target) == {("attachment", ident("a", i)) for i in range(6)}


@pytest.mark.parametrize("dimension", [1024, DIMENSION])
async def test_both_caches_arrive_whatever_their_length(
    dimension: int, installed: MakeSettings, tmp_path: Path
) -> None:
    rows = plain_rows(random.Random(11), 10)
    rows["multimodal_embedding_cache"] = [
        {"modelHash": "m", "contentHash": f"c{i}", "modalityType": kind, "embedding": [i + 0.5] * dimension}
        for i in range(5)
        for kind in ("image", "video")
    ]
    types = {("multimodal_embedding_cache", "embedding"): vector_type(dimension)}
    rows["embedding_cache"].append(
        {"modelHash": text_model_hash("other", DIMENSION), "contentHash": "c", "embedding": [1.0] * DIMENSION}
    )
    write(tmp_path / "old", rows, types=types)
    report = await move(installed(), tmp_path / "old")
    assert report.exit_code == 0
    assert lance(report, "multimodal_embedding_cache")["copied"] == 10
    assert lance(report, "embedding_cache")["copied"] == 11
    checked = {entry["table"]: entry["found"] for entry in report.content["verification"]["tables"]}
    assert (checked["multimodal_embedding_cache"], checked["embedding_cache"]) == (10, 11)
    name = "multimodal_embedding_cache" + ("" if dimension == 1024 else f"_{dimension}")
    stored = lancedb.connect(tmp_path / "data" / "lancedb").open_table(name).to_arrow().to_pylist()
    assert sorted((row["contentHash"], row["modalityType"], row["embedding"][0]) for row in stored) == sorted(
        (row["contentHash"], row["modalityType"], row["embedding"][0]) for row in rows["multimodal_embedding_cache"]
    )


def marks(target: Any) -> set[tuple[str, str]]:
    with sqlite3.connect(target.sqlite_path) as connection:
        return set(connection.execute("SELECT kind, entity_id FROM outbox_entries"))
