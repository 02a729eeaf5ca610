"""Nothing that a model or a provider says is more than text, wherever it is shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.support.client import Client
from tests.support.hostile_texts import PAYLOADS, live_parts
from tests.support.server import Server
from tests.support.streaming_stub import StreamingStub

QUESTION = "when is the budget meeting on friday"
BATCHES = [PAYLOADS[start : start + 3] for start in range(0, len(PAYLOADS), 3)]


class House:
    """A server with a hostile model, and a user with a few memos."""

    def __init__(self, server: Server, model: StreamingStub) -> None:
        self.server, self.model = server, model
        self.alice = server.user()
        for number in range(3):
            self.alice.post("/memos", {"content": f"The budget meeting {number} is on Friday"})


@pytest.fixture(scope="module")
def house(module_server: Callable[..., Server]) -> Iterator[House]:
    model = StreamingStub(lambda system, user: "Fine.").start()
    yield House(module_server(**model.settings()), model)
    model.stop()


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_in(item)


def assert_inert(value: Any) -> None:
    for text in texts_in(value):
        assert live_parts(text) == []


def test_answers_topics_questions_and_tags_are_text(house: House) -> None:
    for batch in BATCHES:
        house.model.say = lambda system, user, batch=batch: "\n".join(batch)  # type: ignore[misc]
        answer = house.alice.post("/explore", {"query": QUESTION}).data
        assert answer["answer"] and answer["relatedTopics"] and answer["suggestedQuestions"]
        assert_inert(answer)
        house.model.say = lambda system, user, batch=batch: json.dumps(batch)  # type: ignore[misc]
        tags = house.alice.post("/ai/generate-tags", {"content": "The budget meeting"}).data["tags"]
        assert len(tags) == len(batch)
        assert_inert(tags)


@pytest.mark.parametrize("size", [1, 7])
def test_a_streamed_answer_is_text_wherever_it_is_cut(house: House, size: int) -> None:
    said = "\n\n".join(PAYLOADS)
    house.model.pause = 0
    cut = [said[start : start + size] for start in range(0, len(said), size)]
    house.model.say = lambda system, user: cut
    headers = {"Authorization": f"Bearer {house.alice.token}", "Accept": "text/event-stream"}
    reply = house.alice.http.post("/api/v1/explore", json={"query": QUESTION}, headers=headers)
    events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]
    pieces = "".join(event["text"] for event in events if "text" in event)
    assert len(pieces) > len(said)
    assert live_parts(pieces) == []
    assert events[-1]["answer"] == pieces
    assert_inert(events)


def test_stored_conversations_are_text_whoever_stored_them(house: House) -> None:
    alice, hostile = house.alice, "\n\n".join(PAYLOADS)
    talk = alice.post("/explore/conversations", {"title": PAYLOADS[0]}).data["conversation"]
    where = f"/explore/conversations/{talk['conversationId']}"
    said = alice.post(f"{where}/messages", {"role": "assistant", "content": hostile.replace("\x00", "")}).data
    asked = alice.post(f"{where}/messages", {"role": "user", "content": "is a<b?"}).data
    assert asked["data"]["content"] == "is a<b?", "one's own words stay as they are"
    assert_inert([talk, said])
    with closing(sqlite3.connect(house.server.data_dir / "aimo.db", timeout=30)) as database, database:
        database.execute("UPDATE ai_messages SET content = ? WHERE role = 'assistant'", (hostile,))
        database.execute("UPDATE ai_conversations SET title = ?", (PAYLOADS[1],))
    stored = alice.get(where).data
    assert_inert([stored["title"], stored["messages"][0], alice.get("/explore/conversations").data])
    assert_inert(alice.put(where, {"title": PAYLOADS[2]}).data)


def test_an_answer_without_a_model_is_text(module_server: Callable[..., Server]) -> None:
    alice: Client = module_server(EMBEDDER="local").user()
    alice.post("/memos", {"content": f"The budget meeting is on Friday {PAYLOADS[0]} ![x](https://evil.example/)"})
    answer = alice.post("/explore", {"query": QUESTION}).data["answer"]
    assert "Friday" in answer
    assert live_parts(answer) == []
