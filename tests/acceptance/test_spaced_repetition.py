"""Memos come back for review: cards, rules and settings, as clients of newer releases use them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from tests.support.client import Client
from tests.support.mariadb import MariaDB
from tests.support.server import Server
from tests.support.stub import Stub

LONG = "first line " * 10 + "\nrest " + "字" * 300


class Running:
    """A server, and its database."""

    def __init__(self, server: Server, mariadb: MariaDB | None, name: str) -> None:
        self.client = server.client
        self._path = server.data_dir / "aimo.db"
        self._mariadb = mariadb
        self._name = name

    def execute(self, statement: str) -> list[Any]:
        """Run a statement behind the server's back."""
        if self._mariadb:
            return list(self._mariadb.execute(statement, database=self._name))
        with closing(sqlite3.connect(self._path, timeout=10)) as connection, connection:
            return connection.execute(statement).fetchall()


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def running(
    request: pytest.FixtureRequest,
    module_server: Callable[..., Server],
    module_stub: Stub,
    shared_database: Callable[[str], dict[str, str]],
) -> Running:
    mariadb = request.getfixturevalue("mariadb") if request.param == "mysql" else None
    database = shared_database(request.param)
    server = module_server(**database, **module_stub.settings(), LOCALE_TIMEZONE="Asia/Shanghai")
    return Running(server, mariadb, database.get("MYSQL_DATABASE", ""))


@pytest.fixture
def alice(running: Running) -> Client:
    return running.client().register()


def write(client: Client, content: str, **rest: object) -> str:
    memo_id: str = client.post("/memos", {"content": content, **rest}).data["memo"]["memoId"]
    return memo_id


def call(client: Client, method: str, path: str, body: object = None) -> Any:
    return client.request(method, f"/spaced-repetition{path}", body).data


def total(client: Client) -> int:
    cards: int = call(client, "GET", "/stats")["totalCards"]
    return cards


def rule(client: Client, mode: str, kind: str, value: str) -> dict[str, Any]:
    made: dict[str, Any] = call(client, "POST", "/rules", {"mode": mode, "filterType": kind, "filterValue": value})[
        "rule"
    ]
    return made


def test_settings_are_checked_and_kept(alice: Client) -> None:
    assert call(alice, "GET", "/settings") == {"srEnabled": False, "srDailyLimit": 5}
    assert call(alice, "PUT", "/settings", {"srDailyLimit": "7"}) == {"srEnabled": False, "srDailyLimit": 7}
    assert call(alice, "PUT", "/settings", {"srEnabled": True}) == {"srEnabled": True, "srDailyLimit": 7}
    assert call(alice, "PUT", "/settings", {"other": 1}) == {"srEnabled": True, "srDailyLimit": 7}
    limits: tuple[object, ...] = (0, 101, 1.5, None, "abc", True, [], "", 1e300)
    for wrong in limits:
        answer = alice.put("/spaced-repetition/settings", {"srDailyLimit": wrong})
        assert (answer.code, answer.message) == (2, "srDailyLimit must be an integer between 1 and 100"), wrong
    for switch in ("false", None, 1):
        assert alice.put("/spaced-repetition/settings", {"srEnabled": switch}).code == 2
    assert call(alice, "GET", "/settings") == {"srEnabled": True, "srDailyLimit": 7}


def test_every_memo_has_one_card_that_the_trash_hides(alice: Client) -> None:
    memo = write(alice, "remember me")
    assert (total(alice), call(alice, "GET", "/due")["totalDue"]) == (1, 0)
    alice.delete(f"/memos/{memo}")
    assert total(alice) == 0
    alice.post(f"/trash/{memo}/restore")
    assert total(alice) == 1
    assert call(alice, "POST", "/import-existing") == {"imported": 0, "skipped": 1}
    alice.delete(f"/memos/{memo}")
    alice.delete(f"/trash/{memo}")
    assert total(alice) == 0


def test_rules_hold_at_once_and_lose_nothing(alice: Client) -> None:
    category = alice.post("/categories", {"name": "Work"}).data["category"]["categoryId"]
    write(alice, "work", categoryId=category, tags=["Keep"])
    write(alice, "tagged", tags=["keep"])
    write(alice, "plain")
    assert total(alice) == 3
    only = rule(alice, "include", "tag", "KEEP")
    assert only["filterValue"] == "Keep"
    assert set(only) == {"ruleId", "userId", "mode", "filterType", "filterValue", "createdAt"}
    assert total(alice) == 2
    out = rule(alice, "exclude", "category", "work")
    assert out["filterValue"] == category
    assert total(alice) == 1
    assert rule(alice, "exclude", "category", category)["ruleId"] == out["ruleId"]
    assert [each["ruleId"] for each in call(alice, "GET", "/rules")["rules"]] == [only["ruleId"], out["ruleId"]]
    tag = next(each for each in alice.get("/tags").data["tags"] if each["name"] == "Keep")["tagId"]
    alice.put(f"/tags/{tag}", {"name": "Renamed"})
    assert total(alice) == 1
    assert call(alice, "GET", "/rules")["rules"][0]["filterValue"] == "Renamed"
    assert call(alice, "DELETE", f"/rules/{out['ruleId']}") == {"message": "Rule deleted successfully"}
    assert total(alice) == 2
    alice.delete(f"/tags/{tag}")
    assert call(alice, "GET", "/rules")["rules"] == []
    assert total(alice) == 3
    # A rule may name what is made later.
    rule(alice, "include", "tag", "later")
    assert total(alice) == 0
    write(alice, "now", tags=["Later"])
    assert total(alice) == 1


