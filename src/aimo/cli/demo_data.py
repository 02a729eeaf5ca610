"""The demo data of ``aimo seed``."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from aimo import clock, ids
from aimo.cli.demo_memos import CATEGORIES, MEMOS, TAGS, Demo
from aimo.cli.demo_notes import DELETED, NOTES
from aimo.cli.demo_pictures import paint
from aimo.dto.categories import CategoryBody
from aimo.dto.memos import MemoBody
from aimo.dto.tags import TagBody
from aimo.dto.users import RegisterBody
from aimo.errors import AimoError, Code, ConfigurationError
from aimo.services.attachments.service import NewAttachment
from aimo.services.registry import ServiceSet
from aimo.threads import FILES


async def plant(services: ServiceSet, email: str, password: str) -> int:
    """Make the demo user and the memos; return how many are not in the trash.

    Raises:
        ConfigurationError: there is a user of that e-mail already, or the password breaks a rule.
    """
    try:
        user = await services.accounts.register(RegisterBody(email=email, password=password, nickname="Demo"))
    except AimoError as error:
        if error.code is Code.USER_ALREADY_EXISTS:
            raise ConfigurationError(f"{email} has an account already; nothing was changed.") from None
        if error.code is Code.PARAMS_ERROR:
            raise ConfigurationError(f"{error.message}; nothing was changed.") from None
        raise
    # Every account has one category from its beginning.
    known = {category.name for category in await services.categories.all(user.uid)}
    for name, color in CATEGORIES.items():
        if name not in known:
            await services.categories.create(user.uid, CategoryBody(name=name, color=color))
    for name, color in TAGS.items():
        await services.tags.create(user.uid, TagBody(name=name, color=color))
    written: dict[str, str] = {}
    for demo in MEMOS:
        memo_id = await _write(services, user.uid, demo, [written[key] for key in demo.about])
        if demo.key:
            written[demo.key] = memo_id
    # These name no others: they can be embedded and indexed together.
    await asyncio.gather(*(_write(services, user.uid, demo, []) for demo in NOTES))
    for demo in DELETED:
        await services.memos.delete(user.uid, await _write(services, user.uid, demo, []))
    return len(MEMOS) + len(NOTES)


async def _write(services: ServiceSet, uid: str, demo: Demo, about: list[str]) -> str:
    """Write a memo as if at its time; return its id."""
    moment = _moment(services, demo)
    body = MemoBody(
        content=demo.content,
        tags=list(demo.tags),
        attachments=[await _picture(services, uid, demo.picture, moment)] if demo.picture else [],
        relation_ids=about,
        is_public=demo.public,
        created_at=moment,
        updated_at=moment,
    )
    return (await services.memos.create(uid, body, category_name=demo.category)).memo_id


def _moment(services: ServiceSet, demo: Demo) -> int:
    """Return when a memo was written: at its hour, where somebody lives, but never later than now."""
    now = clock.now_ms()
    day = datetime.fromtimestamp(now / 1000, services.settings.zone) - timedelta(days=demo.days)
    return min(int(day.replace(hour=demo.hour, minute=demo.days * 7 % 60).timestamp() * 1000), now)


async def _picture(services: ServiceSet, uid: str, name: str, moment: int) -> str:
    """Paint a picture and store it; return its id."""
    path = services.storage.scratch / f"{ids.attachment_id()}.jpg"
    try:
        await FILES.run(paint, name, path)
        size = path.stat().st_size
        file = NewAttachment(f"{name}.jpg", "image/jpeg", size=size, path=path, created_at=moment)
        return (await services.attachments.create(uid, file)).attachment_id
    finally:
        path.unlink(missing_ok=True)
