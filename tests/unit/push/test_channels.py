"""What channels send, and how they tell failures apart."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.ports import free_port
from tests.support.tiny_http import TinyHttp, listening

from aimo import config, push
from aimo.errors import ConfigurationError
from aimo.outbound import OutboundClient
from aimo.push.channels import Channels, create_channels
from aimo.push.feishu import Feishu, sign
from aimo.push.meow import Meow
from aimo.push.plain_text import plain
from aimo.push.protocol import PushError, PushMessage, PushOutcome

MESSAGE = PushMessage(
    "今日推荐", "<div><p>2026&#x2F;1&#x2F;31</p>\n\n<p>a &lt;b&gt; &amp; &quot;c&quot;&nbsp;&#x27;d&#x27;</p></div>"
)
CHANNELS = Channels({"meow": Meow("https://meow.example"), "feishu": Feishu(OutboundClient())})
PLAIN = "2026/1/31\na <b> & \"c\" 'd'"


def answer(status: int, body: str) -> bytes:
    data = body.encode()
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(data), data)


def received(server: TinyHttp, number: int = 0) -> tuple[str, dict[str, object]]:
    head, _, body = server.requests[number].partition(b"\r\n\r\n")
    return head.split(b" ")[1].decode(), json.loads(body)


def kinds() -> dict[str, type[object]]:
    """Return the classes of `aimo.push` that can send, by name."""
    modules = [
        importlib.import_module(f"{push.__name__}.{module.name}") for module in pkgutil.iter_modules(push.__path__)
    ]
    return {
        f"{module.__name__}.{name}": item
        for module in modules
        for name, item in vars(module).items()
        if inspect.isclass(item) and item.__module__ == module.__name__
        if hasattr(item, "address") and hasattr(item, "send") and not getattr(item, "_is_protocol", False)
    }


@pytest.mark.parametrize("name", kinds())
def test_every_kind_of_channel_can_be_named_by_rules(name: str) -> None:
    created = create_channels(config.load(_env_file=None))._kinds.values()
    assert any(type(channel) is kinds()[name] for channel in created), f"create_channels() leaves {name} out"


@pytest.mark.parametrize("name", kinds())
def test_every_kind_of_channel_says_to_users_which_fields_it_takes(name: str) -> None:
    described = inspect.getdoc(kinds()[name]) or ""
    assert re.search(r"^``\w+``: ", described, re.MULTILINE), f"the docstring of {name} names no field"


def test_plain_text_has_a_line_for_each_tag_and_decoded_entities() -> None:
    assert plain(MESSAGE.html) == PLAIN
    assert plain("&amp;lt;b&amp;gt;") == "&lt;b&gt;"
    assert plain("<p>a</p><br><br/><p>b\n\nc</p>") == "a\nb\nc"
    assert plain("<p>- a\r\n  - b\n\n    c</p>") == "- a\n  - b\n    c"
    assert plain("") == ""


def test_feishu_signature_matches_the_recorded_one() -> None:
    assert sign("1795348957", "sec") == "ZQbd9Qy2fCb4O9W1xSfQZTGvWM7N8We8fH19A519V88="


async def test_meow_gets_text_by_default_and_html_when_asked() -> None:
    async with listening(TinyHttp()) as server:
        meow = Meow(f"http://127.0.0.1:{server.port}/sink/")
        await meow.send({"type": "meow", "nickname": "小 明/?#"}, MESSAGE)
        await meow.send({"nickname": "al", "msgType": "html", "htmlHeight": 300}, MESSAGE)
        await meow.send(
            {"nickname": "al", "msgType": "text", "htmlHeight": 300}, PushMessage("t", "m", "https://memo.example")
        )
        assert received(server) == (
            "/sink/%E5%B0%8F%20%E6%98%8E%2F%3F%23?msgType=text",
            {"title": "今日推荐", "msg": PLAIN},
        )
        assert received(server, 1) == (
            "/sink/al?msgType=html&htmlHeight=300",
            {"title": "今日推荐", "msg": MESSAGE.html},
        )
        assert received(server, 2) == (
            "/sink/al?msgType=text",
            {"title": "t", "msg": "m", "url": "https://memo.example"},
        )


@pytest.mark.parametrize("nickname", [None, "", " ", ".", "..", 0])
async def test_meow_without_a_nickname_sends_to_nobody(nickname: object) -> None:
    async with listening(TinyHttp()) as server:
        with pytest.raises(PushError, match="nickname is required"):
            await Meow(f"http://127.0.0.1:{server.port}").send({"nickname": nickname}, MESSAGE)
        assert server.requests == []


def test_meow_needs_a_service_address() -> None:
    with pytest.raises(ConfigurationError, match="MEOW_BASE_URL"):
        Meow("chuckfang")


async def test_feishu_gets_plain_text_signed_with_the_secret() -> None:
    async with listening(TinyHttp(answer(200, '{"code":0}'))) as server:
        feishu = Feishu(OutboundClient("127.0.0.1"))
        url = f"http://127.0.0.1:{server.port}/hook/1"
        await feishu.send({"webhookUrl": url}, MESSAGE)
        await feishu.send({"webhookUrl": url, "secret": "sec"}, MESSAGE)
        assert received(server) == ("/hook/1", {"msg_type": "text", "content": {"text": f"今日推荐\n{PLAIN}"}})
        _, body = received(server, 1)
        assert body["sign"] == sign(str(body["timestamp"]), "sec")


async def test_feishu_cuts_what_a_bot_would_not_take() -> None:
    async with listening(TinyHttp(answer(200, "{}"))) as server:
        url = f"http://127.0.0.1:{server.port}/"
        await Feishu(OutboundClient("127.0.0.1")).send(
            {"webhookUrl": url}, PushMessage("t", "<p>" + "字" * 10_000 + "</p>")
        )
        _, body = received(server)
        text = body["content"]["text"]  # type: ignore[index]
        assert text.startswith("t\n字字") and text.endswith("字…") and len(text.encode()) < 18_100


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, '{"code":19021,"msg":"sign match fail"}', PushOutcome.REJECTED),
        (200, '{"code":11232,"msg":"frequency limited"}', PushOutcome.UNAVAILABLE),
        (400, '{"code":9499}', PushOutcome.REJECTED),
        (302, "", PushOutcome.REJECTED),
        (404, "<html>", PushOutcome.REJECTED),
        (429, "{}", PushOutcome.UNAVAILABLE),
        (503, "{}", PushOutcome.UNAVAILABLE),
        (500, "{}", PushOutcome.UNKNOWN),
        (502, "{}", PushOutcome.UNKNOWN),
        (504, "", PushOutcome.UNKNOWN),
        (200, "<html>", PushOutcome.UNKNOWN),
    ],
)
async def test_feishu_failures_say_whether_they_may_be_tried_again(
    status: int, body: str, outcome: PushOutcome
) -> None:
    async with listening(TinyHttp(answer(status, body))) as server:
        with pytest.raises(PushError) as error:
            await Feishu(OutboundClient("127.0.0.1")).send({"webhookUrl": f"http://127.0.0.1:{server.port}/"}, MESSAGE)
        assert str(error.value) == f"Feishu channel error: {status} - {body.replace('<', '< ')}", "it is shown to users"
        assert error.value.outcome is outcome


async def test_meow_failures_show_status_and_answer() -> None:
    async with listening(TinyHttp(answer(418, "teapot"))) as server:
        with pytest.raises(PushError, match=r"^MeoW channel error: 418 - teapot$"):
            await Meow(f"http://127.0.0.1:{server.port}").send({"nickname": "al"}, MESSAGE)


async def test_whether_a_message_may_have_arrived_is_known() -> None:
    with pytest.raises(PushError) as refused:
        await Meow(f"http://127.0.0.1:{free_port()}").send({"nickname": "al"}, MESSAGE)
    assert refused.value.outcome is PushOutcome.UNAVAILABLE
    async with listening(TinyHttp(None)) as server:
        with pytest.raises(PushError) as cut_off:
            await Meow(f"http://127.0.0.1:{server.port}").send({"nickname": "al"}, MESSAGE)
    assert cut_off.value.outcome is PushOutcome.UNKNOWN
    with pytest.raises(PushError, match="not public") as private:
        await Feishu(OutboundClient()).send({"webhookUrl": "http://127.0.0.1:80/"}, MESSAGE)
    assert private.value.outcome is PushOutcome.REJECTED


@pytest.mark.parametrize("target", [{"type": "pigeon"}, {}, {"type": ["meow"]}, None, 1, "meow", []])
async def test_any_stored_channel_fails_with_a_clear_error(target: object) -> None:
    with pytest.raises(PushError, match=r"^Unsupported channel type: "):
        await Channels({"feishu": Feishu(OutboundClient())}).send(target, MESSAGE)


@pytest.mark.parametrize("url", [None, "", 5, {}])
async def test_feishu_needs_its_webhook(url: object) -> None:
    with pytest.raises(PushError, match=r"^Feishu webhook URL is required$"):
        await Feishu(OutboundClient()).send({"webhookUrl": url}, MESSAGE)


def test_channels_keep_their_names_and_do_not_tell_addresses() -> None:
    hook = {"type": "feishu", "webhookUrl": "https://open.feishu.example/hook/secret", "secret": "a"}
    meow = {"type": "meow", "nickname": "al"}
    odd: list[Any] = [None, 5, {"type": "pigeon"}, {"type": []}, "x", {}]
    named = CHANNELS.by_name([hook, meow, meow, *odd])
    assert list(named.values()) == [hook, meow, meow, *odd]
    assert not any("secret" in name or "al" in name.split("-") for name in named)
    assert all(len(name) <= 64 for name in named)
    moved = CHANNELS.by_name([meow, {**hook, "secret": "b"}])
    assert set(moved) < set(named)


def test_many_channels_with_one_target_are_named_at_once() -> None:
    started = time.process_time()
    names = list(CHANNELS.by_name([{}] * 20_000))
    assert time.process_time() - started < 5
    assert names == [f"{names[0][:-2]}-{number}" for number in range(20_000)]


class Pigeon:
    """A kind of channel that only this test knows."""

    def address(self, target: Mapping[str, Any]) -> object:
        return target.get("loft")

    async def send(self, target: Mapping[str, Any], message: PushMessage) -> None:
        raise AssertionError("nothing is sent here")


def test_a_new_kind_of_channel_says_itself_what_it_must_not_send_to_twice() -> None:
    channels = Channels({"pigeon": Pigeon()})
    first = channels.by_name([{"type": "pigeon", "loft": "north", "note": "a"}])
    edited = channels.by_name([{"type": "pigeon", "loft": "north", "note": "b"}])
    other = channels.by_name([{"type": "pigeon", "loft": "south", "note": "a"}])
    assert set(first) == set(edited)
    assert set(first).isdisjoint(other)
