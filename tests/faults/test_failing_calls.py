"""Whichever call to a store fails while something is changed, all guarantees hold afterwards (docs/guarantees.md)."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.support.waiting import eventually_async

from aimo import config
from aimo.dto.categories import CategoryBody
from aimo.dto.explore import MessageBody
from aimo.dto.memos import MemoBody
from aimo.dto.tags import TagBody
from aimo.dto.users import RegisterBody, UserInfoBody
from aimo.runtime import Runtime
from aimo.services.accounts import passwords
from aimo.services.accounts.sessions import AuthenticatedUser
from aimo.services.accounts.tokens import Claims
from aimo.services.attachments.service import NewAttachment
from aimo.services.doctor import doctor
from aimo.services.registry import ServiceSet

from .fault_injection import FaultInjector, Place

PASSWORD = "Passw0rd-test"
# A change that still fails after so many calls does not end.
MOST_CALLS = 60


class Scene:
    """An installation whose stores can be made to fail, and one user's things in it."""

    def __init__(self, settings: config.Settings, faults: FaultInjector, folder: Path) -> None:
        self._settings = settings
        self.faults = faults
        self._folder = folder
        self._numbers = itertools.count()
        self._runtime: Runtime | None = None
        self.uid = ""

    @property
    def services(self) -> ServiceSet:
        assert self._runtime
        return self._runtime.services

    @property
    def who(self) -> AuthenticatedUser:
        """The user, as somebody with a session."""
        claims = Claims(self.uid, "session", is_old=False, issued_at=0, expires_at=0)
        return AuthenticatedUser(self.uid, None, None, claims)

    async def start(self) -> None:
        self._runtime = await Runtime(self._settings).__aenter__()
        self.faults.watch(self._runtime.stores.database.engine)

    async def stop(self) -> None:
        assert self._runtime
        await self._runtime.close()

    def fresh(self, what: str) -> str:
        return f"{what} {next(self._numbers)}"

    async def user(self) -> str:
        body = RegisterBody(email=self.fresh("user"), password=PASSWORD)
        return (await self.services.accounts.register(body)).uid

    async def memo(self) -> str:
        body = MemoBody(content=self.fresh("memo"), tags=["tea", "snow"])
        return (await self.services.memos.create(self.uid, body)).memo_id

    async def tag(self) -> str:
        memo = await self.services.memos.create(self.uid, MemoBody(content="tagged", tags=[self.fresh("tag")]))
        assert memo.tags
        return memo.tags[0].tag_id

    async def category(self) -> str:
        body = CategoryBody(name=self.fresh("category"))
        category_id = (await self.services.categories.create(self.uid, body)).category_id
        await self.services.memos.create(self.uid, MemoBody(content="filed", category_id=category_id))
        return category_id

    async def attachment(self) -> str:
        new = NewAttachment(filename="a.txt", content_type="text/plain", size=5, path=self.upload())
        return (await self.services.attachments.create(self.uid, new)).attachment_id

    async def conversation(self) -> str:
        conversation_id = (await self.services.conversations.create(self.uid, "Tea")).conversation_id
        await self.message(conversation_id)
        return conversation_id

    async def message(self, conversation_id: str) -> None:
        await self.services.conversations.add(self.uid, conversation_id, MessageBody(role="user", content="Hot?"))

    async def picture(self) -> None:
        await self.services.accounts.set_avatar(self.uid, "me.png", "image/png", self.upload())

    def upload(self) -> Path:
        path = self._folder / "upload"
        path.write_bytes(b"bytes")
        return path

    async def drained(self) -> None:
        async def empty() -> bool:
            return not (await self.services.sync.status()).waiting

        await eventually_async(empty, "entries are applied", timeout=30, interval=0.01)

    def grow_old(self) -> None:
        """Files that are an hour old are no uploads under way."""
        moment = time.time() - 4000
        for path in self._settings.attachments_dir.rglob("*"):
            os.utime(path, (moment, moment))


Make = Callable[[Scene], Awaitable[Any]]
Change = Callable[[Scene, Any], Awaitable[Any]]


async def _nothing(scene: Scene) -> None:
    return None


