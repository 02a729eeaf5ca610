"""Conversations with the assistant and what was said in them."""

from __future__ import annotations

import math
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.driver_reads import ReadConnection
from aimo.db.queries import conversations as conversation_queries
from aimo.db.queries.conversations import ConversationRow, MessageRow, NewConversation
from aimo.db.transaction import atomically
from aimo.dto.base import UNSET
from aimo.dto.explore import Conversation, ConversationDetail, ConversationList, Message, MessageBody, MessageSource
from aimo.errors import AimoError, Code
from aimo.inert_text import inert
from aimo.services.memos.name_keys import require_length
from aimo.threads import TEXTS

DEFAULT_TITLE = "新对话"
_ROLES = ("user", "assistant")


LONGEST_TITLE: Final = 1000
LONGEST_MESSAGE: Final = 100_000
"""Characters of a question or an answer that is kept."""

LONGEST_SOURCES: Final = 256 * 1024
"""Bytes of JSON of the sources of a message: those of an answer have some thousand."""

MOST_MESSAGES: Final = 10_000
MOST_BYTES: Final = 32 * 1024 * 1024
"""What a conversation holds, since it is read as a whole. Larger ones that a migration brought can be read."""


class ConversationService:
    """Lists, reads, begins, renames and removes conversations; adds messages (docs/contract/conversations.md)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, uid: str) -> ConversationList:
        """Return the user's conversations; those that something happened in last come first."""
        async with self._database.reads() as connection:
            rows = await conversation_queries.of_user(connection, owner=uid)
            counts = await conversation_queries.message_counts(connection, owner=uid)
        items = [_present(row, counts.get(row.conversation_id, 0)) for row in rows]
        return ConversationList(items=items, total=len(items))

    async def get(self, uid: str, conversation_id: str) -> ConversationDetail:
        """Return one conversation with its messages, oldest first; NOT_FOUND when the user has none of that id."""
        async with self._database.reads() as connection:
            row = await _get(connection, uid, conversation_id)
            said = await conversation_queries.messages(connection, owner=uid, conversation_id=conversation_id)
        # Making answers inert takes a while where there are many.
        messages = await TEXTS.run(lambda: [_message(row) for row in said])
        return ConversationDetail(
            conversation_id=row.conversation_id,
            title=inert(row.title),
            created_at=row.created_at,
            updated_at=row.updated_at,
            message_count=len(messages),
            messages=messages,
        )

    async def create(self, uid: str, title: str | None) -> Conversation:
        """Begin a conversation; without a title it gets the default one."""
        now = clock.now_ms()
        new = NewConversation(
            conversation_id=ids.conversation_id(),
            uid=uid,
            title=require_length(title or DEFAULT_TITLE, "Title", LONGEST_TITLE),
            seq=clock.next_sequence(),
            created_at=now,
            updated_at=now,
        )

        async def work(connection: AsyncConnection) -> None:
            await conversation_queries.create(connection, new)

        await atomically(self._database, "conversations.create", work, user=uid)
        return Conversation(
            conversation_id=new.conversation_id,
            title=inert(new.title),
            created_at=now,
            updated_at=now,
            message_count=0,
        )

    async def rename(self, uid: str, conversation_id: str, title: str | None) -> Conversation:
        """Change the title; PARAMS_ERROR for a blank one, NOT_FOUND without the conversation."""
        if not title or not title.strip():
            raise AimoError(Code.PARAMS_ERROR, "Title is required")
        title, now = require_length(title, "Title", LONGEST_TITLE), clock.now_ms()
        _require_possible(conversation_id)

        async def work(connection: AsyncConnection) -> Conversation:
            await conversation_queries.rename(
                connection, owner=uid, conversation_id=conversation_id, title=title, now=now
            )
            row = await _get(connection, uid, conversation_id)
            count = await conversation_queries.count_messages(connection, owner=uid, conversation_id=conversation_id)
            return _present(row, count)

        return await atomically(self._database, "conversations.rename", work, user=uid, entity=conversation_id)

    async def delete(self, uid: str, conversation_id: str) -> None:
        """Remove a conversation with all its messages; NOT_FOUND without it."""
        _require_possible(conversation_id)

        async def work(connection: AsyncConnection) -> bool:
            return await conversation_queries.delete_conversation(
                connection, owner=uid, conversation_id=conversation_id
            )

        if not await atomically(self._database, "conversations.delete", work, user=uid, entity=conversation_id):
            raise _not_found()

    async def add(self, uid: str, conversation_id: str, body: MessageBody) -> Message:
        """Add a message and make the conversation the most recent one.

        PARAMS_ERROR with the reason for a wrong role or a blank content, NOT_FOUND without the conversation.
        """
        if body.role not in _ROLES:
            raise AimoError(Code.PARAMS_ERROR, "Valid role is required (user or assistant)")
        if not isinstance(body.content, str) or not body.content.strip():
            raise AimoError(Code.PARAMS_ERROR, "Content is required")
        sources = [_known(source) for source in body.sources or ()]
        if len(msgspec.json.encode(sources)) > LONGEST_SOURCES:
            raise AimoError(Code.PARAMS_ERROR, f"Sources are larger than {LONGEST_SOURCES} bytes")
        _require_possible(conversation_id)
        now, seq = clock.now_ms(), clock.next_sequence()
        new = MessageRow(
            message_id=ids.message_id(),
            conversation_id=conversation_id,
            role=body.role,
            content=require_length(body.content, "Content", LONGEST_MESSAGE),
            sources=msgspec.to_builtins(sources) or None,
            created_at=now,
        )

        async def work(connection: AsyncConnection) -> None:
            if not await conversation_queries.touch(connection, owner=uid, conversation_id=conversation_id, now=now):
                raise _not_found()
            size = await conversation_queries.size(connection, owner=uid, conversation_id=conversation_id)
            if size.messages >= MOST_MESSAGES or size.bytes >= MOST_BYTES:
                limits = f"{MOST_MESSAGES} messages or {MOST_BYTES} bytes"
                raise AimoError(Code.PARAMS_ERROR, f"The conversation is full ({limits}); begin a new one")
            await conversation_queries.add_message(connection, new, seq=seq)

        await atomically(self._database, "conversations.add", work, user=uid, entity=conversation_id)
        return Message(
            message_id=new.message_id,
            conversation_id=conversation_id,
            role=body.role,
            content=_shown(body.role, body.content),
            created_at=now,
            sources=sources or UNSET,
        )


