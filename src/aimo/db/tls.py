"""Encrypted connections to MySQL, by the modes of MySQL's own clients.

See https://dev.mysql.com/doc/refman/8.4/en/using-encrypted-connections.html.
"""

from __future__ import annotations

import ssl

from aimo.config import Settings
from aimo.errors import ConfigurationError

# Modes in which an unencrypted connection must not be used.
ENCRYPTED = frozenset({"required", "verify_ca", "verify_identity"})


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return how to encrypt connections; None where they are not to be.

    Raises:
        ConfigurationError: the certificates of ``MYSQL_SSL_CA`` cannot be read.
    """
    if settings.mysql_ssl_mode == "disabled":
        return None
    authority = settings.mysql_ssl_ca
    try:
        context = ssl.create_default_context(cafile=None if authority is None else str(authority))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"MYSQL_SSL_CA={authority} cannot be used: {error}. It must be a file of certificates in PEM."
        ) from error
    context.check_hostname = settings.mysql_ssl_mode == "verify_identity"
    if settings.mysql_ssl_mode in ("preferred", "required"):
        context.verify_mode = ssl.CERT_NONE
    return context