def test_rules_are_checked_in_order(alice: Client, running: Running) -> None:
    for body, message in (
        ({}, 'mode must be "include" or "exclude"'),
        ({"mode": "include"}, 'filterType must be "category" or "tag"'),
        (
            {"mode": "include", "filterType": "recent_days", "filterValue": "7"},
            'filterType must be "category" or "tag"',
        ),
        ({"mode": "include", "filterType": "tag"}, "filterValue is required"),
        ({"mode": "include", "filterType": "tag", "filterValue": "  "}, "filterValue is required"),
    ):
        answer = alice.post("/spaced-repetition/rules", body)
        assert (answer.code, answer.message) == (2, message)
    for value in (7, "x" * 256, ["a"]):
        named = {"mode": "include", "filterType": "tag", "filterValue": value}
        assert alice.post("/spaced-repetition/rules", named).code == 2
    made = rule(alice, "include", "tag", "mine")
    stranger = running.client().register()
    for client, rule_id in ((stranger, made["ruleId"]), (alice, "unknown"), (alice, "é")):
        answer = client.delete(f"/spaced-repetition/rules/{rule_id}")
        assert (answer.code, answer.message) == (3, "Rule not found")


def test_a_due_card_is_shown_reviewed_and_gone(alice: Client, running: Running) -> None:
    for content in (LONG, "second", "third"):
        write(alice, content)
    running.execute("UPDATE spaced_repetition_cards SET next_review_at = '2020-01-01 00:00:00.000'")
    call(alice, "PUT", "/settings", {"srDailyLimit": 2})
    due = call(alice, "GET", "/due")
    assert (len(due["cards"]), due["totalDue"], due["dailyLimit"]) == (2, 3, 2)
    first = due["cards"][0]
    assert first["memo"]["title"] == ("first line " * 10)[:50] + "..."
    assert first["memo"]["content"] == LONG[:200]
    assert first["memo"]["id"] == first["memoId"]
    assert (first["easeFactor"], first["interval"], first["repetitions"], first["lapseCount"]) == (2.5, 1, 0, 0)
    assert first["nextReviewAt"] == "2020-01-01T00:00:00.000Z"
    review = f"/cards/{first['cardId']}/review"
    assert call(alice, "POST", review, {"quality": "skip"})["card"]["lastReviewAt"] is None
    card = call(alice, "POST", review, {"quality": "mastered"})["card"]
    assert (card["easeFactor"], card["interval"], card["repetitions"], card["lapseCount"]) == (2.6, 1, 1, 0)
    assert card["lastReviewAt"] < card["nextReviewAt"]
    assert set(card) == {
        *("cardId", "userId", "memoId", "easeFactor", "interval", "repetitions", "lapseCount", "nextReviewAt"),
        *("lastReviewAt", "createdAt"),
    }
    assert call(alice, "GET", "/due")["totalDue"] == 2
    for quality in ("good", None, 5, ""):
        answer = alice.post(f"/spaced-repetition{review}", {"quality": quality})
        assert answer.message == "quality must be one of: mastered, remembered, fuzzy, forgot, skip"
    stranger = running.client().register()
    for client, named in ((stranger, first["cardId"]), (alice, "unknown")):
        answer = client.post(f"/spaced-repetition/cards/{named}/review", {"quality": "fuzzy"})
        assert (answer.code, answer.message) == (3, "Card not found")


def test_earlier_memos_get_their_cards_in_one_go(alice: Client, running: Running) -> None:
    for number in range(5):
        write(alice, f"memo {number}", tags=["out"] if number < 2 else [])
    running.execute(f"DELETE FROM spaced_repetition_cards WHERE uid = '{alice.uid}'")
    rule(alice, "exclude", "tag", "out")
    assert call(alice, "POST", "/import-existing") == {"imported": 3, "skipped": 2}
    assert call(alice, "POST", "/import-existing") == {"imported": 0, "skipped": 5}
    (moment,) = {
        str(row[0])
        for row in running.execute(
            f"SELECT DISTINCT next_review_at FROM spaced_repetition_cards WHERE uid = '{alice.uid}'"
        )
    }
    assert moment.startswith("20")


def test_rules_of_times_from_a_migrated_database_are_evaluated(alice: Client, running: Running) -> None:
    write(alice, "old", createdAt=1_600_000_000_000)
    write(alice, "new")
    for number, (mode, kind, value) in enumerate(
        [
            ("include", "recent_days", "30"),
            ("include", "date_range", "2020-09-01,2020-09-30"),
            ("exclude", "date_range", "junk"),
        ]
    ):
        running.execute(
            "INSERT INTO spaced_repetition_rules (rule_id, uid, mode, filter_type, filter_value, seq) "
            f"VALUES ('r{alice.uid}{number}', '{alice.uid}', '{mode}', '{kind}', '{value}', {number})"
        )
    assert total(alice) == 2
    running.execute(f"DELETE FROM spaced_repetition_rules WHERE rule_id = 'r{alice.uid}1'")
    assert total(alice) == 1
