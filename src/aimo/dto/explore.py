"""Questions over one's memos, conversations about them, and the graph around one (docs/contract/explore.md)."""

from __future__ import annotations

from typing import Any, Literal

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType
from aimo.dto.memos import Memo


class ExploreBody(Dto):
    """A question."""

    query: Annotated[str | None, Meta(description="The question; required, not blank.")] = None
    context: Annotated[str | None, Meta(description="Earlier turns of the conversation, as free text.")] = None
    user_model_id: Annotated[
        str | None, Meta(description="One of the user's models that is to answer; null for the server's.")
    ] = None


class AnswerSource(Dto):
    """A memo that an answer is made of; the n-th one is cited as `[n]`."""

    memo_id: Annotated[str, Meta(description="Id of the memo.")]
    content: Annotated[str, Meta(description="The beginning of its text, `...` added when it was cut.")]
    relevance_score: Annotated[float, Meta(description="Similarity to the question, 0 to 1.")]
    created_at: Annotated[int, Meta(description="When it was written, epoch milliseconds.")]


class Exploration(Dto):
    """An answer made of one's memos."""

    answer: Annotated[str, Meta(description="The answer in Markdown; it cites sources as `[n]`.")]
    sources: Annotated[list[AnswerSource], Meta(description="The memos it is made of, most relevant first.")]
    related_topics: Annotated[
        list[str] | UnsetType, Meta(description="At most one text: the beginning of the analysis.")
    ] = UNSET
    suggested_questions: Annotated[
        list[str] | UnsetType, Meta(description="At most three questions to go on with.")
    ] = UNSET
    generated: Annotated[
        bool | UnsetType,
        Meta(description="False when no chat model is configured and the answer consists of passages; else absent."),
    ] = UNSET


class Token(Dto):
    """A piece of an answer that is being streamed."""

    text: Annotated[str, Meta(description="What to append to the answer so far.")]


class Sources(Dto):
    """The sources of an answer that is about to be streamed."""

    sources: Annotated[list[AnswerSource], Meta(description="The memos it will be made of, most relevant first.")]


class StreamError(Dto):
    """Why a streamed answer ended early."""

    message: Annotated[str, Meta(description="An English sentence about it.")]


# The events of a streamed answer, in their order, and what their data is.
EVENTS: dict[str, type[Dto]] = {"sources": Sources, "token": Token, "done": Exploration, "error": StreamError}


class QuickSearchBody(Dto):
    """A search for the most relevant memos."""

    query: Annotated[Any, Meta(description="What to look for; required, not blank.")] = None
    limit: Annotated[int | float | str | None, Meta(description="How many memos to look at, 5 when absent or 0.")] = (
        None
    )


class FoundMemos(Dto):
    """Memos without pages."""

    items: Annotated[list[Memo], Meta(description="The memos.")]
    total: Annotated[int, Meta(description="How many these are.")]


NodeKind = Literal["source", "related", "backlink"]
EdgeKind = Literal["outgoing", "incoming", "thematic"]


class GraphNode(Dto):
    """A memo in the graph."""

    id: Annotated[str, Meta(description="Id of the memo.")]
    type: Annotated[NodeKind, Meta(description="`source` for the one in the centre, `related` or `backlink`.")]
    title: Annotated[str, Meta(description="The beginning of its first line.")]
    content: Annotated[str, Meta(description="The beginning of its text.")]
    created_at: Annotated[int, Meta(description="When it was written, epoch milliseconds.")]


class GraphEdge(Dto):
    """How two memos of the graph belong together."""

    source: Annotated[str, Meta(description="Id of the memo that the edge starts from.")]
    target: Annotated[str, Meta(description="Id of the memo that it leads to.")]
    type: Annotated[EdgeKind, Meta(description="`outgoing`, `incoming` or `thematic`.")]
    label: Annotated[str, Meta(description="The type in words.")]


class Graph(Dto):
    """The memos around one."""

    nodes: Annotated[list[GraphNode], Meta(description="The memos, the one in the centre first.")]
    edges: Annotated[list[GraphEdge], Meta(description="What connects them.")]
    center_memo_id: Annotated[str, Meta(description="Id of the memo in the centre.")]
    analysis: Annotated[str, Meta(description="A sentence about the connections.")]


class Relations(Dto):
    """The graph around a memo, and where to go from there."""

    graph: Annotated[Graph, Meta(description="The memos and what connects them.")]
    suggested_explorations: Annotated[list[str], Meta(description="At most three questions to ask next.")]


class Conversation(Dto):
    """A conversation."""

    conversation_id: Annotated[str, Meta(description="Id of the conversation.")]
    title: Annotated[str, Meta(description="Its title.")]
    created_at: Annotated[int, Meta(description="When it was begun, epoch milliseconds.")]
    updated_at: Annotated[int, Meta(description="When something last happened in it, epoch milliseconds.")]
    message_count: Annotated[int, Meta(description="How many messages it has.")]


class MessageSource(Dto):
    """A memo that a message refers to; what is unknown is absent."""

    memo_id: Annotated[str | UnsetType | None, Meta(description="Id of the memo.")] = UNSET
    content: Annotated[str | UnsetType | None, Meta(description="The beginning of its text.")] = UNSET
    similarity: Annotated[float | UnsetType | None, Meta(description="Similarity to the question, 0 to 1.")] = UNSET
    relevance_score: Annotated[float | UnsetType | None, Meta(description="The same by its newer name.")] = UNSET
    created_at: Annotated[
        int | float | UnsetType | None, Meta(description="When the memo was written, epoch milliseconds.")
    ] = UNSET


class Message(Dto):
    """A message of a conversation."""

    message_id: Annotated[str, Meta(description="Id of the message.")]
    conversation_id: Annotated[str, Meta(description="Its conversation.")]
    role: Annotated[str, Meta(description="`user` or `assistant`.")]
    content: Annotated[str, Meta(description="Its text.")]
    created_at: Annotated[int, Meta(description="When it was added, epoch milliseconds.")]
    sources: Annotated[list[MessageSource] | UnsetType, Meta(description="The memos it refers to, if any.")] = UNSET


class ConversationDetail(Conversation):
    """A conversation with everything said in it."""

    messages: Annotated[list[Message], Meta(description="Its messages, oldest first.")]


class ConversationList(Dto):
    """All conversations of a user."""

    items: Annotated[list[Conversation], Meta(description="Those that something happened in last come first.")]
    total: Annotated[int, Meta(description="How many there are.")]


class ConversationResult(Dto):
    """One conversation with a sentence."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    conversation: Annotated[Conversation, Meta(description="The conversation.")]


class MessageResult(Dto):
    """One message with a sentence."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    data: Annotated[Message, Meta(description="The message.")]


class ConversationBody(Dto):
    """What a conversation is called."""

    title: Annotated[str | None, Meta(description="The title; `新对话` for a new one without.")] = None


class MessageBody(Dto):
    """A message to add."""

    role: Annotated[Any, Meta(description="`user` or `assistant`.")] = None
    content: Annotated[Any, Meta(description="Its text; required, not blank.")] = None
    sources: Annotated[list[MessageSource] | None, Meta(description="The memos it refers to.")] = None
