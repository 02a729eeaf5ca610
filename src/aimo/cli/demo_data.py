"""The demo data of ``aimo seed``."""

from __future__ import annotations

from datetime import datetime, timedelta

from aimo import clock, ids
from aimo.cli.demo_memos import CATEGORIES, MEMOS, TAGS, Demo
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
    """Make the demo user and the memos; return how many there are.

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
    for name, color in CATEGORIES.items():
        try:
            await services.categories.create(user.uid, CategoryBody(name=name, color=color))
        except AimoError as error:
            # Every account has one category from its beginning.
            if error.code is not Code.CATEGORY_ALREADY_EXISTS:
                raise
    for name, color in TAGS.items():
        await services.tags.create(user.uid, TagBody(name=name, color=color))
    written: dict[str, str] = {}
    for demo in MEMOS:
        moment = _moment(services, demo)
        body = MemoBody(
            content=demo.content,
            tags=list(demo.tags),
            attachments=[await _picture(services, user.uid, demo.picture, moment)] if demo.picture else [],
            relation_ids=[written[key] for key in demo.about],
            is_public=demo.public,
            created_at=moment,
            updated_at=moment,
        )
        memo = await services.memos.create(user.uid, body, category_name=demo.category)
        if demo.key:
            written[demo.key] = memo.memo_id
    return len(MEMOS)


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
