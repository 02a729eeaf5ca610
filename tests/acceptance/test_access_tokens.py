"""Personal access tokens open the routes of their scopes, and nothing else, until they end."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from tests.support.backups import aimo
from tests.support.client import Client
from tests.support.server import Server
from tests.support.waiting import eventually

from aimo.http.route_scopes import ROUTE_SCOPES, SESSION_ONLY
from aimo.services.accounts.token_scopes import PRESETS, TokenScope

ROUTES = sorted(set(ROUTE_SCOPES) | SESSION_ONLY)
KINDS = ("none", "read", "write", "full", "stranger", "expired", "revoked", "cookie")
# Answers whoever asks, and ends nothing without a session.
OPTIONAL = "POST /api/v1/auth/logout"


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def running(
    request: pytest.FixtureRequest,
    module_server: Callable[..., Server],
    shared_database: Callable[[str], dict[str, str]],
) -> Server:
    """A server of two processes on each kind of database."""
    return module_server(**shared_database(request.param), WORKERS="2")


def create(client: Client, scopes: Sequence[str] = PRESETS["read"], **more: Any) -> dict[str, Any]:
    body = {"name": "a script", "scopes": list(scopes), **more}
    created: dict[str, Any] = client.post("/user/tokens", body).data
    return created


def bearer(client: Client, token: str) -> Client:
    """A client that carries this token instead of a session."""
    other = Client(client.url)
    other.token = token
    return other


def with_scopes(client: Client, scopes: Sequence[str]) -> Client:
    return bearer(client, create(client, scopes)["value"])


def statuses(client: Client, path: str = "/memos") -> set[int]:
    """Ask both processes, on a connection of its own each time."""
    headers = {"Authorization": f"Bearer {client.token}", "Connection": "close"}
    return {client.http.get(f"/api/v1{path}", headers=headers).status_code for _ in range(8)}


def expected(kind: str, route: str) -> int | None:
    """The status that the table of scopes tells; None for an answer of the route itself."""
    if route == OPTIONAL:
        return 200
    if kind in ("none", "expired", "revoked", "cookie"):
        return 401
    scopes = PRESETS["full" if kind == "stranger" else kind]
    return None if ROUTE_SCOPES.get(route) in scopes else 403


@pytest.fixture(scope="module")
def by_kind(module_server: Callable[..., Server]) -> dict[str, Any]:
    """Clients with each kind of token, and ids of Alice's things."""
    server = module_server()
    alice, mallory = server.user(), server.user()
    file = alice.post("/attachments/upload", files={"file": ("a.txt", b"wine", "text/plain")}).data["attachment"]
    body = {"content": "about wine", "tags": ["wine"], "attachments": [file["attachmentId"]]}
    memo = alice.post("/memos", body).data["memo"]
    clients = {name: with_scopes(alice, scopes) for name, scopes in PRESETS.items()}
    clients["none"] = Client(alice.url)
    clients["stranger"] = with_scopes(mallory, PRESETS["full"])
    expired, revoked = create(alice, PRESETS["full"]), create(alice, PRESETS["full"])
    with closing(sqlite3.connect(server.folder / "data/aimo.db")) as database, database:
        past = "UPDATE access_tokens SET expires_at = '2020-01-01 00:00:00.000' WHERE token_id = ?"
        database.execute(past, (expired["token"]["id"],))
    alice.delete(f"/user/tokens/{revoked['token']['id']}").data  # noqa: B018 (must succeed)
    clients |= {"expired": bearer(alice, expired["value"]), "revoked": bearer(alice, revoked["value"])}
    clients["cookie"] = Client(alice.url)
    clients["cookie"].http.headers["Cookie"] = f"aimo_token={clients['full'].token}"
    own = {"memo_id": memo["memoId"], "tag_id": memo["tags"][0]["tagId"], "attachment_id": file["attachmentId"]}
    return {"server": server, "alice": alice, "own": own, "clients": clients}


