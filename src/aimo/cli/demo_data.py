"""The demo data of ``aimo seed``."""

from __future__ import annotations

from aimo import clock
from aimo.dto.memos import MemoBody
from aimo.dto.users import RegisterBody
from aimo.errors import AimoError, Code, ConfigurationError
from aimo.http.dependencies import Services

_DAY_MS = 24 * 3600 * 1000

# Days ago, category, tags, content.
_MEMOS = (
    (0, "日记", ["早晨"], "今天早起去河边跑了五公里，空气很好，回来煮了一碗葱油面。"),
    (1, "Work", ["planning", "team"], "Sprint planning moved to Thursday; prepare the list of open questions before."),
    (2, "Work", ["database"], "Nightly backups now go to a second disk. Restoring was rehearsed: 12 minutes."),
    (3, "读书", ["科幻"], "重读《三体》第二部，黑暗森林的推理还是让人后背发凉。"),
    (5, "Home", ["kitchen"], "The sourdough starter wants feeding twice a day when it is warm in the kitchen."),
    (8, "日记", ["家人"], "周末带爸妈去植物园看了樱花，妈妈拍了很多照片。"),
    (
        13,
        "Work",
        ["database", "ideas"],
        "Idea: show slow queries on the dashboard, grouped by the page that asks them.",
    ),
    (21, "读书", ["笔记"], "读书笔记：好的习惯靠环境，不靠意志力。把书放在枕头边，手机放在客厅。"),
    (34, "Home", ["garden"], "Tomatoes planted along the south wall. Water in the evening, never at noon."),
    (55, "旅行", ["计划"], "秋天想去云南，坐火车到大理，住一周，骑车环洱海。"),
    (89, "Home", ["money"], "Cancelled two subscriptions nobody used; that pays for the library card."),
    (365, "日记", ["回忆"], "一年前的今天搬进了新家，第一顿饭是外卖饺子，坐在纸箱上吃的。"),
)


async def plant(services: Services, email: str, password: str) -> int:
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
    now = clock.now_ms()
    before: str | None = None
    for days, category, tags, content in reversed(_MEMOS):
        body = MemoBody(
            content=content,
            tags=tags,
            relation_ids=[before] if before and days % 2 else [],
            is_public=days == 0,
            created_at=now - days * _DAY_MS,
            updated_at=now - days * _DAY_MS,
        )
        before = (await services.memos.create(user.uid, body, category_name=category)).memo_id
    return len(_MEMOS)
