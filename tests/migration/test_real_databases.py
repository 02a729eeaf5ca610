"""Databases that the old server wrote move over whole, and the API answers as the old server did."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import jwt
import pytest
from tests.support import stub as stubs
from tests.support.client import plain_http
from tests.support.server import Server
from tests.support.stub import Stub

from aimo.legacy.report import MigrationReport

from .support import DATABASES, DIMENSIONS, SCHEMA, MakeSettings, OldDatabase, lance, move, settings_for, table, unpack

JWT_SECRET = "the secret that the old server had"
CACHES = ("embedding_cache", "multimodal_embedding_cache")


@pytest.fixture(scope="module", params=sorted(DIMENSIONS))
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OldDatabase:
    """Shared by the tests of both kinds of database: a source is never written to."""
    return unpack(request.param, tmp_path_factory.mktemp(request.param))


async def test_an_old_database_arrives_whole_and_is_answered_as_before(
    old: OldDatabase,
    database: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: MakeSettings,
    server: Callable[..., Server],
) -> None:
    before = old.fingerprint()
    installation = settings_for(tmp_path / "data", database, old.dimensions)
    done = await move(settings(**installation), old.lancedb, copy_files=str(old.attachments))
    assert (done.exit_code, done.state) == (0, "validated")
    jsonschema.validate(json.loads(json.dumps(done.content)), SCHEMA)
    assert_counts(old, done)

    again = await move(settings(**installation), old.lancedb, copy_files=str(old.attachments))
    assert again.exit_code == 0
    assert again.content["nothing_to_do"]
    assert old.fingerprint() == before

    monkeypatch.setattr(stubs, "DIMENSIONS", old.dimensions)
    stub = Stub().start()
    try:
        running = server(**database, **stub.settings(), AIMO_DATA_DIR=str(tmp_path / "data"), JWT_SECRET=JWT_SECRET)
        for user in old.manifest["users"]:
            log_in_and_download(running, user, old)
        assert stub.stats()["embedding_inputs"] == 0, "nothing is embedded again"
        answers = DATABASES / f"{old.name}.answers.json.gz"
        if answers.exists():
            compare(running, old.name, answers)
    finally:
        stub.stop()


def assert_counts(old: OldDatabase, done: MigrationReport) -> None:
    for name, known in old.manifest["tables"].items():
        if name in CACHES:
            rows = next((one["copied"] for one in done.content["lance"] if one["table"] == name), 0)
        else:
            moved = table(done, name)
            rows = moved["migrated"] + moved["normalised"]
        assert rows == known["rows"], name
    assert lance(done, "memo_vectors")["copied"] == old.manifest["tables"]["memos"]["rows"]
    assert done.content["files"]["copied"] == len(old.manifest["files"])


def log_in_and_download(server: Server, user: dict[str, str], old: OldDatabase) -> None:
    with plain_http(server.url, timeout=60) as client:
        login = {"email": user["email"], "password": user["password"]}
        assert client.post("/api/v1/auth/login", json=login).json()["data"]["token"]
        # A token that the old server gave out before the move.
        token = jwt.encode({"uid": user["uid"], "iat": 1_771_000_000, "exp": 4_000_000_000}, JWT_SECRET, "HS256")
        bearer = {"authorization": f"Bearer {token}"}
        assert client.get("/api/v1/user/info", headers=bearer).json()["data"]["email"] == user["email"]
        attachments = client.get("/api/v1/attachments?limit=1000", headers=bearer).json()["data"]["items"]
        mine = {path: digest for path, digest in old.manifest["files"].items() if path.startswith(user["uid"])}
        assert len(attachments) == len(mine)
        for attachment in attachments:
            content = client.get(attachment["url"]).raise_for_status().content
            assert hashlib.sha256(content).hexdigest() in mine.values()


def compare(server: Server, name: str, answers: Path) -> None:
    script = Path(__file__).with_name("dump_answers.py")
    command = [sys.executable, str(script), server.url, str(DATABASES / f"{name}.json")]
    done = subprocess.run(
        [*command, "--compare", str(answers), "--lenient"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout
