"""Content security policies of pages: no inline script or style runs unless its very bytes are named.

See docs/contract/requests.md#response-headers.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence

_INLINE_SCRIPT = re.compile(rb"<script\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
_INLINE_STYLE = re.compile(rb"<style\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>(.*?)</style\s*>", re.IGNORECASE | re.DOTALL)
_SOURCE = re.compile(rb"\bsrc\s*=", re.IGNORECASE)


def policy(*, scripts: Sequence[str] = (), styles: Sequence[str] = ()) -> str:
    """Return the policy of a page that may also run these sources."""
    script_sources, style_sources = " ".join(["'self'", *scripts]), " ".join(["'self'", *styles])
    return (
        f"default-src 'self';script-src {script_sources};style-src {style_sources};"
        "img-src 'self' data: https: http: blob:;font-src 'self' data:;connect-src 'self' http: https:;"
        "media-src 'self' https: http: blob:;base-uri 'self';form-action 'self';frame-ancestors 'self';"
        "object-src 'none';script-src-attr 'none'"
    )


def hash_source(content: bytes) -> str:
    """Return the source that names an inline script or style by its bytes."""
    return f"'sha256-{b64encode(hashlib.sha256(content).digest()).decode()}'"


def inline_scripts(page: bytes) -> list[str]:
    """Return the sources that name the inline scripts of a page."""
    return [
        hash_source(found[2]) for found in _INLINE_SCRIPT.finditer(page) if found[2] and not _SOURCE.search(found[1])
    ]


def inline_styles(page: bytes) -> list[str]:
    """Return the sources that name the inline styles of a page."""
    return [hash_source(found[1]) for found in _INLINE_STYLE.finditer(page) if found[1]]
