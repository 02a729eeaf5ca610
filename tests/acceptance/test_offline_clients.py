"""Clients that work offline: what they send again counts once, conflicts are told, and no change is missed."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.support.client import Answer, Client
from tests.support.server import Server
from tests.support.stub import Stub


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def running(
    request: pytest.FixtureRequest,
    module_server: Callable[..., Server],
    module_stub: Stub,
    shared_database: Callable[[str], dict[str, str]],
) -> Server:
    database = shared_database(request.param)
    return module_server(**database, **module_stub.settings(), ALLOW_REGISTRATION="true", WORKERS="1")


@pytest.fixture
def alice(running: Server) -> Iterator[Client]:
    yield running.client().register()


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def send(client: Client, method: str, path: str, headers: dict[str, str], **more: Any) -> Answer:
    response = client.http.request(
        method, f"/api/v1{path}", headers={"Authorization": f"Bearer {client.token}", **headers}, **more
    )
    return Answer(response.status_code, response.headers, response.content)


def write(client: Client, content: str = "memo", **more: Any) -> str:
    memo_id: str = client.post("/memos", {"content": content, **more}).data["memo"]["memoId"]
    return memo_id


def contents(client: Client) -> list[str]:
    return [item["content"] for item in client.get("/memos", limit=100).data["items"]]


def test_a_memo_that_is_sent_twice_is_written_once(alice: Client) -> None:
    named = key()
    first = send(alice, "POST", "/memos", named, json={"content": "once", "tags": ["a"]})
    second = send(alice, "POST", "/memos", named, json={"content": "once", "tags": ["a"]})
    assert first.data == second.data
    assert contents(alice) == ["once"]
    assert send(alice, "POST", "/memos", key(), json={"content": "once", "tags": ["a"]}).code == 0
    assert contents(alice) == ["once", "once"]


def test_a_memo_that_is_sent_by_many_at_once_is_written_once(alice: Client) -> None:
    named, ready = key(), threading.Barrier(6)

    def create(_: int) -> str:
        ready.wait()
        memo_id: str = send(alice, "POST", "/memos", named, json={"content": "at once"}).data["memo"]["memoId"]
        return memo_id

    with ThreadPoolExecutor(6) as pool:
        found = set(pool.map(create, range(6)))
    assert len(found) == 1
    assert contents(alice) == ["at once"]


def test_a_change_and_a_deletion_are_answered_again_whatever_happened_since(alice: Client) -> None:
    memo_id, change, removal = write(alice), key(), key()
    body = {"content": "changed"}
    tag = {"If-Match": f'"{alice.get(f"/memos/{memo_id}").data["updatedAt"]}"'}
    first = send(alice, "PUT", f"/memos/{memo_id}", {**change, **tag}, json=body)
    alice.put(f"/memos/{memo_id}", {"content": "changed elsewhere"})
    assert send(alice, "PUT", f"/memos/{memo_id}", {**change, **tag}, json=body).data == first.data
    assert contents(alice) == ["changed elsewhere"]
    tagged = key()
    once = send(alice, "PUT", f"/memos/{memo_id}/tags", tagged, json={"tags": ["x"]})
    assert send(alice, "PUT", f"/memos/{memo_id}/tags", tagged, json={"tags": ["x"]}).data == once.data
    assert send(alice, "DELETE", f"/memos/{memo_id}", removal).code == 0
    assert send(alice, "DELETE", f"/memos/{memo_id}", removal).code == 0
    assert send(alice, "DELETE", f"/memos/{memo_id}", key()).code == 3


def test_a_key_stands_for_one_request_of_one_user(alice: Client, running: Server) -> None:
    named = key()
    assert send(alice, "POST", "/memos", named, json={"content": "mine"}).code == 0
    for method, path, body in (("POST", "/memos", {"content": "other"}), ("PUT", "/memos/m1", {"content": "mine"})):
        refused = send(alice, method, path, named, json=body)
        assert (refused.status, refused.code) == (422, 2)
        assert "Idempotency-Key" in (refused.message or "")
    bob = running.client().register()
    assert send(bob, "POST", "/memos", named, json={"content": "other"}).code == 0
    for bad in ("", "x" * 192, "a b"):
        assert send(alice, "POST", "/memos", {"Idempotency-Key": bad}, json={"content": "x"}).code == 2
    assert contents(alice) == ["mine"]


def test_a_refused_request_can_be_sent_again(alice: Client) -> None:
    memo_id, named = write(alice), key()
    stale = {**named, "If-Match": '"1"'}
    assert send(alice, "PUT", f"/memos/{memo_id}", stale, json={"content": "new"}).status == 412
    assert send(alice, "PUT", f"/memos/{memo_id}", named, json={"content": "new"}).code == 0
    assert contents(alice) == ["new"]


def test_a_long_answer_is_made_again_from_the_memo(alice: Client) -> None:
    named, body = key(), {"content": "long " * 60_000}
    first = send(alice, "POST", "/memos", named, json=body).data["memo"]
    again = send(alice, "POST", "/memos", named, json=body).data["memo"]
    assert (again["memoId"], again["content"]) == (first["memoId"], first["content"])
    alice.delete(f"/memos/{first['memoId']}")
    gone = send(alice, "POST", "/memos", named, json=body).data["memo"]
    assert (gone["memoId"], contents(alice)) == (first["memoId"], [])


def test_an_upload_that_is_sent_twice_is_stored_once(alice: Client) -> None:
    named = key()

    def upload(data: bytes, headers: dict[str, str]) -> Answer:
        return send(alice, "POST", "/attachments/upload", headers, files={"file": ("a.txt", data, "text/plain")})

    first, second = upload(b"same", named), upload(b"same", named)
    assert first.data["attachment"]["attachmentId"] == second.data["attachment"]["attachmentId"]
    assert upload(b"else", named).status == 422
    assert alice.get("/attachments").data["total"] == 1


def test_a_change_of_what_was_changed_meanwhile_is_refused_with_what_it_is_now(alice: Client) -> None:
    memo_id = write(alice, "first")
    answer = alice.http.get(f"/api/v1/memos/{memo_id}", headers={"Authorization": f"Bearer {alice.token}"})
    tag, updated_at = answer.headers["etag"], answer.json()["data"]["updatedAt"]
    assert tag.startswith(f'"{updated_at}-')
    known = {"Authorization": f"Bearer {alice.token}", "If-None-Match": tag}
    assert alice.http.get(f"/api/v1/memos/{memo_id}", headers=known).status_code == 304
    second = send(alice, "PUT", f"/memos/{memo_id}", {"If-Match": tag}, json={"content": "second"}).data["memo"]
    assert second["updatedAt"] > updated_at
    for method, body in (("PUT", {"content": "third"}), ("DELETE", None)):
        refused = send(alice, method, f"/memos/{memo_id}", {"If-Match": tag}, json=body)
        assert (refused.status, refused.code) == (412, 6)
        assert refused.envelope["data"]["content"] == "second"
    listed = f'W/"{second["updatedAt"]}"'
    assert send(alice, "PUT", f"/memos/{memo_id}", {"If-Match": listed}, json={"content": "third"}).code == 0
    assert send(alice, "PUT", f"/memos/{memo_id}", {"If-Match": "*"}, json={"content": "fourth"}).code == 0
    assert send(alice, "PUT", f"/memos/{memo_id}", {"If-Match": "what"}, json={"content": "fifth"}).code == 2
    assert contents(alice) == ["fourth"]


def test_two_changes_in_one_millisecond_are_two_versions(alice: Client) -> None:
    memo_id = write(alice)
    seen = [alice.put(f"/memos/{memo_id}", {"content": f"{n}"}).data["memo"]["updatedAt"] for n in range(20)]
    assert seen == sorted(set(seen))


def by_id(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return memos by their ids, without how often their tags are used, which clients get with the list of tags."""
    for tag in (tag for item in items for tag in item["tags"]):
        del tag["usageCount"]
    return {item["memoId"]: item for item in items}


