"""Bad input gives a clear answer, never a failure of the server, and never half a memo."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.client import Client
from support.server import Server

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
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


@pytest.mark.parametrize("machine", [False, True], ids=["user", "machine"])
def test_whatever_is_sent_gets_a_documented_answer(running: Server, machine: bool, tmp_path: Path) -> None:
    token = MACHINE_TOKEN if machine else running.user().token
    which = ["--include-path-regex", "/ba/"] if machine else ["--exclude-path-regex", "/ba/"]
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{running.url}/api/v1/openapi.json",
        f"--url={running.url}",
        f"--header=Authorization: Bearer {token}",
        f"--checks={CHECKS}",
        "--max-examples=6",
        "--phases=coverage,fuzzing",
        "--generation-deterministic",
        "--no-color",
        *which,
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


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
