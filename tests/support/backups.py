"""Backups made and restored by the command, or within the test's process, which is quicker."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

from tests.support.client import Client
from tests.support.server import AIMO, Server, environment
from tests.support.waiting import eventually

from aimo import config
from aimo.runtime import Runtime
from aimo.services.backup.export import Backup
from aimo.services.backup.format import Summary
from aimo.services.backup.restore import Restore

T = TypeVar("T")

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
    rules = [{"type": "tag", "operator": "exclude", "value": "t3", "label": "雪"}]
    profile = client.post("/review/profiles", {"name": "回忆", "filterRules": rules}).data["profileId"]
    session = client.post("/review/sessions", {"profileId": profile}).data
    answer = {"itemId": session["items"][0]["itemId"], "answer": "我忘记了"}
    client.post(f"/review/sessions/{session['sessionId']}/answer", answer).data  # noqa: B018
    client.post(f"/review/sessions/{session['sessionId']}/complete")


def inside(settings: Mapping[str, str], work: Callable[[Runtime], Awaitable[T]]) -> T:
    """What a command does, without the seconds that a new process takes to start."""

    async def main() -> T:
        values = {name.lower(): value for name, value in settings.items()}
        async with Runtime(config.load(_env_file=None, **values), worker=False) as runtime:
            return await work(runtime)

    return asyncio.run(main())


def back_up(settings: Mapping[str, str], file: Path, *, vectors: bool = False) -> Summary:
    async def work(runtime: Runtime) -> Summary:
        stores = runtime.stores
        backup = Backup(stores.database, stores.vectors, stores.embeddings.embedder, stores.storage)
        return await backup.write(file, vectors=vectors)

    return inside(settings, work)


def restore(settings: Mapping[str, str], file: Path) -> Summary:
    async def work(runtime: Runtime) -> Summary:
        stores = runtime.stores
        return await Restore(stores.database, stores.vectors, stores.storage).read(file)

    return inside(settings, work)


def assert_stores_agree(server: Server, timeout: float = 30) -> None:
    def in_step() -> bool:
        return bool(server.client().http.get("/readyz").json()["sync"]["waiting"] == 0)

    eventually(in_step, "everything is applied", timeout=timeout)


def rewritten(archive: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A copy of a backup with other members, and a manifest that is right about them."""
    with tarfile.open(archive) as tar:
        members = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
    manifest = json.loads(members.pop("manifest.json"))
    change(members)
    listed, rows = [], dict.fromkeys(manifest["rows"], 0)
    for name, content in members.items():
        entry = {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "rows": None}
        if name.endswith(".ndjson") and not name.startswith("files/"):
            entry["rows"] = content.count(b"\n")
            table = name.rpartition("/")[0]
            rows[table] = rows.get(table, 0) + content.count(b"\n")
        listed.append(entry)
    members["manifest.json"] = json.dumps(manifest | {"members": listed, "rows": rows}).encode()
    return packed(target, list(members.items()))


def packed(target: Path, members: list[tuple[str, bytes]]) -> Path:
    """A backup of just these members."""
    with tarfile.open(target, "w:gz", compresslevel=1) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return target


def unpacked(archive: Path) -> list[tuple[str, bytes]]:
    """All members of a backup in their order."""
    with tarfile.open(archive) as tar:
        return [(info.name, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