async def _get(connection: ReadConnection, uid: str, conversation_id: str) -> ConversationRow:
    _require_possible(conversation_id)
    row = await conversation_queries.get(connection, owner=uid, conversation_id=conversation_id)
    if row is None:
        raise _not_found()
    return row


def _present(row: ConversationRow, messages: int) -> Conversation:
    return Conversation(
        conversation_id=row.conversation_id,
        title=inert(row.title),
        created_at=row.created_at,
        updated_at=row.updated_at,
        message_count=messages,
    )


def _message(row: MessageRow) -> Message:
    return Message(
        message_id=row.message_id,
        conversation_id=row.conversation_id,
        role=row.role,
        content=_shown(row.role, row.content),
        created_at=row.created_at,
        sources=_stored_sources(row.sources) or UNSET,
    )


def _shown(role: str, content: str) -> str:
    """Return what was said; the assistant's words as inert text, whoever stored them."""
    return content if role == "user" else inert(content)


def _stored_sources(stored: object) -> list[MessageSource]:
    """Return the sources as they were stored; what cannot be read, as in rows of other origin, is left out."""
    found = []
    for item in stored if isinstance(stored, list) else ():
        try:
            found.append(_known(msgspec.convert(item, MessageSource)))
        except msgspec.ValidationError:
            continue
    return found


def _known(source: MessageSource) -> MessageSource:
    """Return the source without nulls and numbers that JSON cannot hold: what is unknown is absent."""
    for name in source.__struct_fields__:
        value = getattr(source, name)
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            setattr(source, name, UNSET)
    return source


def _require_possible(conversation_id: str) -> None:
    if not ids.is_possible(conversation_id):
        raise _not_found()


def _not_found() -> AimoError:
    return AimoError(Code.NOT_FOUND, "Conversation not found")
