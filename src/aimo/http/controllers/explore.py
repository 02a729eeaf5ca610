"""Questions over one's memos, the graph around one, and conversations (docs/contract/explore.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import structlog
from litestar import Controller, Response
from litestar.params import JSONBody

from aimo.ai.chat import ChatModel
from aimo.db.failure_log import log_failure
from aimo.dto.base import Done, Envelope
from aimo.dto.explore import (
    EVENTS,
    ConversationBody,
    ConversationDetail,
    ConversationList,
    ConversationResult,
    Exploration,
    ExploreBody,
    FoundMemos,
    MessageBody,
    MessageResult,
    QuickSearchBody,
    Relations,
    StreamError,
)
from aimo.errors import AimoError, Code, RateLimitExceeded
from aimo.folding import is_blank
from aimo.http.asgi_types import list_header
from aimo.http.cancel_on_disconnect import run_until_disconnect
from aimo.http.dependencies import AnyRequest, Params, PathText, Services, User
from aimo.http.large import ok_found, ok_in_parts
from aimo.http.output.envelope import JSON, ok, unexpected_failure
from aimo.http.output.openapi_parameters import Parameter, documented
from aimo.http.output.server_sent_events import event, event_stream, wants_events
from aimo.http.routing import delete, get, post, put
from aimo.js_coercion import clamp, to_number
from aimo.services.explore.relation_graph import failed
from aimo.services.memos.paging import LARGEST_PAGE

log = structlog.get_logger(__name__)

_NAMES: dict[type, str] = {struct: name for name, struct in EVENTS.items()}
_GRAPH = (
    Parameter("memoId", "string", "Id of the memo; wins over the one in the path."),
    Parameter("includeBacklinks", "boolean", "Whether memos that refer to it are shown.", True),
)


class ExploreController(Controller):
    """Asking one's memos."""

    path = "/api/v1/explore"
    tags = ("Explore",)

    @post("/", summary="Ask one's memos", opt={"events": True, "limited": True})
    async def explore(
        self, data: JSONBody[ExploreBody], request: AnyRequest, services: Services, user: User
    ) -> Response[Envelope[Exploration]]:
        """Return an answer with its sources.

        With `Accept: text/event-stream` it comes as events: `sources`, any number of `token`, then `done` with the
        whole answer, or `error`. Hanging up ends the generation.
        """
        if not data.query or is_blank(data.query):
            raise AimoError(Code.PARAMS_ERROR, "Query is required")
        chat = await _begin(services, user.uid, data.user_model_id)
        context = data.context or ""
        accepted = list_header(request.scope, b"accept") or b""  # type: ignore[arg-type]
        if wants_events(accepted.decode("latin-1")):
            events = event_stream(_events(services, user.uid, data.query, context, chat))
            return cast("Response[Envelope[Exploration]]", events)
        work = _answer(services, user.uid, data.query, context, chat)
        return Response(ok(await run_until_disconnect(request, work)), media_type=JSON)

    @post(
        "/quick-search",
        summary="Find the most relevant memos",
        opt=unexpected_failure(Code.SYSTEM_ERROR, "Search failed"),
    )
    async def quick_search(
        self, data: JSONBody[QuickSearchBody], services: Services, user: User
    ) -> Envelope[FoundMemos]:
        """Return the relevant ones among the memos most similar to the query."""
        if isinstance(data.query, list | dict) or (data.query and not isinstance(data.query, str)):
            raise AimoError(Code.SYSTEM_ERROR, "Search failed")
        if not data.query or is_blank(data.query):
            raise AimoError(Code.PARAMS_ERROR, "Query is required")
        items = await services.search.relevant(user.uid, data.query, _limit(data.limit))
        return await ok_found(items)

    @get("/relations/{memo_id:str}", summary="Draw the graph around a memo", opt=documented(*_GRAPH))
    async def relations(self, memo_id: PathText, params: Params, services: Services, user: User) -> Envelope[Relations]:
        """Return the memos it refers to, those that refer to it, and those on the same subject."""
        backlinks = params.boolean("includeBacklinks", True)
        chosen = params.text("memoId", "") or memo_id
        if not chosen.strip():
            raise AimoError(Code.PARAMS_ERROR, "Memo ID is required")
        try:
            return ok(await services.graph.draw(user.uid, chosen, backlinks=backlinks))
        except AimoError:
            raise
        except Exception as error:
            log_failure(log, "relation graph failed", error)
            raise failed("the database or the vectors cannot be read") from error


