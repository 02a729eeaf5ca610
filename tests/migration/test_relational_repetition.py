"""Cards, rules and notifications of release 0.9.5 that mean something arrive; the others are told."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.support.mariadb import MariaDB

from .support import MakeSettings, address_of, load_dump, move, reasons, settings_for, table, unpack

LI = "ufbgz3b359ir5nk9ql8nulh3"


async def test_what_is_wrong_with_repetition_is_told_and_the_rest_arrives(
    mariadb: MariaDB, settings: MakeSettings, tmp_path: Path
) -> None:
    old = unpack("release-0.9.5", tmp_path)
    source = load_dump(mariadb, old.folder)
    memos, anna, name = old.manifest["memos"], old.manifest["users"][1]["uid"], source["MYSQL_DATABASE"]

    def change(statement: str, *values: object) -> None:
        mariadb.execute(statement, *values, database=name)

    change("UPDATE spaced_repetition_cards SET last_review_at = '2026-11-27 16:00:00' WHERE card_id LIKE 'ridouble%%'")
    change("UPDATE spaced_repetition_cards SET user_id = %s WHERE card_id LIKE 'ri05%%'", anna)
    change("UPDATE users SET sr_daily_limit = 0 WHERE uid = %s", LI)
    change("INSERT INTO categories (category_id, uid, name, created_at) VALUES ('csame', %s, '工作', '2026-11-28')", LI)
    for number, (kind, value) in enumerate(
        [
            ("category", "csame"),
            ("category", "cnone"),
            ("tag", "double"),
            ("recent_days", "30"),
            ("date_range", "2026-01-01,"),
        ]
    ):
        change(
            "INSERT INTO spaced_repetition_rules VALUES (%s, %s, 'exclude', %s, %s, '2026-11-28')",
            *(f"srr{number}", LI, kind, value),
        )
    for number in range(60):
        change(
            "INSERT INTO in_app_notifications VALUES (%s, %s, 'spaced_repetition', 't', 'b', %s, 0, '2026-11-28')",
            *(f"n{number:02}", LI, memos["plain"]),
        )
    values = settings_for(tmp_path / "data", {}, 384) | {"AIMO_SOURCE_PASSWORD": source["MYSQL_PASSWORD"]}
    target = settings(**values)
    options = {"vectors": str(old.lancedb), "source_zone": "UTC"}
    report = await move(target, address_of(source), **options)
    assert report.state == "validated", report.content["verification"]
    why = reasons(report)
    assert why["ri05dxogv7i5ozhumojbtcdv2"] == "target_foreign"
    assert why["srr1"] == "target_missing"
    assert [key for key, reason in why.items() if reason == "not_among_newest"] == [
        *(f"notif{number:023}" for number in range(3)),
        *(f"n{number:02}" for number in range(10)),
    ]
    [double] = table(report, "spaced_repetition_cards")["merged_rows"]
    assert double["into"] == "ridouble000000000000000", "it was reviewed last"
    assert table(report, "users")["changes"] == {"sr_daily_limit: out_of_range": 1}
    with sqlite3.connect(target.sqlite_path) as connection:
        rules = {
            key: (value, category, tag)
            for key, value, category, tag in connection.execute(
                "SELECT rule_id, filter_value, category_id, t.name FROM spaced_repetition_rules "
                "LEFT JOIN tags AS t USING (tag_id) WHERE rule_id < 'srr9'"
            )
        }
        [limit] = connection.execute("SELECT sr_daily_limit FROM users WHERE uid = ?", (LI,))
        connection.execute("UPDATE spaced_repetition_cards SET lapse_count = 9 WHERE card_id LIKE 'ri0n%'")
    assert limit == (5,)
    assert rules["srr0"] == ("csame", "c6hd2r7k03zpm8vmwfqjf54z", None)
    assert rules["srr2"][2].lower() == "double"
    assert rules["srr3"] == ("30", None, None)
    assert rules["srr4"] == ("2026-01-01,", None, None)
    damaged = await move(target, address_of(source), verify_only=True, **options)
    assert [one["key"] for one in damaged.content["verification"]["mismatches"]] == ["ri0nqfcr7titbgh0euzhfr4s2"]
