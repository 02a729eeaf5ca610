"""A user's model is called at addresses that may be called, each time, and its answers are read like any provider's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from tests.support.dialect_server import DialectServer
from tests.support.dialects import PROVIDERS, WITHOUT_CHAT
from tests.support.tiny_http import TinyHttp, listening

from aimo.ai import guarded_transport
from aimo.ai.chat import ChatModel, Prompt
from aimo.errors import AimoError, Code, ProviderError
from aimo.outbound import OutboundClient
from aimo.services.models import chat_models
from aimo.services.models.addresses import PROVIDERS as KNOWN
from aimo.services.models.addresses import Addresses
from aimo.services.models.chat_models import own_chat

from .environment import KEY, Make, add, running, user

ASK = Prompt(system="s", user="Hello")
ALLOWED = "127.0.0.1"


def answer(status: str, body: bytes, *headers: str) -> bytes:
    fields = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(fields).encode() + body


GOOD = answer("200 OK", b'{"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}')


def leading_to(*answers: str) -> OutboundClient:
    """An outbound client for which every name has these addresses, one after the other, the last one for ever."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return [left.pop(0) if len(left) > 1 else left[0]]

    return OutboundClient(resolve=resolve, seconds=2)


async def asked(chat: ChatModel) -> str:
    return await chat.complete(ASK, seconds=5)


async def test_a_name_that_leads_inside_is_never_called() -> None:
    async with listening(TinyHttp(GOOD)) as inside:
        for host in ("model.example", "127.0.0.1", "[::1]", "localhost"):
            for scheme in ("http", "https"):
                address = f"{scheme}://{host}:{inside.port}/v1"
                chat = await own_chat(leading_to("127.0.0.1"), address, KEY, "m", waits=(0, 0))
                with pytest.raises(ProviderError, match="OUTBOUND_ALLOW"):
                    await asked(chat)
                with pytest.raises(ProviderError, match="OUTBOUND_ALLOW"):
                    [piece async for piece in chat.stream(ASK, seconds=5)]
        assert inside.requests == []


async def test_a_name_that_changes_after_it_was_judged_is_never_called() -> None:
    async with listening(TinyHttp(GOOD)) as inside:
        outbound = leading_to("93.184.215.14", "127.0.0.1")
        address = f"https://model.example:{inside.port}/v1"
        await Addresses(outbound).require_allowed("other", address, resolvable=True)
        with pytest.raises(ProviderError, match="not public"):
            await asked(await own_chat(outbound, address, KEY, "m", waits=()))
        assert inside.requests == []


async def test_redirects_are_not_followed() -> None:
    async with listening(TinyHttp(GOOD)) as inside:
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            moved = answer(status, b"{}", f"Location: http://127.0.0.1:{inside.port}/v1/chat/completions")
            async with listening(TinyHttp(moved)) as outside:
                chat = await own_chat(OutboundClient(ALLOWED), f"http://127.0.0.1:{outside.port}/v1", KEY, "m")
                with pytest.raises(ProviderError, match=f"HTTP {status[:3]}"):
                    await asked(chat)
                assert len(outside.requests) == 1
        assert inside.requests == []


