"""Whether a request comes from a page that may use the login cookie (docs/contract/requests.md, CORS)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aimo.http.addresses import Network, comes_from_proxy
from aimo.http.asgi import Scope
from aimo.origins import Origin, origin_at, parse_origin

_KEY = "sender"


@dataclass(frozen=True)
class Sender:
    """Where a request comes from: ``trusted`` may use the cookie, ``secure`` came by https."""

    trusted: bool
    secure: bool


_NOBODY = Sender(trusted=False, secure=False)


class Senders:
    """Knows the server's own origins, and those it is told to trust.

    Args:
        public_url: where clients reach the server; may be empty.
        listed: origins that are trusted as well.
        proxies: whose ``X-Forwarded-Host`` and ``X-Forwarded-Proto`` are believed.
    """

    def __init__(self, *, public_url: str = "", listed: Sequence[Origin] = (), proxies: Sequence[Network] = ()) -> None:
        self._public = parse_origin(_without_path(public_url)) if public_url else None
        self._listed = frozenset(listed)
        self._proxies = proxies

    def identify(self, scope: Scope) -> Sender:
        """Judge a request, and keep the verdict in its scope for :func:`sender_of`."""
        sender = scope[_KEY] = self._judge(scope)
        return sender

    def _judge(self, scope: Scope) -> Sender:
        scheme, host = self._reached_as(scope)
        own = {origin for origin in (origin_at(scheme, host), self._public) if origin}
        secure = scheme == "https" or bool(
            self._public and self._public.scheme == "https" and origin_at("https", host) == self._public
        )
        given = _values(scope, b"origin")
        site = _values(scope, b"sec-fetch-site")
        if not given:
            return Sender(all(value in ("same-origin", "none") for value in site), secure)
        origin = parse_origin(given[0]) if len(given) == 1 else None
        if origin is None:
            return Sender(False, secure)
        # An https proxy that nobody told the server about: the browser itself says that page and server are one.
        if site == ["same-origin"] and origin.scheme == "https" and origin == origin_at("https", host):
            return Sender(True, True)
        return Sender(origin in own or origin in self._listed, secure)

    def _reached_as(self, scope: Scope) -> tuple[str, str]:
        """Scheme and host under which the client reached the server, as far as that can be known."""
        hosts = _values(scope, b"host")
        scheme, host = str(scope.get("scheme", "http")), hosts[0] if len(hosts) == 1 else ""
        if comes_from_proxy(scope, self._proxies):
            scheme = _first(scope, b"x-forwarded-proto").lower() or scheme
            host = _first(scope, b"x-forwarded-host") or host
        return scheme, host


def sender_of(scope: Scope) -> Sender:
    """The verdict on a request; one that nobody has judged is not trusted."""
    sender = scope.get(_KEY)
    return sender if isinstance(sender, Sender) else _NOBODY


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key == name]


def _first(scope: Scope, name: bytes) -> str:
    return ",".join(_values(scope, name)).partition(",")[0].strip()


def _without_path(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.partition('/')[0]}"
