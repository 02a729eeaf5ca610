"""One's own account (contract 3)."""

from __future__ import annotations

from litestar import Controller
from litestar.params import JSONBody

from aimo.dto.base import Done, Envelope
from aimo.dto.users import AvatarUploaded, PasswordBody, UserInfo, UserInfoBody, UserInfoUpdated
from aimo.http.addresses import client_address
from aimo.http.context import AnyRequest, Services, User
from aimo.http.envelope import ok
from aimo.http.routing import get, post, put
from aimo.http.uploads import received
from aimo.services.accounts import require_image


class UserController(Controller):
    """Profile, password and picture."""

    path = "/api/v1/user"
    tags = ("Accounts",)

    @get("/info", summary="Read one's profile")
    async def info(self, services: Services, user: User) -> Envelope[UserInfo]:
        """The profile of who asks."""
        return ok(await services.accounts.profile(user.uid))

    @put("/info", summary="Change one's profile")
    async def update(self, data: JSONBody[UserInfoBody], services: Services, user: User) -> Envelope[UserInfoUpdated]:
        """Change nickname or picture; other keys are ignored."""
        profile = await services.accounts.update_profile(user.uid, data)
        return ok(UserInfoUpdated(message="User info updated successfully", user=profile))

    @post("/password", summary="Change one's password", opt={"limited": True})
    async def change_password(
        self, data: JSONBody[PasswordBody], request: AnyRequest, services: Services, user: User
    ) -> Envelope[Done]:
        """Set a new password; tokens stay valid."""
        address = client_address(request.scope, services.settings.proxies)  # type: ignore[arg-type]
        await services.accounts.change_password(user.uid, data.old_password, data.new_password, address=address)
        return ok(Done(message="密码修改成功"))

    @post("/avatar", summary="Upload one's picture", opt={"upload": "avatar"})
    async def upload_avatar(self, request: AnyRequest, services: Services, user: User) -> Envelope[AvatarUploaded]:
        """Replace one's picture."""
        async with received(request, services, "avatar", accept=require_image) as file:
            avatar = await services.accounts.set_avatar(user.uid, file.filename, file.content_type, file.path)
        return ok(AvatarUploaded(message="Avatar uploaded successfully", avatar=avatar))
