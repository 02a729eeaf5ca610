"""What the contract says of requests that the recordings do not hold: odd values, and which check comes first."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from tests.support.client import Client
from tests.support.server import Server
from tests.support.stub import Stub

TEXT = "The budget meeting is on Friday"
RULE: dict[str, Any] = {
    "name": " Morning ",
    "pushTime": 8,
    "contentType": "daily_pick",
    "channels": [{"type": "meow", "nickname": "al"}],
}


@pytest.fixture(scope="module")
def running(module_server: Callable[..., Server], module_stub: Stub) -> Server:
    keys = {"ZHIPU_API_KEY": "z", "FUN_ASR_API_KEY": "f", "BA_AUTH_ENABLED": "true", "BA_AUTH_TOKEN": "machine"}
    return module_server(**module_stub.settings(), **keys)


@pytest.fixture(scope="module")
def alice(running: Server) -> Client:
    user = running.user()
    for number in range(7):
        assert user.post("/memos", {"content": f"{TEXT} {number}"}).code == 0
    return user


@pytest.mark.parametrize(
    ("limit", "count"),
    [(None, 5), (0, 5), ("", 5), ("abc", 5), (2, 2), ("2", 2), ("0x2", 2), (2.9, 2), (-1, 0), (1e300, 7)],
)
def test_quick_search_takes_any_limit(alice: Client, limit: object, count: int) -> None:
    found = alice.post("/explore/quick-search", {"query": TEXT, "limit": limit}).data
    assert found["total"] == len(found["items"]) == count


@pytest.mark.parametrize("query", [7, ["a"], [], {}, True])
def test_quick_search_fails_for_what_is_no_text(alice: Client, query: object) -> None:
    answer = alice.post("/explore/quick-search", {"query": query})
    assert (answer.code, answer.message) == (1, "Search failed")


@pytest.mark.parametrize("query", ["", "  ", None, 0, False])
def test_quick_search_wants_a_query(alice: Client, query: object) -> None:
    answer = alice.post("/explore/quick-search", {"query": query})
    assert (answer.code, answer.message) == (2, "Query is required")


def test_the_graph_reads_its_memo_from_the_query_first(alice: Client) -> None:
    first, second = (memo["memoId"] for memo in alice.get("/memos", limit=2).data["items"])
    graph = alice.get(f"/explore/relations/{first}", memoId=second).data["graph"]
    assert graph["centerMemoId"] == second
    refused = alice.get(f"/explore/relations/{first}", includeBacklinks="maybe")
    assert (refused.status, refused.envelope["status"]) == (400, "error")
    missing = alice.get("/explore/relations/m00000000000000000000000")
    assert (missing.code, missing.message) == (1, "Failed to get relationship graph: Memo not found")


@pytest.mark.parametrize(("title", "stored"), [(None, "新对话"), ("", "新对话"), ("  ", "  "), (" x ", " x ")])
def test_titles_are_stored_as_they_are(alice: Client, title: object, stored: str) -> None:
    made = alice.post("/explore/conversations", {"title": title}).data["conversation"]
    assert made["title"] == stored
    renamed = alice.put(f"/explore/conversations/{made['conversationId']}", {"title": title})
    assert renamed.code == 0 if stored.strip() and title else renamed.message == "Title is required"


def test_messages_are_checked_in_the_order_of_the_contract(alice: Client) -> None:
    path = "/explore/conversations/conv00000000000000000000000/messages"
    for body, code, text in [
        ({}, 2, "Valid role is required (user or assistant)"),
        ({"role": "system", "content": ""}, 2, "Valid role is required (user or assistant)"),
        ({"role": "user"}, 2, "Content is required"),
        ({"role": "user", "content": " "}, 2, "Content is required"),
        ({"role": "user", "content": "x"}, 3, "Conversation not found"),
    ]:
        answer = alice.post(path, body)
        assert (answer.code, answer.message) == (code, text), body


@pytest.mark.parametrize(("days", "back"), [("0", 1), ("-5", 1), ("1000", 365), ("1e1", 10), ("0x2", 2)])
def test_activity_looks_back_one_to_365_days(alice: Client, days: str, back: int) -> None:
    told = alice.get("/insights/activity", days=days).data
    assert (date.fromisoformat(told["endDate"]) - date.fromisoformat(told["startDate"])).days == back


@pytest.mark.parametrize("days", ["", "abc", "null", "true"])
def test_activity_wants_a_number(alice: Client, days: str) -> None:
    refused = alice.get("/insights/activity", days=days)
    text = f'Given parameter days is invalid. Value ("{days}") cannot be parsed into number.'
    assert (refused.status, refused.envelope) == (400, {"status": "error", "message": text})


def test_rules_are_checked_in_the_order_of_the_contract(alice: Client) -> None:
    texts = [
        "Push rule name is required",
        "Push time must be between 0 and 23",
        "Content type must be daily_pick or daily_memos",
        "At least one channel is required",
    ]
    for number, text in enumerate(texts):
        body = dict(list(RULE.items())[:number])
        answer = alice.post("/push-rules", body)
        assert (answer.code, answer.message) == (2, text), body


@pytest.mark.parametrize("channel", [{}, None, "meow", {"type": None}])
def test_a_channel_without_a_type_is_told_so(alice: Client, channel: object) -> None:
    made = alice.post("/push-rules", RULE | {"channels": [channel]}).data["pushRule"]
    answer = alice.post(f"/push-rules/{made['id']}/test")
    assert answer.code == 2000
    assert answer.message == f"Unsupported channel type: {'null' if channel == {'type': None} else 'undefined'}"


@pytest.mark.parametrize("memo_id", [None, "m1", 5, ["x"]])
def test_tag_suggestions_ignore_the_memo_id(alice: Client, memo_id: object) -> None:
    assert alice.post("/ai/generate-tags", {"content": TEXT, "memoId": memo_id}).data["tags"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "text"),
    [
        ("/ocr/parse", {}, 200, 2, "At least one file is required"),
        ("/ocr/parse", {"files": ""}, 200, 2, "At least one file is required"),
        ("/ocr/parse-full", {"files": []}, 200, 2, "At least one file is required"),
        ("/ocr/parse", {"files": "x", "provider": "magic"}, 200, 1, "OCR provider 'magic' is not registered"),
        ("/asr/transcribe", {}, 202, 2, "At least one file URL is required"),
        ("/asr/transcribe-and-wait", {"fileUrls": []}, 202, 2, "At least one file URL is required"),
        ("/asr/transcribe", {"fileUrls": ["x"]}, 202, 1, "Invalid file URL: x"),
        (
            "/asr/transcribe",
            {"fileUrls": ["ftp://h/x"]},
            202,
            1,
            'Unsupported file URL protocol "ftp:". Only HTTP/HTTPS or OSS URLs are allowed.',
        ),
        (
            "/asr/transcribe",
            {"fileUrls": ["oss://b/k"] * 101},
            202,
            1,
            "At most 100 file URLs are supported per request",
        ),
    ],
)
def test_recognition_names_what_is_missing(
    alice: Client, path: str, body: dict[str, Any], status: int, code: int, text: str
) -> None:
    answer = alice.post(path, body)
    assert (answer.status, answer.code, answer.message) == (status, code, text)


def test_the_table_viewer_checks_the_table_then_the_page(running: Server) -> None:
    machine = running.client()
    machine.token = "machine"
    for asked, code, text in [
        ({"page": "0"}, 2, "Table name is required"),
        ({"table": "memos", "page": "0"}, 2, "Page must be >= 1"),
        ({"table": "memos", "pageSize": "0"}, 2, "PageSize must be between 1 and 1000"),
        ({"table": "memos", "pageSize": "1001"}, 2, "PageSize must be between 1 and 1000"),
    ]:
        answer = machine.get("/debug/ba/data", **asked)
        assert (answer.code, answer.message) == (code, text), asked
    unknown = machine.get("/debug/ba/schema", table="nope")
    assert unknown.code == 3
    assert (unknown.message or "").startswith("Table 'nope' not found or error: ")
    assert machine.get("/debug/ba/data", table="memos", page="abc").status == 400


def test_uploads_by_machines_name_their_user_first(running: Server, alice: Client) -> None:
    machine = running.client()
    machine.token = "machine"
    file = {"file": ("a.txt", b"x", "text/plain")}
    assert machine.post("/attachments/ba/upload", files=file).message == "User ID (uid) is required"
    unknown = machine.post("/attachments/ba/upload", files=file, params={"uid": "nobody"})
    assert (unknown.code, unknown.message) == (3, "User not found")
    kept = machine.post("/attachments/ba/upload", files=file, params={"uid": alice.uid}, data={"createdAt": "12abc"})
    assert kept.data["attachment"]["createdAt"] == 12


@pytest.mark.parametrize("password", [5, True, ["Passw0rd-test"], {}, [], "Passw0rd-tesT"])
def test_a_password_that_is_no_text_is_a_wrong_one(alice: Client, password: object) -> None:
    answer = alice.post("/auth/login", {"email": alice.email, "password": password})
    assert (answer.code, answer.message) == (1002, "密码错误")
    assert alice.post("/auth/login", {"email": "nobody", "password": password}).code == 1000
    changed = alice.post("/user/password", {"oldPassword": password, "newPassword": "another one"})
    assert (changed.code, changed.message) == (1002, "当前密码错误")


@pytest.mark.parametrize("missing", [None, "", 0, False])
def test_a_password_that_is_nothing_is_missing(alice: Client, missing: object) -> None:
    answer = alice.post("/auth/login", {"email": alice.email, "password": missing})
    assert (answer.code, answer.message) == (2, "Email and password are required")
    changed = alice.post("/user/password", {"oldPassword": alice.password, "newPassword": missing})
    assert (changed.code, changed.message) == (2, "请填写完整信息")


def test_a_new_password_that_is_no_text_changes_nothing(alice: Client) -> None:
    changed = alice.post("/user/password", {"oldPassword": alice.password, "newPassword": 1234567})
    assert (changed.code, changed.message) == (1002, "密码修改失败")
    assert alice.post("/auth/login", {"email": alice.email, "password": alice.password}).code == 0


def test_tags_that_are_no_list_are_refused_and_stay(alice: Client) -> None:
    memo = alice.post("/memos", {"content": TEXT, "tags": ["kept"]}).data["memo"]["memoId"]
    refused: dict[str, str] = {"tags": "Tags must be an array", "tagIds": "TagIds must be an array"}
    for name, told in refused.items():
        answer = alice.put(f"/memos/{memo}/tags", {name: {}})
        assert (answer.code, answer.message) == (2, told)
    assert [tag["name"] for tag in alice.get(f"/memos/{memo}").data["tags"]] == ["kept"]


def test_the_dates_of_a_vector_search_are_numbers_or_nothing(alice: Client) -> None:
    def found(**bounds: object) -> int:
        return int(alice.post("/memos/search/vector", {"query": TEXT, **bounds}).data["pagination"]["total"])

    everything = found()
    assert everything > 0
    for ignored in ("2023-01-01", "12abc", "x", "", "Infinity"):
        assert found(endDate=ignored) == everything
    assert found(endDate="9e12") == found(startDate="0x10") == found(startDate=None) == everything
    assert found(endDate="1000") == found(endDate=None) == found(startDate=9e12) == 0


@pytest.mark.parametrize("start", ["ba", "Ba", "bA", "BA"])
def test_attachment_ids_that_begin_with_ba_need_their_owners_token(running: Server, alice: Client, start: str) -> None:
    upload = {"file": ("x.txt", b"bytes", "text/plain")}
    made = alice.post("/attachments/upload", files=upload).data["attachment"]["attachmentId"]
    renamed = start + made[2:]
    with sqlite3.connect(running.data_dir / "aimo.db", timeout=10) as database:
        database.execute("UPDATE attachments SET attachment_id = ? WHERE attachment_id = ?", (renamed, made))
    database.close()
    path = f"/attachments/{renamed}"
    assert alice.get(path).data["attachmentId"] == renamed
    assert alice.get(f"{path}/download").content == b"bytes"
    assert alice.request("PATCH", f"{path}/properties", {"properties": {"a": 1}}).code == 0
    assert Client(running.url).get(path).status == 401
    assert alice.delete(path).code == 0


def test_names_that_look_the_same_are_one(running: Server) -> None:
    user = running.user()
    tags = ["Do\u00adnau", "ＤＯＮＡＵ", "donau\ufeff", "\u200b", "❤\ufe0f", "❤"]
    memo = user.post("/memos", {"content": "all of them", "tags": tags}).data["memo"]
    assert [(tag["name"], tag["usageCount"]) for tag in memo["tags"]] == [("Do\u00adnau", 1), ("❤\ufe0f", 1)]
    assert user.post("/tags", {"name": "donau"}).data["tag"]["tagId"] == memo["tags"][0]["tagId"]
    taken = user.put(f"/tags/{memo['tags'][1]['tagId']}", {"name": "D\u200donau"})
    assert (taken.code, taken.message) == (2, "Another tag has this name")
    found = user.post("/memos/search", {"query": "them", "tags": ["donau", "\u2060❤", "\u200b"]}).data
    assert [item["memoId"] for item in found["items"]] == [memo["memoId"]]

    category = user.post("/categories", {"name": "ﬁlms"}).data["category"]
    assert user.post("/categories", {"name": "Fil\u200cms"}).code == 3001
    named = user.post("/memos", {"content": "x", "categoryId": "FILMS"}).data["memo"]
    assert named["categoryId"] == category["categoryId"]


@pytest.mark.parametrize("blank", ["\u200b", "\ufeff \u00ad", "\u3164"])
def test_what_cannot_be_seen_is_no_name_and_no_query(alice: Client, blank: str) -> None:
    for path, message in (
        ("/tags", "Tag name is required"),
        ("/categories", "Category name cannot be empty"),
        ("/explore/quick-search", "Query is required"),
        ("/memos/search", "Query is required"),
        ("/memos/search/vector", "Query is required"),
    ):
        answer = alice.post(path, {"name": blank, "query": blank})
        assert (answer.code, answer.message) == (2, message), path
    everything = alice.get("/memos").data["pagination"]
    assert alice.get("/memos", search=blank).data["pagination"] == everything


def test_an_email_is_compared_as_it_is_typed(running: Server) -> None:
    user = running.user()
    for alike in (user.email.upper(), f"{user.email}\u200b", user.email.replace("@", "＠")):
        assert running.client().post("/auth/login", {"email": alike, "password": user.password}).code == 1000
    assert running.client().post("/auth/login", {"email": user.email, "password": user.password}).code == 0
