"""Memos that anybody may read, and memos from machines (docs/contract/machines.md#memos-and-uploads).

See docs/contract/public.md.
"""

from __future__ import annotations

from litestar import Controller
from litestar.exceptions import NotAuthorizedException
from litestar.params import JSONBody

from aimo.dto.base import Envelope, UnsetType
from aimo.dto.memos import MachineMemoBody, Memo, MemoPage, MemoResult, PublicMemo
from aimo.errors import AimoError, Code
from aimo.folding import is_blank
from aimo.http.auth import require_machine_token
from aimo.http.controllers.attachments import user_named_in_query
from aimo.http.controllers.memos import order
from aimo.http.dependencies import Params, PathText, Services, page_request
from aimo.http.large import ok_page
from aimo.http.output.envelope import ok
from aimo.http.output.openapi_parameters import LIMIT_20, PAGE, SORT_BY, SORT_ORDER, USER, documented
from aimo.http.routing import delete, get, post, put


class PublicMemoController(Controller):
    """Public memos, without a token."""

    path = "/api/v1/memos/public"
    tags = ("Public",)

    @get("/{uid:str}", summary="List public memos", opt=documented(PAGE, LIMIT_20, SORT_BY, SORT_ORDER))
    async def page(self, uid: PathText, params: Params, services: Services) -> Envelope[MemoPage]:
        """Return a page of a user's public memos."""
        return await ok_page(await services.lists.public(uid, order(params), page_request(params, 20)))

    @get("/{uid:str}/random", summary="Read a random public memo")
    async def random(self, uid: PathText, services: Services) -> Envelope[Memo]:
        """Return one of a user's public memos."""
        return ok(await services.lists.random_public(uid))

    @get("/memo/{memo_id:str}", summary="Read a public memo")
    async def fetch(self, memo_id: PathText, services: Services) -> Envelope[PublicMemo]:
        """Return a public memo with its author."""
        return ok(await services.lists.get_public_memo(memo_id))


class PublicPrefixController(Controller):
    """Paths under the public prefix that read like a memo called "public": they know no user.

    See docs/contract/public.md#paths-that-read-like-a-memo-called-public.
    """

    path = "/api/v1/memos/public"
    include_in_schema = False

    @get(["/", "/related", "/backlinks"])
    async def read(self) -> None:
        """Nobody's memo."""
        raise NotAuthorizedException

    @put(["/", "/tags"])
    async def write(self) -> None:
        """Nobody's memo."""
        raise NotAuthorizedException

    @delete("/")
    async def remove(self) -> None:
        """Nobody's memo."""
        raise NotAuthorizedException


class MachineMemoController(Controller):
    """Memos written by machines, with the configured token."""

    path = "/api/v1/memos/ba"
    tags = ("Machines",)
    guards = (require_machine_token,)

    @post("/create", summary="Write a memo for a user", opt=documented(USER))
    async def create(self, data: JSONBody[MachineMemoBody], params: Params, services: Services) -> Envelope[MemoResult]:
        """Store a memo for the user named by `uid`; `category` names its category."""
        uid = await user_named_in_query(params, services)
        if not data.content:
            raise AimoError(Code.PARAMS_ERROR, "Content is required")
        category = None
        if not isinstance(data.category, UnsetType):
            category = (data.category or "").strip()
            if is_blank(category):
                raise AimoError(Code.PARAMS_ERROR, "Category cannot be empty")
        memo = await services.memos.create(uid, data, category_name=category)
        return ok(MemoResult(message="Memo created successfully via BA authentication", memo=memo))
