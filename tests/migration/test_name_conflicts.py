"""A name, an e-mail or a day goes to a row that arrives; a row that is kept aside takes it from nobody."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
import pytest

from aimo.config import Settings
from aimo.legacy.copy.row_copier import RowCopier
from aimo.legacy.row_outcomes import QuarantineReason

from .source_builder import MOMENT, array, ident, plain_rows, write
from .support import MakeSettings, assert_accounted, move, reasons, table

T = {"createdAt": MOMENT, "updatedAt": MOMENT}
U0 = ident("u", 0)


def run(target: Settings, *statements: str) -> None:
    with sqlite3.connect(target.sqlite_path) as connection:
        for statement in statements:
            connection.execute(statement)


def rows_of(target: Settings, statement: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(target.sqlite_path) as connection:
        return connection.execute(statement).fetchall()


@pytest.mark.parametrize("parts", [1, 40])
async def test_a_row_with_a_taken_key_does_not_reserve_its_name(
    parts: int, installed: MakeSettings, tmp_path: Path
) -> None:
    rows = plain_rows(random.Random(4), 20)
    rows["categories"] += [{"categoryId": "c-1", "uid": U0, "name": "Garden"} | T]
    rows["categories"] += [{"categoryId": "c-2", "uid": U0, "name": "garden"} | T]
    rows["tags"] += [{"tagId": f"t-{i}", "uid": U0, "name": "Green", "usageCount": 0} | T for i in (1, 2)]
    rows["daily_recommendations"] += [
        {"recommendationId": f"rec-{i}", "uid": U0, "date": "1999-01-01", "memoIds": ["m"], "createdAt": MOMENT + i}
        for i in (1, 2)
    ]
    write(tmp_path / "old", rows, parts=parts)
    target = installed()
    await move(target, tmp_path / "old", tables=("users",))
    run(
        target,
        f"INSERT INTO categories (category_id, uid, name, name_key, seq) VALUES ('c-1', '{U0}', 'mine', 'mine', 1)",
        f"INSERT INTO tags (tag_id, uid, name, name_key, seq, usage_count) VALUES ('t-1', '{U0}', 'my', 'my', 1, 0)",
    )
    report = await move(target, tmp_path / "old", batch=1 if parts > 1 else 100)
    assert_accounted(report, rows)
    assert reasons(report) == {"c-1": QuarantineReason.KEY_TAKEN, "t-1": QuarantineReason.KEY_TAKEN}
    assert report.exit_code == 3, report.content["verification"]["mismatches"]
    assert rows_of(target, "SELECT name FROM categories WHERE category_id = 'c-2'") == [("garden",)]
    assert rows_of(target, "SELECT name FROM tags WHERE tag_id = 't-2'") == [("Green",)]
    assert [one["key"] for one in table(report, "daily_recommendations")["merged_rows"]] == ["rec-1"]


async def test_what_the_database_refuses_leaves_its_name_to_the_next(installed: MakeSettings, tmp_path: Path) -> None:
    rows = plain_rows(random.Random(4), 20)
    rows["categories"] += [{"categoryId": f"c-{i}", "uid": U0, "name": "Garden"} | T for i in (1, 2)]
    write(tmp_path / "old", rows)
    target = installed()
    await move(target, tmp_path / "old", tables=("users",))
    run(
        target,
        "CREATE TRIGGER refuse BEFORE INSERT ON categories WHEN new.category_id = 'c-1' "
        "BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    )
    report = await move(target, tmp_path / "old")
    assert_accounted(report, rows)
    assert reasons(report) == {"c-1": QuarantineReason.REFUSED}
    assert rows_of(target, "SELECT name FROM categories WHERE category_id = 'c-2'") == [("Garden",)]


async def test_an_account_that_cannot_arrive_takes_no_email(installed: MakeSettings, tmp_path: Path) -> None:
    rows = plain_rows(random.Random(5), 20)
    user = {"email": "a@x", "password": "x", "salt": "x", "status": 1} | T
    rows["users"] += [user | {"uid": "too-old", "createdAt": -(10**15)}, user | {"uid": "too-long", "phone": "1" * 300}]
    rows["users"] += [user | {"uid": "good"}, user | {"uid": "younger", "createdAt": MOMENT + 1}]
    # A list that cannot be read counts for nothing, however new it is.
    day = {"uid": U0, "date": "1999-01-01", "memoIds": ["m"]}
    rows["daily_recommendations"] += [
        day | {"recommendationId": "rec-bad", "createdAt": 10**15},
        day | {"recommendationId": "rec-good", "createdAt": MOMENT},
    ]
    write(tmp_path / "old", rows)
    target = installed()
    report = await move(target, tmp_path / "old")
    assert_accounted(report, rows)
    assert reasons(report)["too-old"] == reasons(report)["rec-bad"] == QuarantineReason.TIME_OUT_OF_RANGE
    emails = dict(rows_of(target, "SELECT uid, email FROM users WHERE uid IN ('good', 'younger', 'too-long')"))
    holders = [uid for uid, email in emails.items() if email == "a@x"]
    assert holders == ["too-long" if "too-long" in emails else "good"]
    assert emails["younger"] is None
    assert rows_of(target, "SELECT recommendation_id FROM daily_recommendations WHERE date = '1999-01-01'") == [
        ("rec-good",)
    ]


async def test_a_name_that_was_given_up_is_free(installed: MakeSettings, tmp_path: Path) -> None:
    rows = plain_rows(random.Random(6), 20)
    write(tmp_path / "old", rows)
    target = installed()
    assert (await move(target, tmp_path / "old")).exit_code == 0
    source = lancedb.connect(tmp_path / "old")
    categories, users = source.open_table("categories"), source.open_table("users")
    categories.update(where=f"categoryId = '{ident('c', 0)}'", values={"name": "renamed"})
    users.update(where=f"uid = '{U0}'", values={"email": "moved@x"})
    new: list[tuple[Any, dict[str, Any]]] = [
        (categories, rows["categories"][0] | {"categoryId": "c-new"}),
        (users, rows["users"][0] | {"uid": "u-new"}),
    ]
    for handle, row in new:
        handle.add([row | {"createdAt": None, "updatedAt": None}])
        handle.update(
            where=f"{next(iter(row))} LIKE '%-new'",
            values_sql=dict.fromkeys(T, f"arrow_cast({MOMENT}, 'Timestamp(Millisecond, None)')"),
        )
    report = await move(target, tmp_path / "old")
    assert report.exit_code == 0, report.content["verification"]["mismatches"]
    assert rows_of(target, "SELECT name FROM categories WHERE category_id = 'c-new'") == [("Category 0",)]
    emails = dict(rows_of(target, f"SELECT uid, email FROM users WHERE uid IN ('u-new', '{U0}')"))
    assert emails == {U0: "moved@x", "u-new": "User0@example.test"}


def add(source: Any, name: str, row: dict[str, Any]) -> None:
    """A new row of the source, in front of those that change after it."""
    handle = source.open_table(name)
    handle.add(pa.table([array(f.type, [row.get(f.name)]) for f in handle.schema], schema=handle.schema))


def rename(source: Any, of: str, row_id: str, **values: Any) -> None:
    """Other values for a row of the source, which moves behind all others."""
    handle = source.open_table(of)
    handle.update(where=f"{handle.schema.names[0]} = '{row_id}'", values=values)


def take_names(source: Any, rows: dict[str, list[dict[str, Any]]]) -> None:
    """New rows have the names and the e-mail of others, and those others have new ones and stand behind."""
    add(source, "categories", rows["categories"][0] | {"categoryId": "c-new"})
    add(source, "tags", rows["tags"][0] | {"tagId": "t-new"})
    add(source, "users", rows["users"][0] | {"uid": "u-new"})
    add(source, "memos", rows["memos"][0] | {"memoId": "m-new", "tagIds": ["t-new"], "categoryId": "c-new"})
    rename(source, "categories", ident("c", 0), name="old category")
    rename(source, "tags", ident("t", 0), name="old tag")
    rename(source, "users", U0, email="moved@x")


async def test_a_released_name_can_be_taken_by_an_earlier_row(installed: MakeSettings, tmp_path: Path) -> None:
    rows = plain_rows(random.Random(6), 20)
    write(tmp_path / "old", rows)
    target = installed()
    assert (await move(target, tmp_path / "old")).exit_code == 0
    take_names(lancedb.connect(tmp_path / "old"), rows)
    rehearsed = await move(target, tmp_path / "old", dry_run=True)
    report = await move(target, tmp_path / "old")
    assert report.exit_code == 0, report.content["verification"]["mismatches"]
    assert rehearsed.content["tables"] == report.content["tables"]
    for name in ("users", "categories", "tags"):
        counts = table(report, name)
        assert (counts["updated"], counts["merged"]) == (1, 0), name
    assert dict(rows_of(target, f"SELECT uid, email FROM users WHERE uid IN ('u-new', '{U0}')")) == {
        U0: "moved@x",
        "u-new": "User0@example.test",
    }
    names = "SELECT tag_id, name FROM tags UNION SELECT category_id, name FROM categories"
    assert {
        ident("t", 0): "old tag",
        "t-new": "标签 0",
        ident("c", 0): "old category",
        "c-new": "Category 0",
    }.items() <= dict(rows_of(target, names)).items()
    assert rows_of(target, "SELECT tag_id FROM memo_tags WHERE memo_id = 'm-new'") == [("t-new",)]
    assert rows_of(target, "SELECT category_id FROM memos WHERE memo_id = 'm-new'") == [("c-new",)]


async def test_a_run_killed_once_names_were_given_up_goes_on(
    installed: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = plain_rows(random.Random(6), 20)
    write(tmp_path / "old", rows)
    target = installed()
    assert (await move(target, tmp_path / "old")).exit_code == 0
    take_names(lancedb.connect(tmp_path / "old"), rows)

    async def stop(self: RowCopier, progress: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(RowCopier, "copy", stop)
        with pytest.raises(asyncio.CancelledError):
            await move(target, tmp_path / "old")
    assert rows_of(target, f"SELECT email FROM users WHERE uid = '{U0}'") == [("moved@x",)]
    report = await move(target, tmp_path / "old")
    assert report.exit_code == 0, report.content["verification"]["mismatches"]
    assert rows_of(target, "SELECT email FROM users WHERE uid = 'u-new'") == [("User0@example.test",)]


async def test_swapped_and_rotated_names_are_migrated(
    database: dict[str, str], installed: MakeSettings, tmp_path: Path
) -> None:
    rows = plain_rows(random.Random(6), 20)
    for row in rows["tags"]:
        row["uid"] = U0
    write(tmp_path / "old", rows)
    target = installed(**{name.lower(): value for name, value in database.items()})
    assert (await move(target, tmp_path / "old")).exit_code == 0
    source = lancedb.connect(tmp_path / "old")
    for number, name in ((0, "标签 1"), (1, "标签 0"), (2, "标签 3"), (3, "标签 4"), (4, "last")):
        rename(source, "tags", ident("t", number), name=name)
    for number in (0, 1):
        rename(source, "users", ident("u", number), email=f"User{1 - number}@example.test")
    report = await move(target, tmp_path / "old")
    # A validated report without merges and changed e-mails says that they are as they are in the source.
    assert report.exit_code == 0, report.content["verification"]["mismatches"]
    assert (table(report, "tags")["updated"], table(report, "tags")["merged"]) == (5, 0)
    assert (table(report, "users")["updated"], table(report, "users")["changes"]) == (2, {})


async def test_a_row_waits_in_quarantine_for_a_name_that_cannot_be_released_yet(
    installed: MakeSettings, tmp_path: Path
) -> None:
    rows = plain_rows(random.Random(6), 20)
    write(tmp_path / "old", rows)
    target = installed()
    assert (await move(target, tmp_path / "old")).exit_code == 0
    run(target, f"UPDATE users SET nickname = 'touched' WHERE uid = '{U0}'")
    source = lancedb.connect(tmp_path / "old")
    add(source, "users", rows["users"][0] | {"uid": "u-new"})
    add(source, "categories", rows["categories"][0] | {"uid": "u-new", "categoryId": "c-new"})
    rename(source, "users", U0, email="moved@x")
    report = await move(target, tmp_path / "old")
    assert report.exit_code == 3, report.content["verification"]["mismatches"]
    assert reasons(report) == {
        U0: QuarantineReason.CHANGED_ON_BOTH_SIDES,
        "u-new": QuarantineReason.KEY_TAKEN,
        "c-new": QuarantineReason.OWNER_MISSING,
    }
    run(target, f"UPDATE users SET email = 'moved@x', email_key = 'moved@x' WHERE uid = '{U0}'")
    rename(source, "users", ident("u", 1), nickname="any change of the source")
    later = await move(target, tmp_path / "old")
    assert reasons(later) == {U0: QuarantineReason.CHANGED_ON_BOTH_SIDES}
    assert rows_of(target, "SELECT email FROM users WHERE uid = 'u-new'") == [("User0@example.test",)]
    assert rows_of(target, "SELECT uid FROM categories WHERE category_id = 'c-new'") == [("u-new",)]
