"""Everything of a user can be taken out, opens in Obsidian, and holds no secret."""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
import yaml
from tests.support.backups import PICTURE, aimo, furnish
from tests.support.client import Client
from tests.support.server import Server

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs/export.schema.json").read_text(encoding="utf-8"))
WIKI = re.compile(r"\[\[([^\]|#]+)\]\]")
LINK = re.compile(r"!?\[(?:\\.|[^\]\\])*\]\(([^)]+)\)")
TAG = re.compile(r"[\w/\-]+")
ZONE = {"LOCALE_TIMEZONE": "Asia/Shanghai"}
HOSTILE = ("../../up.txt", "NUL.txt", "same.txt", "SAME.TXT", "👩‍👩‍👧 家.txt", "x" * 250 + ".txt", "a]](b)|#^.txt")


@pytest.fixture(scope="module", params=["sqlite", "mysql"])
def running(
    request: pytest.FixtureRequest,
    module_server: Callable[..., Server],
    shared_database: Callable[[str], dict[str, str]],
) -> Server:
    database = shared_database(request.param)
    return module_server(**database, **ZONE)


@pytest.fixture
def by_command(server: Callable[..., Server]) -> Server:
    """A server of the folder that commands look into."""
    return server(**ZONE)


def upload(client: Client, name: str, content: bytes = b"text", kind: str = "text/plain") -> str:
    answer = client.post("/attachments/upload", files={"file": (name, content, kind)})
    return str(answer.data["attachment"]["attachmentId"])


def fetch(client: Client, **filters: Any) -> dict[str, bytes]:
    """The files of an export without the folder around them."""
    answer = client.get("/export", **filters)
    assert answer.status == 200, answer.content[:500]
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert len({info.filename.partition("/")[0] for info in archive.infolist()}) == 1
        return {info.filename.partition("/")[2]: archive.read(info) for info in archive.infolist()}


def document(files: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files["memos.json"])
    jsonschema.validate(found, SCHEMA)
    summary = json.loads(files["aimo.json"])
    assert summary["sha256"] == {"memos.json": hashlib.sha256(files["memos.json"]).hexdigest()}
    assert (summary["memos"], summary["attachments"]) == (len(found["memos"]), len(found["attachments"]))
    return found


def frontmatter(text: str) -> tuple[dict[str, Any], str]:
    _, head, body = text.split("---\n", 2)
    found: dict[str, Any] = yaml.safe_load(head)
    return found, body


def check_vault(files: dict[str, bytes]) -> None:
    """What Obsidian needs: frontmatter that parses, tags that are tags, and links that lead somewhere."""
    folded = [path.casefold() for path in files]
    assert len(set(folded)) == len(files)
    for path, content in files.items():
        if not path.endswith(".md"):
            continue
        text = content.decode("utf-8")
        head, body = frontmatter(text)
        assert head["aimo_id"]
        assert all(TAG.fullmatch(tag) and not tag.isdigit() for tag in head.get("tags", []))
        for link in head.get("related", []):
            [target] = WIKI.findall(link)
            assert f"{target}.md" in files, (path, target)
        attached = body.rpartition("\n\n")[2]
        for target in WIKI.findall(attached):
            assert target in files, (path, target)
        for address in LINK.findall(attached):
            parts = [*Path(path).parent.parts]
            for part in unquote(address).split("/"):
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert "/".join(parts) in files, (path, address)


