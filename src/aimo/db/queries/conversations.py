"""Statements on conversations with the assistant and their messages."""

from __future__ import annotations

from sqlalchemy import and_, delete, func, insert, select, update

from aimo.db.dialect_sql import byte_length
from aimo.db.schema import AIConversation, AIMessage
from aimo.db.statements import owned, param, unscoped

_COLUMNS = (
    AIConversation.conversation_id,
    AIConversation.title,
    AIConversation.created_at,
    AIConversation.updated_at,
)
_MINE = AIConversation.uid == param("owner")
_ONE = (_MINE, AIConversation.conversation_id == param("id"))
_MINE_BY_MESSAGE = and_(AIConversation.conversation_id == AIMessage.conversation_id, _MINE)
# Counted one conversation at a time: grouping would sort all messages first.
_MESSAGES_OF = select(func.count()).where(AIMessage.conversation_id == AIConversation.conversation_id)

OF_USER = owned(
    "conversations.of_user",
    select(*_COLUMNS).where(_MINE).order_by(AIConversation.updated_at.desc(), AIConversation.seq.desc()),
)
COUNTS = owned(
    "conversations.counts",
    select(AIConversation.conversation_id, _MESSAGES_OF.scalar_subquery()).where(_MINE),
)
ONE = owned("conversations.one", select(*_COLUMNS).where(*_ONE))
COUNT = owned(
    "conversations.count",
    select(func.count())
    .select_from(AIMessage)
    .join(AIConversation, _MINE_BY_MESSAGE)
    .where(AIMessage.conversation_id == param("id")),
)
MESSAGES = owned(
    "conversations.messages",
    select(
        AIMessage.message_id,
        AIMessage.conversation_id,
        AIMessage.role,
        AIMessage.content,
        AIMessage.sources,
        AIMessage.created_at,
    )
    .join(AIConversation, _MINE_BY_MESSAGE)
    .where(AIMessage.conversation_id == param("id"))
    .order_by(AIMessage.created_at, AIMessage.seq),
)
SIZE = owned(
    "conversations.size",
    select(
        func.count().label("messages"),
        func.coalesce(
            func.sum(byte_length(AIMessage.content) + func.coalesce(byte_length(AIMessage.sources), 0)), 0
        ).label("bytes"),
    )
    .join(AIConversation, _MINE_BY_MESSAGE)
    .where(AIMessage.conversation_id == param("id")),
)
CREATE = owned(
    "conversations.create",
    insert(AIConversation).values(
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
    update(AIConversation).where(*_ONE).values(title=param("new_title"), updated_at=param("now")),
)
TOUCH = owned("conversations.touch", update(AIConversation).where(*_ONE).values(updated_at=param("now")))
DELETE = owned("conversations.delete", delete(AIConversation).where(*_ONE))
ADD_MESSAGE = unscoped(
    "conversations.add_message",
    insert(AIMessage).values(
        message_id=param("message_id"),
        conversation_id=param("conversation_id"),
        role=param("role"),
        content=param("content"),
        sources=param("sources"),
        seq=param("seq"),
        created_at=param("now"),
    ),
    excuse="messages have no uid; the same transaction has locked the owner's conversation before",
)
