"""Many passwords at once keep nobody else waiting, and those that are too many are told at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.support.client import Answer, Client
from tests.support.server import Server

PASSWORD = "Passw0rd-test"


def change(client: Client, ready: threading.Barrier) -> tuple[float, Answer]:
    ready.wait()
    started = time.monotonic()
    answer = client.post("/user/password", {"oldPassword": PASSWORD, "newPassword": PASSWORD})
    return time.monotonic() - started, answer


@contextmanager
def changing(server: Server, user: Client, count: int) -> Iterator[list[tuple[float, Answer]]]:
    """Change a password as often at the same moment; within, they have just been sent."""
    ready = threading.Barrier(count + 1)
    clients = [server.client() for _ in range(count)]
    for client in clients:
        client.token = user.token
        client.http.get("/healthz")
    answers: list[tuple[float, Answer]] = []
    with ThreadPoolExecutor(count) as pool:
        under_way = [pool.submit(change, client, ready) for client in clients]
        ready.wait()
        yield answers
        answers += [each.result() for each in under_way]


def test_passwords_keep_no_download_waiting_and_too_many_are_refused_at_once(server: Callable[..., Server]) -> None:
    running = server()
    user = running.user()
    upload = {"file": ("a.bin", b"x" * 100_000, "application/octet-stream")}
    url = user.post("/attachments/upload", files=upload).data["attachment"]["url"]

    with changing(running, user, 60) as changed:
        time.sleep(0.2)
        started = time.monotonic()
        assert len(user.http.get(url).content) == 100_000
        took = time.monotonic() - started
    longest = max(seconds for seconds, _ in changed)
    # A change counts only if the password that was proven is still the stored one.
    assert sorted({answer.code for _, answer in changed}, key=str) == [0, 1002]
    print(f"60 password changes took {longest:.1f} s; a download meanwhile {took:.2f} s")
    assert took < max(1, longest / 4)

    with changing(running, user, 150) as changed:
        pass
    served = [seconds for seconds, answer in changed if answer.status == 200]
    refused = [seconds for seconds, answer in changed if answer.status == 429]
    assert len(served) >= 60
    assert {(answer.code, answer.headers["Retry-After"]) for _, answer in changed if answer.status == 429} == {(6, "2")}
    assert min(refused) < max(served) / 2
