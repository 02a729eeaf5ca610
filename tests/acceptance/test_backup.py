"""A backup made beside a busy server answers as the server did, on the other kind of database (docs/backup.md)."""

from __future__ import annotations

import asyncio
import json
import re
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.support.backups import PICTURE, aimo, assert_stores_agree, back_up, furnish, inside, restore
from tests.support.client import Client
from tests.support.mariadb import MariaDB
from tests.support.seeding import SECRET as SECRET_OF_PLOTS
from tests.support.seeding import Plot, token
from tests.support.server import Server

from aimo import config
from aimo.cli import backup as command
from aimo.errors import ConfigurationError
from aimo.services.sync import rebuild

MANY = 20_000
SECRET = {"JWT_SECRET": "a secret that both installations have"}
SIGNATURE = re.compile(r"\?exp=\d+&sig=[\w-]+")


def answers(client: Client) -> dict[str, Any]:
    """Everything that a user can ask for, without what differs from one moment to the next."""
    told = {path: client.get(path).data for path in ("/user/info", "/tags", "/categories", "/push-rules")}
    told["/explore/conversations"] = client.get("/explore/conversations").data
    for path in ("/review/profiles", "/review/history"):
        told[path] = client.get(path).data
    for review in told["/review/history"]["items"]:
        path = f"/review/sessions/{review['sessionId']}"
        told[path] = client.get(path).data
    told["/attachments"] = client.get("/attachments", limit=1000).data
    page = 1
    while items := client.get("/memos", limit=1000, page=page).data["items"]:
        told[f"/memos {page}"] = items
        page += 1
    for memo in told["/memos 1"][:50]:
        told[memo["memoId"]] = client.get(f"/memos/{memo['memoId']}").data
    for attachment in told["/attachments"]["items"]:
        path = f"/attachments/{attachment['attachmentId']}/download"
        told[path] = client.get(path).content.hex()
    told["search"] = client.post("/memos/search/vector", {"query": "tea", "limit": 10}).data
    return json.loads(SIGNATURE.sub("", json.dumps(told)))  # type: ignore[no-any-return]


class Load:
    """Users who write all the time, within a `with`."""

    def __init__(self, server: Server, users: int = 1) -> None:
        self.rounds = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(server.user(),)) for _ in range(users)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, client: Client) -> None:
        upload = {"file": ("b.txt", b"busy", "text/plain")}
        while not self._stop.is_set():
            memo = client.post("/memos", {"content": "busy", "tags": ["busy"]}).data["memo"]
            client.put(f"/memos/{memo['memoId']}", {"content": "busier", "tags": ["busier"]})
            file = client.post("/attachments/upload", files=upload).data["attachment"]
            client.delete(f"/attachments/{file['attachmentId']}")
            client.delete(f"/memos/{memo['memoId']}")
            self.rounds += 1


def assert_sound(settings: Mapping[str, str]) -> None:
    outcomes = inside(settings, lambda runtime: runtime.services.doctor.run())
    assert len(outcomes) == 9
    assert [outcome for outcome in outcomes if not outcome.is_satisfied] == []


@dataclass
class House:
    """A server with one furnished user, and a backup of exactly that."""

    server: Server
    alice: Client
    archive: Path


