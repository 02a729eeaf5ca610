"""Files in a folder, on a real file system."""

import asyncio
import errno
import fcntl
import os
import stat
import time
from pathlib import Path

import pytest

from aimo.storage.local import CHUNK, LocalStorage
from aimo.storage.protocol import ObjectMissingError, Placement, StorageError
from aimo.storage.signing import FileSigner

KEY = "u1/2026-01-31/abc.bin"


@pytest.fixture
async def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(tmp_path / "files", FileSigner("secret"))
    await made.prepare()
    return made


async def everything(storage: LocalStorage, key: str) -> bytes:
    async with await storage.open(key) as stored:
        return b"".join([piece async for piece in stored.chunks])


def make(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


async def test_a_stored_file_comes_back_whole_and_in_parts(storage: LocalStorage, tmp_path: Path) -> None:
    data = os.urandom(CHUNK * 2 + 17)
    await storage.put(KEY, make(tmp_path / "source", data), "application/octet-stream")
    assert (tmp_path / "source").read_bytes() == data
    assert await storage.exists(KEY)
    assert await everything(storage, KEY) == data
    async with await storage.open(KEY) as stored:
        assert stored.size == len(data)
        assert stored.modified is not None
        assert abs(stored.modified - time.time()) < 60
        assert b"".join([p async for p in stored.read(CHUNK - 3, 10)]) == data[CHUNK - 3 : CHUNK + 7]
        assert b"".join([p async for p in stored.read(len(data) - 5, 100)]) == data[-5:]
        assert [p async for p in stored.read(len(data) + 5)] == []


async def test_an_upload_in_the_scratch_folder_is_not_copied(storage: LocalStorage) -> None:
    source = make(storage.scratch / "upload", b"x")
    await storage.put(KEY, source, "text/plain")
    assert source.stat().st_nlink == 2
    source.unlink()
    assert await everything(storage, KEY) == b"x"
    assert list(storage.scratch.iterdir()) == []


async def test_replacing_never_shows_half_a_file(storage: LocalStorage, tmp_path: Path) -> None:
    first, second = b"a" * CHUNK * 4, b"b" * CHUNK * 4
    sources = [make(tmp_path / "1", first), make(tmp_path / "2", second)]
    await storage.put(KEY, sources[0], "x/y")
    stop = asyncio.Event()

    async def write() -> None:
        for turn in range(10):
            await storage.put(KEY, sources[turn % 2], "x/y")
        stop.set()

    async def read() -> None:
        while not stop.is_set():
            assert await everything(storage, KEY) in (first, second)

    await asyncio.gather(write(), read())
    assert list(storage.scratch.iterdir()) == []


async def test_what_is_not_there_is_missing_and_may_be_deleted(storage: LocalStorage, tmp_path: Path) -> None:
    for key in (KEY, "u1", "", "../outside", "/etc/passwd", "a/../../x", "a\x00b", ".incoming/x", "x" * 200 + "/y"):
        with pytest.raises(ObjectMissingError):
            await storage.open(key)
        assert not await storage.exists(key)
        await storage.delete(key)
    await storage.put(KEY, make(tmp_path / "s", b"x"), "x/y")
    with pytest.raises(ObjectMissingError):
        await storage.open("u1/2026-01-31")
    with pytest.raises(ObjectMissingError):
        await storage.open(KEY + "/below")
    await storage.delete(KEY)
    await storage.delete(KEY)
    assert not await storage.exists(KEY)


async def test_links_lead_nowhere_outside(storage: LocalStorage, tmp_path: Path) -> None:
    make(tmp_path / "secret", b"secret")
    folder = storage.scratch.parent / "u1"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to(tmp_path)
    (folder / "circle").symlink_to(folder / "circle")
    os.mkfifo(folder / "pipe")
    for key in ("u1/link", "u1/up/secret", "u1/circle", "u1/pipe"):
        with pytest.raises(ObjectMissingError):
            await storage.open(key)
    await storage.delete("u1/link")
    assert (tmp_path / "secret").exists()
    with pytest.raises(StorageError):
        await storage.put("u1/up/new", tmp_path / "secret", "x/y")
    assert not (tmp_path / "new").exists()


async def test_names_of_older_data_are_found(storage: LocalStorage, tmp_path: Path) -> None:
    for key in ("u1/2025-01-01/abc.会议 纪要", "u1/2025-01-01/abc.READ ME%20", "avatar/u1/2025-01-01/x.jpeg"):
        await storage.put(key, make(tmp_path / "s", key.encode()), "x/y")
        assert await everything(storage, key) == key.encode()


async def test_a_failed_put_leaves_nothing(storage: LocalStorage, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        await storage.put(KEY, tmp_path / "no such file", "x/y")
    with pytest.raises(StorageError):
        await storage.put("../x", make(tmp_path / "s", b"x"), "x/y")
    assert not await storage.exists(KEY)
    assert list(storage.scratch.iterdir()) == []


async def test_leftovers_of_a_killed_process_go_after_a_day(storage: LocalStorage) -> None:
    old, fresh = make(storage.scratch / "old", b"x"), make(storage.scratch / "fresh", b"x")
    os.utime(old, (time.time() - 90_000,) * 2)
    await storage.prepare()
    assert not old.exists()
    assert fresh.exists()


async def test_a_file_that_shrinks_while_it_is_read_is_an_error(storage: LocalStorage, tmp_path: Path) -> None:
    await storage.put(KEY, make(tmp_path / "s", b"x" * (CHUNK + 1)), "x/y")
    async with await storage.open(KEY) as stored:
        os.truncate(storage.scratch.parent / KEY, 10)
        with pytest.raises(StorageError):
            _ = [piece async for piece in stored.chunks]


def test_rows_remember_nothing_of_local_files_but_their_kind(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path, FileSigner("s"))
    assert storage.placement == Placement("local")
    assert storage.url(KEY, lifetime=60).startswith(f"/files/{KEY}?exp=")


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EINVAL])
async def test_a_file_system_without_links_modes_and_durable_folders_stores_files(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As exFAT, SMB and some of FUSE are, each with errors of its own."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    make_durable = os.fsync

    def sync_files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            refuse()
        assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_RDWR, "SMB refuses descriptors for reading only"
        make_durable(descriptor)

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    monkeypatch.setattr(Path, "chmod", refuse)
    monkeypatch.setattr(os, "fsync", sync_files_only)
    await storage.put(KEY, make(storage.scratch / "upload", b"data"), "text/plain")
    assert await everything(storage, KEY) == b"data"
    assert [path.name for path in storage.scratch.iterdir()] == ["upload"]


async def test_a_disk_that_fails_is_no_file_system_without_durable_folders(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError):
        await storage.put(KEY, make(storage.scratch / "upload", b"data"), "text/plain")
