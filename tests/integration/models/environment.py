"""A server with users' models, and providers that answer on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aimo.config import Settings
from aimo.dto.user_models import UserModel, UserModelBody
from aimo.dto.users import RegisterBody
from aimo.runtime import Runtime

Make = Callable[..., Settings]
KEY = "sk-test-0123456789abcdef"


@asynccontextmanager
async def running(make: Make, database: dict[str, str], **more: Any) -> AsyncIterator[Runtime]:
    """Everything but the HTTP edge, with the built-in embedder and without a model of the server's own."""
    async with Runtime(make(**{**database, "EMBEDDER": "local", **more}), worker=False) as runtime:
        yield runtime


async def user(runtime: Runtime, name: str = "a") -> str:
    body = RegisterBody(email=f"{name}@example.test", password="Passw0rd-test")
    return (await runtime.services.accounts.register(body)).uid


async def add(runtime: Runtime, uid: str, **fields: Any) -> UserModel:
    """Add a model of OpenAI's, unless the fields say otherwise."""
    chosen = {"name": "mine", "provider": "openai", "api_key": KEY, "model_name": "gpt", **fields}
    return await runtime.services.user_models.create(uid, UserModelBody(**chosen))
