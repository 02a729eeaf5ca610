"""A deleted memo is in the trash: hidden everywhere, restored whole, and gone for good only from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.client import Client
from tests.support.server import Server
from tests.support.stub import Stub

PICTURE = ("p.txt", b"some bytes", "text/plain")


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def running(
    request: pytest.FixtureRequest,
    module_server: Callable[..., Server],
    module_stub: Stub,
    shared_database: Callable[[str], dict[str, str]],
) -> Server:
    database = shared_database(request.param)
    return module_server(**database, **module_stub.settings())


@pytest.fixture
def alice(running: Server) -> Client:
    return running.client().register()


def write(client: Client, content: str, **rest: object) -> str:
    memo_id: str = client.post("/memos", {"content": content, **rest}).data["memo"]["memoId"]
    return memo_id


def upload(client: Client) -> str:
    attachment_id: str = client.post("/attachments/upload", files={"file": PICTURE}).data["attachment"]["attachmentId"]
    return attachment_id


def trash(client: Client, **query: object) -> Any:
    return client.get("/trash", **query).data


def trashed(client: Client, **query: object) -> list[str]:
    return [memo["memoId"] for memo in trash(client, **query)["list"]]


def tag_counts(client: Client) -> dict[str, int]:
    return {tag["name"]: tag["usageCount"] for tag in client.get("/tags").data["tags"]}


def test_a_deleted_memo_is_hidden_everywhere_and_comes_back_whole(alice: Client) -> None:
    other = write(alice, "the one that is referred to", createdAt=1_700_000_000_000)
    memo = write(alice, "quicksilver in a bottle", tags=["t"], relationIds=[other], isPublic=True)
    write(alice, "refers to it", relationIds=[memo])
    before = alice.get(f"/memos/{memo}").data

    assert alice.delete(f"/memos/{memo}").data == {"message": "Memo deleted successfully"}
    assert alice.delete(f"/memos/{memo}").code == 3
    assert alice.get(f"/memos/{memo}").code == 3
    assert alice.put(f"/memos/{memo}", {"content": "x"}).code == 3
    assert alice.put(f"/memos/{memo}/tags", {"tags": []}).code == 3
    assert alice.get(f"/memos/{memo}/backlinks").code == 3
    assert alice.get(f"/memos/{memo}/related").code == 3
    assert memo not in [each["memoId"] for each in alice.get("/memos").data["items"]]
    assert alice.get("/memos", search="quicksilver").data["pagination"]["total"] == 0
    for path in ("/memos/search", "/memos/search/vector"):
        found = alice.post(path, {"query": "quicksilver in a bottle"}).data["items"]
        assert memo not in [each["memoId"] for each in found]
    assert alice.get(f"/memos/{other}/backlinks").data["pagination"]["total"] == 0
    assert all(not each.get("relations") for each in alice.get("/memos").data["items"])
    assert alice.get(f"/memos/public/memo/{memo}").code == 3
    assert alice.get("/memos/poll", latestMemoId=other).data["count"] == 1
    assert alice.get("/memos/poll", latestMemoId=memo).data["count"] == 0
    assert sum(day["count"] for day in alice.get("/insights/activity", days=7).data["items"]) == 1
    assert tag_counts(alice) == {"t": 0}

    (shown,) = trash(alice)["list"]
    assert set(before) - set(shown) == {"relations"}
    assert {key: shown[key] for key in before if key in shown and key != "tags"} == {
        key: value for key, value in before.items() if key not in ("relations", "tags")
    }
    assert shown["deletedAt"] >= before["createdAt"]

    assert alice.post(f"/trash/{memo}/restore").data == {"message": "Memo restored successfully"}
    assert alice.get(f"/memos/{memo}").data == before
    assert tag_counts(alice) == {"t": 1}
    assert alice.get("/memos", search="quicksilver").data["pagination"]["total"] == 1
    assert memo in [each["memoId"] for each in alice.post("/memos/search/vector", {"query": "bottle"}).data["items"]]
    assert alice.get(f"/memos/{other}/backlinks").data["pagination"]["total"] == 1
    assert alice.get(f"/memos/public/memo/{memo}").code == 0


def test_a_live_memo_is_neither_restored_nor_deleted_for_good(alice: Client, running: Server) -> None:
    memo = write(alice, "live", attachments=[upload(alice)])
    before = alice.get(f"/memos/{memo}").data
    stranger = running.client().register()
    for method, path in (("POST", "/trash/{}/restore"), ("DELETE", "/trash/{}")):
        answer = alice.request(method, path.format(memo))
        assert (answer.code, answer.message) == (2, "Memo is not in trash")
        for client, named in ((alice, "m-unknown"), (alice, "x" * 300), (stranger, memo)):
            assert client.request(method, path.format(named)).code == 3
    after = alice.get(f"/memos/{memo}").data
    assert after["updatedAt"] == before["updatedAt"]
    assert [each["attachmentId"] for each in after["attachments"]] == [before["attachments"][0]["attachmentId"]]
    alice.delete(f"/memos/{memo}")
    assert stranger.post(f"/trash/{memo}/restore").code == stranger.delete(f"/trash/{memo}").code == 3
    assert trashed(stranger) == []


def test_files_that_another_memo_lists_survive(alice: Client) -> None:
    shared, in_trash, own = upload(alice), upload(alice), upload(alice)
    write(alice, "keeps one", attachments=[shared])
    kept_in_trash = write(alice, "keeps one in the trash", attachments=[in_trash])
    memo = write(alice, "has all", attachments=[shared, in_trash, own])
    alice.delete(f"/memos/{kept_in_trash}")
    alice.delete(f"/memos/{memo}")
    assert alice.get("/attachments").data["total"] == 3
    assert alice.delete(f"/trash/{memo}").data == {"message": "Memo permanently deleted"}
    assert alice.delete(f"/trash/{memo}").code == 3
    left = {each["attachmentId"] for each in alice.get("/attachments").data["items"]}
    assert left == {shared, in_trash}
    assert alice.get(f"/attachments/{shared}/download").content == PICTURE[1]
    assert alice.delete("/trash").data == {"message": "Trash emptied", "deleted": 1}
    assert {each["attachmentId"] for each in alice.get("/attachments").data["items"]} == {shared}
    assert trash(alice) == {"list": [], "total": 0, "page": 1, "pageSize": 20, "totalPages": 0}


def test_tags_and_categories_that_go_meanwhile_are_gone_from_a_restored_memo(alice: Client) -> None:
    category = alice.post("/categories", {"name": "c"}).data["category"]["categoryId"]
    memo = write(alice, "labelled", tags=["keep", "drop"], categoryId=category)
    tags = {tag["name"]: tag["tagId"] for tag in alice.get("/tags").data["tags"]}
    alice.delete(f"/memos/{memo}")
    alice.delete(f"/tags/{tags['drop']}")
    alice.delete(f"/categories/{category}")
    alice.post(f"/trash/{memo}/restore")
    restored = alice.get(f"/memos/{memo}").data
    assert restored["tagIds"] == [tags["keep"]]
    assert restored.get("categoryId") is None
    assert tag_counts(alice) == {"keep": 1}


def test_a_relation_shows_only_while_both_ends_are_live(alice: Client) -> None:
    first = write(alice, "first")
    second = write(alice, "second", relationIds=[first])
    for memo in (first, second):
        alice.delete(f"/memos/{memo}")
    alice.post(f"/trash/{second}/restore")
    assert not alice.get(f"/memos/{second}").data.get("relations")
    # Relating to a memo in the trash is accepted, and shown once that is live.
    third = write(alice, "third", relationIds=[first])
    assert not alice.get(f"/memos/{third}").data.get("relations")
    alice.post(f"/trash/{first}/restore")
    for memo in (second, third):
        assert [each["memoId"] for each in alice.get(f"/memos/{memo}").data["relations"]] == [first]
    assert alice.get(f"/memos/{first}/backlinks").data["pagination"]["total"] == 2
    # A relation that was taken away while its target was in the trash does not come back.
    alice.delete(f"/memos/{first}")
    alice.put(f"/memos/{second}", {"content": "second", "relationIds": []})
    alice.post(f"/trash/{first}/restore")
    assert not alice.get(f"/memos/{second}").data.get("relations")


def test_the_trash_is_listed_by_deletion_and_searched_literally(alice: Client) -> None:
    memos = [write(alice, content) for content in ("100% Wolle", "100 wolle", "Ｗolle", "other")]
    for memo in memos:
        alice.delete(f"/memos/{memo}")
    assert trashed(alice) == memos[::-1]
    assert trashed(alice, sortBy="deletedAt_asc") == memos
    assert trashed(alice, sortBy="bogus") == memos[::-1]
    assert set(trashed(alice, keyword="wolle")) == set(memos[:3])
    assert trashed(alice, keyword="100%") == [memos[0]]
    assert trashed(alice, keyword="  ") == memos[::-1]
    assert [each["memoId"] for each in trash(alice, keyword=["wolle", "other"])["list"]] == [memos[3]]
    page = trash(alice, page=2, pageSize=3)
    assert ([each["memoId"] for each in page["list"]], page["total"], page["totalPages"]) == ([memos[0]], 4, 2)
    assert (page["page"], page["pageSize"]) == (2, 3)
    assert len(trash(alice, pageSize=2.9)["list"]) == 2
    for empty in ({"page": 9}, {"page": 0}, {"page": -1}, {"pageSize": 0}, {"pageSize": -5}):
        answer = trash(alice, **empty)
        assert (answer["list"], answer["total"]) == ([], 4)
    assert trash(alice, pageSize=0)["totalPages"] is None
    assert trash(alice, pageSize=-3)["totalPages"] is None
    assert trash(alice, pageSize=10**6)["pageSize"] == 100
    assert alice.get("/trash", page="abc").status == 400
    times = {each["memoId"]: each["deletedAt"] for each in trash(alice)["list"]}
    assert memos[1] in trashed(alice, startDate=times[memos[1]], endDate=times[memos[1]])
    assert trashed(alice, endDate=times[memos[0]] - 1) == []
    assert trashed(alice, startDate="soon") == memos[::-1]


def test_clients_that_follow_changes_hear_of_the_trash(alice: Client) -> None:
    memo, other = write(alice, "comes and goes", tags=["t"]), write(alice, "stays")

    def since(cursor: str) -> Any:
        told = alice.get("/memos/changes", cursor=cursor).data
        assert (told["reset"], told["hasMore"]) == (False, False)
        return told

    told = alice.get("/memos/changes").data
    assert {each["memoId"] for each in told["items"]} == {memo, other}
    alice.delete(f"/memos/{memo}")
    first = told["cursor"]
    told = since(first)
    assert (told["items"], told["deleted"]) == ([], [memo])
    assert {each["memoId"] for each in alice.get("/memos/changes").data["items"]} == {other}
    alice.post(f"/trash/{memo}/restore")
    told = since(told["cursor"])
    assert ([each["memoId"] for each in told["items"]], told["deleted"]) == ([memo], [])
    assert [tag["name"] for tag in told["items"][0]["tags"]] == ["t"]
    # Who was away meanwhile hears of the memo once, as it is now.
    told = since(first)
    assert ([each["memoId"] for each in told["items"]], told["deleted"]) == ([memo], [])
    alice.delete(f"/memos/{memo}")
    alice.delete(f"/trash/{memo}")
    told = since(told["cursor"])
    assert (told["items"], told["deleted"]) == ([], [memo])


def test_explore_and_its_graph_leave_out_what_is_in_the_trash(alice: Client) -> None:
    memo = write(alice, "the budget meeting is on friday")
    centre = write(alice, "the budget meeting was moved", relationIds=[memo])
    behind = write(alice, "who comes to the budget meeting", relationIds=[centre])

    def nodes() -> set[str]:
        return {node["id"] for node in alice.get(f"/explore/relations/{centre}").data["graph"]["nodes"]}

    def quick() -> set[str]:
        found = alice.post("/explore/quick-search", {"query": "budget meeting", "limit": 20}).data["items"]
        return {each["memoId"] for each in found}

    def asked() -> set[str]:
        return {each["memoId"] for each in alice.post("/explore", {"query": "budget meeting"}).data["sources"]}

    for shown in (nodes, quick, asked):
        assert shown() == {memo, centre, behind}, shown.__name__
    for each in (memo, behind):
        alice.delete(f"/memos/{each}")
    for shown in (nodes, quick, asked):
        assert shown() == {centre}, shown.__name__
    assert alice.get(f"/explore/relations/{memo}").code == 1
    for each in (memo, behind):
        alice.post(f"/trash/{each}/restore")
    for shown in (nodes, quick, asked):
        assert shown() == {memo, centre, behind}, shown.__name__
