"""Sessions on the wire."""

from __future__ import annotations

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType

_REVOKED = "How many access tokens were revoked with them; absent where none was."
_REPLACEMENT = "Takes the place of the request's token, where that has no session and so could not be kept."


class Session(Dto):
    """One login."""

    id: Annotated[str, Meta(description="Id of the session.")]
    created_at: Annotated[int, Meta(description="When its user logged in, epoch milliseconds.")]
    last_used_at: Annotated[int, Meta(description="When it was last used, give or take 15 minutes.")]
    expires_at: Annotated[int, Meta(description="When it ends by itself, epoch milliseconds.")]
    address: Annotated[str, Meta(description="The address from which its user logged in.")]
    user_agent: Annotated[str, Meta(description="The program used, as it called itself; shortened.")]
    current: Annotated[bool, Meta(description="Whether this request belongs to it.")]


class SessionList(Dto):
    """A user's open sessions."""

    sessions: Annotated[list[Session], Meta(description="The latest login first; at most 100.")]


class PasswordChanged(Dto):
    """Answer to a changed password; all but the message only where `logoutOthers` was asked for."""

    message: Annotated[str, Meta(description="A sentence about it.")]
    ended: Annotated[int | UnsetType, Meta(description="How many other sessions have ended.")] = UNSET
    current_remains: Annotated[
        bool | UnsetType, Meta(description="Whether the token of this request is still valid.")
    ] = UNSET
    token: Annotated[str | UnsetType, Meta(description=_REPLACEMENT)] = UNSET
    tokens_revoked: Annotated[int | UnsetType, Meta(description=_REVOKED)] = UNSET


class SessionsEnded(Dto):
    """Answer to ending sessions."""

    message: Annotated[str, Meta(description="A sentence about it.")]
    ended: Annotated[int, Meta(description="How many sessions have ended; tokens without a session do not count.")]
    current_remains: Annotated[bool, Meta(description="Whether the token of this request is still valid.")]
    token: Annotated[str | UnsetType, Meta(description=_REPLACEMENT)] = UNSET
    tokens_revoked: Annotated[int | UnsetType, Meta(description=_REVOKED)] = UNSET
