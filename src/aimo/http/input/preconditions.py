"""What the headers of a change say: that it must happen once, and to which versions (docs/contract/requests.md)."""

from __future__ import annotations

import re
from typing import Final

from aimo.errors import AimoError, Code
from aimo.http.dependencies import AnyRequest
from aimo.services.accounts.sessions import AuthenticatedUser
from aimo.services.idempotency import Claim, claim_for

_TAG = re.compile(r'(?:W/)?"(\d{1,15})(?:-[^"]*)?"')
_MOST_TAGS: Final = 100


async def claim_of(request: AnyRequest, user: AuthenticatedUser) -> Claim | None:
    """Return the claim of a request with an ``Idempotency-Key``, which covers method, path and body; None without one.

    Raises:
        AimoError: ``PARAMS_ERROR`` for a key that cannot be one.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    return claim_for(user.uid, key, request.method, request.url.path, await request.body())


def versions_of(request: AnyRequest) -> frozenset[int] | None:
    """Return the versions that ``If-Match`` names; None where any will do.

    A proxy that compresses answers may have made a tag weak; it counts all the same.

    Raises:
        AimoError: ``PARAMS_ERROR`` for what is no list of tags that this server has given.
    """
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    tags = [_TAG.fullmatch(tag.strip()) for tag in given.split(",", _MOST_TAGS)]
    versions = frozenset(int(tag[1]) for tag in tags if tag)
    if len(versions) == 0 or None in tags:
        raise AimoError(Code.PARAMS_ERROR, "If-Match must be the ETag of a memo, or its updatedAt in double quotes")
    return versions


def version_tag(updated_at: int) -> dict[str, str]:
    """Return the header that gives a memo's version."""
    return {"ETag": f'"{updated_at}"'}
