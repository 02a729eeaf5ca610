"""Push rules over HTTP (docs/contract/push-rules.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.client import Client
from tests.support.server import Server
from tests.support.stub import Stub


@pytest.fixture(scope="module")
def running(module_server: Callable[..., Server], module_stub: Stub) -> Server:
    return module_server(**module_stub.settings(), EMBEDDER="local")


@pytest.fixture
def alice(running: Server) -> Client:
    return running.user()


def rule(**values: Any) -> dict[str, Any]:
    return {
        "name": "Morning",
        "pushTime": 8,
        "contentType": "daily_pick",
        "channels": [{"type": "meow", "nickname": "al"}],
        **values,
    }


def make(user: Client, **values: Any) -> dict[str, Any]:
    made: dict[str, Any] = user.post("/push-rules", rule(**values)).data["pushRule"]
    return made


def test_channels_come_back_verbatim(alice: Client) -> None:
    channels = [{"type": "feishu", "webhookUrl": "http://127.0.0.1/", "secret": "s", "more": [1, {"x": None}]}, 5, None]
    made = make(alice, channels=channels)
    assert made["channels"] == channels
    assert alice.get(f"/push-rules/{made['id']}").data["pushRule"] == made


def test_a_rule_may_have_twenty_channels(alice: Client) -> None:
    channels = [{"type": "meow", "nickname": str(number)} for number in range(20)]
    assert make(alice, channels=channels)["channels"] == channels


@pytest.mark.parametrize(
    ("sent", "stored"), [("9", 9), (7.9, 7), (0, 0), (23, 23), ("0x10", 16), ("1_0", 0), ("x", 0), ("", 0)]
)
def test_the_hour_is_echoed_and_stored_as_a_whole_number(alice: Client, sent: Any, stored: int) -> None:
    made = make(alice, pushTime=sent)
    assert made["pushTime"] == sent
    assert alice.get(f"/push-rules/{made['id']}").data["pushRule"]["pushTime"] == stored


@pytest.mark.parametrize("hour", [24, -1, 23.5, None, "24", "Infinity", True, [8], {}])
def test_an_hour_that_is_none_is_refused_on_both_ways(alice: Client, hour: Any) -> None:
    made = make(alice)
    assert alice.post("/push-rules", rule(pushTime=hour)).code == 2
    assert alice.put(f"/push-rules/{made['id']}", {"pushTime": hour}).code == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": " "}, "Push rule name is required"),
        ({"name": None}, "Push rule name is required"),
        ({"contentType": "weekly"}, "Content type must be daily_pick or daily_memos"),
        ({"channels": []}, "At least one channel is required"),
        ({"channels": None}, "At least one channel is required"),
        ({"channels": [{"type": "meow", "nickname": "al"}] * 21}, "At most 20 channels are possible"),
    ],
)
def test_a_change_is_checked_like_a_new_rule(alice: Client, change: dict[str, Any], message: str) -> None:
    made = make(alice)
    for answer in (alice.put(f"/push-rules/{made['id']}", change), alice.post("/push-rules", rule(**change))):
        assert (answer.code, answer.message) == (2, message)
    assert alice.get(f"/push-rules/{made['id']}").data["pushRule"] == made


@pytest.mark.parametrize(
    ("sent", "stored"), [(False, False), (0, False), ("", False), (None, False), ("no", True), ([], True)]
)
def test_enabled_is_taken_by_its_truth(alice: Client, sent: Any, stored: bool) -> None:
    made = make(alice)
    assert alice.put(f"/push-rules/{made['id']}", {"enabled": sent}).data["pushRule"]["enabled"] is stored


def test_a_test_push_goes_through_every_channel(alice: Client, module_stub: Stub) -> None:
    hook = f"{module_stub.url}/sink/{alice.uid}"
    channels = [{"type": "meow", "nickname": alice.uid}, {"type": "feishu", "webhookUrl": hook, "secret": "s"}]
    made = make(alice, channels=channels)
    assert alice.post(f"/push-rules/{made['id']}/test").data == {"message": "Test push sent successfully"}
    meow, feishu = module_stub.sink(alice.uid)
    text = "这是一条测试消息，如果你能看到这条消息，说明推送配置正确！"
    assert meow["json"] == {"title": "测试推送", "msg": text}
    assert feishu["json"]["content"] == {"text": f"测试推送\n{text}"}
    assert feishu["json"]["sign"]


def test_a_test_push_stops_at_the_first_failure_and_says_why(alice: Client, module_stub: Stub) -> None:
    bad = {"type": "feishu", "webhookUrl": f"{module_stub.url}/sink/code/7/{alice.uid}"}
    made = make(alice, channels=[{"type": "meow", "nickname": alice.uid}, bad, {"type": "meow", "nickname": alice.uid}])
    answer = alice.post(f"/push-rules/{made['id']}/test")
    assert (answer.code, answer.message) == (
        2000,
        'Feishu channel error: 200 - {"code":7,"msg":"stub sink refuses"}',
    )
    assert len(module_stub.sink(alice.uid)) == 2


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        ({"type": "pigeon"}, "Unsupported channel type: pigeon"),
        ({"type": "feishu"}, "Feishu webhook URL is required"),
        (
            {"type": "feishu", "webhookUrl": "http://169.254.169.254/latest"},
            "This address cannot be used: it leads to an address that is not public",
        ),
    ],
)
def test_a_channel_that_cannot_work_says_why(alice: Client, channel: dict[str, Any], message: str) -> None:
    made = make(alice, channels=[channel])
    answer = alice.post(f"/push-rules/{made['id']}/test")
    assert (answer.code, answer.message) == (2000, message)


def test_an_answer_of_the_service_shows_in_the_failure(alice: Client, module_stub: Stub) -> None:
    hook = {"type": "feishu", "webhookUrl": f"{module_stub.url}/sink/status/500/{alice.uid}"}
    made = make(alice, channels=[hook])
    answer = alice.post(f"/push-rules/{made['id']}/test")
    assert answer.message == 'Feishu channel error: 500 - {"msg":"stub sink answers with this status"}'


def test_a_rule_of_somebody_else_cannot_be_tried(alice: Client, running: Server) -> None:
    made = make(alice)
    answer = running.user().post(f"/push-rules/{made['id']}/test")
    assert (answer.code, answer.message) == (2000, "Push rule not found")
    assert alice.post("/push-rules/%20/test").code == 2000
