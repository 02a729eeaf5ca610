"""What one request may bring, and how much one answer carries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aimo.config import Settings
from support.client import Client
from support.planting import SECRET, Plot, token
from support.server import Server

MIB = 1024 * 1024
LONG = "\u4e00" * 256


@pytest.fixture(scope="module")
def alice(module_server: Callable[..., Server]) -> Client:
    return module_server(MAX_MEMO_SIZE=str(MIB)).user()


def refused(reply: Any, *words: str) -> None:
    assert reply.code == 2, reply
    assert all(word in reply.envelope["msg"] for word in words), reply.envelope


def test_a_memo_has_a_largest_size_that_the_refusal_names(alice: Client) -> None:
    assert alice.post("/memos", {"content": "é" * (MIB // 2)}).code == 0
    refused(alice.post("/memos", {"content": "é" * (MIB // 2) + "x"}), str(MIB + 1), str(MIB))
    memo = alice.post("/memos", {"content": "small"}).data["memo"]["memoId"]
    refused(alice.put(f"/memos/{memo}", {"content": "x" * (MIB + 1)}), str(MIB))
    assert alice.get(f"/memos/{memo}").data["content"] == "small"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/tags", {"name": LONG}),
        ("post", "/categories", {"name": LONG}),
        ("put", "/user/info", {"nickname": LONG}),
        ("post", "/memos", {"content": "x", "tags": [LONG]}),
        (
            "post",
            "/push-rules",
            {"name": LONG, "pushTime": 8, "contentType": "daily_pick", "channels": [{"type": "meow"}]},
        ),
        ("post", "/explore/conversations", {"title": "x" * 1001}),
        ("post", "/memos/search", {"query": "x" * 10_001}),
        ("post", "/memos/search/vector", {"query": "x" * 10_001}),
        ("post", "/memos", {"content": "x", "tags": [str(number) for number in range(1001)]}),
    ],
)
def test_names_queries_and_lists_have_a_limit(
    alice: Client, method: str, path: str, body: dict[str, Any] | None
) -> None:
    refused(getattr(alice, method)(path, body), "than")
    assert alice.get("/tags").data["tags"] == []


def test_what_a_list_is_searched_for_has_a_limit(alice: Client) -> None:
    refused(alice.get("/memos", search="x" * 10_001), "10000")


@pytest.fixture
async def planted(
    server: Callable[..., Server], settings: Callable[..., Settings], database: dict[str, str], tmp_path: Path
) -> Client:
    """Give a user with forty memos of 1 MiB and one of 3 MiB, as an older release took them."""
    plot = Plot()
    uid = plot.user()
    for number in range(40):
        plot.memo(uid, f"{number:02d} " + "x" * (MIB - 3))
    plot.memo(uid, "large " + "x" * (3 * MIB))
    folder = tmp_path / "planted"
    await plot.plant_rows(settings(**database, aimo_data_dir=folder))
    running = server(**database, JWT_SECRET=SECRET, AIMO_DATA_DIR=str(folder))
    client = running.client()
    client.token = token(uid)
    return client


async def test_pages_end_at_a_number_of_bytes_and_totals_stay_right(planted: Client) -> None:
    page = planted.get("/memos", limit=41, sortOrder="asc").data
    assert page["pagination"] == {"total": 41, "page": 1, "limit": 41, "totalPages": 1, "truncated": True}
    assert [memo["content"][:2] for memo in page["items"]] == [f"{number:02d}" for number in range(len(page["items"]))]
    assert 20 * MIB < sum(len(memo["content"]) for memo in page["items"]) <= 32 * MIB
    seen = []
    for number in range(1, 4):
        part = planted.get("/memos", limit=20, page=number, sortOrder="asc").data
        assert "truncated" not in part["pagination"]
        seen += [memo["content"][:2] for memo in part["items"]]
    assert seen == [*(f"{number:02d}" for number in range(40)), "la"]


async def test_memos_of_an_older_release_can_be_read_and_edited_down(planted: Client) -> None:
    [large] = planted.get("/memos", limit=1).data["items"]
    path = f"/memos/{large['memoId']}"
    assert planted.get(path).data["content"] == large["content"]
    assert planted.put(path, {"content": large["content"], "isPublic": True}).code == 0
    refused(planted.put(path, {"content": large["content"] + "x"}), str(MIB))
    assert planted.put(path, {"content": large["content"][: 2 * MIB]}).code == 0
    assert planted.put(path, {"content": "small"}).code == 0
    refused(planted.put(path, {"content": large["content"]}), str(MIB))
