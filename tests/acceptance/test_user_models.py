"""Users bring chat models of their own, and no key comes out again (docs/contract/user-models.md)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.support.client import Answer, Client
from tests.support.server import Server
from tests.support.streaming_stub import Reply, StreamingStub
from tests.support.stub import Stub
from tests.support.waiting import eventually

KEY = "sk-own-0123456789abcdef"
MASK = "••••cdef"
DEFAULT = {"name": "mine", "provider": "openai", "apiKey": KEY, "modelName": "gpt"}


@pytest.fixture(scope="module")
def own() -> Iterator[StreamingStub]:
    """The provider of a user's model."""
    stub = StreamingStub(answer_of_own_model).start()
    yield stub
    stub.stop()


def answer_of_own_model(system: str, user: str) -> Reply:
    if "refuse me" in user:
        return 401
    return '["own"]' if "JSON" in user else "answered by the own model"


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def server(request: pytest.FixtureRequest, module_server: Callable[..., Server], module_stub: Stub) -> Server:
    database = {}
    if request.param == "mysql":
        template = request.getfixturevalue("mysql_template")
        database = request.getfixturevalue("mariadb").create_database(like=template)
    limits = {"USER_EXPLORE_PER_HOUR": "2", "USER_OWN_MODELS_PER_HOUR": "4"}
    return module_server(**database, **module_stub.settings(), **limits, AIMO_LOG_LEVEL="trace")


@pytest.fixture
def alice(server: Server) -> Client:
    return server.user()


def add(client: Client, **fields: Any) -> dict[str, Any]:
    return client.post("/user-models", DEFAULT | fields).data  # type: ignore[no-any-return]


def models(client: Client) -> list[dict[str, Any]]:
    return client.get("/user-models").data["models"]  # type: ignore[no-any-return]


def said(answer: Answer) -> tuple[int | None, str | None]:
    return answer.code, answer.message


def test_a_model_is_added_read_changed_and_removed(alice: Client) -> None:
    made = add(alice, name="  mine  ", apiKey=f" {KEY} ", other="ignored")
    assert made["name"] == "mine"
    assert (made["apiKey"], made["isDefault"], made["userId"]) == (MASK, False, alice.uid)
    assert made["id"].startswith("u")
    assert len(made["id"]) == 24
    assert "apiBaseUrl" not in made
    assert made["createdAt"] == made["updatedAt"]
    assert made["createdAt"].endswith("Z")
    path = f"/user-models/{made['id']}"
    assert alice.get(path).data == made
    assert models(alice) == [made]

    assert said(alice.put(path, {})) == (2, "No fields to update")
    assert alice.put(path, {"id": "x", "userId": "y"}).data == made
    changed = alice.put(path, {"name": "yours", "apiKey": MASK, "apiBaseUrl": ""}).data
    assert changed | {"updatedAt": made["updatedAt"]} == made | {"name": "yours", "apiBaseUrl": ""}
    assert alice.put(path, {"apiKey": "sk-another-9876543210"}).data["apiKey"] == "••••3210"
    assert said(alice.put(path, {"apiKey": MASK}))[0] == 2
    assert alice.delete(path).data == {"deleted": True}
    assert said(alice.get(path)) == (3, "Model not found")
    assert said(alice.put(path, {})) == (3, "Model not found")
    assert said(alice.delete(path)) == (3, "Model not found")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": " ", "provider": None}, "Model name is required"),
        ({"name": None}, "Model name is required"),
        ({"name": ["x"]}, "Model name is required"),
        ({"provider": "", "apiKey": ""}, "Provider is required"),
        ({"apiKey": " ", "modelName": ""}, "API key is required"),
        ({"modelName": ""}, "Model name is required"),
        ({"provider": "acme"}, "Invalid provider"),
        ({"provider": {}}, "Invalid provider"),
        ({"provider": "other"}, "API Base URL is required for custom providers"),
        ({"provider": "other", "apiBaseUrl": " "}, "API Base URL is required for custom providers"),
        ({"apiBaseUrl": 7}, "API Base URL must be a text"),
        ({"isDefault": "true"}, "isDefault must be true or false"),
        ({"isDefault": None}, "isDefault must be true or false"),
        ({"name": "x" * 256}, "Model name is longer than 255 characters"),
        ({"apiBaseUrl": "https://x.example/" + "x" * 500}, "API Base URL is longer than 500 characters"),
        ({"apiKey": "x" * 501}, "API key is longer than 500 characters"),
        ({"apiKey": "钥匙"}, "API key must consist of visible ASCII characters"),
        ({"apiKey": "a\r\nb"}, "API key must consist of visible ASCII characters"),
        ({"modelName": "x" * 101}, "Model name is longer than 100 characters"),
    ],
)
def test_what_cannot_be_a_model_is_refused_alike_on_adding_and_changing(
    alice: Client, fields: dict[str, Any], message: str
) -> None:
    assert said(alice.post("/user-models", DEFAULT | fields)) == (2, message)
    path = f"/user-models/{add(alice)['id']}"
    before = alice.get(path).data
    assert said(alice.put(path, fields))[0] == 2
    assert alice.get(path).data == before


