"""Nobody gets what is another's, forged tokens open nothing, and secrets stay where they are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.support.client import Answer, Client
from tests.support.server import Server
from tests.support.stub import Stub

from aimo import ids
from aimo.http.app import CONTROLLERS, DEPENDENCIES
from aimo.http.output import openapi

SECRETS = {
    "JWT_SECRET": "jwt-secret-of-the-tests-which-is-long-enough",
    "BA_AUTH_TOKEN": "machine-token-of-the-tests",
    "METRICS_TOKEN": "metrics-token-of-the-tests",
}
DOCUMENT: dict[str, Any] = openapi.document(CONTROLLERS, DEPENDENCIES)

# How an id of each parameter is made; a route with another one must be added here.
FRESH: dict[str, Callable[[], str]] = {
    "attachmentId": ids.attachment_id,
    "cardId": ids.card_id,
    "categoryId": ids.category_id,
    "conversationId": ids.conversation_id,
    "memoId": ids.memo_id,
    "modelId": ids.user_model_id,
    "notificationId": ids.notification_id,
    "profileId": ids.review_profile_id,
    "repetitionRuleId": ids.repetition_rule_id,
    "reviewId": ids.review_session_id,
    "ruleId": ids.push_rule_id,
    "sessionId": ids.session_id,
    "tagId": ids.tag_id,
    "tokenId": ids.access_token_id,
}
# Tasks of speech recognition have ids of the provider (tests/acceptance/test_provider_limits.py); public pages are for
# everybody.
OF_NOBODY = ("taskId", "uid")
BODIES: dict[str, Any] = {
    "/memos/{memoId}": {"content": "taken over"},
    "/memos/{memoId}/tags": {"tags": ["taken"]},
    "/categories/{categoryId}": {"name": "taken over"},
    "/tags/{tagId}": {"name": "taken over"},
    "/attachments/{attachmentId}/properties": {"properties": {"taken": True}},
    "/explore/conversations/{conversationId}": {"title": "taken over"},
    "/explore/conversations/{conversationId}/messages": {"content": "what is in here?"},
    "/push-rules/{ruleId}": {"name": "taken over"},
    "/review/profiles/{profileId}": {"name": "taken over"},
    "/review/sessions/{reviewId}/answer": {"itemId": "ri", "answer": "what is in here?"},
    "/spaced-repetition/cards/{cardId}/review": {"quality": "forgot"},
    "/user-models/{modelId}": {"name": "taken over"},
}
ROUTES = [
    (method.upper(), path.removeprefix("/api/v1"), name)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    for name in [each["name"] for each in operation["parameters"] if each["in"] == "path"]
    if name not in OF_NOBODY
]


@dataclass
class House:
    """A server, a user with one of everything, and a stranger."""

    server: Server
    alice: Client
    mallory: Client
    owned: dict[str, str]
    memo: dict[str, Any]


def due_card(server: Server, user: Client) -> str:
    """Have a memo of a user be due for review, and return its card."""
    with closing(sqlite3.connect(server.data_dir / "aimo.db", timeout=30)) as database, database:
        database.execute("UPDATE spaced_repetition_cards SET next_review_at = '2020-01-01 00:00:00.000'")
    return str(user.get("/spaced-repetition/due").data["cards"][0]["cardId"])


def notification(server: Server, user: Client) -> str:
    """Tell a user something, and return the id of the notification."""
    with closing(sqlite3.connect(server.data_dir / "aimo.db", timeout=30)) as database, database:
        database.execute(
            "INSERT INTO in_app_notifications (notification_id, uid, type, title, body, seq) "
            "VALUES ('notif-mine', ?, 'spaced_repetition', 'mine', 'mine', 1)",
            (user.uid,),
        )
    return "notif-mine"


@pytest.fixture(scope="module")
def house(module_server: Callable[..., Server], module_stub: Stub) -> House:
    running = module_server(**module_stub.settings(), **SECRETS, BA_AUTH_ENABLED="true", AIMO_LOG_LEVEL="trace")
    alice, mallory = running.user(), running.user()
    category = alice.post("/categories", {"name": "mine"}).data["category"]
    file = alice.post("/attachments/upload", files={"file": ("a.txt", b"mine", "text/plain")}).data["attachment"]
    other = alice.post("/memos", {"content": "another of mine"}).data["memo"]
    body = {"content": "wine and cheese", "tags": ["mine"], "categoryId": category["categoryId"]}
    body |= {"attachments": [file["attachmentId"]], "relationIds": [other["memoId"]]}
    memo = alice.post("/memos", body).data["memo"]
    conversation = alice.post("/explore/conversations", {"title": "mine"}).data["conversation"]
    channels = [{"type": "feishu", "webhookUrl": f"{module_stub.url}/sink/hook", "secret": "feishu-secret"}]
    rule = {"name": "mine", "pushTime": 3, "contentType": "daily_pick", "channels": channels}
    rule_id = alice.post("/push-rules", rule).data["pushRule"]["id"]
    model = {"name": "mine", "provider": "openai", "apiKey": "sk-mine-0123456789", "modelName": "mine"}
    repetition_rule = {"mode": "exclude", "filterType": "tag", "filterValue": "nothing of mine"}
    owned = {
        "attachmentId": file["attachmentId"],
        "cardId": due_card(running, alice),
        "categoryId": category["categoryId"],
        "conversationId": conversation["conversationId"],
        "memoId": memo["memoId"],
        "modelId": alice.post("/user-models", model).data["id"],
        "notificationId": notification(running, alice),
        "profileId": alice.post("/review/profiles", {"name": "mine"}).data["profileId"],
        "repetitionRuleId": alice.post("/spaced-repetition/rules", repetition_rule).data["rule"]["ruleId"],
        "reviewId": alice.post("/review/sessions", {}).data["sessionId"],
        "ruleId": rule_id,
        "sessionId": alice.get("/user/sessions").data["sessions"][0]["id"],
        "tagId": memo["tags"][0]["tagId"],
        "tokenId": alice.post("/user/tokens", {"name": "mine", "scopes": ["ai"]}).data["token"]["id"],
    }
    return House(running, alice, mallory, owned, memo)


def belongings(alice: Client) -> list[Any]:
    paths = (
        "/memos",
        "/categories",
        "/tags",
        "/attachments",
        "/push-rules",
        "/review/profiles",
        "/review/history",
        "/user-models",
        "/spaced-repetition/rules",
        "/spaced-repetition/due",
        "/notifications",
        "/explore/conversations",
        "/user/sessions",
        "/user/tokens",
    )
    told = json.dumps([alice.get(path).data for path in paths])
    return [part.partition("?exp=")[0] if "?exp=" in part else part for part in told.split('"')]


def alike(answer: Answer, entity: str) -> tuple[int, str]:
    return answer.status, answer.content.decode().replace(entity, "{id}")


def test_every_id_in_a_path_is_tried() -> None:
    assert len(ROUTES) > 20
    assert {name for _, _, name in ROUTES} == set(FRESH)


@pytest.mark.parametrize(("method", "path", "name"), ROUTES)
def test_a_strangers_thing_looks_as_if_it_did_not_exist(house: House, method: str, path: str, name: str) -> None:
    before = belongings(house.alice)
    theirs, nothing = house.owned[name], FRESH[name]()
    seen = [
        alike(house.mallory.request(method, path.replace(f"{{{name}}}", entity), BODIES.get(path)), entity)
        for entity in (theirs, nothing)
    ]
    assert seen[0] == seen[1]
    for secret in ("wine", "mine", "feishu"):
        assert secret not in seen[0][1]
    assert belongings(house.alice) == before


def test_ids_of_others_inside_a_body_give_nothing_away(house: House) -> None:
    body = {"content": "mallory's", "categoryId": house.owned["categoryId"], "tagIds": [house.owned["tagId"]]}
    body |= {"attachments": [house.owned["attachmentId"]], "relationIds": [house.owned["memoId"]]}
    memo_id = house.mallory.post("/memos", body).data["memo"]["memoId"]
    memo = house.mallory.get(f"/memos/{memo_id}").data
    assert memo["categoryId"] is None
    assert (memo["tags"], memo["attachments"], memo.get("relations", [])) == ([], [], [])
    assert house.alice.get(f"/memos/{house.owned['memoId']}/backlinks").data["items"] == []
    assert house.alice.get(f"/tags/{house.owned['tagId']}").data["tag"]["usageCount"] == 1
    for search in ({"query": "wine and cheese", "limit": 50},):
        found = house.mallory.post("/memos/search/vector", search).data["items"]
        assert {item["uid"] for item in found} <= {house.mallory.uid}
    assert house.mallory.get("/memos", search="wine").data["items"] == []
    filters = {"categoryId": house.owned["categoryId"], "tags[]": "mine"}
    assert house.mallory.get("/memos", **filters).data["items"] == []


def test_a_private_memo_needs_its_owners_token(house: House) -> None:
    nobody = house.server.client()
    private, nothing = house.owned["memoId"], ids.memo_id()
    answers = [alike(nobody.get(f"/memos/public/memo/{entity}"), entity) for entity in (private, nothing)]
    assert answers[0] == answers[1]
    assert nobody.get(f"/memos/public/{house.alice.uid}").data["items"] == []


def part(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def forged(uid: str) -> dict[str, str]:
    now, secret = int(time.time()), SECRETS["JWT_SECRET"]
    claims = {"uid": uid, "iat": now, "exp": now + 3600}
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    good = jwt.encode(claims, secret, "HS256")
    head, body, signature = good.split(".")
    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{body}"
    renamed = f"{part({'alg': 'HS512', 'typ': 'JWT'})}.{body}"
    with_other_name = hmac.new(secret.encode(), renamed.encode(), hashlib.sha256).digest()
    return {
        "none": f"{unsigned}.",
        "None with the old signature": f"{part({'alg': 'None'})}.{body}.{signature}",
        "HS512": jwt.encode(claims, secret, "HS512"),
        "HS384": jwt.encode(claims, secret, "HS384"),
        "HS256 called HS512": f"{renamed}.{part(with_other_name)}",
        "RS256": jwt.encode(claims, key, "RS256"),
        "another secret": jwt.encode(claims, "another secret that is long enough", "HS256"),
        "the published secret": jwt.encode(claims, "your-secret-key-change-in-production", "HS256"),
        "an empty secret": f"{head}.{body}.{part(hmac.new(b'', f'{head}.{body}'.encode(), hashlib.sha256).digest())}",
        "other claims": f"{head}.{part({**claims, 'exp': now + 10**6})}.{signature}",
        "expired": jwt.encode({**claims, "exp": now - 1}, secret, "HS256"),
        "not valid yet": jwt.encode({**claims, "nbf": now + 3600}, secret, "HS256"),
        "signature cut off": f"{head}.{body}.",
        "no token at all": "abc",
    }


def test_only_tokens_of_this_server_open_it(house: House) -> None:
    client = house.server.client()
    now = int(time.time())
    client.token = jwt.encode({"uid": house.alice.uid, "iat": now, "exp": now + 60}, SECRETS["JWT_SECRET"], "HS256")
    assert client.get("/user/info").data["uid"] == house.alice.uid
    for name, token in forged(house.alice.uid).items():
        client.token = token
        answer = client.get("/user/info")
        assert (answer.status, answer.envelope) == (401, {"success": False, "message": "Invalid token"}), name
    client.token = None
    cookie = {"Cookie": f"aimo_token={forged(house.alice.uid)['none']}"}
    assert client.get("/user/info").status == 401
    assert client.request("GET", "/user/info", headers=cookie).status == 401


FILES = {
    "page.html": ("image/png", b"<html><script>alert(1)</script></html>"),
    "drawing.svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
    "picture.png": ("image/png", b"<script>alert(1)</script>"),
    "code.js": ("text/plain", b"alert(1)"),
    "page.xhtml": ("application/octet-stream", b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'/>"),
    "worker.txt": ("text/plain", b"<!doctype html><script>alert(1)</script>"),
    "movie.mp4": ("video/mp4", b"<html>"),
}
INERT = ("image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "application/octet-stream", "video/mp4")


def test_a_deactivated_user_is_refused(house: House) -> None:
    gone = house.server.user()
    with closing(sqlite3.connect(house.server.data_dir / "aimo.db", timeout=30)) as database, database:
        database.execute("UPDATE users SET status = 0 WHERE uid = ?", (gone.uid,))
    answer = gone.get("/user/info")
    assert (answer.status, answer.message) == (401, "User not found")
    assert house.server.client().post("/auth/login", {"email": gone.email, "password": gone.password}).code == 1000


@pytest.mark.parametrize("name", FILES)
def test_files_of_users_run_nowhere(house: House, name: str) -> None:
    kind, content = FILES[name]
    file = house.alice.post("/attachments/upload", files={"file": (name, content, kind)}).data["attachment"]
    shown = house.alice.http.get(file["url"])
    assert shown.status_code == 200
    assert shown.headers["x-content-type-options"] == "nosniff"
    policy = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    inert = shown.headers["content-type"].partition(";")[0] in INERT
    assert inert or shown.headers["content-disposition"].startswith("attachment")
    loaded = house.alice.get(f"/attachments/{file['attachmentId']}/download")
    assert loaded.headers["content-disposition"].startswith("attachment")
    assert loaded.headers["x-content-type-options"] == "nosniff"
    altered = file["url"].replace("sig=", "sig=A")
    assert house.alice.http.get(altered).status_code == 403
    assert house.alice.http.get(file["url"].partition("?")[0]).status_code == 403


def test_refused_types_are_refused_whatever_their_case(house: House) -> None:
    for kind in ("text/html", "TEXT/HTML", "text/html; charset=utf-8", "application/xhtml+xml", "text/javascript"):
        assert house.alice.post("/attachments/upload", files={"file": ("a.png", b"x", kind)}).code == 4001


def test_secrets_and_content_never_reach_the_log(house: House, module_stub: Stub) -> None:
    client = house.server.client()
    module_stub.configure(fail_next=6)
    hidden = {"password": "Hidden-password-1", "content": "hidden-content", "note": "hidden-note"}
    client.register(password=hidden["password"])
    client.post("/auth/login", {"email": client.email, "password": "Hidden-wrong-password"})
    client.post("/user/password", {"oldPassword": "Hidden-wrong-old", "newPassword": "Hidden-new-password"})
    client.post("/memos", {"content": hidden["content"], "tags": [hidden["note"]]})
    client.post("/memos/search/vector", {"query": "hidden-query"})
    client.post("/explore", {"query": "hidden-question"})
    client.get("/memos", search="hidden-search", page="hidden-page")
    client.http.post(
        "/api/v1/memos", content=b'{"content": "hidden-broken', headers={"Content-Type": "application/json"}
    )
    client.post("/memos", {"content": ["hidden-list"], "categoryId": 5})
    client.post("/attachments/upload", files={"file": ("hidden-name.txt", b"hidden-bytes", "text/plain")})
    client.post(f"/push-rules/{house.owned['ruleId']}/test")
    house.alice.post(f"/push-rules/{house.owned['ruleId']}/test")
    client.http.get("/api/v1/debug/ba/data?table=users", headers={"Authorization": "Bearer hidden-machine"})
    client.http.get("/metrics", headers={"Authorization": "Bearer hidden-metrics", "X-Forwarded-For": "192.0.2.1"})
    log = house.server.log.read_text(encoding="utf-8")
    assert '"request"' in log
    texts = [*SECRETS.values(), str(client.token), str(house.alice.token), house.alice.password, "feishu-secret"]
    for secret in [*texts, "Hidden-", "hidden-", "wine and cheese"]:
        position = log.find(secret)
        assert position < 0, f"{secret!r} in …{log[max(0, position - 300) : position + 50]}…"


def test_optional_routes_are_closed_by_default(module_server: Callable[..., Server]) -> None:
    shut = module_server(ALLOW_REGISTRATION="false", BA_AUTH_ENABLED="true", BA_AUTH_TOKEN="").client()
    refused = shut.post("/auth/register", {"email": "a@example.test", "password": "Passw0rd-test"})
    assert (refused.code, refused.envelope["data"]) == (6, None)
    for path in ("/debug/ba/schema?table=users", "/debug/ba/data?table=users"):
        for token in ("", "Bearer", "Bearer x"):
            answer = shut.http.get(f"/api/v1{path}", headers={"Authorization": token} if token else {})
            assert answer.status_code == 401
            assert answer.json()["message"] == "BA authentication is not configured"
    assert shut.post("/memos/ba/create?uid=u1", {"content": "x"}).status == 401


def test_sizes_are_limited(module_server: Callable[..., Server]) -> None:
    client = module_server(MAX_BODY_SIZE="20000", ATTACHMENT_MAX_FILE_SIZE="30000").user()
    assert client.post("/memos", {"content": "x" * 19_000}).code == 0
    assert client.post("/memos", {"content": "x" * 21_000}).status == 413
    sizes = {30_000: 0, 30_001: 4000}
    for size, code in sizes.items():
        assert client.post("/attachments/upload", files={"file": ("a.txt", b"x" * size, "text/plain")}).code == code
    deep = b"[" * 9_000 + b"]" * 9_000
    answer = client.http.post(
        "/api/v1/memos",
        content=b'{"content":' + deep + b"}",
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {client.token}"},
    )
    assert answer.status_code == 400 or answer.json()["code"] == 2
    for limit in ("1000000000", "1e308", "-1"):
        assert client.get("/memos", limit=limit, page="1e300").code == 0
