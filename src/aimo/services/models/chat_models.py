"""Gives the chat model that a user has chosen: one of their own, or the server's."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from aimo import ids
from aimo.ai.chat import ChatModel
from aimo.db.connection import Database
from aimo.db.queries import user_models as model_queries
from aimo.db.queries.user_models import UserModelRow
from aimo.errors import AimoError, Code
from aimo.outbound import OutboundClient
from aimo.services.models.addresses import address_of
from aimo.services.models.key_cipher import KeyCipher, UnreadableKeyError

if TYPE_CHECKING:
    from aimo.ai.openai_chat import OpenAIChat

log = structlog.get_logger(__name__)

NOT_FOUND = "Model not found"
UNREADABLE = (
    "The API key of this model cannot be read, because the server's secret has changed: enter the key again, or ask "
    "the server's operator to run `aimo models rotate-key`"
)
MOST_CACHED = 128
TAG_GENERATION = "tag_generation"


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """The model that will answer, if there is one, and whether its user pays for it."""

    chat: ChatModel | None
    is_own: bool


class ChatModels:
    """Chat models by owner and id. What providers refuse is remembered for the models that were used last."""

    def __init__(self, database: Database, server: ChatModel | None, outbound: OutboundClient, keys: KeyCipher) -> None:
        self._database = database
        self._server = server
        self._outbound = outbound
        self._keys = keys
        self._cached: OrderedDict[tuple[str, ...], ChatModel] = OrderedDict()

    @property
    def has_server_model(self) -> bool:
        """Whether the server has a chat model for everybody."""
        return self._server is not None

    async def chat_for(self, owner: str, model_id: str | None) -> ChatModel | None:
        """Return the user's model of this id, or the server's for None, which may have none.

        Raises:
            AimoError: NOT_FOUND where the user has no such model; SYSTEM_ERROR where its key cannot be read.
        """
        return (await self.choose(owner, model_id)).chat

    async def choose(self, owner: str, model_id: str | None) -> ChosenModel:
        """Return the same, and whether it is the user's own.

        Raises:
            AimoError: as `chat_for` does.
        """
        if not model_id:
            return ChosenModel(self._server, is_own=False)
        row = None
        if ids.is_possible(model_id):
            async with self._database.reads() as connection:
                row = await model_queries.get(connection, owner=owner, model_id=model_id)
        if row is None:
            raise AimoError(Code.NOT_FOUND, NOT_FOUND)
        return ChosenModel(await self._chat(row), is_own=True)

    async def choose_for_feature(self, owner: str, feature: str) -> ChosenModel:
        """Return the model that the user has chosen for a feature; the server's where it is gone.

        Raises:
            AimoError: SYSTEM_ERROR where its key cannot be read.
        """
        async with self._database.reads() as connection:
            model_id = await model_queries.chosen(connection, owner=owner, feature=feature)
        try:
            return await self.choose(owner, model_id)
        except AimoError as error:
            if error.code is not Code.NOT_FOUND:
                raise
            log.info("the chosen model is gone, the server's is used", feature=feature, user=owner)
            return ChosenModel(self._server, is_own=False)

    async def _chat(self, row: UserModelRow) -> ChatModel:
        address = address_of(row.provider, row.api_base_url)
        if not address:
            raise AimoError(Code.SYSTEM_ERROR, "API Base URL is required for custom providers")
        cached = (row.id, address, row.model_name, row.api_key)
        chat = self._cached.get(cached)
        if chat is None:
            try:
                key = self._keys.decrypt(row.api_key, model_id=row.id)
            except UnreadableKeyError:
                raise AimoError(Code.SYSTEM_ERROR, UNREADABLE) from None
            chat = self._cached[cached] = await own_chat(self._outbound, address, key, row.model_name)
        self._cached.move_to_end(cached)
        # It keeps no connection open, so that one that is forgotten while it answers goes on and needs no closing.
        while len(self._cached) > MOST_CACHED:
            self._cached.popitem(last=False)
        return chat


async def own_chat(
    outbound: OutboundClient, address: str, key: str, model: str, *, waits: tuple[float, ...] = (0.5, 1.5)
) -> OpenAIChat:
    """Return a chat model at a user's address, each call of which is judged by the rules of ``outbound``."""
    # Importing the client library takes a second, which must not hold up others.
    return await asyncio.to_thread(_own_chat, outbound, address, key, model, waits)


def _own_chat(outbound: OutboundClient, address: str, key: str, model: str, waits: tuple[float, ...]) -> OpenAIChat:
    from aimo.ai.guarded_transport import guarded_client
    from aimo.ai.openai_chat import OpenAIChat
    from aimo.ai.openai_errors import Origin

    origin = Origin("the model's API key", "the model's address")
    return OpenAIChat(address, key, model, waits=waits, origin=origin, http_client=guarded_client(outbound))