def test_one_model_at_most_is_the_default(alice: Client) -> None:
    first, second, third = (add(alice, name=name, isDefault=name != "first") for name in ("first", "second", "third"))

    def defaults() -> list[str]:
        return [each["name"] for each in models(alice) if each["isDefault"]]

    assert defaults() == ["third"]
    assert alice.request("PATCH", f"/user-models/{second['id']}/set-default").data["isDefault"] is True
    assert defaults() == ["second"]
    assert [each["updatedAt"] for each in models(alice)][::2] == [first["updatedAt"], third["updatedAt"]]
    alice.delete(f"/user-models/{second['id']}").data  # noqa: B018 (must succeed)
    assert defaults() == ["first"]
    assert models(alice)[0]["updatedAt"] == first["updatedAt"]
    assert alice.put(f"/user-models/{first['id']}", {"isDefault": False}).data["isDefault"] is False
    assert defaults() == []


def test_addresses_that_must_not_be_called_cannot_be_saved(alice: Client) -> None:
    for address, message in (
        ("https://10.0.0.1/v1", "Private or reserved IP addresses are not allowed"),
        ("http://93.184.215.14/v1", "Only HTTPS protocol is allowed"),
        ("what", "Invalid URL format"),
    ):
        refused = alice.post("/user-models", DEFAULT | {"provider": "other", "apiBaseUrl": address})
        assert refused.code == 5
        assert str(refused.message).startswith(message)
    path = f"/user-models/{add(alice)['id']}"
    assert alice.put(path, {"apiBaseUrl": "https://evil.example/v1"}).code == 5
    assert said(alice.put(path, {"provider": "other"})) == (2, "API Base URL is required for custom providers")


def test_trying_a_model_says_what_came_of_it(alice: Client, own: StreamingStub) -> None:
    good = DEFAULT | {"provider": "other", "apiBaseUrl": f"{own.url}/v1"}
    works = alice.post("/user-models/test", good).data
    assert works == {
        "success": True,
        "message": "Model connection test successful",
        "response": "answered by the own model",
    }
    for fields, code, message in (
        ({"provider": ""}, 2, "Provider is required"),
        ({"apiKey": ""}, 2, "API key is required"),
        ({"modelName": ""}, 2, "Model name is required"),
        ({"provider": "acme"}, 2, "Invalid provider"),
        ({"apiBaseUrl": ""}, 2, "API Base URL is required for custom providers"),
        ({"apiBaseUrl": "https://10.0.0.1"}, 5, "Private or reserved IP addresses are not allowed"),
        ({"apiBaseUrl": f"{own.url}/sink/status/418"}, 5000, "API request failed: "),
        ({"apiBaseUrl": "http://127.0.0.1:1/v1"}, 5000, "API request failed: "),
    ):
        failed = alice.post("/user-models/test", good | fields)
        assert (failed.status, failed.code) == (200, code)
        assert str(failed.message).startswith(message)
        assert failed.envelope["data"] == {"success": False, "message": failed.message}
        assert KEY not in failed.content.decode()


def test_a_mask_stands_for_a_key_at_its_own_address_only(alice: Client, own: StreamingStub) -> None:
    good = DEFAULT | {"provider": "other", "apiBaseUrl": f"{own.url}/v1"}
    add(alice, **good)
    assert alice.post("/user-models/test", good | {"apiKey": MASK}).data["success"] is True
    asked = len(own.asked)
    for fields in (
        {"apiBaseUrl": f"{own.url}/v2"},
        {"apiBaseUrl": own.url.replace("127.0.0.1", "localhost") + "/v1"},
        {"provider": "openai", "apiBaseUrl": None},
        {"apiKey": "••••0000"},
    ):
        assert alice.post("/user-models/test", good | {"apiKey": MASK} | fields).code == 2
    assert said(alice.post("/user-models", good | {"apiKey": MASK}))[0] == 2
    assert len(own.asked) == asked


