"""However many requests come at once, a user has one default model at most, and not too many models."""

from __future__ import annotations

import asyncio

import pytest

from aimo.errors import AimoError, Code
from aimo.services.models import service

from .environment import Make, add, running, user


async def test_of_models_added_at_once_one_is_the_default_and_the_limit_holds(
    settings: Make, migrated_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_MODELS", 6)
    async with running(settings, migrated_database) as runtime:
        uid = await user(runtime)
        added = await asyncio.gather(
            *(add(runtime, uid, name=str(number), is_default=True) for number in range(9)), return_exceptions=True
        )
        refused = [each for each in added if isinstance(each, AimoError)]
        assert [each.code for each in refused] == [Code.PARAMS_ERROR] * 3
        models = await runtime.services.user_models.all(uid)
        assert len(models) == 6
        assert [each.is_default for each in models].count(True) == 1

        await asyncio.gather(*(runtime.services.user_models.set_default(uid, each.id) for each in models))
        models = await runtime.services.user_models.all(uid)
        assert [each.is_default for each in models].count(True) == 1

        await asyncio.gather(*(runtime.services.user_models.delete(uid, each.id) for each in models[1:]))
        (last,) = await runtime.services.user_models.all(uid)
        assert last.is_default
