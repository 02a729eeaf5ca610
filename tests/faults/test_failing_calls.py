"""Whichever call to a store fails while something is changed, all guarantees hold afterwards (docs/guarantees.md)."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest

from aimo import config
from aimo.dto.categories import CategoryBody
from aimo.dto.memos import MemoBody
from aimo.dto.tags import TagBody
from aimo.dto.users import RegisterBody
from aimo.runtime import Runtime
from aimo.services.attachments import NewFile
from aimo.services.doctor import doctor
from support.waiting import eventually_async

from .breaking import Faults, Place

MOST_CALLS = 60


@dataclass
class Scene:
    """An installation whose stores can be made to fail, and one user's things in it."""

    runtime: Runtime
    faults: Faults
    folder: Path
    uid: str = ""
    made: dict[str, str] = field(default_factory=dict)

    async def memo(self) -> str:
        body = MemoBody(content=f"memo {time.monotonic_ns()}", tags=["tea", "snow"])
        return (await self.runtime.services.memos.create(self.uid, body)).memo_id

    async def tag(self) -> str:
        memo = await self.runtime.services.memos.create(
            self.uid, MemoBody(content="tagged", tags=[f"tag {time.monotonic_ns()}"])
        )
        return memo.tags[0].tag_id

    async def category(self) -> str:
        body = CategoryBody(name=f"category {time.monotonic_ns()}")
        category_id = (await self.runtime.services.categories.create(self.uid, body)).category_id
        await self.runtime.services.memos.create(self.uid, MemoBody(content="filed", category_id=category_id))
        return category_id

    async def attachment(self) -> str:
        path = self.folder / "upload"
        path.write_bytes(b"bytes")
        new = NewFile(filename="a.txt", content_type="text/plain", size=5, path=path)
        return (await self.runtime.services.attachments.create(self.uid, new)).attachment_id

    async def drained(self) -> None:
        async def empty() -> bool:
            return not (await self.runtime.services.sync.status()).waiting

        await eventually_async(empty, "marks are applied after a failure", timeout=30)

    def grow_old(self) -> None:
        """Files that are an hour old are no uploads under way."""
        moment = time.time() - 4000
        for path in self.runtime.settings.attachments_dir.rglob("*"):
            os.utime(path, (moment, moment))


Make = Callable[[Scene], Awaitable[str]]
Change = Callable[[Scene, str], Awaitable[Any]]


async def _nothing(scene: Scene) -> str:
    return ""


CHANGES: dict[str, tuple[Make, Change]] = {
    "a memo is made": (_nothing, lambda scene, _: scene.memo()),
    "a memo is changed": (
        Scene.memo,
        lambda scene, memo: scene.runtime.services.memos.update(
            scene.uid, memo, MemoBody(content=f"changed {time.monotonic_ns()}", tags=["tea", "ice"])
        ),
    ),
    "a memo gets other tags": (
        Scene.memo,
        lambda scene, memo: scene.runtime.services.memos.set_tags(scene.uid, memo, [], ["ice", "new"]),
    ),
    "a memo is deleted": (Scene.memo, lambda scene, memo: scene.runtime.services.memos.delete(scene.uid, memo)),
    "an attachment is stored": (_nothing, lambda scene, _: scene.attachment()),
    "an attachment is deleted": (
        Scene.attachment,
        lambda scene, attachment: scene.runtime.services.attachments.delete(scene.uid, attachment),
    ),
    "a tag is renamed": (
        Scene.tag,
        lambda scene, tag: scene.runtime.services.tags.update(
            scene.uid, tag, TagBody(name=f"renamed {time.monotonic_ns()}")
        ),
    ),
    "a tag is deleted": (Scene.tag, lambda scene, tag: scene.runtime.services.tags.delete(scene.uid, tag)),
    "a category is deleted": (
        Scene.category,
        lambda scene, category: scene.runtime.services.categories.delete(scene.uid, category),
    ),
}


@pytest.fixture
async def scene(
    settings: Callable[..., config.Settings],
    migrated_database: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    monkeypatch.setattr(doctor, "_PAUSE_SECONDS", 0.05)
    async with Runtime(settings(**migrated_database)) as runtime:
        scene = Scene(runtime, Faults(runtime, monkeypatch), tmp_path)
        body = RegisterBody(email="a@example.test", password="Passw0rd")
        scene.uid = (await runtime.services.accounts.register(body)).uid
        yield scene


@pytest.mark.parametrize("afterwards", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", get_args(Place))
@pytest.mark.parametrize("stride", [11, pytest.param(1, marks=pytest.mark.long)], ids=["some", "every"])
async def test_any_one_call_may_fail(scene: Scene, place: Place, afterwards: bool, stride: int) -> None:
    fired = 0
    for position, (what, (make, change)) in enumerate(CHANGES.items()):
        # Every call, or every eleventh: for each change other ones.
        for number in range(1 + position % stride if place == "database" else 1, MOST_CALLS, stride):
            entity = await make(scene)
            await scene.drained()
            with scene.faults.nth(place, number, afterwards=afterwards):
                try:
                    await change(scene, entity)
                    acknowledged = True
                except Exception:
                    acknowledged = False
            await scene.drained()
            scene.grow_old()
            where = f"{what}, call {number} to {place} failed, {acknowledged=}"
            # A file whose removal failed is left for the doctor; nothing else may be.
            mendable = {"stray-files"} if place == "storage" else set()
            for outcome in await scene.runtime.services.doctor.run(repair=bool(mendable)):
                assert outcome.holds, f"{where}: {outcome}"
                assert not outcome.violations or outcome.name in mendable, f"{where}: {outcome}"
            if not scene.faults.fired:
                break
            fired += 1
    assert fired or place == "embedder"
