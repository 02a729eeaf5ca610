"""The key of login tokens and signed file addresses (docs/decisions/25-settings-and-production.md)."""

from __future__ import annotations

import secrets
from typing import Final

import structlog

from aimo.config import Settings
from aimo.errors import ConfigurationError

log = structlog.get_logger(__name__)

PUBLISHED: Final = "your-secret-key-change-in-production"
"""The default of the existing server, which everybody knows."""

FEWEST_BYTES: Final = 16
ENOUGH_BYTES: Final = 32
"""What HS256 asks of its key (RFC 7518, section 3.2)."""

_CREATE = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"


def require_secret(settings: Settings) -> None:
    """Check the key before a server starts, and warn where it is shorter than it should be.

    Raises:
        ConfigurationError: as `signing_secret` does.
    """
    secret = signing_secret(settings)
    if len(secret.encode()) < ENOUGH_BYTES:
        log.warning(
            f"JWT_SECRET has fewer than {ENOUGH_BYTES} bytes and may be guessed; a longer one ends all logins",
            create=_CREATE,
        )


def signing_secret(settings: Settings) -> str:
    """Return the configured key, or outside production one that is generated once and kept in the data folder.

    Raises:
        ConfigurationError: in production, when it is missing, the published default, or under 16 bytes.
    """
    configured = settings.jwt_secret.get_secret_value()
    if settings.production and (configured in ("", PUBLISHED) or len(configured.encode()) < FEWEST_BYTES):
        raise ConfigurationError(
            f"JWT_SECRET must be set in production, differ from the published default and have at least {FEWEST_BYTES} "
            f"bytes. A new one: {_CREATE}"
        )
    return configured or _kept(settings)


def _kept(settings: Settings) -> str:
    kept = settings.aimo_data_dir / "jwt_secret"
    if not kept.exists():
        settings.aimo_data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = kept.with_name(f"jwt_secret.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48), encoding="ascii")
        try:
            kept.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return kept.read_text(encoding="ascii").strip()
