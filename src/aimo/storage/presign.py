"""Signed addresses of objects, made without asking anybody: AWS Signature V4 and its OSS sibling in the query.

AWS: "Authenticating requests: using query parameters"; Alibaba Cloud: "Include a V4 signature in a URL".
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from aimo.storage.content_types import Shown

LONGEST_SECONDS: Final = 7 * 24 * 3600


@dataclass(frozen=True)
class Credentials:
    """A key to sign with, and the region that it is good for."""

    key_id: str
    secret: str
    region: str


@dataclass(frozen=True)
class _SignatureDialect:
    """What the two signatures have in a different way."""

    algorithm: str
    key_prefix: str
    service: str
    terminator: str


_AWS = _SignatureDialect("AWS4-HMAC-SHA256", "AWS4", "s3", "aws4_request")
_OSS = _SignatureDialect("OSS4-HMAC-SHA256", "aliyun_v4", "oss", "aliyun_v4_request")


def signing_time(now: float, lifetime: int) -> int:
    """When an address counts as signed: rounded down to a quarter of its lifetime.

    So it stays the same for a while and browsers can cache it; it never lives longer than asked.
    """
    step = max(1, min(lifetime, LONGEST_SECONDS) // 4)
    return int(now) // step * step


def aws_url(base: str, credentials: Credentials, lifetime: int, *, now: float, shown: Shown | None = None) -> str:
    """Return ``base`` (scheme, host and encoded path) signed for GET, for up to ``lifetime`` seconds.

    ``shown`` is what the store shall say of the object, whatever it was stored as.
    """
    scheme, _, rest = base.partition("://")
    host, _, path = rest.partition("/")
    query = {"X-Amz-SignedHeaders": "host"} | _overrides(shown)
    moment = signing_time(now, lifetime)
    query |= _common(_AWS, credentials, moment, lifetime)
    text = _query(query)
    request = f"GET\n/{path}\n{text}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    return f"{scheme}://{host}/{path}?{text}&X-Amz-Signature={_signature(_AWS, credentials, moment, request)}"


def oss_url(
    base: str,
    bucket: str,
    key: str,
    credentials: Credentials,
    lifetime: int,
    *,
    now: float,
    shown: Shown | None = None,
) -> str:
    """Return ``base``, the address of ``key`` in ``bucket``, signed for GET; otherwise as :func:`aws_url`."""
    moment = signing_time(now, lifetime)
    query = (
        {"x-oss-signature-version": _OSS.algorithm} | _overrides(shown) | _common(_OSS, credentials, moment, lifetime)
    )
    text = _query(query)
    request = f"GET\n/{quote(bucket)}/{encoded(key)}\n{text}\n\n\nUNSIGNED-PAYLOAD"
    return f"{base}?{text}&x-oss-signature={_signature(_OSS, credentials, moment, request)}"


def encoded(key: str) -> str:
    """Return a key as the path of an address: all but letters, digits and ``-_.~/`` escaped, for both signatures."""
    return quote(key, safe="/~", errors="replace")


def _overrides(shown: Shown | None) -> dict[str, str]:
    """Return the parameters that both stores understand for what an answer shall say of the object."""
    if shown is None:
        return {}
    disposition = {"response-content-disposition": shown.disposition} if shown.disposition else {}
    return {"response-content-type": shown.content_type} | disposition


def _common(dialect: _SignatureDialect, credentials: Credentials, moment: int, lifetime: int) -> dict[str, str]:
    named = {
        "Credential": f"{credentials.key_id}/{_scope(dialect, credentials, moment)}",
        "Date": _stamp(moment),
        "Expires": str(min(lifetime, LONGEST_SECONDS)),
    }
    if dialect is _AWS:
        return {f"X-Amz-{name}": value for name, value in named.items()} | {"X-Amz-Algorithm": dialect.algorithm}
    return {f"x-oss-{name.lower()}": value for name, value in named.items()}


def _signature(dialect: _SignatureDialect, credentials: Credentials, moment: int, request: str) -> str:
    digest = sha256(request.encode()).hexdigest()
    text = f"{dialect.algorithm}\n{_stamp(moment)}\n{_scope(dialect, credentials, moment)}\n{digest}"
    key = (dialect.key_prefix + credentials.secret).encode()
    for part in _scope(dialect, credentials, moment).split("/"):
        key = hmac.digest(key, part.encode(), sha256)
    return hmac.new(key, text.encode(), sha256).hexdigest()


def _scope(dialect: _SignatureDialect, credentials: Credentials, moment: int) -> str:
    return f"{_stamp(moment)[:8]}/{credentials.region}/{dialect.service}/{dialect.terminator}"


def _stamp(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%dT%H%M%SZ")


def _query(values: dict[str, str]) -> str:
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(values.items()))