def test_everything_is_there_and_the_vault_is_whole(running: Server) -> None:
    alice = running.user()
    furnish(alice)
    files = fetch(alice)
    check_vault(files)
    found = document(files)
    assert {memo["content"] for memo in found["memos"]} == {"茶 and tea 🎉", "snow", "x" * 5000, "雪山\nmountain"}
    [gone] = [memo for memo in found["memos"] if memo["deletedAt"]]
    assert (gone["content"], gone["isPublic"], gone["path"].startswith("trash/")) == ("snow", True, True)
    assert {memo["category"] for memo in found["memos"]} == {"读书"}
    assert found["memos"][0]["createdAt"] == "1969-12-31T23:59:59.995Z"
    ids = {memo["id"] for memo in found["memos"]}
    last = max(found["memos"], key=lambda memo: memo["createdAt"])
    assert len(last["relations"]) >= 2
    assert set(last["relations"]) <= ids
    [file] = found["attachments"]
    assert (file["name"], file["sha256"]) == ("图.png", hashlib.sha256(PICTURE).hexdigest())
    assert files[file["path"]] == PICTURE
    assert [talk["title"] for talk in found["conversations"]] == ["talk"]
    assert [profile["name"] for profile in found["reviewProfiles"]] == ["回忆"]
    assert len(found["reviewItems"]) > 0
    head, body = frontmatter(files[last["path"]].decode())
    assert head["tags"] == last["tags"]
    assert head["category"] == "读书"
    assert body.startswith("\n雪山\nmountain\n\n![图.png](../../attachments/")
    text = files[last["path"]].decode()
    assert re.search(r"^created: 1970-01-01T07:59:59\.998\+08:00$", text, re.MULTILINE)
    assert json.loads(files["aimo.json"])["complete"] is True


def test_no_secret_and_nothing_of_others_is_in_it(running: Server) -> None:
    alice, mallory = running.user(), running.user()
    mallory.post("/memos", {"content": "mallory's"})
    channels = [{"type": "feishu", "webhookUrl": "https://example.org/hook-of-alice"}]
    alice.post("/push-rules", {"name": "r", "pushTime": 3, "contentType": "daily_pick", "channels": channels})
    model = {"name": "m", "provider": "openai", "apiKey": "sk-secret-of-alice", "modelName": "gpt"}
    alice.post("/user-models", model).data  # noqa: B018 (must succeed)
    token = alice.post("/user/tokens", {"name": "t", "scopes": ["export"]}).data
    alice.post("/memos", {"content": "mine"})
    script = running.client()
    script.token = token["value"]
    files = fetch(script)
    assert [memo["content"] for memo in document(files)["memos"]] == ["mine"]
    whole = b"".join(files.values()) + "".join(files).encode()
    for secret in (b"hook-of-alice", b"sk-secret", b"mallory", b"$2b$", b"aimo_pat", token["token"]["id"].encode()):
        assert secret not in whole


def test_hostile_names_and_texts_stay_inside_and_apart(running: Server, tmp_path: Path) -> None:
    alice = running.user()
    ids = [upload(alice, name, name.encode()) for name in HOSTILE]
    contents = ["../../etc\n---\n", "CON", "# 标题: a/b [x](y)", "", "same", "SAME", "same", "--- \n\u0085\u2028"]
    for number, content in enumerate(contents):
        body = {"content": content or "\u3164x", "attachments": ids, "tags": ["2026", "a b", 'q"\\'], "createdAt": 1000}
        alice.post("/memos", body | {"source": 'x: "y"\n- z' if number else ""}).data  # noqa: B018
    for links in ("markdown", "wiki"):
        files = fetch(alice, links=links)
        check_vault(files)
    found = document(files)
    told = dict(zip(ids, HOSTILE, strict=True))
    assert {file["id"]: files[file["path"]].decode() for file in found["attachments"]} == told
    for path in files:
        assert all(part not in ("", ".", "..") and len(part.encode()) < 200 for part in path.split("/"))
        assert not re.search(r'[\x00-\x1f\\:*?"<>|]', path)
    for memo in found["memos"]:
        head, _ = frontmatter(files[memo["path"]].decode())
        assert head.get("aimo_tags", head["tags"]) == memo["tags"] == ["2026", "a b", 'q"\\']


