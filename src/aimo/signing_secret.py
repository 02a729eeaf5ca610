"""The key of login tokens and signed file addresses (docs/decisions/25-settings-and-production.md)."""

from __future__ import annotations

import secrets
import shlex
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from aimo.config import Settings
from aimo.errors import ConfigurationError
from aimo.exclusive_name import give_name
from aimo.writable import refusal

log = structlog.get_logger(__name__)

PUBLISHED: Final = "your-secret-key-change-in-production"
"""The default of the existing server, which everybody knows."""

FEWEST_BYTES: Final = 16
ENOUGH_BYTES: Final = 32
"""What HS256 asks of its key (RFC 7518, section 3.2)."""

# Another process that creates the key is done long before.
_ATTEMPTS = 50
_PAUSE_SECONDS = 0.02

_COMMAND = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"


def require_secret(settings: Settings) -> None:
    """Check the key before a server starts, and warn where it is shorter than it should be.

    Raises:
        ConfigurationError: as `signing_secret` does.
    """
    secret = signing_secret(settings)
    if len(secret.encode()) < ENOUGH_BYTES:
        log.warning(
            f"JWT_SECRET has fewer than {ENOUGH_BYTES} bytes and may be guessed; a longer one ends all logins",
            create=_COMMAND,
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
            f"bytes. A new one: {_COMMAND}"
        )
    return configured or _kept(settings)


def _kept(settings: Settings) -> str:
    kept = settings.aimo_data_dir / "jwt_secret"
    try:
        if not kept.exists():
            settings.aimo_data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(kept)
        return _read(kept)
    except OSError as error:
        raise ConfigurationError(refusal(kept, error)) from error


def _create(kept: Path) -> None:
    """Write a new key under a name of its own, then give it the name of the key, unless another process was quicker."""
    fresh = kept.with_name(f"jwt_secret.{secrets.token_hex(4)}")
    try:
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48), encoding="ascii")
        with suppress(FileExistsError):
            give_name(fresh, kept)
    finally:
        fresh.unlink(missing_ok=True)


def _read(kept: Path) -> str:
    for _ in range(_ATTEMPTS):
        if secret := kept.read_text(encoding="ascii", errors="replace").strip():
            return secret
        time.sleep(_PAUSE_SECONDS)
    raise ConfigurationError(f"{kept} is empty: remove it, `rm {shlex.quote(str(kept))}`; a new key ends all logins")
