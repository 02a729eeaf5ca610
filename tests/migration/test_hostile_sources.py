"""Whatever an old database holds: no row is lost, and each oddity ends as it is listed."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from aimo.legacy.row_outcomes import Change, Into, QuarantineReason

from .source_builder import DIMENSION, LIST, MOMENT, SOURCES, TABLES, TEXT, TS, ident, plain_rows, write
from .support import MakeSettings, assert_accounted, lance, move, table

ROWS = 200


def nasty(rows: dict[str, list[dict[str, Any]]]) -> None:
    """Add every oddity to an orderly database."""
    t = {"createdAt": MOMENT, "updatedAt": MOMENT}
    u0, u1 = ident("u", 0), ident("u", 1)
    user = {"password": "x", "salt": "x", "status": 1} | t
    rows["users"] += [
        user | {"uid": "twin-old", "email": "twin@x", "createdAt": MOMENT - 5},
        user | {"uid": "twin-new", "email": "twin@x"},
        user | {"uid": "case", "email": "TWIN@x"},
        user | {"uid": "empty", "email": ""},
        user | {"uid": "no-password", "email": None, "password": None, "createdAt": None},
        user | {"uid": "has space"},
        user | {"uid": None},
        user | {"uid": "far", "createdAt": 400_000_000_000_000},
        user | {"uid": "dead", "deletedAt": 1},
        dict(rows["users"][0]),
        user | {"uid": u1, "nickname": "somebody else"},
        user | {"uid": "ancient", "createdAt": -30_000_000_000_000, "updatedAt": 253_402_300_799_999},
    ]
    rows["categories"] += [
        {"categoryId": "c-a", "uid": u0, "name": "Work"} | t,
        {"categoryId": "c-b", "uid": u0, "name": " wORK "} | t,
        {"categoryId": "c-x", "uid": "nobody", "name": "x"} | t,
        {"categoryId": "c-null", "uid": u0, "name": None} | t,
    ]
    rows["tags"] += [
        {"tagId": "t-a", "uid": u0, "name": "Tag", "usageCount": 77} | t,
        {"tagId": "t-b", "uid": u0, "name": "tag", "usageCount": 1} | t,
        {"tagId": "t-x", "uid": "dead", "name": "x", "usageCount": 0} | t,
    ]
    memo = {"uid": u0, "content": "x", "embedding": [1.0] * DIMENSION, "isPublic": False} | t
    rows["memos"] += [
        memo | {"memoId": "m-empty-category", "categoryId": ""},
        memo | {"memoId": "m-unknown-category", "categoryId": "gone"},
        memo | {"memoId": "m-foreign-category", "categoryId": ident("c", 1)},
        memo | {"memoId": "m-category-name", "categoryId": "work"},
        memo | {"memoId": "m-merged-category", "categoryId": "c-b"},
        memo | {"memoId": "m-merged-tag", "tagIds": ["t-b", "t-a", "gone"]},
        memo | {"memoId": "m-names", "tags": ["Tag", " 新 ", "新", ""]},
        memo | {"memoId": "m-type", "type": "poem"},
        memo | {"memoId": "m-letters", "attachments": ["a", "b", "a", "图 片", ""]},
        memo | {"memoId": "m-null", "content": None, "isPublic": None, "updatedAt": None},
        memo | {"memoId": "m-zero", "embedding": [0.0] * DIMENSION},
        memo | {"memoId": "m-nan", "embedding": [float("nan")] * DIMENSION},
        memo | {"memoId": "m-no-vector", "embedding": None},
        memo | {"memoId": "m-orphan", "uid": "nobody"},
        memo | {"memoId": "m-trash", "deletedAt": 5},
        memo | {"memoId": "m-long", "content": "长" * 60_000},
        memo | {"memoId": "m-strange", "content": "\0 \u202e 😀"},
        memo | {"memoId": "x" * 192},
    ]
    relation = {"uid": u0, "createdAt": MOMENT, "sourceMemoId": "m-zero"}
    rows["memo_relations"] += [
        relation | {"relationId": "r-1", "targetMemoId": "m-nan"},
        relation | {"relationId": "r-2", "targetMemoId": "m-nan"},
        relation | {"relationId": "r-3", "targetMemoId": "gone"},
        relation | {"relationId": "r-4", "targetMemoId": "m-trash"},
        relation | {"relationId": "r-5", "targetMemoId": "m-zero"},
        relation | {"relationId": "r-6", "targetMemoId": ident("m", 1)},
    ]
    file = {"uid": u0, "type": "image/png", "size": None, "storageType": "s3", "path": "p", "createdAt": MOMENT}
    rows["attachments"] += [
        file | {"attachmentId": "a-1", "filename": "图片.png".encode().decode("latin-1"), "properties": "[1]"},
        file | {"attachmentId": "a-2", "filename": "Ünïcode.png", "properties": "{bad"},
        file | {"attachmentId": "a-3", "filename": "n", "properties": "null", "multimodalEmbedding": [0.5] * DIMENSION},
        file | {"attachmentId": "a-4", "filename": "n", "properties": None, "multimodalEmbedding": [0.0] * DIMENSION},
    ]
    message = {"role": "user", "content": "x", "createdAt": MOMENT, "conversationId": ident("conv", 0)}
    empty = {"memoId": "", "content": "", "similarity": float("nan")}
    rows["ai_messages"] += [
        message | {"messageId": "msg-1", "sources": [empty]},
        message | {"messageId": "msg-2", "sources": []},
        message | {"messageId": "msg-3", "conversationId": "gone"},
        message | {"messageId": "msg-4", "createdAt": None},
    ]
    day = {"uid": u0, "date": "1999-01-01"}
    rows["daily_recommendations"] += [
        day | {"recommendationId": "rec-1", "memoIds": ["m-zero"], "createdAt": MOMENT},
        day | {"recommendationId": "rec-2", "memoIds": ["m-nan"], "createdAt": MOMENT + 1},
        day | {"recommendationId": "rec-3", "memoIds": [], "createdAt": MOMENT + 2},
    ]
    rule = {"uid": u0, "name": "x", "pushTime": 99, "enabled": 1} | t
    rows["push_rules"] += [
        rule | {"id": "push-1", "contentType": "y" * 300},
        rule | {"id": "push-2", "contentType": "z", "channels": "not json"},
        rule | {"id": "push-3", "contentType": None, "channels": '{"a":1}'},
    ]
    rows["table_migrations"] += [{"tableName": "memos", "currentVersion": 9, "lastMigratedAt": MOMENT}]
    rows["embedding_cache"] += [dict(rows["embedding_cache"][0])]


NASTY_TYPES = {
    ("memos", "tags"): LIST,
    ("memos", "deletedAt"): pa.int64(),
    ("users", "deletedAt"): pa.int64(),
    ("users", "createdAt"): pa.timestamp("us"),
    ("tags", "createdAt"): pa.timestamp("ns"),
    ("categories", "createdAt"): pa.timestamp("ms", tz="UTC"),
    ("push_rules", "pushTime"): pa.int64(),
    ("ai_conversations", "createdAt"): TEXT,
}


@pytest.mark.parametrize("version", range(1, 17))
async def test_every_schema_version_arrives_whole(version: int, installed: MakeSettings, tmp_path: Path) -> None:
    rows = plain_rows(random.Random(version), ROWS)
    nasty(rows)
    types: dict[tuple[str, str], pa.DataType] = {("memos", "deletedAt"): pa.int64(), ("users", "deletedAt"): pa.int64()}
    if 11 <= version < 14:
        types["memos", "tagIds"] = pa.null()
    if version == 16:
        types["memos", "source"] = types["users", "avatar"] = pa.null()
    if 9 <= version < 11:
        types["memos", "tags"] = LIST
        for memo in rows["memos"]:
            memo["tags"] = ["工作", "家"] if memo["isPublic"] else memo.get("tags")
    write(tmp_path / "old", rows, version=version, types=types)
    report = await move(installed(), tmp_path / "old")
    assert report.state == "validated", report.content["verification"]["mismatches"][:5]
    assert report.exit_code == 3
    assert_accounted(report, rows)
    vectors = lance(report, "memo_vectors")
    # Of the oddities three have no usable vector, two are not in the target, and one is in its trash.
    assert (vectors["copied"], vectors["marked"]) == (len(rows["memos"]) - 6, 3)
    assert table(report, "memos")["quarantined"] == 2


async def test_every_known_oddity_has_its_documented_outcome(
    installed: MakeSettings, database: dict[str, str], tmp_path: Path
) -> None:
    rows = plain_rows(random.Random(1), ROWS)
    nasty(rows)
    for conversation in rows["ai_conversations"]:
        conversation["createdAt"] = "2026-01-02T03:04:05.678Z"
    rows["ai_conversations"].append(
        {"conversationId": "conv-x", "uid": ident("u", 0), "title": "x", "createdAt": "soon"}
    )
    write(tmp_path / "old", rows, types=NASTY_TYPES)
    rehearsed = await move(installed(**database), tmp_path / "old", dry_run=True)
    report = await move(installed(**database), tmp_path / "old")
    assert report.state == "validated", report.content["verification"]["mismatches"][:5]
    assert report.exit_code == rehearsed.exit_code == 3
    assert_accounted(report, rows)
    for part in ("tables", "lance"):
        assert rehearsed.content[part] == report.content[part]

    reasons = {(row["table"], row["key"]): row["reason"] for row in report.content["quarantine"]}
    assert reasons == {
        ("users", "has space"): QuarantineReason.IMPOSSIBLE_ID,
        ("users", None): QuarantineReason.IMPOSSIBLE_ID,
        ("users", "far"): QuarantineReason.TIME_OUT_OF_RANGE,
        ("users", "dead"): QuarantineReason.DELETED,
        ("users", ident("u", 1)): QuarantineReason.DUPLICATE_DIFFERS,
        ("categories", "c-x"): QuarantineReason.OWNER_MISSING,
        ("tags", "t-x"): QuarantineReason.OWNER_MISSING,
        ("memos", "m-orphan"): QuarantineReason.OWNER_MISSING,
        ("memos", "x" * 192): QuarantineReason.IMPOSSIBLE_ID,
        ("memo_relations", "r-3"): QuarantineReason.TARGET_MISSING,
        ("memo_relations", "r-5"): QuarantineReason.POINTS_TO_ITSELF,
        ("memo_relations", "r-6"): QuarantineReason.TARGET_FOREIGN,
        ("ai_conversations", "conv-x"): QuarantineReason.UNREADABLE,
        ("ai_messages", "msg-3"): QuarantineReason.TARGET_MISSING,
        ("push_rules", "push-1"): QuarantineReason.TOO_LONG,
    }
    # The other reasons need a target that has rows of its own: see the tests below.
    in_the_target = {
        QuarantineReason.KEY_TAKEN,
        QuarantineReason.REFUSED,
        QuarantineReason.LARGER_THAN_PACKET,
        QuarantineReason.CHANGED_ON_BOTH_SIDES,
        QuarantineReason.DELETED_IN_TARGET,
    }
    in_mysql = {
        QuarantineReason.ACCOUNT_DELETED,
        QuarantineReason.ONLY_IN_VECTORS,
        QuarantineReason.NOT_AMONG_NEWEST,
    }
    assert set(reasons.values()) | in_the_target | in_mysql == set(QuarantineReason)
    orphan = next(row["row"] for row in report.content["quarantine"] if row["key"] == "m-orphan")
    assert orphan["content"] == "x" and orphan["embedding"]["float32"], "the whole row is kept"

    changes = {n["change"] for entry in report.content["tables"] for n in entry["normalisations"]}
    # The others need accounts to join, a small limit of statements, rules that are no list, or a source in MySQL.
    elsewhere = {Change.ACCOUNTS_JOINED, Change.LARGER_THAN_PACKET, Change.NOT_A_LIST}
    elsewhere |= {Change.UNKNOWN_MODEL, Change.UNKNOWN_PROFILE, Change.RULES_FROM_SCOPE}
    elsewhere |= {Change.UNKNOWN_MEMO, Change.OUT_OF_RANGE}
    assert changes | elsewhere == set(Change)
    merges = {m["why"] for entry in report.content["tables"] for m in entry["merged_rows"]}
    assert merges | {Into.SAME_CARD} == set(Into)
    assert lance(report, "memo_vectors")["marked"] == 3
    assert lance(report, "attachment_vectors")["copied"] == 1
    assert lance(report, "attachment_vectors")["marked"] == 1
    assert lance(report, "embedding_cache")["left_out"] == 1


async def test_conflicting_and_refused_rows_are_quarantined(installed: MakeSettings, tmp_path: Path) -> None:
    rows = plain_rows(random.Random(2), 40)
    write(tmp_path / "old", rows)
    target = installed()
    await move(target, tmp_path / "old", tables=("users",))
    with sqlite3.connect(target.sqlite_path) as connection:
        connection.execute(
            "INSERT INTO categories (category_id, uid, name, name_key, seq) VALUES (?, ?, 'mine', 'mine', 1)",
            (ident("c", 3), ident("u", 3)),
        )
        connection.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON memos WHEN new.memo_id = '{ident('m', 7)}' "
            "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    report = await move(target, tmp_path / "old")
    assert_accounted(report, rows)
    reasons = {row["key"]: row["reason"] for row in report.content["quarantine"]}
    assert reasons[ident("c", 3)] == QuarantineReason.KEY_TAKEN
    assert reasons[ident("m", 7)] == QuarantineReason.REFUSED
    assert table(report, "memos")["quarantined"] == 1
    assert report.exit_code == 3


async def test_later_changes_of_the_source_reach_only_untouched_rows(installed: MakeSettings, tmp_path: Path) -> None:
    rows = plain_rows(random.Random(3), 40)
    write(tmp_path / "old", rows)
    target = installed()
    assert (await move(target, tmp_path / "old")).exit_code == 0
    memos = lancedb.connect(tmp_path / "old").open_table("memos")
    for number in (1, 2, 3):
        memos.update(where=f"memoId = '{ident('m', number)}'", values={"content": "changed in the source"})
    with sqlite3.connect(target.sqlite_path) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(
            "UPDATE memos SET content = 'changed here' WHERE memo_id IN (?, ?)", (ident("m", 2), ident("m", 5))
        )
        connection.execute("DELETE FROM memos WHERE memo_id = ?", (ident("m", 3),))
    report = await move(target, tmp_path / "old")
    assert_accounted(report, rows)
    assert table(report, "memos")["updated"] == 1
    assert table(report, "memos")["present"] == 37
    reasons = {row["key"]: row["reason"] for row in report.content["quarantine"]}
    assert reasons[ident("m", 2)] == QuarantineReason.CHANGED_ON_BOTH_SIDES
    assert reasons[ident("m", 3)] == QuarantineReason.DELETED_IN_TARGET
    with sqlite3.connect(target.sqlite_path) as connection:
        content = dict(connection.execute("SELECT memo_id, content FROM memos"))
    assert content[ident("m", 1)] == "changed in the source"
    assert content[ident("m", 2)] == content[ident("m", 5)] == "changed here"


ANY_TEXT = st.one_of(st.none(), st.sampled_from(["", "a", "图", " x ", "\0"]), st.text(max_size=20))
ANY_TIME = st.one_of(st.none(), st.integers(-(2**45), 2**49))
BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    TEXT: st.one_of(ANY_TEXT, st.integers(0, 8).flatmap(lambda i: st.sampled_from([ident(p, i) for p in "umctra"]))),
    TS: ANY_TIME,
    pa.int32(): st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)),
    pa.bool_(): st.one_of(st.none(), st.booleans()),
    LIST: st.one_of(st.none(), st.lists(ANY_TEXT, max_size=4)),
    SOURCES: st.one_of(
        st.none(),
        st.lists(
            st.fixed_dictionaries({"memoId": ANY_TEXT, "content": ANY_TEXT, "similarity": st.floats(width=32)}),
            max_size=3,
        ),
    ),
}


UNHURRIED: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@hypothesis_settings(max_examples=2, phases=[Phase.generate], **UNHURRIED)
@given(data=st.data(), version=st.integers(1, 16))
async def test_no_row_is_lost_whatever_it_holds(
    data: st.DataObject, version: int, installed: MakeSettings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await move_anything(data, version, installed, tmp_path_factory)


@pytest.mark.long
@hypothesis_settings(max_examples=100, **UNHURRIED)
@given(data=st.data(), version=st.integers(1, 16))
async def test_no_row_is_lost_in_a_hundred_sources(
    data: st.DataObject, version: int, installed: MakeSettings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await move_anything(data, version, installed, tmp_path_factory)


async def move_anything(
    data: st.DataObject, version: int, installed: MakeSettings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    rows = plain_rows(random.Random(version), ROWS)
    for _ in range(60):
        name = data.draw(
            st.sampled_from([n for n in TABLES if n not in ("embedding_cache", "multimodal_embedding_cache")])
        )
        if not rows[name]:
            continue
        row = data.draw(st.sampled_from(rows[name]))
        kinds = {c: k for c, (k, _) in TABLES[name][1].items() if k in BY_TYPE}
        column = data.draw(st.sampled_from(sorted(kinds)))
        row[column] = data.draw(BY_TYPE[kinds[column]])
    for name in ("memos", "tags", "users"):
        rows[name].append(dict(data.draw(st.sampled_from(rows[name]))))
    write(folder / "old", rows, version=version)
    report = await move(installed(aimo_data_dir=folder / "data"), folder / "old", model="m")
    assert_accounted(report, rows)
    assert report.state == "validated", report.content["verification"]["mismatches"][:5]
