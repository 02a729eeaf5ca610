"""Users whose rows were in MySQL log in with their old passwords and tokens, and are answered as before."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.support import stub as stubs
from tests.support.client import plain_http
from tests.support.mariadb import MariaDB
from tests.support.server import Server
from tests.support.stub import Stub

from .dump_answers import differ, tidy
from .support import DATABASES, MakeSettings, address_of, load_dump, move, settings_for, unpack

NAME = "release-0.9.5"
JWT_SECRET = "the secret that the old server had"
# Of these, later rules of this server answer other things than the old one; cards are compared one by one.
ELSEWHERE = (
    "/api/v1/system",
    "/api/v1/insights",
    "/api/v1/spaced-repetition/due",
    "/api/v1/spaced-repetition/stats",
)
# What the old server answered wrong: counts of tags, text of relations, hosts of models.
LEFT_OUT = {"usageCount", "relations", "apiKey", "itemCount", "updatedAt"}

_LISTS = ("/api/v1/memos?limit=200&page=1/data/items", "/api/v1/memos?limit=200&sortBy=updatedAt/data/items")
_TAGS = ("tagIds", "tags")
MENDED = {
    # A tag that a memo named three times counts once; two tags of one name are one.
    *(f"{place}/{name}: 1 elements, was 3" for place in (f"{_LISTS[0]}/9", f"{_LISTS[1]}/35") for name in _TAGS),
    *(f"/api/v1/memos/m71noqu1dcw4vr06n9qkrroq/data/{name}: 1 elements, was 3" for name in _TAGS),
    "/api/v1/tags/data/tags: 10 elements, was 11",
    "/api/v1/tags/t9hldr9v95ohayrm2e9kruy5/code: 3, was 0",
    "/api/v1/tags/t9hldr9v95ohayrm2e9kruy5/data: missing",
    '/api/v1/tags/t9hldr9v95ohayrm2e9kruy5/msg: "资源不存在", was "操作成功"',
    # A category that never was, and one of somebody else.
    *(f"{place}/categoryId: missing" for place in (f"{_LISTS[0]}/12", f"{_LISTS[1]}/36")),
    "/api/v1/memos/m2zedbkf17t9ywz7ktkqitap/data/categoryId: missing",
    *(f"{place}/0/categoryId: missing" for place in _LISTS),
    "/api/v1/memos/mh3cq3rujtnzl0sanjni1ksd/data/categoryId: missing",
    # What a profile of an earlier release meant.
    "/api/v1/review/profiles/data/profiles/0/filterRules: 1 elements, was 0",
    # A rule goes with its tag, and a notification does not lead to a memo that is gone.
    "/api/v1/spaced-repetition/rules/data/rules: 2 elements, was 3",
    "/api/v1/notifications/data/notifications/2/memoId: missing",
}


def without(value: Any) -> Any:
    """An answer without what differs for a reason."""
    if isinstance(value, dict):
        return {key: without(item) for key, item in value.items() if key not in LEFT_OUT}
    return [without(item) for item in value] if isinstance(value, list) else value


async def test_everybody_is_answered_as_by_the_old_server(
    mariadb: MariaDB,
    mysql_database: dict[str, str],
    settings: MakeSettings,
    server: Callable[..., Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = unpack(NAME, tmp_path)
    source = load_dump(mariadb, old.folder)
    values = settings_for(tmp_path / "data", mysql_database, 384)
    values |= {"AIMO_SOURCE_PASSWORD": source["MYSQL_PASSWORD"], "JWT_SECRET": JWT_SECRET}
    options = {"vectors": str(old.lancedb), "source_zone": "UTC", "copy_files": str(old.attachments)}
    assert (await move(settings(**values), address_of(source), **options)).state == "validated"
    # Else whoever wants to be reminded is, and has more notifications than before.
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")
    target = mysql_database["MYSQL_DATABASE"]
    mariadb.execute("UPDATE users SET sr_reminded_on = %s", tomorrow, database=target)
    monkeypatch.setattr(stubs, "DIMENSIONS", 384)
    stub = Stub().start()
    try:
        running = server(
            **mysql_database, **stub.settings(), AIMO_DATA_DIR=str(tmp_path / "data"), JWT_SECRET=JWT_SECRET
        )
        wanted = json.loads(gzip.decompress((DATABASES / f"{NAME}.answers.json.gz").read_bytes()))
        compared, differences = 0, []
        for user in old.manifest["users"]:
            for path, want, got in answers(running, user, wanted[user["email"]]["GET"]):
                compared += 1
                differences += [f"{path}{line}" for line in differ(tidy(without(want)), tidy(without(got)), "", True)]
        compare_cards(running, old.manifest["users"][0], wanted)
        gone = old.manifest["deleted_user"]
        with plain_http(running.url) as client:
            refused = client.post("/api/v1/auth/login", json={"email": gone["email"], "password": gone["password"]})
        assert "token" not in (refused.json().get("data") or {})
    finally:
        stub.stop()
    assert compared > 100
    assert set(differences) == MENDED, "\n".join(sorted({*differences} ^ MENDED))


def compare_cards(server: Server, user: dict[str, str], wanted: dict[str, Any]) -> None:
    """Without rules, which hold at once here, the cards that were due are, as they were."""
    base = "/api/v1/spaced-repetition"
    recorded = wanted[user["email"]]["GET"][f"{base}/due"]["data"]["cards"]
    with plain_http(server.url, timeout=60) as client:
        headers = {"authorization": f"Bearer {token_of(user)}"}
        for rule in client.get(f"{base}/rules", headers=headers).json()["data"]["rules"]:
            assert client.delete(f"{base}/rules/{rule['ruleId']}", headers=headers).json()["code"] == 0
        assert client.put(f"{base}/settings", json={"srDailyLimit": 100}, headers=headers).json()["code"] == 0
        due = client.get(f"{base}/due", headers=headers).json()["data"]["cards"]
        assert client.get(f"{base}/stats", headers=headers).json()["data"]["totalCards"] == 43
    found = {card["cardId"]: card for card in due}
    assert len(recorded) == 7
    assert [found[card["cardId"]] for card in recorded] == recorded


def token_of(user: dict[str, str]) -> str:
    """A token as the old server gave it."""
    return jwt.encode({"uid": user["uid"], "iat": 1_771_000_000, "exp": 4_000_000_000}, JWT_SECRET, "HS256")


def answers(server: Server, user: dict[str, str], wanted: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    found = []
    with plain_http(server.url, timeout=60) as client:
        login = {"email": user["email"], "password": user["password"]}
        assert client.post("/api/v1/auth/login", json=login).json()["data"]["token"]
        token = token_of(user)
        for path, answer in wanted.items():
            if not path.startswith(ELSEWHERE):
                got = client.get(path, headers={"authorization": f"Bearer {token}"}).json()
                found.append((path, answer, got))
    return found
