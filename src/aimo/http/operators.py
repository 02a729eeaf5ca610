"""Who may see how an installation is doing."""

from __future__ import annotations

import hmac

from aimo.config import Settings
from aimo.http.asgi_types import Scope, header
from aimo.http.input.client_address import is_from_a_page, is_local


def is_operator(scope: Scope, settings: Settings) -> bool:
    """Return whether a request comes from an operator or a monitoring program.

    It carries ``METRICS_TOKEN``, or was made on this machine while no ``PUBLIC_URL`` is set: behind a proxy every
    request seems to be made here. Pages in browsers are never meant, whatever they carry.
    """
    if is_from_a_page(scope):
        return False
    token = settings.metrics_token.get_secret_value().encode()
    given = header(scope, b"authorization") or b""
    if token and hmac.compare_digest(given, b"Bearer " + token):
        return True
    return not settings.public_url and is_local(scope)
