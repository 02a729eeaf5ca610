"""Statements on conversations with the assistant and their messages."""

from __future__ import annotations

from sqlalchemy import and_, delete, func, insert, select, update

from aimo.db.dialect_sql import byte_length
from aimo.db.schema import AIConversations, AIMessages
from aimo.db.statements import owned, param, unscoped

_COLUMNS = (
    AIConversations.conversation_id,
    AIConversations.title,
    AIConversations.created_at,
    AIConversations.updated_at,
)
_MINE = AIConversations.uid == param("owner")
_ONE = (_MINE, AIConversations.conversation_id == param("id"))
_MINE_BY_MESSAGE = and_(AIConversations.conversation_id == AIMessages.conversation_id, _MINE)
# Counted one conversation at a time: grouping would sort all messages first.
_MESSAGES_OF = select(func.count()).where(AIMessages.conversation_id == AIConversations.conversation_id)

OF_USER = owned(
    "conversations.of_user",
    select(*_COLUMNS).where(_MINE).order_by(AIConversations.updated_at.desc(), AIConversations.seq.desc()),
)
COUNTS = owned(
    "conversations.counts",
    select(AIConversations.conversation_id, _MESSAGES_OF.scalar_subquery()).where(_MINE),
)
ONE = owned("conversations.one", select(*_COLUMNS).where(*_ONE))
COUNT = owned(
    "conversations.count",
    select(func.count())
    .select_from(AIMessages)
    .join(AIConversations, _MINE_BY_MESSAGE)
    .where(AIMessages.conversation_id == param("id")),
)
MESSAGES = owned(
    "conversations.messages",
    select(
        AIMessages.message_id,
        AIMessages.conversation_id,
        AIMessages.role,
        AIMessages.content,
        AIMessages.sources,
        AIMessages.created_at,
    )
    .join(AIConversations, _MINE_BY_MESSAGE)
    .where(AIMessages.conversation_id == param("id"))
    .order_by(AIMessages.created_at, AIMessages.seq),
)
SIZE = owned(
    "conversations.size",
    select(
        func.count().label("messages"),
        func.coalesce(
            func.sum(byte_length(AIMessages.content) + func.coalesce(byte_length(AIMessages.sources), 0)), 0
        ).label("bytes"),
    )
    .join(AIConversations, _MINE_BY_MESSAGE)
    .where(AIMessages.conversation_id == param("id")),
)
CREATE = owned(
    "conversations.create",
    insert(AIConversations).values(
        conversation_id=param("conversation_id"),
        uid=param("uid"),
        title=param("title"),
        seq=param("seq"),
        created_at=param("now"),
        updated_at=param("now"),
    ),
)
RENAME = owned(
    "conversations.rename",
    update(AIConversations).where(*_ONE).values(title=param("new_title"), updated_at=param("now")),
)
TOUCH = owned("conversations.touch", update(AIConversations).where(*_ONE).values(updated_at=param("now")))
DELETE = owned("conversations.delete", delete(AIConversations).where(*_ONE))
ADD_MESSAGE = unscoped(
    "conversations.add_message",
    insert(AIMessages).values(
        message_id=param("message_id"),
        conversation_id=param("conversation_id"),
        role=param("role"),
        content=param("content"),
        sources=param("sources"),
        seq=param("seq"),
        created_at=param("now"),
    ),
    reason="messages have no uid; the same transaction has locked the owner's conversation before",
)