@pytest.fixture(scope="module")
def house(module_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> House:
    running = module_server(**SECRET)
    alice = running.user()
    furnish(alice)
    file = tmp_path_factory.mktemp("backup") / "backup.tar.gz"
    back_up(running.settings, file)
    return House(running, alice, file)


@pytest.fixture(scope="module")
def archive(house: House) -> Path:
    return house.archive


def test_restored_by_the_commands_on_mysql_everything_is_as_it_was_on_sqlite(
    house: House, server: Callable[..., Server], mysql_database: dict[str, str], tmp_path: Path
) -> None:
    running, archive = house.server, tmp_path / "backup.tar.gz"
    told = answers(house.alice)
    with Load(running) as load:
        made = aimo(running.settings, running.folder, "backup", str(archive), "--vectors")
    assert made.returncode == 0, made.stdout + made.stderr
    assert load.rounds
    with pytest.raises(ConfigurationError, match="exists already"):
        command.backup(archive)

    other = {**mysql_database, **SECRET, "AIMO_DATA_DIR": str(tmp_path / "other")}
    restored = aimo(other, tmp_path / "home", "restore", str(archive))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    with pytest.raises(ConfigurationError, match="empty"):
        restore(other, archive)
    reborn = server(**other)
    assert_stores_agree(reborn)
    assert answers(reborn.client().login(house.alice.email, house.alice.password)) == told
    assert_sound(reborn.settings)


def test_restored_on_sqlite_everything_is_as_it_was_on_mysql(
    server: Callable[..., Server], mariadb: MariaDB, mysql_template: str, tmp_path: Path
) -> None:
    running = server(**mariadb.create_database(like=mysql_template), **SECRET)
    archive = tmp_path / "backup.tar.gz"
    alice = running.user()
    furnish(alice)
    told = answers(alice)
    with Load(running) as load:
        back_up(running.settings, archive)
    assert load.rounds
    running.stop()

    other = {**SECRET, "AIMO_DATA_DIR": str(tmp_path / "other")}
    restore(other, archive)
    reborn = server(**other)
    assert_stores_agree(reborn)
    assert answers(reborn.client().login(alice.email, alice.password)) == told
    assert_sound(reborn.settings)


def test_a_restored_backup_revives_no_session_and_no_token_that_was_ended(
    server: Callable[..., Server], tmp_path: Path
) -> None:
    running, archive = server(**SECRET), tmp_path / "backup.tar.gz"
    alice, kept, ended = running.user(), running.client(), running.client()
    now = int(time.time())
    for number, client in enumerate((kept, ended), 1):
        claims = {"uid": alice.uid, "iat": now - number, "exp": now + 3600}
        client.token = jwt.encode(claims, SECRET["JWT_SECRET"], "HS256")
    assert ended.post("/auth/logout").code == 0
    script = running.client()
    script.token = alice.post("/user/tokens", {"name": "a script", "scopes": ["memos:read"]}).data["value"]
    back_up(running.settings, archive)
    running.stop()
    other = {**SECRET, "AIMO_DATA_DIR": str(tmp_path / "other")}
    restore(other, archive)
    reborn = server(**other)
    for client, status in ((alice, 401), (ended, 401), (kept, 200)):
        heir = reborn.client()
        heir.token = client.token
        assert heir.get("/user/info").status == status
    heir.token = script.token
    assert heir.get("/memos").status == 401


def test_a_backup_opens_with_tar_and_is_readable_by_its_owner_only(archive: Path, tmp_path: Path) -> None:
    assert archive.stat().st_mode & 0o077 == 0
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["rows"]["tables/memos"] == 4
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
    with pytest.raises(ConfigurationError, match=reason):
        restore(settings, bad)
    assert list((tmp_path / "data/attachments").rglob("*.png")) == []
    assert restore(settings, archive).rows["tables/memos"] == 4


def test_the_command_says_in_one_line_why_it_restores_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar.gz"
    bad.write_bytes(b"not a backup")
    refused = aimo({"AIMO_DATA_DIR": str(tmp_path / "data")}, tmp_path, "restore", str(bad))
    assert refused.returncode == 1
    assert "damaged" in refused.stderr
    assert "Traceback" not in refused.stderr


def planted(settings: Mapping[str, str]) -> str:
    """A user with many memos, which the server will make findable when it starts."""
    plot = Plot()
    uid = plot.user()
    tags = [plot.tag(uid, f"tag {number}") for number in range(20)]
    for number in range(MANY):
        plot.memo(uid, f"memo {number} of tea, 第{number}条", tag_ids=[tags[number % 20]], created_at=number)
    values = {name.lower(): value for name, value in settings.items()}
    asyncio.run(plot.plant_rows(config.load(_env_file=None, **values)))
    inside(settings, lambda runtime: rebuild.request(runtime.stores.database))
    return uid


def timed(work: Callable[[], object]) -> str:
    started = time.monotonic()
    work()
    return f"{time.monotonic() - started:.1f} s"


@pytest.mark.long
@pytest.mark.parametrize("direction", ["sqlite to mysql", "mysql to sqlite"])
def test_twenty_thousand_memos_come_back_from_a_backup_made_under_load(
    server: Callable[..., Server], mysql_database: dict[str, str], tmp_path: Path, direction: str
) -> None:
    first, second = ({}, mysql_database) if direction.startswith("sqlite") else (mysql_database, {})
    source = {**first, "JWT_SECRET": SECRET_OF_PLOTS, "AIMO_DATA_DIR": str(tmp_path / "first")}
    uid = planted(source)
    running, archive = server(**source), tmp_path / "backup.tar.gz"
    assert_stores_agree(running, timeout=600)
    alice = running.client()
    alice.token = token(uid)
    furnish(alice)
    told = answers(alice)
    with Load(running, users=4) as load:
        made = timed(lambda: back_up(running.settings, archive))
    assert load.rounds > 10
    running.stop()

    other = {**second, "JWT_SECRET": SECRET_OF_PLOTS, "AIMO_DATA_DIR": str(tmp_path / "other")}
    restored = timed(lambda: restore(other, archive))
    reborn = server(**other)
    in_step = timed(lambda: assert_stores_agree(reborn, timeout=600))
    heir = reborn.client()
    heir.token = alice.token
    assert answers(heir) == told
    checked = timed(lambda: assert_sound(reborn.settings))
    print(
        f"{direction}, {MANY} memos and {load.rounds} rounds of writes meanwhile: backup {made}, "
        f"{archive.stat().st_size / 2**20:.1f} MiB, restore {restored}, in step after {in_step}, doctor {checked}"
    )
