"""Answers of the contract: the envelope, and how errors become one (docs/contract/errors.md)."""

from __future__ import annotations

from typing import Any, TypeVar

import structlog
from litestar import Request, Response
from litestar.exceptions import ClientException, NotAuthorizedException

from aimo.db.failure_log import FailureLog, is_told_in_a_line
from aimo.dto.base import Envelope, Malformed, Rejection
from aimo.errors import (
    DEFAULT_MESSAGES,
    AimoError,
    Code,
    IdempotencyKeyReused,
    PreconditionFailed,
    RateLimitExceeded,
)
from aimo.http.input.query_parameters import InvalidParameterError

log = structlog.get_logger(__name__)

_outages = FailureLog(log, "a request failed for want of the database")

T = TypeVar("T")

JSON = "application/json; charset=utf-8"


class MachineTokenRejected(Exception):
    """The machine token is missing or wrong; the text says which (docs/contract/machines.md#the-machine-token)."""


def ok(data: T) -> Envelope[T]:
    """Return the envelope of a success."""
    return Envelope(Code.SUCCESS, DEFAULT_MESSAGES[Code.SUCCESS], data)


def failure(error: AimoError) -> Envelope[None]:
    """Return the envelope of a business failure."""
    return Envelope(error.code, error.message, None)


def unexpected_failure(code: Code, message: str = "") -> dict[str, Envelope[None]]:
    """Return an option of a route: what it answers when something unexpected happens, if not DB_ERROR."""
    return {"failure": failure(AimoError(code, message))}


def _business(request: Request[Any, Any, Any], error: AimoError) -> Response[Envelope[None]]:
    return Response(failure(error), status_code=200, media_type=JSON)


def _rate_limited(request: Request[Any, Any, Any], error: RateLimitExceeded) -> Response[Envelope[None]]:
    headers = {"Retry-After": str(error.retry_after)}
    return Response(failure(error), status_code=429, media_type=JSON, headers=headers)


def _key_reused(request: Request[Any, Any, Any], error: IdempotencyKeyReused) -> Response[Envelope[None]]:
    return Response(failure(error), status_code=422, media_type=JSON)


def _precondition_failed(request: Request[Any, Any, Any], error: PreconditionFailed) -> Response[Envelope[object]]:
    return Response(Envelope(error.code, error.message, error.current), status_code=412, media_type=JSON)


def _invalid_body(request: Request[Any, Any, Any], error: ClientException) -> Response[Envelope[None]]:
    return Response(failure(AimoError(Code.PARAMS_ERROR)), status_code=200, media_type=JSON)


def _invalid_parameter(request: Request[Any, Any, Any], error: InvalidParameterError) -> Response[Malformed]:
    return Response(Malformed("error", str(error)), status_code=400, media_type=JSON)


def _rejected(request: Request[Any, Any, Any], error: MachineTokenRejected) -> Response[Rejection]:
    return Response(Rejection(success=False, message=str(error)), status_code=401, media_type=JSON)


def _unauthorized(request: Request[Any, Any, Any], error: NotAuthorizedException) -> Response[Envelope[None]]:
    return Response(failure(AimoError(Code.UNAUTHORIZED)), status_code=200, media_type=JSON)


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Envelope[None]]:
    route = request.scope.get("path_template")
    # Handlers wait for other things than the database, too.
    if is_told_in_a_line(error) and not isinstance(error, TimeoutError):
        _outages.failed(error, route=route)
    else:
        log.error("unexpected error in a handler", route=route, exc_info=error)
    answer = request.route_handler.opt.get("failure") or failure(AimoError(Code.DB_ERROR))
    return Response(answer, status_code=200, media_type=JSON)


EXCEPTION_HANDLERS: dict[int | type[Exception], Any] = {
    RateLimitExceeded: _rate_limited,
    IdempotencyKeyReused: _key_reused,
    PreconditionFailed: _precondition_failed,
    AimoError: _business,
    ClientException: _invalid_body,
    NotAuthorizedException: _unauthorized,
    InvalidParameterError: _invalid_parameter,
    MachineTokenRejected: _rejected,
    Exception: _unexpected,
}
