"""A backup made beside a busy server answers as the server did, on the other kind of database (docs/backup.md)."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.client import Client
from support.mariadb import MariaDB
from support.server import AIMO, Server, environment
from support.waiting import eventually

SECRET = {"JWT_SECRET": "a secret that both installations have"}
SIGNATURE = re.compile(r"\?exp=\d+&sig=[\w-]+")
PICTURE = bytes.fromhex("89504e470d0a1a0a") + b"\0" * 64


def aimo(settings: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [str(AIMO), *arguments],
        env=environment({**settings, "COLUMNS": "200"}),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def furnish(client: Client) -> None:
    """Something of everything."""
    category = client.post("/categories", {"name": "读书", "color": "#abcdef"}).data["category"]
    upload = {"file": ("图.png", PICTURE, "image/png")}
    kept = client.post("/attachments/upload", files=upload, data={"properties": '{"width": 3}'}).data["attachment"]
    client.post("/user/avatar", files={"avatar": ("me.png", PICTURE, "image/png")}).data  # noqa: B018
    before: list[str] = []
    for number, content in enumerate(("茶 and tea 🎉", "snow", "x" * 5000, "雪山\nmountain")):
        body = {"content": content, "tags": ["a", f"t{number}"], "relationIds": before, "isPublic": number == 1}
        body |= {"categoryId": category["categoryId"], "attachments": [kept["attachmentId"]], "createdAt": -5 + number}
        before.append(client.post("/memos", body).data["memo"]["memoId"])
    client.delete(f"/memos/{before[1]}")
    client.post("/explore/conversations", {"title": "talk"})
    channels = [{"type": "meow", "nickname": "n"}]
    client.post("/push-rules", {"name": "r", "pushTime": 3, "contentType": "daily_pick", "channels": channels})


def answers(client: Client) -> dict[str, Any]:
    """Everything that a user can ask for, without what differs from one moment to the next."""
    told = {
        path: client.get(path).data
        for path in ("/user/info", "/memos?limit=50", "/tags", "/categories", "/attachments", "/push-rules")
    }
    told["/explore/conversations"] = client.get("/explore/conversations").data
    for memo in told["/memos?limit=50"]["items"]:
        told[memo["memoId"]] = client.get(f"/memos/{memo['memoId']}").data
    for attachment in told["/attachments"]["items"]:
        told[attachment["attachmentId"]] = client.get(
            f"/attachments/{attachment['attachmentId']}/download"
        ).content.hex()
    told["search"] = client.post("/memos/search/vector", {"query": "tea", "limit": 10}).data
    return json.loads(SIGNATURE.sub("", json.dumps(told)))  # type: ignore[no-any-return]


def write_until(stop: threading.Event, client: Client) -> None:
    while not stop.is_set():
        memo = client.post("/memos", {"content": "busy", "tags": ["busy"]}).data["memo"]
        client.put(f"/memos/{memo['memoId']}", {"content": "busier", "tags": ["busier"]})
        file = client.post("/attachments/upload", files={"file": ("b.txt", b"busy", "text/plain")}).data["attachment"]
        client.delete(f"/attachments/{file['attachmentId']}")
        client.delete(f"/memos/{memo['memoId']}")


@pytest.mark.parametrize("direction", ["sqlite to mysql", "mysql to sqlite"])
def test_restored_on_the_other_database_everything_is_as_it_was(
    server: Callable[..., Server], mariadb: MariaDB, tmp_path: Path, direction: str
) -> None:
    first, second = mariadb.create_database(), {}
    if direction.startswith("sqlite"):
        first, second = second, first
    running = server(**first, **SECRET)
    alice, busy = running.user(), running.user()
    furnish(alice)
    told = answers(alice)
    archive, stop = tmp_path / "backup.tar.gz", threading.Event()
    writer = threading.Thread(target=write_until, args=(stop, busy))
    writer.start()
    try:
        made = aimo(running.settings, running.folder, "backup", str(archive), "--vectors")
    finally:
        stop.set()
        writer.join()
    assert made.returncode == 0, made.stdout + made.stderr
    assert aimo(running.settings, running.folder, "backup", str(archive)).returncode == 1
    running.stop()

    other = {**second, **SECRET, "AIMO_DATA_DIR": str(tmp_path / "other")}
    restored = aimo(other, tmp_path / "home", "restore", str(archive))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    again = aimo(other, tmp_path / "home", "restore", str(archive))
    assert again.returncode == 1
    assert "empty" in again.stderr
    reborn = server(**other)
    client = reborn.client().login(alice.email, alice.password)

    def in_step() -> bool:
        return bool(reborn.client().http.get("/readyz").json()["sync"]["waiting"] == 0)

    eventually(in_step, timeout=30)
    assert answers(client) == told
    check = aimo(reborn.settings, tmp_path / "home", "doctor")
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.fixture(scope="module")
def archive(module_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Path:
    running = module_server(**SECRET)
    furnish(running.user())
    file = tmp_path_factory.mktemp("backup") / "backup.tar.gz"
    made = aimo(running.settings, running.folder, "backup", str(file))
    assert made.returncode == 0, made.stdout + made.stderr
    return file


def test_a_backup_opens_with_ordinary_tools_and_is_nobody_elses(archive: Path, tmp_path: Path) -> None:
    assert archive.stat().st_mode & 0o077 == 0
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["rows"]["tables/memos"] == 3
    memos = (tmp_path / "tables/memos/000000.ndjson").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["content"] for line in memos} >= {"茶 and tea 🎉"}
    assert [path.read_bytes() for path in (tmp_path / "files").rglob("*.png")] == [PICTURE, PICTURE]


def damaged(archive: Path, change: str) -> bytes:
    import gzip

    whole = archive.read_bytes()
    if change == "cut short":
        return whole[: len(whole) * 2 // 3]
    if change == "another file":
        return b"not a backup"
    plain = gzip.decompress(whole)
    if change == "one letter":
        return gzip.compress(plain.replace(b"snow", b"slow").replace("茶 and tea".encode(), "茶 and pea".encode()), 1)
    if change == "newer schema":
        return gzip.compress(re.sub(rb'"schema":"\d{4}"', b'"schema":"9999"', plain), 1)
    return gzip.compress(plain.replace(b'"format":1', b'"format":2'), 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("cut short", "damaged"),
        ("another file", "damaged"),
        ("one letter", "damaged"),
        ("newer schema", "newer"),
        ("newer format", "newer"),
    ],
)
def test_what_cannot_be_restored_whole_changes_nothing(archive: Path, tmp_path: Path, change: str, reason: str) -> None:
    bad = tmp_path / "bad.tar.gz"
    bad.write_bytes(damaged(archive, change))
    settings = {"AIMO_DATA_DIR": str(tmp_path / "data")}
    refused = aimo(settings, tmp_path, "restore", str(bad))
    assert refused.returncode == 1
    assert reason in refused.stderr
    assert "Traceback" not in refused.stderr
    assert list((tmp_path / "data/attachments").rglob("*.png")) == []
    if change == "cut short":
        assert aimo(settings, tmp_path, "restore", str(archive)).returncode == 0
