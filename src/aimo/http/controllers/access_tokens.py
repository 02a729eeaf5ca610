"""Personal access tokens (docs/contract/access-tokens.md)."""

from __future__ import annotations

from litestar import Controller, Response
from litestar.params import JSONBody

from aimo.dto.access_tokens import AccessTokenBody, AccessTokenCreated, AccessTokenList
from aimo.dto.base import Done, Envelope
from aimo.http.dependencies import AnyRequest, PathText, Services, User, device
from aimo.http.output.envelope import ok
from aimo.http.routing import delete, get, post


class AccessTokenController(Controller):
    """What a user lets programs do."""

    path = "/api/v1/user/tokens"
    tags = ("Accounts",)

    @get("/", summary="List one's access tokens")
    async def fetch_all(self, services: Services, user: User) -> Envelope[AccessTokenList]:
        """Return all tokens, without their values."""
        return ok(AccessTokenList(tokens=await services.access_tokens.all(user.uid)))

    @post("/", summary="Create an access token")
    async def create(
        self, data: JSONBody[AccessTokenBody], request: AnyRequest, services: Services, user: User
    ) -> Response[Envelope[AccessTokenCreated]]:
        """Create a token; its value is in this answer and nowhere else."""
        created = await services.access_tokens.create(user.uid, data, address=device(request, services).address)
        return Response(ok(created), headers={"Cache-Control": "no-store"})

    @delete("/{token_id:str}", summary="Revoke an access token")
    async def revoke(self, token_id: PathText, request: AnyRequest, services: Services, user: User) -> Envelope[Done]:
        """Revoke a token, which is refused from now on."""
        await services.access_tokens.revoke(user.uid, token_id, address=device(request, services).address)
        return ok(Done(message="Token revoked successfully"))
