"""What one request may bring, and how much one answer carries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.client import Client
from tests.support.seeding import SECRET, Plot, token
from tests.support.server import Server

from aimo.config import Settings

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
        ("post", "/tags", {"name": "x", "color": LONG}),
        ("post", "/categories", {"name": "x", "color": LONG}),
        ("post", "/memos", {"content": "x", "source": "x" * 2001}),
        ("post", "/memos/search", {"query": "x" * 10_001}),
        ("post", "/memos/search/vector", {"query": "x" * 10_001}),
        ("post", "/memos", {"content": "x", "tags": [str(number) for number in range(1001)]}),
        ("post", "/memos", {"content": "x", "relationIds": [str(number) for number in range(1001)]}),
        ("post", "/memos", {"content": "x", "attachments": [str(number) for number in range(1001)]}),
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


@pytest.fixture
async def circle(
    server: Callable[..., Server], settings: Callable[..., Settings], database: dict[str, str], tmp_path: Path
) -> tuple[Client, list[str]]:
    """Give a user with forty memos of 1 MiB that all refer to each other, and their ids."""
    plot = Plot()
    uid = plot.user()
    memo_ids = [plot.memo(uid, f"{number:02d} " + "x" * (MIB - 3)) for number in range(40)]
    for source in memo_ids:
        for target in memo_ids:
            if source != target:
                plot.relation(uid, source, target)
    folder = tmp_path / "circle"
    await plot.plant_rows(settings(**database, aimo_data_dir=folder))
    client = server(**database, JWT_SECRET=SECRET, AIMO_DATA_DIR=str(folder)).client()
    client.token = token(uid)
    return client, memo_ids


async def test_memos_that_refer_to_each_other_share_the_room_of_an_answer(circle: tuple[Client, list[str]]) -> None:
    client, memo_ids = circle
    for path, params in (("/memos", {"limit": 20}), (f"/memos/{memo_ids[3]}", {})):
        data = client.get(path, **params).data
        memos = data["items"] if params else [data]
        assert [len(memo["content"]) for memo in memos] == [MIB] * len(memos)
        nested = [target for memo in memos for target in memo["relations"]]
        assert len(nested) == len(memos) * 39
        whole = [target for target in nested if "truncated" not in target]
        assert nested[: len(whole)] == whole
        assert [len(target["content"]) for target in whole] == [MIB] * 8
        assert {(len(target["content"]), target["truncated"]) for target in nested[len(whole) :]} == {(1000, True)}
        assert {len(target["attachments"]) for target in nested} == {0}


async def test_backlinks_and_graphs_end_at_a_number_of_bytes(circle: tuple[Client, list[str]]) -> None:
    client, memo_ids = circle
    page = client.get(f"/memos/{memo_ids[0]}/backlinks", limit=39).data
    assert page["pagination"]["total"] == 39
    assert page["pagination"]["truncated"] is True
    assert 20 * MIB < sum(len(memo["content"]) for memo in page["items"]) <= 32 * MIB
    rest = client.get(f"/memos/{memo_ids[0]}/backlinks", limit=20, page=2).data
    assert [len(memo["content"]) for memo in rest["items"]] == [MIB] * 19
    graph = client.get(f"/explore/relations/{memo_ids[0]}", includeBacklinks=True)
    assert len(graph.data["graph"]["nodes"]) == 40
    assert len(graph.content) < 64 * 1024


@pytest.fixture
async def heavy(
    server: Callable[..., Server], settings: Callable[..., Settings], database: dict[str, str], tmp_path: Path
) -> Callable[..., Any]:
    """Give a client whose user has public memos of these contents, and they may all refer to the first one."""

    async def planted(contents: list[str], *, related: bool = False) -> tuple[Client, str, list[str]]:
        plot = Plot()
        uid = plot.user()
        memo_ids = [plot.memo(uid, content, public=True) for content in contents]
        for source in memo_ids[1:] if related else ():
            plot.relation(uid, source, memo_ids[0])
        folder = tmp_path / "heavy"
        await plot.plant_rows(settings(**database, aimo_data_dir=folder))
        client = server(**database, JWT_SECRET=SECRET, AIMO_DATA_DIR=str(folder)).client()
        client.token = token(uid)
        return client, uid, memo_ids

    return planted


async def test_a_small_page_of_large_memos_ends_at_a_number_of_bytes(heavy: Callable[..., Any]) -> None:
    contents = ["first", *(f"{number} " + "x" * (8 * MIB - 2) for number in range(8))]
    client, uid, memo_ids = await heavy(contents, related=True)
    expected = {"/memos": (9, {3, 4}), f"/memos/public/{uid}": (9, {0}), f"/memos/{memo_ids[0]}/backlinks": (8, {3, 4})}
    for path, (total, large) in expected.items():
        page = client.get(path, limit=20, sortOrder="asc").data
        assert page["pagination"]["total"] == total
        assert page["pagination"]["truncated"] is True
        assert len([memo for memo in page["items"] if len(memo["content"]) == 8 * MIB]) in large
    seen = [client.get("/memos", limit=1, page=number, sortOrder="asc").data for number in range(1, 10)]
    assert [page["items"][0]["memoId"] for page in seen] == memo_ids
    assert {len(page["items"][0]["content"]) for page in seen[1:]} == {8 * MIB}
    assert not any("truncated" in page["pagination"] for page in seen)


async def test_text_that_grows_in_json_ends_a_page_earlier(heavy: Callable[..., Any]) -> None:
    client, _, memo_ids = await heavy(["\x01" * MIB] * 10)
    answer = client.get("/memos", limit=10, sortOrder="asc")
    assert len(answer.content) < 40 * MIB + 4096
    assert answer.data["pagination"]["truncated"] is True
    assert answer.data["pagination"]["total"] == 10
    assert [memo["memoId"] for memo in answer.data["items"]] == memo_ids[:6]
    assert {memo["content"] for memo in answer.data["items"]} == {"\x01" * MIB}
    rest = client.get("/memos", limit=5, page=2, sortOrder="asc").data
    assert [memo["memoId"] for memo in rest["items"]] == memo_ids[5:]
    assert "truncated" not in rest["pagination"]


def test_a_conversation_has_a_largest_size(alice: Client) -> None:
    conversation = alice.post("/explore/conversations", {}).data["conversation"]["conversationId"]
    where = f"/explore/conversations/{conversation}/messages"
    source = {"memoId": "m", "content": "x" * 100_000}
    refused(alice.post(where, {"role": "assistant", "content": "x", "sources": [source] * 3}), "Sources", "262144")
    assert alice.post(where, {"role": "assistant", "content": "x", "sources": [source] * 2}).code == 0


def test_properties_of_a_file_have_a_largest_size(alice: Client) -> None:
    def upload(properties: str) -> Any:
        files = {"file": ("a.txt", b"hello", "text/plain")}
        return alice.post("/attachments/upload", files=files, data={"properties": properties}).envelope

    assert "16384" in upload('{"a": [' + "[]," * 8000 + "[]]}")["msg"]
    uploaded = upload('{"a": "x"}')["data"]["attachment"]["attachmentId"]
    path = f"/attachments/{uploaded}/properties"
    refused(alice.request("PATCH", path, {"properties": {"b": "x" * 16384}}), "16384")
    assert alice.request("PATCH", path, {"properties": {"b": "x" * 10_000}}).code == 0
    refused(alice.request("PATCH", path, {"properties": {"c": "x" * 10_000}}), "16384")
    assert alice.request("PATCH", path, {"properties": {"b": None}}).code == 0


async def test_pages_for_strangers_are_small(
    server: Callable[..., Server], settings: Callable[..., Settings], database: dict[str, str], tmp_path: Path
) -> None:
    plot = Plot()
    uid = plot.user()
    for number in range(12):
        plot.memo(uid, f"{number:02d} " + "x" * (MIB // 4 - 3), public=True)
    folder = tmp_path / "public"
    await plot.plant_rows(settings(**database, aimo_data_dir=folder))
    stranger = server(**database, JWT_SECRET=SECRET, AIMO_DATA_DIR=str(folder)).client()
    page = stranger.get(f"/memos/public/{uid}", limit=12).data
    assert (page["pagination"]["total"], page["pagination"]["truncated"]) == (12, True)
    assert [len(memo["content"]) for memo in page["items"]] == [MIB // 4] * len(page["items"])
    assert len(page["items"]) in (3, 4)
    rest = stranger.get(f"/memos/public/{uid}", limit=3, page=4).data["items"]
    assert len(rest) == 3
