"""Asking over HTTP: events as they come, and an end of the work when the client leaves."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.support.client import Client
from tests.support.server import Server
from tests.support.streaming_stub import StreamingStub

MANY = [f"piece {n} " for n in range(400)]


@pytest.fixture(scope="module")
def talking() -> Iterator[StreamingStub]:
    stub = StreamingStub(lambda system, user: "On Friday [1].").start()
    yield stub
    stub.stop()


@pytest.fixture(scope="module")
def alice(talking: StreamingStub, module_server) -> Client:  # type: ignore[no-untyped-def]
    server: Server = module_server(**talking.settings())
    client = server.user()
    client.post("/memos", {"content": "The budget meeting is on Friday"}).data  # noqa: B018 (must succeed)
    return client


def events(client: Client, body: dict[str, str]) -> Iterator[tuple[str, object]]:
    headers = {"Authorization": f"Bearer {client.token}", "Accept": "text/event-stream"}
    with client.http.stream("POST", "/api/v1/explore", json=body, headers=headers) as reply:
        assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert reply.headers["cache-control"].startswith("no-cache")
        yield from parsed(reply)


def parsed(reply: httpx.Response) -> Iterator[tuple[str, object]]:
    name = ""
    for line in reply.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_stream_tells_sources_then_pieces_then_the_whole(alice: Client, talking: StreamingStub) -> None:
    talking.say = lambda system, user: "On Friday [1]."
    told: list[tuple[str, Any]] = list(events(alice, {"query": "budget meeting friday"}))
    names = [name for name, _ in told]
    assert names[0] == "sources"
    assert names[-1] == "done"
    assert set(names[1:-1]) == {"token"}
    assert len(names) > 3
    whole = told[-1][1]
    assert whole["answer"] == "".join(data["text"] for name, data in told if name == "token") == "On Friday [1]."
    assert whole["sources"] == told[0][1]["sources"]
    assert alice.post("/explore", {"query": "budget meeting friday"}).data == whole


def test_the_first_piece_arrives_long_before_the_last(
    alice: Client, talking: StreamingStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the model through the server to the client nobody waits for the whole."""
    monkeypatch.setattr(talking, "pause", 0.2)
    talking.say = lambda system, user: MANY[:14] if "Cite each note" in user else "Fine."
    arrived = [time.monotonic() for name, _ in events(alice, {"query": "budget meeting friday"}) if name == "token"]
    assert len(arrived) == 14
    assert arrived[-1] - arrived[0] >= 2


def test_stream_tells_when_the_model_fails(alice: Client, talking: StreamingStub) -> None:
    talking.say = lambda system, user: 400
    told: list[tuple[str, Any]] = list(events(alice, {"query": "budget meeting friday"}))
    assert [name for name, _ in told] == ["sources", "error"]
    assert told[1][1] == {"message": "An error occurred while generating the response."}


def test_a_refused_question_is_no_stream(alice: Client) -> None:
    answer = alice.post("/explore", {"query": " "}, headers={"Accept": "text/event-stream"})
    assert (answer.code, answer.message) == (2, "Query is required")


def test_hanging_up_ends_a_streamed_generation(alice: Client, talking: StreamingStub) -> None:
    talking.say = lambda system, user: MANY if "Cite each note" in user else "Fine."
    talking.hung_up.clear()
    for name, _ in events(alice, {"query": "budget meeting friday"}):
        if name == "token":
            break
    assert talking.hung_up.wait(5)


def test_hanging_up_ends_a_generation_at_once(alice: Client, talking: StreamingStub) -> None:
    begun, asked = threading.Event(), len(talking.asked)

    def say(system: str, user: str) -> str:
        if "Cite each note" in user:
            begun.set()
            threading.Event().wait(1.5)
        return "Fine."

    talking.say = say
    with pytest.raises(httpx.ReadTimeout):
        alice.http.post(
            "/api/v1/explore",
            json={"query": "budget meeting friday"},
            headers={"Authorization": f"Bearer {alice.token}"},
            timeout=0.5,
        )
    assert begun.wait(5)
    threading.Event().wait(2.5)
    assert not any("follow-up questions" in prompt for prompt in talking.asked[asked:])


def test_quick_search_takes_numbers_as_clients_send_them(alice: Client) -> None:
    for limit in (None, 0, 1, "1", 2.0):
        found = alice.post("/explore/quick-search", {"query": "budget meeting friday", "limit": limit}).data
        assert found["total"] == len(found["items"]) == 1
    assert alice.post("/explore/quick-search", {"query": "budget", "limit": -1}).data == {"items": [], "total": 0}
    refused = alice.post("/explore/quick-search", {"query": 7})
    assert (refused.code, refused.message) == (1, "Search failed")


def test_graph_of_memos_that_refer_to_each_other_draws_each_once(alice: Client) -> None:
    first = alice.post("/memos", {"content": "  Alpha beta\nsecond line"}).data["memo"]["memoId"]
    second = alice.post("/memos", {"content": "Nothing like it", "relationIds": [first]}).data["memo"]["memoId"]
    alice.put(f"/memos/{first}", {"content": "  Alpha beta\nsecond line", "relationIds": [second]}).data  # noqa: B018
    told = alice.get(f"/explore/relations/{first}").data
    assert [(node["id"], node["type"]) for node in told["graph"]["nodes"]] == [(first, "source"), (second, "related")]
    assert told["graph"]["nodes"][0]["title"] == "Alpha beta"
    assert [edge["type"] for edge in told["graph"]["edges"]] == ["outgoing", "incoming"]
    assert told["graph"]["analysis"] == "引用了 1 条相关笔记，被 1 条笔记引用。"


def test_graph_without_the_embedder_has_no_thematic_edges(alice: Client, talking: StreamingStub) -> None:
    long = alice.post("/memos", {"content": "gamma delta " * 100}).data["memo"]["memoId"]
    alice.post("/memos", {"content": "gamma delta " * 90}).data  # noqa: B018
    talking.configure(fail_rate=1.0)
    told = alice.get(f"/explore/relations/{long}").data
    talking.configure(fail_rate=0.0)
    assert told["graph"]["edges"] == []
    edges = alice.get(f"/explore/relations/{long}").data["graph"]["edges"]
    assert [edge["type"] for edge in edges] == ["thematic"]
