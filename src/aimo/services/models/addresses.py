"""The providers of users' models, and the addresses that may be called (docs/contract/user-models.md#addresses)."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from aimo.errors import AimoError, Code
from aimo.outbound import AddressRefusedError, OutboundClient, Refused

DEFAULT_ADDRESSES: Final = {
    "openai": "https://api.openai.com/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
}
OTHER: Final = "other"
PROVIDERS: Final = (*DEFAULT_ADDRESSES, OTHER)

_DOMAINS = {"openai": "openai.com", "deepseek": "deepseek.com", "openrouter": "openrouter.ai"}
_ALLOW = "; the server's operator can allow it with OUTBOUND_ALLOW"
_REASONS = {
    Refused.URL: "Invalid URL format",
    Refused.PLAIN: "Only HTTPS protocol is allowed" + _ALLOW,
    Refused.PORT: "This port belongs to another service" + _ALLOW,
    Refused.UNKNOWN: "Could not resolve hostname",
}


def address_of(provider: str, address: str | None) -> str:
    """Return the base URL of a model: its own, else its provider's; empty where neither is known."""
    return (address or "").strip() or DEFAULT_ADDRESSES.get(provider, "")


class Addresses:
    """Judges addresses on saving and testing. Each call is judged again, by the transport that sends it."""

    def __init__(self, outbound: OutboundClient) -> None:
        self._outbound = outbound

    async def require_allowed(self, provider: str, address: str, *, resolvable: bool) -> None:
        """Refuse an address that must not be called, or that does not belong to its provider.

        Args:
            provider: one of `PROVIDERS`.
            address: the base URL.
            resolvable: whether its host must be known now; it is judged again when it is called.

        Raises:
            AimoError: FORBIDDEN; the text says why.
        """
        try:
            host = (urlsplit(address).hostname or "").rstrip(".").lower()
        except ValueError:
            raise AimoError(Code.FORBIDDEN, _REASONS[Refused.URL]) from None
        if provider != OTHER:
            _require_own_domain(provider, host)
        try:
            await self._outbound.judge(address, encrypted=True)
        except AddressRefusedError as refusal:
            if refusal.kind is Refused.UNKNOWN and not resolvable:
                return
            raise AimoError(Code.FORBIDDEN, _reason(refusal.kind, host)) from None


def _require_own_domain(provider: str, host: str) -> None:
    if _is_literal(host):
        raise AimoError(Code.FORBIDDEN, "Direct IP addresses are not allowed for built-in providers")
    domain = _DOMAINS[provider]
    if host and host != domain and not host.endswith(f".{domain}"):
        raise AimoError(
            Code.FORBIDDEN, f'Domain "{host[:253]}" is not in the trusted domains for provider "{provider}"'
        )


def _reason(kind: Refused, host: str) -> str:
    if kind is not Refused.HOST:
        return _REASONS[kind]
    if _is_literal(host):
        return "Private or reserved IP addresses are not allowed" + _ALLOW
    return "Hostname resolved to a private or reserved IP address" + _ALLOW


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
