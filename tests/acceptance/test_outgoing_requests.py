"""Addresses that users give lead nowhere private, unless the operator allows it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from tests.support.client import Answer, Client
from tests.support.server import Server
from tests.support.stub import Stub
from tests.support.tiny_http import TinyHttp, listening

StartServer = Callable[..., Server]
REFUSED = "This address cannot be used: "

# {port} is where the stub listens, so that a request that is made would be seen.
PRIVATE = (
    "http://127.0.0.1:{port}/sink/inside",
    "http://[::1]:{port}/sink/inside",
    "http://[::ffff:127.0.0.1]:{port}/sink/inside",
    "http://2130706433:{port}/sink/inside",
    "http://127.1:{port}/sink/inside",
    "http://10.0.0.1/hook",
    "http://172.16.3.4/hook",
    "http://192.168.1.1/hook",
    "http://169.254.169.254/latest/meta-data",
)


@pytest.fixture(scope="module")
def alice(module_server: StartServer, module_stub: Stub) -> Client:
    """A user of a server that allows one name, though it leads to this machine."""
    keys = {"ZHIPU_API_KEY": "zhipu", "FUN_ASR_API_KEY": "fun", "OUTBOUND_ALLOW": "localhost"}
    return module_server(**{**module_stub.settings(), **keys}).user()


def pushed(user: Client, url: str) -> Answer:
    rule = {
        "name": "r",
        "pushTime": 8,
        "contentType": "daily_memos",
        "channels": [{"type": "feishu", "webhookUrl": url}],
    }
    made = user.post("/push-rules", rule).data["pushRule"]
    return user.post(f"/push-rules/{made['id']}/test")


def recognized(user: Client, url: str) -> Answer:
    return user.post("/ocr/parse", {"files": [url]})


def transcribed(user: Client, url: str) -> Answer:
    return user.post("/asr/transcribe", {"fileUrls": [url]})


USES: dict[str, tuple[Callable[[Client, str], Answer], int]] = {
    "webhook": (pushed, 2000),
    "text": (recognized, 2),
    "speech": (transcribed, 2),
}


@pytest.mark.parametrize("use", USES)
def test_private_addresses_are_refused_whatever_their_notation(alice: Client, module_stub: Stub, use: str) -> None:
    module_stub.reset()
    ask, code = USES[use]
    for url in PRIVATE:
        answer = ask(alice, url.format(port=module_stub.port))
        assert answer.code == code, url
        assert (answer.message or "").startswith(REFUSED), url
    assert module_stub.sink() == []
    assert module_stub.stats()["requests"] == {}


@pytest.mark.parametrize("use", USES)
def test_what_the_operator_allows_is_reached(alice: Client, module_stub: Stub, use: str) -> None:
    module_stub.reset()
    ask, _ = USES[use]
    assert ask(alice, f"http://localhost:{module_stub.port}/sink/allowed").code == 0
    assert len(module_stub.sink("allowed")) == (use == "webhook")
    assert module_stub.stats()["total"] == (use != "webhook")


async def test_a_redirect_into_the_private_is_not_followed(alice: Client, module_stub: Stub) -> None:
    module_stub.reset()
    target = f"http://127.0.0.1:{module_stub.port}/sink/inside"
    for status in (301, 302, 303, 307, 308):
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
        async with listening(TinyHttp(moved.encode())) as hook:
            answer = await asyncio.to_thread(pushed, alice, f"http://localhost:{hook.port}/")
        assert (answer.code, answer.message) == (2000, f"Feishu channel error: {status} - ")
        assert len(hook.requests) == 1
    assert module_stub.sink() == []


# A name server that never answers, for the resolver of one process.
HANGING = """
import asyncio, socket, time
from aimo.outbound import OutboundClient

socket.getaddrinfo = lambda *arguments, **options: time.sleep(60)
hooks = [OutboundClient(seconds=0.2).request("POST", "https://hook.example.org/", json={}) for _ in range(3)]

async def ask():
    print(*await asyncio.gather(*hooks, return_exceptions=True), sep="\\n")

asyncio.run(ask())
"""


def test_a_name_that_never_resolves_does_not_hold_up_the_end_of_a_command() -> None:
    started = time.monotonic()
    told = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=120, check=True)
    assert time.monotonic() - started < 30
    assert (told.stdout.split("\n"), told.stderr) == (["no answer within 0.2 s"] * 3 + [""], "")