async def test_an_allowed_host_is_called_with_its_key_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(TinyHttp(GOOD)) as outside, listening(TinyHttp(None)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
            monkeypatch.setenv(name, "of-the-operator")
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: of-the-operator")
        chat = await own_chat(OutboundClient(ALLOWED), f"http://127.0.0.1:{outside.port}/v1", KEY, "m")
        assert await asked(chat) == "hello"
        (request,) = outside.requests
        assert request.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert f"Authorization: Bearer {KEY}".lower() in request.decode().lower()
        assert b"accept-encoding: identity" in request.lower()
        assert b"of-the-operator" not in request
        names = {line.partition(b":")[0].lower() for line in request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
        expected = {b"host", b"accept", b"authorization", b"content-type", b"content-length"}
        assert names - {b"connection"} == expected | {b"accept-encoding", b"user-agent"}
        assert proxy.requests == []


@pytest.mark.parametrize("host", [ALLOWED, "localhost"])
async def test_plain_http_needs_a_name_in_the_list(host: str) -> None:
    judged = Addresses(OutboundClient(host))
    await judged.require_allowed("other", f"http://{host}:11434/v1", resolvable=True)
    for allow in ("", "10.0.0.0/8"):
        public = OutboundClient(allow, resolve=leading_to("93.184.215.14")._resolve)
        with pytest.raises(AimoError, match=r"Only HTTPS protocol is allowed.*OUTBOUND_ALLOW") as refusal:
            await Addresses(public).require_allowed("other", "http://model.example/v1", resolvable=True)
        assert refusal.value.code is Code.FORBIDDEN


@pytest.mark.parametrize(
    ("provider", "address", "reason"),
    [
        ("other", "https://127.0.0.1/v1", "Private or reserved IP addresses are not allowed"),
        ("other", "https://[::1]/v1", "Private or reserved IP addresses are not allowed"),
        ("other", "https://model.example/v1", "Hostname resolved to a private or reserved IP address"),
        ("other", "ftp://model.example/v1", "Invalid URL format"),
        ("other", "model.example", "Invalid URL format"),
        ("other", "https://user:word@model.example", "Invalid URL format"),
        ("other", "https://[::1", "Invalid URL format"),
        ("openai", "https://8.8.8.8/v1", "Direct IP addresses are not allowed for built-in providers"),
        (
            "openai",
            "https://evil.example/v1",
            'Domain "evil.example" is not in the trusted domains for provider "openai"',
        ),
        ("deepseek", "https://notdeepseek.com", 'Domain "notdeepseek.com" is not in the trusted'),
        ("openrouter", "https://openrouter.ai.evil.example", 'Domain "openrouter.ai.evil.example" is not'),
    ],
)
async def test_refused_addresses_say_why(provider: str, address: str, reason: str) -> None:
    with pytest.raises(AimoError) as refusal:
        await Addresses(leading_to("10.1.2.3")).require_allowed(provider, address, resolvable=True)
    assert refusal.value.message.startswith(reason)
    assert refusal.value.code is Code.FORBIDDEN


async def test_a_providers_own_domains_are_allowed_and_unknown_names_only_on_saving() -> None:
    public = Addresses(leading_to("93.184.215.14"))
    for provider, host in (
        ("openai", "eu.api.openai.com"),
        ("deepseek", "deepseek.com"),
        ("openrouter", "OpenRouter.ai."),
    ):
        assert provider in KNOWN
        await public.require_allowed(provider, f"https://{host}/v1", resolvable=True)

    async def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    lost = Addresses(OutboundClient(resolve=unknown))
    await lost.require_allowed("other", "https://model.example/v1", resolvable=False)
    with pytest.raises(AimoError, match="Could not resolve hostname"):
        await lost.require_allowed("other", "https://model.example/v1", resolvable=True)


async def test_answers_are_bounded_in_length_time_and_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_transport, "MOST_BYTES", 1000)
    monkeypatch.setattr(guarded_transport, "MOST_SECONDS", 0.3)
    long = answer("200 OK", b'{"choices": [{"message": {"content": "' + b"x" * 2000 + b'"}}]}')
    packed = answer("200 OK", b"\x1f\x8b", "Content-Encoding: gzip")
    slow = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}\n\n"
    for raw in (long, packed):
        async with listening(TinyHttp(raw)) as server:
            chat = await own_chat(OutboundClient(ALLOWED), f"http://127.0.0.1:{server.port}", KEY, "m", waits=())
            with pytest.raises(ProviderError):
                await asked(chat)
    async with dripping(slow) as port:
        chat = await own_chat(OutboundClient(ALLOWED), f"http://127.0.0.1:{port}", KEY, "m", waits=())
        with pytest.raises(ProviderError):
            [piece async for piece in chat.stream(ASK, seconds=5)]


@asynccontextmanager
async def dripping(head: bytes) -> AsyncIterator[int]:
    """A server whose answer never ends."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        try:
            while True:
                writer.write(b": still there\n\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_own_models_get_the_same_understanding_of_dialects(
    settings: Make, migrated_database: dict[str, str]
) -> None:
    server = DialectServer(PROVIDERS)
    try:
        async with running(settings, migrated_database, OUTBOUND_ALLOW=ALLOWED) as runtime:
            uid = await user(runtime)
            for name in sorted(PROVIDERS.keys() - WITHOUT_CHAT):
                model = await add(runtime, uid, provider="other", api_base_url=server.url(name), name=name)
                chat = await runtime.services.explore.begin(uid, model.id)
                assert chat
                said = await asked(chat)
                assert said
                assert "think" not in said
                assert await runtime.services.explore.begin(uid, model.id) is chat
    finally:
        server.close()


async def test_clients_are_kept_for_a_bounded_number_of_models(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_models, "MOST_CACHED", 3)
    async with running(settings, migrated_database) as runtime:
        uid = await user(runtime)
        models = [await add(runtime, uid) for _ in range(5)]
        chats = [await runtime.services.explore.begin(uid, model.id) for model in models]
        again = [await runtime.services.explore.begin(uid, model.id) for model in reversed(models)]
    kept = [first is second for first, second in zip(chats, reversed(again), strict=True)]
    assert kept == [False, False, True, True, True]


async def test_a_call_ends_when_its_client_leaves() -> None:
    server = TinyHttp(GOOD)
    server.silent = True
    async with listening(server):
        chat: Any = await own_chat(OutboundClient(ALLOWED), f"http://127.0.0.1:{server.port}", KEY, "m", waits=())
        with pytest.raises(ProviderError, match="in time"):
            await chat.complete(ASK, seconds=0.2)
        assert isinstance(chat._client._client, httpx2.AsyncClient)
        assert chat._client._client.is_closed is False