def test_filters_choose_memos_and_what_belongs_to_them(running: Server) -> None:
    alice = running.user()
    category = alice.post("/categories", {"name": "Work"}).data["category"]["categoryId"]
    # Of the same name as a tag that is used.
    alice.post("/categories", {"name": "x"}).data  # noqa: B018 (must succeed)
    one, two = upload(alice, "one.txt"), upload(alice, "two.txt")
    alice.post("/memos", {"content": "a", "tags": ["x"], "createdAt": 1000, "attachments": [one]})
    alice.post("/memos", {"content": "b", "tags": ["x", "y"], "createdAt": 2000, "categoryId": category})
    gone = alice.post("/memos", {"content": "c", "createdAt": 3000, "attachments": [two]}).data["memo"]["memoId"]
    alice.delete(f"/memos/{gone}")

    def contents(**filters: Any) -> list[str]:
        files = fetch(alice, **filters)
        check_vault(files)
        return [memo["content"] for memo in document(files)["memos"]]

    assert contents() == ["a", "b", "c"]
    assert contents(trash="false") == ["a", "b"]
    assert contents(tags="X") == ["a", "b"]
    assert contents(**{"tags[]": ["x", "y"]}) == ["b"]
    assert contents(category="work") == ["b"]
    assert contents(startDate="1500", endDate="2000") == ["b"]
    assert contents(tags="nobody's") == []
    chosen = document(fetch(alice, endDate="1000"))
    assert [file["id"] for file in chosen["attachments"]] == [one]
    assert ([tag["name"] for tag in chosen["tags"]], chosen["categories"]) == (["x"], [])
    assert alice.get("/export", links="html").code == 2
    assert alice.get("/export", trash="perhaps").status == 400


def test_a_lost_file_is_named_and_costs_nothing_else(running: Server) -> None:
    alice = running.user()
    lost, kept = upload(alice, "lost.txt"), upload(alice, "kept.txt", b"kept")
    alice.post("/memos", {"content": "both", "attachments": [lost, kept]})
    [path] = [path for path in (running.folder / "data/attachments").rglob(f"{lost}*") if path.is_file()]
    path.unlink()
    files = fetch(alice)
    check_vault(files)
    assert json.loads(files["aimo.json"])["missingAttachments"] == ["lost.txt"]
    by_id = {file["id"]: file for file in document(files)["attachments"]}
    assert (by_id[lost]["missing"], by_id[lost]["sha256"]) == (True, None)
    assert files[by_id[kept]["path"]] == b"kept"


def test_a_head_request_gets_no_body_and_the_next_export_is_made(running: Server) -> None:
    alice = running.user()
    headers = {"Authorization": f"Bearer {alice.token}"}
    for _ in range(3):
        answer = alice.http.head("/api/v1/export", headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert re.fullmatch(
            r'attachment; filename="?AIMO-\d{4}-\d\d-\d\d\.zip.*', answer.headers["content-disposition"]
        )


def test_a_client_that_leaves_blocks_nobody_and_one_that_reads_slowly_only_itself(running: Server) -> None:
    alice, bob = running.user(), running.user()
    for number in range(6):
        upload(alice, f"{number}.bin", bytes(4 * 1024 * 1024), "application/octet-stream")
    headers = {"Authorization": f"Bearer {alice.token}"}
    with alice.http.stream("GET", "/api/v1/export", headers=headers) as answer:
        pieces = answer.iter_raw(1000)
        next(pieces)
        assert alice.get("/export").code == 6
        assert fetch(bob)["aimo.json"]
    deadline = time.monotonic() + 10
    while alice.get("/export").code == 6:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def run(running: Server, *arguments: str) -> str:
    done = aimo(running.settings, running.folder / "cli", "export", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_updates_a_folder_and_writes_a_zip(by_command: Server, tmp_path: Path) -> None:
    running = by_command
    alice = running.user()
    file = upload(alice, "a.txt", b"attached")
    alice.post("/memos", {"content": "first", "createdAt": 1000, "attachments": [file]})
    vault, archive = tmp_path / "vault", tmp_path / "out.zip"
    (vault / ".obsidian").mkdir(parents=True)
    told = run(running, alice.email, str(vault), "--mirror", "--until", "1970-01-01")
    assert "2 files written, 0 removed" in told
    told = run(running, alice.email, str(vault), "--mirror", "--until", "1970-01-02")
    assert "4 files written, 0 removed" in told
    assert (vault / "memos/1970/1970-01-01 080001 first.md").stat().st_mtime > time.time() - 600
    run(running, alice.email, str(archive))
    assert archive.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert {info.filename for info in opened.infolist() if info.filename.endswith(".md")} == {
            "out/memos/1970/1970-01-01 080001 first.md"
        }
    again = aimo(running.settings, running.folder / "cli", "export", alice.email, str(archive))
    assert (again.returncode, "exists already" in again.stderr) == (1, True)