@pytest.mark.parametrize("kind", KINDS)
def test_each_token_opens_the_routes_that_the_table_of_scopes_says(by_kind: dict[str, Any], kind: str) -> None:
    client: Client = by_kind["clients"][kind]
    ids: dict[str, str] = by_kind["own"] if kind == "stranger" else {}
    wrong = []
    for route in ROUTES:
        method, path = route.split()
        path = re.sub(r"\{(\w+)\}", lambda match: ids.get(match[1], "unknown-id"), path).removeprefix("/api/v1")
        answer = client.request(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
        needed = expected(kind, route)
        fits = answer.status == needed if needed else answer.status not in (401, 403)
        if not fits or (needed in (401, 403) and answer.envelope["success"] is not False):
            wrong.append((route, answer.status, needed))
        assert b"wine" not in answer.content or kind in PRESETS, route
    assert wrong == []
    alice: Client = by_kind["alice"]
    assert alice.get(f"/memos/{by_kind['own']['memo_id']}").data["content"] == "about wine"


@pytest.mark.parametrize(
    "written", ["/memos/", "/memos?page=1", "//memos", "/MEMOS", "/%6demos", "/memos/./", "/memos%2F"]
)
def test_no_spelling_of_a_path_opens_more(by_kind: dict[str, Any], written: str) -> None:
    client = with_scopes(by_kind["alice"], [TokenScope.AI])
    headers = {"Authorization": f"Bearer {client.token}"}
    for method in ("GET", "HEAD", "POST"):
        answer = client.http.request(method, f"/api/v1{written}", headers=headers, json={"content": "wine"})
        assert answer.status_code in (403, 404), (method, answer.status_code)
        assert b"about wine" not in answer.content


def test_a_token_does_what_its_scopes_say_and_is_named_when_it_may_not(running: Server) -> None:
    alice = running.user()
    writer = with_scopes(alice, ["memos:write"])
    memo = writer.post("/memos", {"content": "by a script"}).data["memo"]
    assert writer.get(f"/memos/{memo['memoId']}").envelope == {
        "success": False,
        "message": "This access token lacks the scope memos:read",
    }
    assert writer.post("/user/tokens", {"name": "more", "scopes": ["ai"]}).envelope == {
        "success": False,
        "message": "Access tokens cannot do this; log in instead",
    }
    reader = with_scopes(alice, ["memos:read"])
    assert reader.get(f"/memos/{memo['memoId']}").data["content"] == "by a script"
    bare = reader.http.get("/api/v1/memos", headers={"Authorization": str(reader.token)})
    assert bare.json()["code"] == 0
    assert reader.delete(f"/memos/{memo['memoId']}").status == 403
    assert with_scopes(alice, ["memos:delete"]).delete(f"/memos/{memo['memoId']}").code == 0


def test_the_value_is_shown_once_and_the_secret_is_not_stored(by_kind: dict[str, Any]) -> None:
    running: Server = by_kind["server"]
    alice = running.user()
    answer = alice.post("/user/tokens", {"name": " feeds ", "scopes": ["export", "memos:read"], "expiresInDays": 7})
    assert answer.headers["cache-control"] == "no-store"
    token, value = answer.data["token"], answer.data["value"]
    assert (token["name"], token["scopes"], token["lastUsedAt"]) == ("feeds", ["memos:read", "export"], None)
    assert token["expiresAt"] - token["createdAt"] == 7 * 24 * 3600 * 1000
    assert abs(token["createdAt"] / 1000 - time.time()) < 60
    assert alice.get("/user/tokens").data == {"tokens": [token]}
    assert bearer(alice, value).get("/memos").code == 0
    used = eventually(lambda: alice.get("/user/tokens").data["tokens"][0]["lastUsedAt"])
    assert abs(used / 1000 - time.time()) < 60
    secret = value.removeprefix("aimo_pat_" + token["id"].removeprefix("pat"))[:32].encode()
    for file in running.folder.rglob("*"):
        assert not file.is_file() or secret not in file.read_bytes(), file


def test_a_revoked_token_is_refused_at_once_by_every_process_and_only_its_owner_can_revoke_it(running: Server) -> None:
    alice, mallory = running.user(), running.user()
    created = create(alice)
    client = bearer(alice, created["value"])
    assert statuses(client) == {200}
    path = f"/user/tokens/{created['token']['id']}"
    assert mallory.delete(path).code == 3
    assert statuses(client) == {200}
    assert alice.delete(path).code == 0
    assert statuses(client) == {401}
    assert alice.delete(path).code == 3
    assert client.get("/memos").envelope == {"success": False, "message": "Invalid token"}


def test_logging_out_everywhere_revokes_tokens_unless_they_are_spared(running: Server) -> None:
    alice = running.user()
    spared = with_scopes(alice, PRESETS["read"])
    password = {"oldPassword": alice.password, "newPassword": "Another-passw0rd"}
    assert "tokensRevoked" not in alice.post("/user/password", password).data
    back = {"oldPassword": "Another-passw0rd", "newPassword": alice.password, "logoutOthers": True}
    assert "tokensRevoked" not in alice.post("/user/password", {**back, "keepTokens": True}).data
    kept = alice.delete("/user/sessions", params={"keepCurrent": "true", "keepTokens": "true"}).data
    assert "tokensRevoked" not in kept
    assert statuses(spared) == {200}
    assert alice.delete("/user/sessions", params={"keepCurrent": "true"}).data["tokensRevoked"] == 1
    assert statuses(spared) == {401}
    second = with_scopes(alice, PRESETS["read"])
    forward = {"oldPassword": alice.password, "newPassword": "Another-passw0rd", "logoutOthers": True}
    assert alice.post("/user/password", forward).data["tokensRevoked"] == 1
    assert statuses(second) == {401}


def test_nobody_gets_more_than_fifty_tokens_however_many_are_asked_for_at_once(running: Server) -> None:
    alice = running.user()
    with ThreadPoolExecutor(8) as pool:
        body = {"name": "n", "scopes": ["ai"], "expiresInDays": None}
        codes: list[Any] = list(pool.map(lambda _: alice.post("/user/tokens", body).code, range(56)))
    assert sorted(codes) == [0] * 50 + [6] * 6
    tokens = alice.get("/user/tokens").data["tokens"]
    assert (len(tokens), {token["expiresAt"] for token in tokens}) == (50, {None})
    alice.delete(f"/user/tokens/{tokens[0]['id']}")
    assert alice.post("/user/tokens", body).code == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 101},
        {"name": 5},
        {"scopes": []},
        {"scopes": ["root"]},
        {"scopes": "memos:read"},
        {"expiresInDays": 0},
        {"expiresInDays": 3651},
        {"expiresInDays": "7"},
        {"expiresInDays": True},
    ],
)
def test_a_token_is_not_created_with_what_makes_no_sense(by_kind: dict[str, Any], changed: dict[str, Any]) -> None:
    alice: Client = by_kind["alice"]
    before = alice.get("/user/tokens").data
    answer = alice.post("/user/tokens", {"name": "n", "scopes": ["ai"], **changed})
    assert answer.code == 2
    assert next(iter(changed)) in str(answer.message)
    assert alice.get("/user/tokens").data == before


def test_operators_create_list_and_revoke_tokens(by_kind: dict[str, Any]) -> None:
    running: Server = by_kind["server"]
    alice = running.user()

    def run(*arguments: str) -> tuple[int, str, str]:
        done = aimo(running.settings, running.folder / "cli", "token", *arguments)
        return done.returncode, done.stdout.strip(), done.stderr

    code, value, said = run("create", alice.email, "--name", "cron", "--scopes", "memos:read,export", "--days", "0")
    assert (code, "for ever" in said) == (0, True), said
    assert bearer(alice, value).get("/memos").code == 0
    [token] = alice.get("/user/tokens").data["tokens"]
    assert (token["scopes"], token["expiresAt"]) == (["memos:read", "export"], None)
    code, listed, _ = run("list", alice.email)
    assert (code, token["id"] in listed, value in listed) == (0, True, False)
    assert run("revoke", alice.email, token["id"])[0] == 0
    assert statuses(bearer(alice, value)) == {401}
    for wrong in (["list", "nobody@example.test"], ["create", alice.email, "--name", "n", "--scopes", "root"]):
        code, _, said = run(*wrong)
        assert (code, said.splitlines()[-1].startswith("aimo: "), "Traceback" in said) == (1, True, False), said
