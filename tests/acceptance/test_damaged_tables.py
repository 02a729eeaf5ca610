"""Files of LanceDB are lost or broken: the doctor says so, and `aimo sync rebuild` brings everything back."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.client import Client
from tests.support.server import AIMO, Server, environment
from tests.support.stub import Stub

MEMOS = 12


def _aimo(running: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(AIMO), *words],
        env=environment({**running.settings, "COLUMNS": "400"}),
        cwd=running.folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _filled(running: Server) -> tuple[Client, list[str]]:
    """A user with memos, each of them a file of its own in LanceDB."""
    owner = running.user()
    texts = [f"memo {number} of the damaged tables" for number in range(MEMOS)]
    return owner, [owner.post("/memos", {"content": text}).data["memo"]["memoId"] for text in texts]


def _expect_all_found(owner: Client, memo_ids: list[str]) -> None:
    by_words = owner.get("/memos", search="damaged", limit=100).data["items"]
    assert {memo["memoId"] for memo in by_words} == set(memo_ids)
    answer = owner.post("/memos/search/vector", {"query": "memo 7 of the damaged tables", "limit": 100})
    assert {memo["memoId"] for memo in answer.data["items"]} == set(memo_ids)
    assert answer.data["items"][0]["memoId"] == memo_ids[7]


def _rebuilt(running: Server) -> None:
    done = _aimo(running, "sync", "rebuild")
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "In step" in done.stdout


def _sound(running: Server) -> None:
    done = _aimo(running, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


def _told_what_to_do(running: Server, *words: str) -> None:
    done = _aimo(running, *words)
    assert done.returncode == 1, done.stdout + done.stderr[-3000:]
    assert "run `aimo sync rebuild`" in done.stdout + done.stderr
    assert "files are missing or broken" in done.stdout + done.stderr


def _expect_as_before(running: Server, owner: Client, memo_ids: list[str]) -> None:
    """Everything is found, what is written now as well, and the doctor finds nothing."""
    _expect_all_found(owner, memo_ids)
    another = owner.post("/memos", {"content": "one more for the damaged tables"}).data["memo"]["memoId"]
    _expect_all_found(owner, [*memo_ids, another])
    _sound(running)


def _lose_a_file(running: Server, table: str) -> None:
    files = sorted((running.data_dir / "lancedb" / f"{table}.lance" / "data").iterdir())
    files[len(files) // 2].unlink()


def _break_the_versions(running: Server, table: str) -> None:
    for manifest in (running.data_dir / "lancedb" / f"{table}.lance" / "_versions").glob("*.manifest"):
        manifest.write_bytes(manifest.read_bytes()[:20])


def _lose_the_versions(running: Server, table: str) -> None:
    shutil.rmtree(running.data_dir / "lancedb" / f"{table}.lance" / "_versions")


@pytest.mark.parametrize(
    "beside", [True, pytest.param(False, marks=pytest.mark.long)], ids=["beside a server", "without one"]
)
def test_a_rebuild_recreates_tables_that_lost_a_file(server: Callable[..., Server], stub: Stub, beside: bool) -> None:
    running = server(**stub.settings())
    owner, memo_ids = _filled(running)
    if not beside:
        running.stop()
    for table in ("memo_vectors", "memo_texts", "embedding_cache"):
        _lose_a_file(running, table)
    _told_what_to_do(running, "doctor")
    _told_what_to_do(running, "doctor", "--repair")
    _rebuilt(running)
    if not beside:
        running.start()
    _expect_as_before(running, owner, memo_ids)


@pytest.mark.long
@pytest.mark.parametrize("beside", [True, False], ids=["beside a server", "without one"])
@pytest.mark.parametrize("harm", [_lose_the_versions, _break_the_versions])
def test_a_rebuild_recreates_tables_that_cannot_be_opened(
    server: Callable[..., Server], stub: Stub, harm: Callable[[Server, str], None], beside: bool
) -> None:
    running = server(**stub.settings())
    owner, memo_ids = _filled(running)
    if not beside:
        running.stop()
    for table in ("memo_vectors", "memo_texts", "attachment_vectors", "embedding_cache"):
        harm(running, table)
    assert _aimo(running, "doctor").returncode == 1
    _rebuilt(running)
    if not beside:
        running.start()
    _expect_as_before(running, owner, memo_ids)


def test_vectors_come_again_from_the_cache(server: Callable[..., Server], stub: Stub) -> None:
    """Nothing is asked of the provider as long as the cache can be read."""
    running = server(**stub.settings())
    owner, memo_ids = _filled(running)
    running.stop()
    stub.stop()
    _lose_a_file(running, "memo_vectors")
    _rebuilt(running)
    stub.start()
    running.start()
    _expect_all_found(owner, memo_ids)


@pytest.mark.long
def test_a_rebuild_that_always_fails_ends_and_empties_nothing(server: Callable[..., Server], stub: Stub) -> None:
    """A file that cannot be read for a reason that may pass is no loss; when it has passed, everything is there."""
    running = server(**stub.settings())
    owner, memo_ids = _filled(running)
    running.stop()
    [file, *_] = sorted((running.data_dir / "lancedb" / "memo_vectors.lance" / "data").iterdir())
    away = Path(f"{file}.away")
    file.rename(away)
    # Even the owner of all files is refused here.
    file.symlink_to(file.name)
    failed = _aimo(running, "sync", "rebuild")
    assert failed.returncode == 1
    assert "the rebuild failed at every try" in failed.stderr
    assert "Too many levels of symbolic links" in failed.stderr
    assert failed.stderr.count("rebuild failed, will be retried") <= 5
    file.unlink()
    away.rename(file)
    assert "In step" in _aimo(running, "sync", "status").stdout
    running.start()
    _expect_all_found(owner, memo_ids)
