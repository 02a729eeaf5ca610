"""Everybody is exported to a folder or a bucket, the newest few stay, and one who fails stops nobody."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.support.buckets import Buckets, buckets, shared_buckets

from aimo import config
from aimo.dto.memos import MemoBody
from aimo.dto.users import RegisterBody
from aimo.errors import ConfigurationError
from aimo.runtime import Runtime
from aimo.services.export.scheduled import ScheduledExports
from aimo.storage.buckets import export_target
from aimo.storage.export_target import ExportTarget
from aimo.storage.protocol import StorageError

__all__ = ["buckets", "shared_buckets"]

Make = Callable[..., config.Settings]


class Unwilling:
    """A target that takes the beginning of one user's files and then fails."""

    def __init__(self, target: ExportTarget, uid: str) -> None:
        self._target, self._uid = target, uid
        self.names, self.delete = target.names, target.delete

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        await self._target.put(name, self._cut(chunks) if name.startswith(self._uid) else chunks)

    async def _cut(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk[:100]
            raise StorageError("away")


@pytest.mark.parametrize("kind", ["folder", "bucket"])
async def test_everybody_is_exported_and_the_newest_few_stay(
    kind: str, settings: Make, buckets: Buckets, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    place = str(folder) if kind == "folder" else "s3://memos/some/exports"
    chosen = settings(**buckets.settings()) if kind == "bucket" else settings()

    def stored() -> dict[str, bytes]:
        if kind == "bucket":
            prefix = "some/exports/"
            return {key.removeprefix(prefix): buckets.body(key) for key in buckets.stored() if key.startswith(prefix)}
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    async def noise() -> AsyncIterator[bytes]:
        yield b"not ours"

    async with Runtime(chosen, worker=False) as runtime:
        uids = []
        for name in ("a", "b"):
            body = RegisterBody(email=f"{name}@example.test", password="Passw0rd-test")
            uids.append((await runtime.services.accounts.register(body)).uid)
            await runtime.services.memos.create(uids[-1], MemoBody(content=f"memo of {name}"))
        target = export_target(place, chosen)
        for name in ("AIMO-2020-01-01.zip", "AIMO-2020-01-02.zip", "AIMO-1.zip", "letter.txt"):
            await target.put(f"{uids[0]}/{name}", noise())
        database, exports = runtime.stores.database, runtime.services.exports
        await ScheduledExports(database, exports, Unwilling(target, uids[0]), keep=2).run()
        found = stored()
        assert [name.partition("/")[0] for name, content in found.items() if content != b"not ours"] == [uids[1]]
        assert len(found) == 5
        await ScheduledExports(database, exports, target, keep=2).run()
    found = stored()
    whole = {name: content for name, content in found.items() if content != b"not ours"}
    assert {name.removeprefix(f"{uids[0]}/") for name in found.keys() - whole.keys()} == {
        "AIMO-2020-01-02.zip",
        "AIMO-1.zip",
        "letter.txt",
    }
    assert sorted(name.partition("/")[0] for name in whole) == sorted(uids)
    for content in whole.values():
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            assert any(name.endswith("memos.json") for name in archive.namelist())


@pytest.mark.parametrize("place", ["", "relative/folder", "s3://"])
def test_a_place_that_is_none_is_refused_at_the_start(place: str, settings: Make) -> None:
    with pytest.raises(ConfigurationError, match="EXPORT_TO"):
        export_target(place, settings())
