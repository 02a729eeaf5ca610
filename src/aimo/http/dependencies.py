"""What handlers are given: the services, and who is asking."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException
from litestar.params import FromPath

from aimo.http.input.client_address import client_address
from aimo.http.input.query_parameters import Query
from aimo.services.accounts.sessions import AuthenticatedUser, Device
from aimo.services.memos.paging import PageRequest
from aimo.services.registry import ServiceSet

AnyRequest = Request[Any, Any, State]


# What handlers name the types of their arguments by; the functions below provide them.
Services = NamedDependency[ServiceSet]
User = NamedDependency[AuthenticatedUser]
Params = NamedDependency[Query]
PathText = FromPath[str]

# Litestar resolves dependencies that do not ask for each other in tasks of their own, which costs a tenth of a
# millisecond a request. So each of these asks for the one before.


async def provide_services(state: State) -> ServiceSet:
    """Return the services of this application."""
    services: ServiceSet = state.services
    return services


async def provide_user(request: AnyRequest, params: Params) -> AuthenticatedUser:
    """Return who is asking; the unauthorized envelope for nobody, on the paths that let nobody in."""
    user = request.scope.get("user")
    if not isinstance(user, AuthenticatedUser):
        raise NotAuthorizedException
    return user


async def provide_query(request: AnyRequest, services: Services) -> Query:
    """Return the query parameters."""
    return Query(request.scope["query_string"])


def page_request(params: Query, limit: int) -> PageRequest:
    """Return the page that the query asks for; ``limit`` is the default."""
    return PageRequest(params.number("page", 1), params.number("limit", limit))


def device(request: AnyRequest, services: ServiceSet) -> Device:
    """Return where a request comes from."""
    address = client_address(request.scope, services.settings.proxies)  # type: ignore[arg-type]
    return Device(address=address, user_agent=request.headers.get("user-agent", ""))
