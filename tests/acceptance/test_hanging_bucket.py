"""With LanceDB in a bucket that hangs or fails, saving and listing go on, and searching ends soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.client import Answer, Client
from tests.support.s3_stand_in import S3StandIn
from tests.support.server import Server
from tests.support.waiting import eventually

SAVE_SECONDS, SEARCH_SECONDS = 3.0, 5.0


def _timed(ask: Callable[[], Answer]) -> tuple[float, Answer]:
    started = time.monotonic()
    answer = ask()
    return time.monotonic() - started, answer


def _requests(client: Client, number: int) -> dict[str, Callable[[], Answer]]:
    return {
        "save": lambda: client.post("/memos", {"content": f"written meanwhile, {number}"}),
        "list": lambda: client.get("/memos"),
        "words": lambda: client.get("/memos", search="meanwhile"),
        "hybrid": lambda: client.post("/memos/search", {"query": f"written meanwhile {number}"}),
        "meaning": lambda: client.post("/memos/search/vector", {"query": f"something written {number}"}),
    }


@pytest.mark.parametrize(
    ("how", "rounds"),
    [("hang", 1), *(pytest.param(how, 12, marks=pytest.mark.long) for how in ("fail", "hang"))],
)
def test_a_bucket_that_does_not_answer_keeps_nobody_waiting(
    tmp_path: Path, server: Callable[..., Server], how: str, rounds: int
) -> None:
    bucket = S3StandIn(tmp_path / "bucket.log")
    try:
        client = server(**bucket.settings(), EMBEDDER="local").start().user()
        assert client.post("/memos", {"content": "written before"}).code == 0
        bucket.behave(how)
        for number in range(rounds):
            with ThreadPoolExecutor(5) as pool:
                asked = {name: pool.submit(_timed, ask) for name, ask in _requests(client, number).items()}
                told = {name: each.result() for name, each in asked.items()}
            print(how, {name: f"{seconds:.2f} s, code {answer.code}" for name, (seconds, answer) in told.items()})
            for name, (seconds, answer) in told.items():
                assert answer.status == 200
                assert seconds < (SAVE_SECONDS if name in ("save", "list") else SEARCH_SECONDS), name
                assert name not in ("save", "list") or answer.code == 0
        bucket.behave()
        started = time.monotonic()

        def found() -> bool:
            answer = client.post("/memos/search/vector", {"query": "written", "limit": 50})
            return answer.code == 0 and answer.data["pagination"]["total"] == rounds + 1

        eventually(found, "everything is found by meaning", timeout=60, interval=0.5)
        print(f"everything found by meaning {time.monotonic() - started:.1f} s after recovery")
    finally:
        bucket.close()
