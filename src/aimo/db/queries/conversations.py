"""Queries on conversations with the assistant and their messages."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aimo.db.dialect_sql import byte_length
from aimo.db.driver_reads import ReadConnection
from aimo.db.schema import AIConversations, AIMessages
from aimo.db.statements import owned, param, unscoped
from aimo.db.typed import Command, Query, Scalar, columns_for, values_for


class ConversationRow(NamedTuple):
    """A conversation as it is shown; times are epoch milliseconds."""

    conversation_id: str
    title: str
    created_at: int
    updated_at: int


class NewConversation(NamedTuple):
    """What a conversation is created with."""

    conversation_id: str
    uid: str
    title: str
    seq: int
    created_at: int
    updated_at: int


class MessageRow(NamedTuple):
    """A message; ``sources`` is JSON."""

    message_id: str
    conversation_id: str
    role: str
    content: str
    sources: object
    created_at: int


class MessageCount(NamedTuple):
    """How many messages a conversation has."""

    conversation_id: str
    messages: int


class ConversationSize(NamedTuple):
    """What a conversation holds."""

    messages: int
    bytes: int


_COLUMNS = columns_for(ConversationRow, AIConversations)
_MINE = AIConversations.uid == param("owner")
_ONE = (_MINE, AIConversations.conversation_id == param("id"))
_MINE_BY_MESSAGE = and_(AIConversations.conversation_id == AIMessages.conversation_id, _MINE)
_IN_ONE = AIMessages.conversation_id == param("id")
# Counted one conversation at a time: grouping would sort all messages first.
_MESSAGES_OF = select(func.count()).where(AIMessages.conversation_id == AIConversations.conversation_id)
_BYTES = byte_length(AIMessages.content) + func.coalesce(byte_length(AIMessages.sources), 0)

_OF_USER = Query(
    owned(
        "conversations.of_user",
        select(*_COLUMNS).where(_MINE).order_by(AIConversations.updated_at.desc(), AIConversations.seq.desc()),
    ),
    ConversationRow,
)
_MESSAGE_COUNTS = Query(
    owned(
        "conversations.counts",
        select(AIConversations.conversation_id, _MESSAGES_OF.scalar_subquery().label("messages")).where(_MINE),
    ),
    MessageCount,
)
_GET = Query(owned("conversations.one", select(*_COLUMNS).where(*_ONE)), ConversationRow)
_COUNT_MESSAGES = Scalar[int](
    owned(
        "conversations.count",
        select(func.count()).select_from(AIMessages).join(AIConversations, _MINE_BY_MESSAGE).where(_IN_ONE),
    )
)
_MESSAGES = Query(
    owned(
        "conversations.messages",
        select(*columns_for(MessageRow, AIMessages))
        .join(AIConversations, _MINE_BY_MESSAGE)
        .where(_IN_ONE)
        .order_by(AIMessages.created_at, AIMessages.seq),
    ),
    MessageRow,
)
_SIZE = Query(
    owned(
        "conversations.size",
        select(func.count().label("messages"), func.coalesce(func.sum(_BYTES), 0).label("bytes"))
        .join(AIConversations, _MINE_BY_MESSAGE)
        .where(_IN_ONE),
    ),
    ConversationSize,
)
_CREATE = Command(
    owned("conversations.create", insert(AIConversations).values(values_for(NewConversation, AIConversations)))
)
_RENAME = Command(
    owned(
        "conversations.rename",
        update(AIConversations).where(*_ONE).values(title=param("new_title"), updated_at=param("now")),
    )
)
_TOUCH = Command(owned("conversations.touch", update(AIConversations).where(*_ONE).values(updated_at=param("now"))))
_DELETE = Command(owned("conversations.delete", delete(AIConversations).where(*_ONE)))
_ADD_MESSAGE = Command(
    unscoped(
        "conversations.add_message",
        insert(AIMessages).values({name: param(name) for name in (*MessageRow._fields, "seq")}),
        reason="messages have no uid; the same transaction has locked the owner's conversation before",
    )
)


async def of_user(connection: ReadConnection, *, owner: str) -> list[ConversationRow]:
    """Load the user's conversations; those that something happened in last come first."""
    return await _OF_USER.all(connection, owner=owner)


async def message_counts(connection: ReadConnection, *, owner: str) -> dict[str, int]:
    """Return how many messages each of the user's conversations has, by id."""
    return {row.conversation_id: row.messages for row in await _MESSAGE_COUNTS.all(connection, owner=owner)}


async def get(connection: ReadConnection, *, owner: str, conversation_id: str) -> ConversationRow | None:
    """Load a conversation; None where the user has none of this id."""
    return await _GET.first(connection, owner=owner, id=conversation_id)


async def count_messages(connection: ReadConnection, *, owner: str, conversation_id: str) -> int:
    """Count the messages of a conversation."""
    return await _COUNT_MESSAGES.one(connection, owner=owner, id=conversation_id)


async def messages(connection: ReadConnection, *, owner: str, conversation_id: str) -> list[MessageRow]:
    """Load the messages of a conversation, oldest first."""
    return await _MESSAGES.all(connection, owner=owner, id=conversation_id)


async def size(connection: ReadConnection, *, owner: str, conversation_id: str) -> ConversationSize:
    """Return what a conversation holds."""
    (found,) = await _SIZE.all(connection, owner=owner, id=conversation_id)
    return found


async def create(connection: AsyncConnection, conversation: NewConversation) -> None:
    """Store a conversation."""
    await _CREATE.run(connection, **conversation._asdict())


async def rename(connection: AsyncConnection, *, owner: str, conversation_id: str, title: str, now: int) -> bool:
    """Change the title; False where the user has no conversation of this id."""
    return bool(await _RENAME.run(connection, owner=owner, id=conversation_id, new_title=title, now=now))


async def touch(connection: AsyncConnection, *, owner: str, conversation_id: str, now: int) -> bool:
    """Store when something last happened in it, and lock it; False where the user has none of this id."""
    return bool(await _TOUCH.run(connection, owner=owner, id=conversation_id, now=now))


async def delete_conversation(connection: AsyncConnection, *, owner: str, conversation_id: str) -> bool:
    """Remove a conversation with its messages; False where the user has none of this id."""
    return bool(await _DELETE.run(connection, owner=owner, id=conversation_id))


async def add_message(connection: AsyncConnection, message: MessageRow, *, seq: int) -> None:
    """Store a message in a conversation that this transaction has locked by `touch`."""
    await _ADD_MESSAGE.run(connection, **message._asdict(), seq=seq)
