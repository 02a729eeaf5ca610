"""Bad input gives a clear answer, never a failure of the server, and never half a memo."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.client import Client
from tests.support.server import Server

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Routes of machines, and those that end the session of the token, after which there is nothing left to try.
ENDING = "/ba/|/auth/logout$|/user/sessions$"
MACHINE_TOKEN = "machine-token"

NASTY_TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["", "  ", "'", '"', "\\", "%", "_", "x' OR '1'='1", "🎉", "\u0000", "\ud800", "日记", "a" * 5000]),
)
NASTY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), NASTY_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NASTY_TEXT, inner, max_size=3)),
    max_leaves=6,
)
KEYS = (
    "content",
    "type",
    "categoryId",
    "attachments",
    "tagIds",
    "tags",
    "relationIds",
    "isPublic",
    "createdAt",
    "source",
)
BODIES = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, NASTY))


@pytest.fixture(scope="module")
def running(module_server: Callable[..., Server]) -> Server:
    return module_server(
        BA_AUTH_ENABLED="true", BA_AUTH_TOKEN=MACHINE_TOKEN, RATE_LIMIT="off", ALLOW_REGISTRATION="true"
    )


@pytest.fixture(scope="module")
def alice(running: Server) -> Client:
    return running.user()


def run_schemathesis(folder: Path, running: Server, token: str | None, *more: str, checks: str, **env: str) -> str:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{running.url}/api/v1/openapi.json",
        f"--url={running.url}",
        f"--header=Authorization: Bearer {token}",
        f"--checks={checks}",
        "--phases=coverage,fuzzing",
        "--no-color",
        *more,
    ]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | env, capture_output=True, text=True, timeout=1800, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def test_whatever_a_machine_sends_gets_a_documented_answer(running: Server, tmp_path: Path) -> None:
    chosen = ["--include-path-regex", "/ba/", "--max-examples=6", "--generation-deterministic"]
    run_schemathesis(tmp_path, running, MACHINE_TOKEN, *chosen, checks=CHECKS)


@pytest.mark.parametrize("examples", [5, pytest.param(100, marks=pytest.mark.long)])
def test_whatever_a_user_sends_gets_a_documented_answer_and_nothing_of_a_stranger(
    running: Server, tmp_path: Path, examples: int
) -> None:
    """Also with the ids of the stranger's things, and of the user's own."""
    mallory, bob = furnished(running, "mallory"), furnished(running, f"wombat{secrets.token_hex(6)}")
    hidden = furnished(running, bob.marker, bob.client)
    plan = tmp_path / "plan.json"
    secret = [bob.marker, bob.client.email, *(value for name, value in hidden.ids.items() if name != "uid")]
    plan.write_text(json.dumps({"mine": mallory.ids, "theirs": bob.ids, "secrets": secret}))
    before = bob.belongings()
    chosen = ["--exclude-path-regex", ENDING, f"--max-examples={examples}"]
    if examples < 10:
        chosen.append("--generation-deterministic")
    run_schemathesis(
        tmp_path,
        running,
        mallory.client.token,
        *chosen,
        checks=f"{CHECKS},nothing_of_a_stranger",
        FUZZ_PLAN=str(plan),
        SCHEMATHESIS_HOOKS=str(Path(__file__).with_name("fuzz_hooks.py")),
    )
    told = json.loads(plan.with_suffix(".told").read_text())
    print(", ".join(f"{number} {what}" for what, number in told.items()))
    assert told["with ids of theirs"] > 50
    assert told["with ids of mine"] > 50
    assert told["answers searched"] > 300
    assert bob.belongings() == before


@dataclass
class Furnished:
    """A user with one of everything; every text has the marker."""

    client: Client
    marker: str
    ids: dict[str, str]

    def belongings(self) -> list[Any]:
        paths = ("/user/info", "/categories", "/tags", "/push-rules", "/explore/conversations")
        told = [self.client.get(path).data for path in paths]
        told += [self.client.get(path, limit=100).data["items"] for path in ("/memos", "/attachments")]
        told += [self.client.get(f"/memos/{self.ids['memoId']}/backlinks").data]
        told += [self.client.get(f"/explore/conversations/{self.ids['conversationId']}").data]
        told += [self.client.get(f"/attachments/{self.ids['attachmentId']}/download").content.decode()]
        return [part for part in json.dumps(told).split('"') if "exp=" not in part]


def furnished(running: Server, marker: str, client: Client | None = None) -> Furnished:
    client = client or running.client().register(nickname=marker)
    name = f"{marker} {secrets.token_hex(3)}"
    file = {"file": (f"{marker}.txt", marker.encode(), "text/plain")}
    channels = [{"type": "meow", "nickname": marker}]
    rule = {"name": marker, "pushTime": 3, "contentType": "daily_pick", "channels": channels}
    ids = {
        "uid": client.uid,
        "categoryId": client.post("/categories", {"name": name}).data["category"]["categoryId"],
        "attachmentId": client.post("/attachments/upload", files=file).data["attachment"]["attachmentId"],
        "conversationId": client.post("/explore/conversations", {"title": marker}).data["conversation"][
            "conversationId"
        ],
        "ruleId": client.post("/push-rules", rule).data["pushRule"]["id"],
        # Not the one of this client, which goes on.
        "sessionId": another_session(client),
    }
    message = {"role": "user", "content": f"{marker} asked"}
    client.post(f"/explore/conversations/{ids['conversationId']}/messages", message).data  # noqa: B018 (must succeed)
    body = {"content": f"{marker} wrote this", "tags": [name], "categoryId": ids["categoryId"]}
    memo = client.post("/memos", body | {"attachments": [ids["attachmentId"]]}).data["memo"]
    ids |= {"memoId": memo["memoId"], "tagId": memo["tags"][0]["tagId"]}
    client.post("/memos", {"content": f"{marker} again", "relationIds": [ids["memoId"]]}).data  # noqa: B018
    return Furnished(client, marker, ids)


def another_session(client: Client) -> str:
    token = client.post("/auth/login", {"email": client.email, "password": client.password}).data["token"]
    client.http.cookies.clear()
    return str(jwt.decode(token, options={"verify_signature": False})["sid"])


def send(user: Client, method: str, path: str, body: Any) -> dict[str, Any]:
    raw = json.dumps(body, ensure_ascii=True, allow_nan=False).encode()
    answer = user.request(method, path, content=raw, headers={"content-type": "application/json"})
    assert answer.status == 200, (body, answer.status, answer.content)
    envelope: dict[str, Any] = answer.envelope
    return envelope


@given(bodies=st.lists(BODIES, min_size=1, max_size=8))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_memo_is_stored_whole_or_not_at_all(running: Server, bodies: list[dict[str, Any]]) -> None:
    user = running.user()
    stored = []
    for body in bodies:
        try:
            envelope = send(user, "POST", "/memos", body)
        except ValueError:
            # NaN and infinity have no JSON.
            continue
        assert envelope["code"] in (0, 2), envelope
        if envelope["code"] == 0:
            stored.append(envelope["data"]["memo"])
    listed = user.get("/memos", limit=100).data["items"]
    assert {memo["memoId"] for memo in listed} == {memo["memoId"] for memo in stored}
    for memo in stored:
        assert user.get(f"/memos/{memo['memoId']}").data["content"] == memo["content"]
    counts = {tag["tagId"]: tag["usageCount"] for tag in user.get("/tags").data["tags"]}
    carried = [tag["tagId"] for memo in listed for tag in memo["tags"]]
    assert counts == {tag_id: carried.count(tag_id) for tag_id in counts}


@given(
    page=st.one_of(NASTY_TEXT, st.sampled_from(["abc", "1e9", "1e309", "-1", "0", "0x2", "NaN", "1.5"])),
    limit=NASTY_TEXT,
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_pages_take_any_text(alice: Client, page: str, limit: str) -> None:
    params = {"page": page.encode("utf-8", "replace"), "limit": limit.encode("utf-8", "replace"), "search": b"%"}
    for path in ("/memos", "/attachments"):
        assert alice.request("GET", path, params=params).status in (200, 400)


@given(name=NASTY_TEXT)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_ids_take_any_text(alice: Client, name: str) -> None:
    piece = quote(name.encode("utf-8", "replace"), safe="") or "x"
    for path in (
        f"/memos/{piece}",
        f"/tags/{piece}",
        f"/categories/{piece}",
        f"/attachments/{piece}",
        f"/memos/{piece}/related",
    ):
        answer = alice.get(path)
        assert answer.status in (200, 400), (path, answer.content)


def test_a_body_of_twenty_megabytes_is_refused_and_nothing_is_kept(running: Server) -> None:
    user = running.user()
    answer = user.post("/memos", {"content": "x" * 21_000_000})
    assert answer.status == 413
    assert answer.envelope["status"] == "error"
    assert user.post("/memos", {"content": "字" * 5_000_000}).code == 2
    assert user.get("/memos").data["pagination"]["total"] == 0
