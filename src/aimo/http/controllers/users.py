"""One's own account (docs/contract/accounts.md)."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from litestar import Controller, Response
from litestar.params import JSONBody

from aimo.dto.base import UNSET, Envelope
from aimo.dto.sessions import PasswordChanged
from aimo.dto.users import AvatarUploaded, PasswordBody, UserInfo, UserInfoBody, UserInfoUpdated
from aimo.errors import AimoError, Code
from aimo.http.controllers.sessions import cookie_after
from aimo.http.dependencies import AnyRequest, Services, User, device
from aimo.http.input.uploads import received
from aimo.http.output.envelope import JSON, failure, ok
from aimo.http.output.stored_response import StoredResponse
from aimo.http.routing import get, post, put
from aimo.services.accounts.service import require_image
from aimo.services.accounts.sessions import AuthenticatedUser
from aimo.services.registry import ServiceSet
from aimo.storage.serving_headers import beginning_of, serving_headers


class UserController(Controller):
    """Profile, password and picture."""

    path = "/api/v1/user"
    tags = ("Accounts",)

    @get("/info", summary="Read one's profile")
    async def info(self, services: Services, user: User) -> Envelope[UserInfo]:
        """Return the profile of who asks."""
        return ok(await services.accounts.profile(user.uid))

    @put("/info", summary="Change one's profile")
    async def update(self, data: JSONBody[UserInfoBody], services: Services, user: User) -> Envelope[UserInfoUpdated]:
        """Change nickname or picture; other keys are ignored."""
        profile = await services.accounts.update_profile(user.uid, data)
        return ok(UserInfoUpdated(message="User info updated successfully", user=profile))

    @post("/password", summary="Change one's password", opt={"limited": True})
    async def change_password(
        self, data: JSONBody[PasswordBody], request: AnyRequest, services: Services, user: User
    ) -> Response[Envelope[PasswordChanged]]:
        """Set a new password; sessions stay open, unless `logoutOthers` ends all others."""
        return await _change_password(data, request, services, user)

    @put("/password", summary="Change one's password", opt={"limited": True})
    async def replace_password(
        self, data: JSONBody[PasswordBody], request: AnyRequest, services: Services, user: User
    ) -> Response[Envelope[PasswordChanged]]:
        """Return the same as POST."""
        return await _change_password(data, request, services, user)

    @get("/avatar", summary="Show one's picture", opt={"download": True})
    async def avatar(self, services: Services, user: User) -> Response[Any]:
        """Return the bytes of one's uploaded picture; the cookie is enough, and the address never ends."""
        stack = AsyncExitStack()
        stored = await services.accounts.open_avatar(user.uid)
        if stored is None:
            return Response(failure(AimoError(Code.NOT_FOUND)), status_code=404, media_type=JSON)
        await stack.enter_async_context(stored)
        served = serving_headers("avatar", await beginning_of(stored))
        headers = [
            (b"content-type", served.content_type.encode()),
            (b"content-disposition", served.disposition.encode()),
            (b"content-security-policy", served.policy.encode()),
            (b"cache-control", b"private, no-cache"),
        ]
        return StoredResponse(stored, headers, stack)

    @post("/avatar", summary="Upload one's picture", opt={"upload": "avatar"})
    async def upload_avatar(self, request: AnyRequest, services: Services, user: User) -> Envelope[AvatarUploaded]:
        """Replace one's picture."""
        async with received(request, services, "avatar", accept=require_image) as file:
            avatar = await services.accounts.set_avatar(user.uid, file.filename, file.content_type, file.path)
        return ok(AvatarUploaded(message="Avatar uploaded successfully", avatar=avatar))


async def _change_password(
    data: PasswordBody, request: AnyRequest, services: ServiceSet, user: AuthenticatedUser
) -> Response[Envelope[PasswordChanged]]:
    ended = await services.accounts.change_password(
        user,
        data.old_password,
        data.new_password,
        log_out_others=parse_boolean(data.logout_others, "logoutOthers"),
        keep_tokens=parse_boolean(data.keep_tokens, "keepTokens"),
        device=device(request, services),
    )
    answer = PasswordChanged(message="密码修改成功")
    if ended is None:
        return Response(ok(answer))
    answer.ended, answer.current_remains, answer.token = ended.count, ended.current_remains, ended.token or UNSET
    answer.tokens_revoked = ended.revoked or UNSET
    return Response(ok(answer), headers=cookie_after(ended, request))


def parse_boolean(value: object, name: str) -> bool:
    """Return a switch of a body: forms send text. PARAMS_ERROR for what is none, so that nobody believes it was on."""
    if value in (True, "true", "1"):
        return True
    if value in (None, False, "false", "0", ""):
        return False
    raise AimoError(Code.PARAMS_ERROR, f"{name} must be true or false")
