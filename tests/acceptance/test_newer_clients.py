"""What clients of newer releases ask: before logging in, and every minute for memos that came from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
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
    return module_server(**database, **module_stub.settings(), ALLOW_REGISTRATION="true")


def test_what_a_login_page_needs_needs_no_token(running: Server) -> None:
    client = running.client()
    assert client.get("/system/open/config").data == {"allowRegistration": True, "needsFirstAccount": True}
    running.user()
    for path, keys in (
        ("version", {"version"}),
        ("app-versions", {"desktop", "apk"}),
        ("config", {"allowRegistration"}),
    ):
        answer = client.get(f"/system/open/{path}")
        assert set(answer.data) == keys
    assert client.get("/system/open/config").data == {"allowRegistration": True}
    assert client.http.get("/api/v1/system/version").status_code == 401
    assert client.http.get("/api/v1/system/open/other").status_code == 404
    assert client.http.post("/api/v1/system/open/config", json={}).status_code == 404


def test_newer_memos_are_those_written_after_the_one_that_a_client_shows(running: Server) -> None:
    alice, bob = running.client().register(), running.client().register()
    base = 1_700_000_000_000
    times = [{"createdAt": base + n, "updatedAt": base - n} for n in range(4)]
    ids = [alice.post("/memos", {"content": "memo", **each}).data["memo"]["memoId"] for each in times]
    bob.post("/memos", {"content": "somebody else's", "createdAt": base + 9})

    def newer(memo_id: str, **rest: str) -> list[str]:
        data = alice.get("/memos/poll", latestMemoId=memo_id, **rest).data
        assert data["hasNew"] == bool(data["items"])
        assert data["count"] == len(data["items"])
        return [item["memoId"] for item in data["items"]]

    assert newer(ids[1]) == [ids[3], ids[2]]
    assert newer(ids[3]) == []
    assert newer(ids[2], sortBy="updatedAt") == [ids[0], ids[1]]
    assert newer("unknown") == newer("x" * 300) == []
    assert bob.get("/memos/poll", latestMemoId=ids[0]).data == {"hasNew": False, "items": [], "count": 0}
    listed, polled = alice.get("/memos").data["items"], alice.get("/memos/poll", latestMemoId=ids[1]).data["items"]
    assert polled == listed[:2]
    for query in ({}, {"latestMemoId": ""}, {"latestMemoId": ids[0], "sortBy": ""}):
        answer = alice.get("/memos/poll", **query)
        assert (answer.code, answer.message) == (2, "latestMemoId and sortBy are required")


def test_at_most_fifty_newer_memos_come_at_once(running: Server) -> None:
    carol = running.client().register()
    base = 1_700_000_000_000
    first = carol.post("/memos", {"content": "first", "createdAt": base}).data["memo"]["memoId"]
    for n in range(55):
        carol.post("/memos", {"content": f"memo {n}", "createdAt": base + 1 + n})
    data = carol.get("/memos/poll", latestMemoId=first).data
    assert (data["count"], data["items"][0]["content"]) == (50, "memo 54")
