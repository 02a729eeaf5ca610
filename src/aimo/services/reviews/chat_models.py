"""Who asks and grades: the server's chat model, or one of the user's own."""

from __future__ import annotations

from typing import Protocol

from aimo.ai.chat import ChatModel
from aimo.errors import AimoError, Code


class ChatModels(Protocol):
    """Gives chat models by their owner and id."""

    async def chat_for(self, owner: str, model_id: str | None) -> ChatModel | None:
        """Return the user's model of this id, or the server's for None, which may have none.

        Raises:
            AimoError: ``NOT_FOUND`` where the user has no such model.
        """


class ServerModelOnly:
    """The server's model, for everybody."""

    def __init__(self, chat: ChatModel | None) -> None:
        self._chat = chat

    async def chat_for(self, owner: str, model_id: str | None) -> ChatModel | None:
        """See ``ChatModels``."""
        if model_id is not None:
            raise AimoError(Code.NOT_FOUND, "Model not found")
        return self._chat
