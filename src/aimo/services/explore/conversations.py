"""Conversations with the assistant and what was said in them."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo import clock, ids
from aimo.db.connection import Database
from aimo.db.queries import conversations as sql
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
            rows = (await connection.execute(sql.OF_USER, {"owner": uid})).all()
            counts = {row[0]: row[1] for row in await connection.execute(sql.COUNTS, {"owner": uid})}
        items = [_present(row, counts.get(row.conversation_id, 0)) for row in rows]
        return ConversationList(items=items, total=len(items))

    async def get(self, uid: str, conversation_id: str) -> ConversationDetail:
        """Return one conversation with its messages, oldest first; NOT_FOUND when the user has none of that id."""
        which = {"owner": uid, "id": _possible(conversation_id)}
        async with self._database.reads() as connection:
            row = (await connection.execute(sql.ONE, which)).first()
            if row is None:
                raise _not_found()
            said = (await connection.execute(sql.MESSAGES, which)).all()
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
        row = {
            "conversation_id": ids.conversation_id(),
            "uid": uid,
            "title": require_length(title or DEFAULT_TITLE, "Title", LONGEST_TITLE),
            "seq": clock.next_sequence(),
            "now": now,
        }

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(sql.CREATE, row)

        await atomically(self._database, "conversations.create", work, user=uid)
        return Conversation(
            conversation_id=str(row["conversation_id"]),
            title=inert(str(row["title"])),
            created_at=now,
            updated_at=now,
            message_count=0,
        )

    async def rename(self, uid: str, conversation_id: str, title: str | None) -> Conversation:
        """Change the title; PARAMS_ERROR for a blank one, NOT_FOUND without the conversation."""
        if not title or not title.strip():
            raise AimoError(Code.PARAMS_ERROR, "Title is required")
        which = {"owner": uid, "id": _possible(conversation_id)}
        change = which | {"new_title": require_length(title, "Title", LONGEST_TITLE), "now": clock.now_ms()}

        async def work(connection: AsyncConnection) -> Conversation:
            if not (await connection.execute(sql.RENAME, change)).rowcount:
                raise _not_found()
            row = (await connection.execute(sql.ONE, which)).one()
            return _present(row, (await connection.execute(sql.COUNT, which)).scalar_one())

        return await atomically(self._database, "conversations.rename", work, user=uid, entity=conversation_id)

    async def delete(self, uid: str, conversation_id: str) -> None:
        """Remove a conversation with all its messages; NOT_FOUND without it."""
        which = {"owner": uid, "id": _possible(conversation_id)}

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(sql.DELETE, which)).rowcount

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
        now = clock.now_ms()
        row = {
            "message_id": ids.message_id(),
            "conversation_id": _possible(conversation_id),
            "role": body.role,
            "content": require_length(body.content, "Content", LONGEST_MESSAGE),
            "sources": msgspec.to_builtins(sources) or None,
            "seq": clock.next_sequence(),
            "now": now,
        }

        async def work(connection: AsyncConnection) -> None:
            touched = await connection.execute(sql.TOUCH, {"owner": uid, "id": conversation_id, "now": now})
            if not touched.rowcount:
                raise _not_found()
            size = (await connection.execute(sql.SIZE, {"owner": uid, "id": conversation_id})).one()
            if size.messages >= MOST_MESSAGES or size.bytes >= MOST_BYTES:
                limits = f"{MOST_MESSAGES} messages or {MOST_BYTES} bytes"
                raise AimoError(Code.PARAMS_ERROR, f"The conversation is full ({limits}); begin a new one")
            await connection.execute(sql.ADD_MESSAGE, row)

        await atomically(self._database, "conversations.add", work, user=uid, entity=conversation_id)
        return Message(
            message_id=row["message_id"],
            conversation_id=conversation_id,
            role=body.role,
            content=_shown(body.role, body.content),
            created_at=now,
            sources=sources or UNSET,
        )


def _present(row: Any, messages: int) -> Conversation:
    return Conversation(
        conversation_id=row.conversation_id,
        title=inert(row.title),
        created_at=row.created_at,
        updated_at=row.updated_at,
        message_count=messages,
    )


def _message(row: Any) -> Message:
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


def _stored_sources(stored: Any) -> list[MessageSource]:
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


def _possible(conversation_id: str) -> str:
    if not ids.is_possible(conversation_id):
        raise _not_found()
    return conversation_id


def _not_found() -> AimoError:
    return AimoError(Code.NOT_FOUND, "Conversation not found")
