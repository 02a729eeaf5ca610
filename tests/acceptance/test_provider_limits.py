"""What one user may have done by providers that cost money, and that nobody reads another's results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.client import Answer, Client
from tests.support.server import Server
from tests.support.stub import Stub

from aimo.http.app import CONTROLLERS, DEPENDENCIES
from aimo.http.output import openapi

MOST = 3
LIMITS = {f"USER_{name}_PER_HOUR": str(MOST) for name in ("EXPLORE", "TAGS", "OCR", "ASR", "PICTURES", "REVIEWS")}
KEYS = {
    "ZHIPU_API_KEY": "zhipu",
    "FUN_ASR_API_KEY": "fun",
    "DASHSCOPE_API_KEY": "d",
    "MULTIMODAL_EMBEDDING_ENABLED": "true",
}


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def house(request: pytest.FixtureRequest, module_server: Callable[..., Server], module_stub: Stub) -> Server:
    database = {}
    if request.param == "mysql":
        template = request.getfixturevalue("mysql_template")
        database = request.getfixturevalue("mariadb").create_database(like=template)
    return module_server(**database, **module_stub.settings(), **KEYS, **LIMITS, WORKERS="2")


def ask(client: Client) -> Answer:
    return client.post("/explore", {"query": "what did I write?"})


def stream(client: Client) -> Answer:
    return client.post("/explore", {"query": "what did I write?"}, headers={"Accept": "text/event-stream"})


def tag(client: Client) -> Answer:
    return client.post("/ai/generate-tags", {"content": "a walk along the river"})


def read(client: Client, files: int = 1) -> Answer:
    return client.post("/ocr/parse", {"files": ["aGk="] * files})


def read_fully(client: Client) -> Answer:
    return client.post("/ocr/parse-full", {"files": "aGk="})


def listen(client: Client, urls: int = 1) -> Answer:
    return client.post("/asr/transcribe", {"fileUrls": ["oss://bucket/a.mp3"] * urls})


def listen_and_wait(client: Client) -> Answer:
    return client.post("/asr/transcribe-and-wait", {"fileUrls": ["oss://bucket/a.mp3"]})


def show(client: Client) -> Answer:
    return client.post("/attachments/upload", files={"file": ("a.png", b"\x89PNG", "image/png")})


def review(client: Client) -> Answer:
    if not client.get("/memos").data["items"]:
        client.post("/memos", {"content": "a walk along the river"})
    return client.post("/review/sessions", {})


def grade(client: Client) -> Answer:
    session = client.get("/review/history").data["items"][0]["sessionId"]
    item = client.get(f"/review/sessions/{session}").data["items"][0]["itemId"]
    return client.post(f"/review/sessions/{session}/answer", {"itemId": item, "answer": "by the river"})


def assert_refused(answer: Answer) -> None:
    assert (answer.status, answer.code, answer.envelope["data"]) == (429, 6, None)
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert f"At most {MOST} " in str(answer.message)


@pytest.mark.parametrize(
    ("first", "second"),
    [(ask, stream), (tag, tag), (read, read_fully), (listen, listen_and_wait), (show, show), (review, grade)],
    ids=["explore", "tags", "ocr", "asr", "pictures", "reviews"],
)
def test_a_user_is_limited_over_all_processes_and_no_other_user_is(
    house: Server, module_stub: Stub, first: Callable[..., Answer], second: Callable[..., Answer]
) -> None:
    alice, bob = house.user(), house.user()
    for call in (first, second, first):
        assert call(alice).status in (200, 202)
    before = module_stub.stats()["requests"]
    for call in (first, second):
        assert_refused(call(alice))
    if first not in (show, review):
        assert module_stub.stats()["requests"] == before
    assert first(bob).status in (200, 202)


def test_files_and_recordings_are_counted_one_by_one_and_refused_together(house: Server) -> None:
    for call in (read, listen):
        alice = house.user()
        assert call(alice, 2).code == 0
        assert_refused(call(alice, 2))
        assert call(alice, 1).code == 0
        assert_refused(call(alice, 1))
        assert_refused(call(house.user(), MOST + 1))


def test_what_is_no_picture_is_uploaded_as_before(house: Server) -> None:
    alice = house.user()
    for _ in range(MOST + 1):
        assert alice.post("/attachments/upload", files={"file": ("a.txt", b"a", "text/plain")}).code == 0


def test_text_is_recognized_in_at_most_twenty_files_a_call(house: Server, module_stub: Stub) -> None:
    alice = house.user()
    before = module_stub.stats()["requests"]
    refused = read(alice, 21)
    assert (refused.code, refused.message) == (2, "At most 20 files are supported per request")
    assert module_stub.stats()["requests"] == before
    assert read(alice).code == 0


@pytest.mark.parametrize(
    "body",
    [
        {"fileUrls": ["https://example.org/" + "a" * 9000]},
        {"fileUrls": ["oss://b/a"], "languageHints": ["zh"] * 21},
        {"fileUrls": ["oss://b/a"], "languageHints": ["z" * 33]},
    ],
    ids=["long address", "many languages", "long language"],
)
def test_nothing_of_unusual_size_is_sent_to_speech_recognition(
    house: Server, module_stub: Stub, body: dict[str, Any]
) -> None:
    before = module_stub.stats()["requests"]
    assert house.user().post("/asr/transcribe", body).code == 2
    assert module_stub.stats()["requests"] == before


def test_who_knows_the_id_of_a_task_learns_no_more_than_of_an_unknown_one(house: Server) -> None:
    alice, mallory = house.user(), house.user()
    task = alice.post("/asr/transcribe", {"fileUrls": ["oss://bucket/diary.mp3"]}).data["taskId"]
    for route in ("task", "result", "wait"):
        unknown = mallory.get(f"/asr/{route}/stub-unknown")
        foreign = mallory.get(f"/asr/{route}/{task}")
        assert unknown.code == 1
        assert (foreign.status, foreign.content) == (unknown.status, unknown.content)
        assert alice.get(f"/asr/{route}/{task}").code == 0


def test_the_answer_is_documented() -> None:
    document: Any = openapi.document(CONTROLLERS, DEPENDENCIES)
    paths = ("explore", "ai/generate-tags", "ocr/parse", "ocr/parse-full", "asr/transcribe", "asr/transcribe-and-wait")
    for path in (
        *paths,
        "attachments/upload",
        "attachments/ba/upload",
        "user-models/test",
        "review/sessions",
        "review/sessions/{reviewId}/answer",
    ):
        assert "429" in document["paths"][f"/api/v1/{path}"]["post"]["responses"], path
