"""Accounts on the wire (docs/contract/accounts.md#register, docs/contract/accounts.md)."""

from __future__ import annotations

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType


class RegisterBody(Dto):
    """What registering an account takes."""

    email: Annotated[str | None, Meta(description="Name to log in with; compared exactly, any text will do.")] = None
    password: Annotated[str | None, Meta(description="A text of 8 to 72 bytes, none of the most common ones.")] = None
    nickname: Annotated[str | None, Meta(description="Name to show; trimmed, dropped when equal to the e-mail.")] = None
    phone: Annotated[str | None, Meta(description="Kept, shown nowhere.")] = None


class LoginBody(Dto):
    """What logging in takes."""

    email: Annotated[str | None, Meta(description="The e-mail of the account.")] = None
    password: Annotated[object, Meta(description="Its password, a text.")] = None


class RegisteredUser(Dto):
    """An account right after registration."""

    uid: Annotated[str, Meta(description="Id of the user.")]
    email: Annotated[str, Meta(description="E-mail of the account.")]
    nickname: Annotated[str | UnsetType, Meta(description="Name to show; absent when there is none.")] = UNSET


class Registered(Dto):
    """Answer to a registration."""

    user: Annotated[RegisteredUser, Meta(description="The new account.")]


class LoggedInUser(Dto):
    """An account at login."""

    uid: Annotated[str, Meta(description="Id of the user.")]
    email: Annotated[str | None, Meta(description="E-mail of the account.")]
    nickname: Annotated[str | None, Meta(description="Name to show, or null.")]


class LoggedIn(Dto):
    """Answer to a login."""

    token: Annotated[str, Meta(description="Bearer token, valid for 90 days.")]
    user: Annotated[LoggedInUser, Meta(description="Who logged in.")]


class UserInfo(Dto):
    """A user's profile."""

    uid: Annotated[str, Meta(description="Id of the user.")]
    email: Annotated[str | None, Meta(description="E-mail of the account.")]
    nickname: Annotated[str | None, Meta(description="Name to show, or null.")]
    avatar: Annotated[str, Meta(description="URL of the picture; empty when there is none.")]


class UserInfoBody(Dto):
    """What can be changed in a profile; absent keys stay as they are, everything else is ignored."""

    nickname: Annotated[str | UnsetType | None, Meta(description="Name to show.")] = UNSET
    avatar: Annotated[str | UnsetType | None, Meta(description="URL of a picture.")] = UNSET


class UserInfoUpdated(Dto):
    """Answer to a changed profile."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    user: Annotated[UserInfo, Meta(description="The profile as it is now.")]


class PasswordBody(Dto):
    """What changing a password takes."""

    old_password: Annotated[object, Meta(description="The password until now, a text.")] = None
    new_password: Annotated[
        object, Meta(description="The new one, a text of 8 to 72 bytes, none of the most common ones.")
    ] = None
    logout_others: Annotated[
        object, Meta(description="`true` ends all other sessions, and all access tokens; a boolean.")
    ] = None
    keep_tokens: Annotated[object, Meta(description="`true` spares the access tokens of `logoutOthers`.")] = None


class AvatarUploaded(Dto):
    """Answer to an uploaded picture."""

    message: Annotated[str, Meta(description="An English sentence about it.")]
    avatar: Annotated[str, Meta(description="URL of the picture.")]