def follow(client: Client, copy: dict[str, Any], cursor: str, limit: int = 2000) -> str:
    """Bring a copy of a user's memos up to date; return the new cursor."""
    while True:
        data = client.get("/memos/changes", cursor=cursor, limit=limit).data
        if data["reset"]:
            copy.clear()
        copy.update(by_id(data["items"]))
        for memo_id in data["deleted"]:
            copy.pop(memo_id, None)
        cursor = data["cursor"]
        if not data["hasMore"]:
            return cursor


def everything(client: Client) -> dict[str, Any]:
    return by_id(client.get("/memos", limit=1000).data["items"])


def test_a_copy_follows_every_kind_of_change(alice: Client) -> None:
    category = alice.post("/categories", {"name": "c"}).data["category"]["categoryId"]
    ids = [write(alice, f"memo {n}", categoryId=category, tags=["t"]) for n in range(4)]
    copy: dict[str, Any] = {}
    cursor = follow(alice, copy, "")
    assert copy == everything(alice)
    tag_id = alice.get("/tags").data["tags"][0]["tagId"]
    for change in (
        lambda: write(alice, "another"),
        lambda: alice.put(f"/memos/{ids[0]}", {"content": "changed"}),
        lambda: alice.put(f"/memos/{ids[1]}/tags", {"tags": ["t", "u"]}),
        lambda: alice.delete(f"/memos/{ids[2]}"),
        lambda: alice.post(f"/trash/{ids[2]}/restore", {}),
        lambda: alice.delete(f"/memos/{ids[2]}"),
        lambda: alice.delete(f"/tags/{tag_id}"),
        lambda: alice.delete(f"/categories/{category}"),
    ):
        change()
        before, cursor = cursor, follow(alice, copy, cursor, limit=2)
        assert cursor != before
        assert copy == everything(alice)
    data = alice.get("/memos/changes", cursor=cursor).data
    assert data == {"items": [], "deleted": [], "cursor": cursor, "hasMore": False, "reset": False}


def test_cursors_belong_to_one_user_and_one_time(alice: Client, running: Server) -> None:
    write(alice)
    bob = running.client().register()
    cursor = follow(alice, {}, "")
    foreign = bob.get("/memos/changes", cursor=cursor).data
    assert (foreign["reset"], foreign["items"]) == (True, [])
    for bad in ("what", "YSBiIGM", "x" * 600, "é"):
        assert bob.get("/memos/changes", cursor=bad).code == 2
    assert [len(alice.get("/memos/changes", limit=limit).data["items"]) for limit in (-1, 0, 1, 9999)] == [1] * 4


def test_no_change_is_missed_while_many_write(alice: Client) -> None:
    copy: dict[str, Any] = {}
    cursor, done = follow(alice, copy, ""), threading.Event()

    def change(number: int) -> None:
        mine = [write(alice, f"{number} {n}") for n in range(6)]
        alice.put(f"/memos/{mine[0]}", {"content": f"{number} changed"})
        alice.delete(f"/memos/{mine[1]}")

    def watch() -> str:
        here = cursor
        while not done.is_set():
            here = follow(alice, copy, here, limit=3)
        return follow(alice, copy, here, limit=3)

    with ThreadPoolExecutor(5) as pool:
        watching = pool.submit(watch)
        for writing in [pool.submit(change, number) for number in range(4)]:
            writing.result()
        done.set()
        watching.result()
    assert len(copy) == 20
    assert copy == everything(alice)