def test_the_chosen_model_answers_questions_and_counts_apart(alice: Client, own: StreamingStub, server: Server) -> None:
    alice.post("/memos", {"content": "wine and cheese"})
    model = add(alice, provider="other", apiBaseUrl=f"{own.url}/v1")["id"]

    def ask(chosen: object) -> Answer:
        return alice.post("/explore", {"query": "wine and cheese", "userModelId": chosen})

    assert ask(model).data["answer"] == "answered by the own model"
    for server_model in (None, ""):
        assert "own model" not in ask(server_model).data["answer"]
    assert ask(None).status == 429
    assert ask(model).code == 0
    stream = {"Accept": "text/event-stream"}
    for headers in ({}, stream):
        for unknown in ("u" * 24, add(server.user())["id"], "日记"):
            body = {"query": "wine", "userModelId": unknown}
            assert said(alice.post("/explore", body, headers=headers)) == (1, "Exploration failed: Model not found")
    assert alice.post("/explore", {"query": "wine", "userModelId": 7}).code == 2
    streamed = alice.post("/explore", {"query": "wine and cheese", "userModelId": model}, headers=stream)
    assert "answered by the own model" in streamed.content.decode()
    assert [ask(model).status, ask(model).status] == [200, 429]


def test_the_chosen_model_suggests_tags_until_it_is_gone(alice: Client, own: StreamingStub, server: Server) -> None:
    def chosen() -> object:
        return alice.get("/user-feature-configs/tag-model").data["userModelId"]

    def tags() -> list[str]:
        return alice.post("/ai/generate-tags", {"content": "wine and cheese"}).data["tags"]  # type: ignore[no-any-return]

    def choose(body: dict[str, Any]) -> Answer:
        return alice.put("/user-feature-configs/tag-model", body)

    assert chosen() is None
    servers = tags()
    assert servers != ["own"]
    model = add(alice, provider="other", apiBaseUrl=f"{own.url}/v1")["id"]
    assert choose({"userModelId": model}).data == {"userModelId": model}
    assert (chosen(), tags()) == (model, ["own"])
    for body in ({}, {"userModelId": 7}, {"userModelId": [model]}):
        assert said(choose(body)) == (2, "userModelId must be a string or null")
    for unknown in ("u" * 24, "", add(server.user())["id"]):
        assert said(choose({"userModelId": unknown})) == (3, "Model not found")
    assert chosen() == model
    assert choose({"userModelId": None}).data == {"userModelId": None}
    assert tags() == servers
    choose({"userModelId": model})
    profile = alice.post("/review/profiles", {"name": "p", "userModelId": model}).data["profileId"]
    alice.delete(f"/user-models/{model}").data  # noqa: B018 (must succeed)
    assert (chosen(), tags()) == (None, servers)
    (kept,) = alice.get("/review/profiles").data["profiles"]
    assert (kept["profileId"], kept["userModelId"]) == (profile, None)


def test_keys_are_in_no_answer_no_log_and_not_readable_in_the_database(
    alice: Client, own: StreamingStub, server: Server
) -> None:
    made = add(alice, provider="other", apiBaseUrl=f"{own.url}/v1")
    shown = [
        alice.get("/user-models"),
        alice.get(f"/user-models/{made['id']}"),
        alice.put(f"/user-models/{made['id']}", {"name": "x"}),
        alice.request("PATCH", f"/user-models/{made['id']}/set-default"),
        alice.post("/user-models/test", DEFAULT | {"provider": "other", "apiBaseUrl": f"{own.url}/none"}),
    ]
    assert not any(KEY in answer.content.decode() for answer in shown)
    eventually(lambda: "/api/v1/user-models/test" in server.log_tail(5000))
    assert KEY not in server.log_tail(5000)
    if (server.data_dir / "aimo.db").exists():
        with closing(sqlite3.connect(server.data_dir / "aimo.db", timeout=30)) as database:
            stored = json.dumps(database.execute("SELECT * FROM user_models").fetchall())
        assert made["id"] in stored
        assert KEY not in stored