def _failing(task: str) -> dict[str, Envelope[None]]:
    return unexpected_failure(Code.DB_ERROR, f"Failed to {task}")


class ConversationController(Controller):
    """Conversations with the assistant; the client adds the messages itself."""

    path = "/api/v1/explore/conversations"
    tags = ("Explore",)

    @get("/", summary="List conversations", opt=_failing("get conversations"))
    async def fetch_all(self, services: Services, user: User) -> Envelope[ConversationList]:
        """Return all conversations; those that something happened in last come first."""
        return ok(await services.conversations.all(user.uid))

    @post("/", summary="Begin a conversation", opt=_failing("create conversation"))
    async def create(
        self, data: JSONBody[ConversationBody], services: Services, user: User
    ) -> Envelope[ConversationResult]:
        """Begin a conversation, without any message yet."""
        conversation = await services.conversations.create(user.uid, data.title)
        return ok(ConversationResult(message="Conversation created successfully", conversation=conversation))

    @get("/{conversation_id:str}", summary="Read a conversation", opt=_failing("get conversation"))
    async def fetch(self, conversation_id: PathText, services: Services, user: User) -> Envelope[ConversationDetail]:
        """Return one conversation with its messages, oldest first."""
        return await ok_in_parts(await services.conversations.get(user.uid, conversation_id), "messages")

    @put("/{conversation_id:str}", summary="Rename a conversation", opt=_failing("update conversation"))
    async def rename(
        self, conversation_id: PathText, data: JSONBody[ConversationBody], services: Services, user: User
    ) -> Envelope[ConversationResult]:
        """Change the title."""
        conversation = await services.conversations.rename(user.uid, conversation_id, data.title)
        return ok(ConversationResult(message="Conversation updated successfully", conversation=conversation))

    @delete("/{conversation_id:str}", summary="Remove a conversation", opt=_failing("delete conversation"))
    async def remove(self, conversation_id: PathText, services: Services, user: User) -> Envelope[Done]:
        """Remove a conversation with its messages."""
        await services.conversations.delete(user.uid, conversation_id)
        return ok(Done(message="Conversation deleted successfully"))

    @post("/{conversation_id:str}/messages", summary="Add a message", opt=_failing("add message"))
    async def add(
        self, conversation_id: PathText, data: JSONBody[MessageBody], services: Services, user: User
    ) -> Envelope[MessageResult]:
        """Add what the user or the assistant said."""
        message = await services.conversations.add(user.uid, conversation_id, data)
        return ok(MessageResult(message="Message added successfully", data=message))


async def _begin(services: Services, uid: str, model_id: str | None) -> ChatModel | None:
    try:
        return await services.explore.begin(uid, model_id)
    except RateLimitExceeded:
        raise
    except AimoError as error:
        raise AimoError(Code.SYSTEM_ERROR, f"Exploration failed: {error.message}") from error


async def _answer(services: Services, uid: str, question: str, context: str, chat: ChatModel | None) -> Exploration:
    try:
        return await services.explore.answer(uid, question, context, chat)
    except AimoError as error:
        raise AimoError(Code.SYSTEM_ERROR, f"Exploration failed: {error.message}") from error
    except Exception as error:
        log_failure(log, "answer generation failed", error)
        raise AimoError(Code.SYSTEM_ERROR, "Exploration failed: the memos cannot be read") from error


async def _events(
    services: Services, uid: str, question: str, context: str, chat: ChatModel | None
) -> AsyncIterator[bytes]:
    try:
        async for item in services.explore.stream(uid, question, context, chat):
            yield event(_NAMES[type(item)], item)
    except Exception as error:  # noqa: BLE001 (logged, and told in the stream)
        log_failure(log, "a streamed question could not be answered", error)
        yield event("error", StreamError(message="Exploration failed: the memos cannot be read"))


def _limit(value: float | str | None) -> int:
    """Return a limit as clients send it: a number or its text, 5 for nothing and for 0."""
    number = to_number(value) if isinstance(value, str) else value
    return clamp(number, 0, LARGEST_PAGE) if number else 5