CHANGES: dict[str, tuple[Make, Change]] = {
    "memo-made": (_nothing, lambda scene, _: scene.memo()),
    "memo-changed": (
        Scene.memo,
        lambda scene, memo: scene.services.memos.update(
            scene.uid, memo, MemoBody(content=scene.fresh("changed"), tags=["tea", "ice"])
        ),
    ),
    "memo-tagged": (
        Scene.memo,
        lambda scene, memo: scene.services.memos.set_tags(scene.uid, memo, [], ["ice", "new"]),
    ),
    "memo-deleted": (Scene.memo, lambda scene, memo: scene.services.memos.delete(scene.uid, memo)),
    "attachment-made": (_nothing, lambda scene, _: scene.attachment()),
    "attachment-changed": (
        Scene.attachment,
        lambda scene, attachment: scene.services.attachments.merge_properties(scene.uid, attachment, {"width": 3}),
    ),
    "attachment-deleted": (
        Scene.attachment,
        lambda scene, attachment: scene.services.attachments.delete(scene.uid, attachment),
    ),
    "tag-made": (_nothing, lambda scene, _: scene.services.tags.create(scene.uid, TagBody(name=scene.fresh("new")))),
    "tag-renamed": (
        Scene.tag,
        lambda scene, tag: scene.services.tags.update(scene.uid, tag, TagBody(name=scene.fresh("renamed"))),
    ),
    "tag-deleted": (Scene.tag, lambda scene, tag: scene.services.tags.delete(scene.uid, tag)),
    "category-made": (
        _nothing,
        lambda scene, _: scene.services.categories.create(scene.uid, CategoryBody(name=scene.fresh("new"))),
    ),
    "category-renamed": (
        Scene.category,
        lambda scene, category: scene.services.categories.update(
            scene.uid, category, CategoryBody(name=scene.fresh("renamed"))
        ),
    ),
    "category-deleted": (
        Scene.category,
        lambda scene, category: scene.services.categories.delete(scene.uid, category),
    ),
    "conversation-made": (_nothing, lambda scene, _: scene.conversation()),
    "conversation-continued": (Scene.conversation, Scene.message),
    "conversation-renamed": (
        Scene.conversation,
        lambda scene, conversation: scene.services.conversations.rename(scene.uid, conversation, "Snow"),
    ),
    "conversation-deleted": (
        Scene.conversation,
        lambda scene, conversation: scene.services.conversations.delete(scene.uid, conversation),
    ),
    "user-made": (_nothing, lambda scene, _: scene.user()),
    "user-renamed": (
        _nothing,
        lambda scene, _: scene.services.accounts.update_profile(scene.uid, UserInfoBody(nickname=scene.fresh("me"))),
    ),
    "user-pictured": (Scene.picture, lambda scene, _: scene.picture()),
    "user-with-a-new-password": (
        _nothing,
        lambda scene, _: scene.services.accounts.change_password(scene.who, PASSWORD, PASSWORD),
    ),
}


@pytest.fixture
async def scene(
    settings: Callable[..., config.Settings],
    migrated_database: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    monkeypatch.setattr(doctor, "_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(passwords, "_COST", 4)
    scene = Scene(settings(**migrated_database), FaultInjector(monkeypatch), tmp_path)
    await scene.start()
    scene.uid = await scene.user()
    yield scene
    await scene.stop()


@pytest.mark.parametrize("migrated_database", ["sqlite", pytest.param("mysql", marks=pytest.mark.long)], indirect=True)
@pytest.mark.parametrize("what", CHANGES)
async def test_any_single_failing_call_loses_nothing(scene: Scene, what: str) -> None:
    make, change = CHANGES[what]
    tried = 0
    for place in get_args(Place):
        for afterwards in (False, True):
            for number in range(1, MOST_CALLS):
                entity = await make(scene)
                await scene.drained()
                with scene.faults.nth(place, number, afterwards=afterwards), suppress(Exception):
                    await change(scene, entity)
                if not scene.faults.fired:
                    break
                tried += 1
                await scene.stop()
                await scene.start()
                await scene.drained()
                await _assert_sound(scene, place, f"{what}, call {number} to {place} failed, {afterwards=}")
            else:
                raise AssertionError(f"{what} calls {place} for ever")
    assert tried
    print(f"{what}: {tried} faults tried")


async def _assert_sound(scene: Scene, place: Place, where: str) -> None:
    scene.grow_old()
    # A file whose removal failed, or whose row may have been lost, is left for the doctor; nothing else may be.
    mendable = {"stray-files"} if place in ("storage", "database") else set()
    for outcome in await scene.services.doctor.run(repair=bool(mendable)):
        assert outcome.is_satisfied, f"{where}: {outcome}"
        assert not outcome.violations or outcome.name in mendable, f"{where}: {outcome}"
