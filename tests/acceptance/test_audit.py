"""What a server writes to its audit log."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from tests.support.backups import aimo
from tests.support.server import Server

MACHINE_TOKEN = "machine-token-machine"
PASSWORD = "Passw0rd-of-the-test"


def audited(folder: Path) -> list[dict[str, Any]]:
    lines = [line for path in sorted(folder.glob("audit-*.log")) for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines]


def told(entries: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    return [(entry["event"], entry["outcome"], entry["user"]) for entry in entries]


def test_the_audit_log_tells_who_did_what_from_where_and_holds_no_secret(server: Any, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    running: Server = server(
        AIMO_LOG_DIR=str(logs),
        AIMO_LOG_LEVEL="error",
        TRUSTED_PROXIES="127.0.0.1",
        BA_AUTH_ENABLED="true",
        BA_AUTH_TOKEN=MACHINE_TOKEN,
    )
    client = running.client()
    client.http.headers["X-Forwarded-For"] = "192.0.2.7"
    client.register(password=PASSWORD)
    uid, email = client.uid, client.email
    client.post("/auth/login", {"email": email, "password": "Wrong-Passw0rd"})
    client.post("/auth/login", {"email": "nobody-here@example.test", "password": "Wrong-Passw0rd"})
    client.post("/user/password", {"oldPassword": "Wrong-Passw0rd", "newPassword": "Quite-New-Passw0rd"})
    client.post("/user/password", {"oldPassword": PASSWORD, "newPassword": "Quite-New-Passw0rd"})
    forged = running.client()
    forged.http.get("/api/v1/user/info", headers={"Authorization": "Bearer forged.token.here", "X-Request-Id": "r-77"})
    for path in ("/user/sessions/unknown-session", "/user/sessions?keepCurrent=true"):
        client.delete(path)
    token = client.post("/user/tokens", {"name": "a script", "scopes": ["ai"]}).data
    for _ in range(2):
        client.request("GET", "/memos", headers={"Authorization": f"Bearer {token['value']}"})
        client.delete(f"/user/tokens/{token['token']['id']}")
    client.post("/auth/logout", {})
    client.get("/user/info")
    for given in ({}, {"Authorization": "Bearer wrong-machine-token"}):
        forged.http.get("/api/v1/debug/ba/schema?table=users", headers=given)

    entries = audited(logs)
    assert told(entries) == [
        ("registration", "ok", uid),
        ("login", "ok", uid),
        ("login", "refused", uid),
        ("login", "refused", None),
        ("password_change", "refused", uid),
        ("password_change", "ok", uid),
        ("token", "refused", None),
        ("session_end", "refused", uid),
        ("logout_everywhere", "ok", uid),
        ("token_creation", "ok", uid),
        ("token", "refused", uid),
        ("token_revocation", "ok", uid),
        ("token", "refused", None),
        ("token_revocation", "refused", uid),
        ("logout", "ok", uid),
        ("token", "refused", uid),
        ("machine_token", "refused", None),
        ("machine_token", "refused", None),
    ]
    assert [entry["address"] for entry in entries] == [
        *["192.0.2.7"] * 6,
        "127.0.0.1",
        *["192.0.2.7"] * 9,
        *["127.0.0.1"] * 2,
    ]
    assert entries[6]["request_id"] == "r-77"
    assert all(entry["request_id"] and entry["timestamp"] for entry in entries)

    text = "".join(path.read_text("utf-8") for path in logs.iterdir()) + running.log.read_text("utf-8")
    assert '"event": "login"' in running.log.read_text("utf-8")
    for secret in (
        token["value"],
        PASSWORD,
        "Wrong-Passw0rd",
        "Quite-New",
        "forged.token",
        "machine-token",
        "nobody-here",
        email,
    ):
        assert secret not in text, secret
    assert str(client.token) not in text


def test_commands_that_take_data_out_or_bring_it_in_are_audited_and_write_for_their_user_alone(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    settings = {"AIMO_LOG_DIR": str(logs), "EMBEDDER": "local", "AIMO_DATA_DIR": str(tmp_path / "data")}
    before = os.umask(0o022)
    try:
        seeded = aimo(settings, tmp_path, "seed")
        assert aimo(settings, tmp_path, "backup", "b.tar.gz").returncode == 0
    finally:
        os.umask(before)
    for path in (tmp_path / "b.tar.gz", *logs.iterdir(), tmp_path / "data", *(tmp_path / "data").rglob("*")):
        assert not path.stat().st_mode & 0o077, path
    entries = audited(logs)
    assert [entry[:2] for entry in told(entries)] == [
        ("registration", "ok"),
        ("seed", "ok"),
        ("backup", "ok"),
    ]
    assert all(isinstance(entry["operator"], int) for entry in entries[1:])
    generated = re.search(r"password (\S{12,})\.$", seeded.stdout, re.MULTILINE)
    assert generated, seeded.stderr
    assert generated[1] not in "".join(path.read_text("utf-8") for path in logs.iterdir())
