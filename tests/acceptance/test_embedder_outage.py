"""Whatever the embedder does, a memo is saved in three seconds, found by its words at once and by meaning later."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import pytest
from tests.support import fake_openai
from tests.support.client import Client
from tests.support.server import Server
from tests.support.stub import Stub
from tests.support.waiting import eventually

SAVED_WITHIN = 3.0
RECOVERED_WITHIN = 10.0

Outage = Callable[[Stub], AbstractContextManager[None]]


@contextmanager
def failing(stub: Stub) -> Iterator[None]:
    """HTTP 500 for everything."""
    stub.configure(fail_rate=1.0)
    try:
        yield
    finally:
        stub.configure(fail_rate=0.0)


@contextmanager
def refusing_the_key(stub: Stub) -> Iterator[None]:
    """HTTP 401 for everything."""
    stub.state.require_key = "another key"
    try:
        yield
    finally:
        stub.state.require_key = None


@contextmanager
def hanging(stub: Stub) -> Iterator[None]:
    """Connections are accepted and nothing comes back."""
    stub.configure(latency_ms=60_000)
    try:
        yield
    finally:
        stub.configure(latency_ms=0)


@contextmanager
def unreachable(stub: Stub) -> Iterator[None]:
    """Connections are refused."""
    stub.stop()
    try:
        yield
    finally:
        stub.start()


@contextmanager
def of_wrong_dimension(stub: Stub) -> Iterator[None]:
    """Vectors that are longer than what was asked for."""
    right = fake_openai.embed
    fake_openai.embed = lambda text, dimensions: right(text, dimensions + 1)  # type: ignore[assignment]
    try:
        yield
    finally:
        fake_openai.embed = right


@pytest.fixture(scope="module")
def running(module_server: Callable[..., Server], module_stub: Stub) -> Server:
    """A server that outlives one outage after the other."""
    return module_server(**module_stub.settings())


@pytest.fixture(scope="module", params=[1, 2])
def with_mysql(
    request: pytest.FixtureRequest,
    module_server: Callable[..., Server],
    module_stub: Stub,
    shared_database: Callable[[str], dict[str, str]],
) -> Server:
    """A server on MariaDB with one process or two."""
    return module_server(**shared_database("mysql"), **module_stub.settings(), WORKERS=str(request.param))


OUTAGES = [failing, refusing_the_key, hanging, unreachable, of_wrong_dimension]


def _timed(client: Client, method: str, path: str, content: str) -> tuple[str, float]:
    started = time.monotonic()
    memo = client.request(method, path, {"content": content}).data["memo"]
    return memo["memoId"], time.monotonic() - started


def _by_words(client: Client, word: str) -> set[str]:
    return {memo["memoId"] for memo in client.get("/memos", search=word, limit=1000).data["items"]}


def _by_meaning(client: Client, query: str) -> set[str]:
    answer = client.post("/memos/search/vector", {"query": query, "limit": 1000})
    return {memo["memoId"] for memo in answer.data["items"]} if answer.code == 0 else set()


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage.__name__)
def test_memos_are_saved_and_found_whatever_the_embedder_does(
    running: Server, module_stub: Stub, outage: Outage
) -> None:
    """Creating and changing succeed in time; words find at once; meaning finds by itself after recovery."""
    client = running.user()
    # What was embedded before needs no embedder.
    fresh = secrets.token_hex(4)
    changed, _ = _timed(client, "POST", "/memos", f"about sourdough bread {fresh}")
    assert _by_meaning(client, "sourdough") == {changed}
    with outage(module_stub):
        created, seconds = _timed(client, "POST", "/memos", f"坐火车去杭州看荷花 {fresh} by train to Hangzhou")
        assert seconds < SAVED_WITHIN
        _, seconds = _timed(client, "PUT", f"/memos/{changed}", f"a bicycle with a red bell {fresh}")
        assert seconds < SAVED_WITHIN
        assert client.get(f"/memos/{changed}").data["content"] == f"a bicycle with a red bell {fresh}"
        assert _by_words(client, "火车") == {created}
        assert _by_words(client, "RED bell") == {changed}
        assert _by_words(client, "sourdough") == set()

        started = time.monotonic()
        found = client.post("/memos/search", {"query": f"荷花 {fresh}"}).data
        assert time.monotonic() - started < SAVED_WITHIN + 1
        assert found["degraded"] is True
        assert found["items"][0]["memoId"] == created
        failed = client.post("/memos/search/vector", {"query": f"lotus {fresh}"})
        assert (failed.status, failed.code) == (200, 2000)
    recovered = time.monotonic()
    eventually(lambda: created in _by_meaning(client, f"杭州 {fresh}"), "the new memo by meaning", RECOVERED_WITHIN)
    left = RECOVERED_WITHIN - (time.monotonic() - recovered)
    eventually(
        lambda: _score(client, f"bicycle bell {fresh}", changed) > 0.3, "the changed memo by its new meaning", left
    )
    assert client.post("/memos/search", {"query": "bicycle"}).data["degraded"] is False


def _score(client: Client, query: str, memo_id: str) -> float:
    answer = client.post("/memos/search/vector", {"query": query, "limit": 1000})
    scores = {memo["memoId"]: memo["relevanceScore"] for memo in answer.data["items"]} if answer.code == 0 else {}
    return float(scores.get(memo_id, 0.0))


def _versions(server: Server) -> int:
    """How often LanceDB's table of texts was written."""
    return len(list((server.data_dir / "lancedb" / "memo_texts.lance" / "_versions").iterdir()))


@pytest.mark.parametrize("outage", [hanging, unreachable], ids=lambda outage: outage.__name__)
def test_many_memos_written_during_an_outage_get_their_meaning(
    with_mysql: Server, module_stub: Stub, outage: Outage
) -> None:
    """Three hundred memos, all found by words at once, and all by meaning within ten seconds of recovery."""
    owner, fresh = with_mysql.user(), secrets.token_hex(4)
    clients = [with_mysql.client().login(owner.email) for _ in range(10)]
    with outage(module_stub), ThreadPoolExecutor(len(clients)) as threads:

        def write(number: int) -> float:
            return _timed(clients[number % len(clients)], "POST", "/memos", f"entry {number} of the 日记 {fresh}")[1]

        started = time.monotonic()
        # One client after the other within each thread: a client is not shared.
        slowest = max(
            max(times) for times in threads.map(lambda first: [write(n) for n in range(first, 300, 10)], range(10))
        )
        assert slowest < SAVED_WITHIN
        assert len(_by_words(owner, "日记")) == 300
        print(f"300 memos in {time.monotonic() - started:.1f} s, slowest {slowest:.2f} s")
        written = _versions(with_mysql)
        time.sleep(3)
        assert _versions(with_mysql) - written <= 2, "texts that wait are written again and again"
    recovered = time.monotonic()
    eventually(lambda: len(_by_meaning(owner, f"日记 {fresh}")) == 300, "all by meaning", RECOVERED_WITHIN)
    print(f"recovered in {time.monotonic() - recovered:.1f} s")


def test_a_text_that_fails_each_time_holds_up_no_other(running: Server, module_stub: Stub) -> None:
    """The provider breaks over one text, again and again: all others get their meaning."""
    client = running.user()
    with failing(module_stub):
        broken, _ = _timed(client, "POST", "/memos", "this breaks the provider [[stub:500]]")
        others = [_timed(client, "POST", "/memos", f"another note {number}")[0] for number in range(5)]
    eventually(lambda: set(others) <= _by_meaning(client, "note"), "the texts behind a broken one", RECOVERED_WITHIN)
    assert _by_words(client, "breaks") == {broken}
    client.delete(f"/memos/{broken}").data  # noqa: B018 (must succeed)


def test_a_refused_text_holds_up_no_other(running: Server, module_stub: Stub) -> None:
    """A text that the provider refuses is saved and found by its words; the others get their meaning at once."""
    client = running.user()
    refused, seconds = _timed(client, "POST", "/memos", "this one is [[stub:400]] refused")
    assert seconds < SAVED_WITHIN
    with failing(module_stub):
        late = [_timed(client, "POST", "/memos", f"late note {number}")[0] for number in range(5)]
        also_refused, _ = _timed(client, "POST", "/memos", "this too [[stub:400]] refused")
    eventually(lambda: set(late) <= _by_meaning(client, "note"), "the texts beside a refused one", RECOVERED_WITHIN)
    normal, seconds = _timed(client, "POST", "/memos", "a normal note")
    assert seconds < 1.5
    assert normal in _by_meaning(client, "normal")
    assert _by_words(client, "refused") == {refused, also_refused}
    assert not {refused, also_refused} & _by_meaning(client, "refused")
    assert {memo["memoId"] for memo in client.post("/memos/search", {"query": "refused"}).data["items"]} >= {refused}
    client.put(f"/memos/{refused}", {"content": "no longer refused"}).data  # noqa: B018 (must succeed)
    assert refused in _by_meaning(client, "refused")
