"""Whether a request comes from a page that may use the login cookie (docs/contract/requests.md, CORS)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from aimo.http.asgi_types import Scope
from aimo.http.input.client_address import Network, comes_from_proxy
from aimo.origins import Origin, origin_at, parse_origin

_KEY = "sender"
_NAMED = frozenset((b"host", b"origin", b"sec-fetch-site", b"referer", b"x-forwarded-proto", b"x-forwarded-host"))
_REMEMBERED = 256


@dataclass(frozen=True)
class Sender:
    """Where a request comes from: ``trusted`` may use the cookie, ``secure`` came by https."""

    trusted: bool
    secure: bool


_NOBODY = Sender(trusted=False, secure=False)


class Senders:
    """Knows the server's own origins, and those it is configured to trust.

    Args:
        public_url: where clients reach the server; may be empty.
        listed: origins that are trusted as well.
        proxies: whose ``X-Forwarded-Host`` and ``X-Forwarded-Proto`` are believed.
    """

    def __init__(self, *, public_url: str = "", listed: Sequence[Origin] = (), proxies: Sequence[Network] = ()) -> None:
        self._public = parse_origin(_without_path(public_url)) if public_url else None
        self._listed = frozenset(listed)
        self._proxies = proxies
        # Requests of one client look alike.
        self._assess = lru_cache(_REMEMBERED)(self._assess_request)

    def assess(self, scope: Scope) -> Sender:
        """Find out whether a request may use the cookie, and keep the answer in its scope for :func:`sender_of`."""
        named: dict[bytes, tuple[str, ...]] = {}
        for name, value in scope["headers"]:
            if name in _NAMED:
                named[name] = (*named.get(name, ()), value.decode("latin-1").strip())
        scheme, hosts = str(scope.get("scheme", "http")), named.get(b"host", ())
        host = hosts[0] if len(hosts) == 1 else ""
        if comes_from_proxy(scope, self._proxies):
            scheme = _first(named.get(b"x-forwarded-proto", ())).lower() or scheme
            host = _first(named.get(b"x-forwarded-host", ())) or host
        given, site = named.get(b"origin", ()), named.get(b"sec-fetch-site", ())
        # Browsers that send neither to a plain http address say at least which page they come from.
        page = named.get(b"referer", ()) if not given and not site else ()
        sender = scope[_KEY] = self._assess(scheme, host, given, site, tuple(map(_without_path, page)))
        return sender

    def _assess_request(
        self, scheme: str, host: str, given: tuple[str, ...], site: tuple[str, ...], page: tuple[str, ...]
    ) -> Sender:
        reached = origin_at(scheme, host)
        own = {origin for origin in (reached, self._public) if origin}
        secure = scheme == "https" or bool(
            self._public and self._public.scheme == "https" and origin_at("https", host) == self._public
        )
        if not given and page:
            return Sender(all(parse_origin(each) in own | self._listed for each in page), secure)
        if not given:
            return Sender(all(value in ("same-origin", "none") for value in site), secure)
        origin = parse_origin(given[0]) if len(given) == 1 else None
        if origin is None:
            return Sender(False, secure)
        # An https proxy that the server does not know of: the browser itself says that page and server are one.
        if site == ("same-origin",) and origin.scheme == "https" and origin == origin_at("https", host):
            return Sender(True, True)
        from_elsewhere = any(value not in ("same-origin", "none") for value in site)
        return Sender(origin in self._listed or (origin in own and not from_elsewhere), secure)


def sender_of(scope: Scope) -> Sender:
    """Return what was found out about a request; without that it is not trusted."""
    sender = scope.get(_KEY)
    return sender if isinstance(sender, Sender) else _NOBODY


def _first(values: Sequence[str]) -> str:
    return ",".join(values).partition(",")[0].strip()


def _without_path(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.partition('/')[0]}"
