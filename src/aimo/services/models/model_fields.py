"""What a body says of a model, checked alike whether it is added, changed or tried."""

from __future__ import annotations

from typing import Final

from aimo.dto.base import UNSET
from aimo.dto.user_models import UserModelBody
from aimo.errors import AimoError, Code
from aimo.services.models.addresses import OTHER, PROVIDERS, address_of
from aimo.services.models.key_cipher import MASK

LONGEST_NAME: Final = 255
LONGEST_ADDRESS: Final = 500
LONGEST_KEY: Final = 500
LONGEST_MODEL_NAME: Final = 100


def name_of(body: UserModelBody) -> str:
    """Return the name, trimmed; PARAMS_ERROR without one."""
    return _text(body.name, "Model name", LONGEST_NAME)


def model_name_of(body: UserModelBody) -> str:
    """Return what the provider calls the model, trimmed; PARAMS_ERROR without it."""
    return _text(body.model_name, "Model name", LONGEST_MODEL_NAME)


def key_of(body: UserModelBody) -> str:
    """Return the key, trimmed, or a mask; PARAMS_ERROR without one, and for one that no request could carry."""
    key = _text(body.api_key, "API key", LONGEST_KEY)
    if not is_mask(key) and not all("\x20" < letter < "\x7f" for letter in key):
        raise AimoError(Code.PARAMS_ERROR, "API key must consist of visible ASCII characters")
    return key


def is_mask(key: str) -> bool:
    """Return whether a key stands for one that is stored."""
    return key.startswith(MASK)


def provider_of(body: UserModelBody) -> str:
    """Return the provider; PARAMS_ERROR without one, and for an unknown one."""
    if body.provider in (UNSET, None, ""):
        raise AimoError(Code.PARAMS_ERROR, "Provider is required")
    if not isinstance(body.provider, str) or body.provider not in PROVIDERS:
        raise AimoError(Code.PARAMS_ERROR, "Invalid provider")
    return body.provider


def require_provider(body: UserModelBody) -> None:
    """See that a provider is named, whichever; PARAMS_ERROR otherwise."""
    if body.provider in (UNSET, None, ""):
        raise AimoError(Code.PARAMS_ERROR, "Provider is required")


def address_in(body: UserModelBody) -> str | None:
    """Return the address, trimmed, which may be empty; None for none. PARAMS_ERROR for what is none."""
    if body.api_base_url in (UNSET, None):
        return None
    if not isinstance(body.api_base_url, str):
        raise AimoError(Code.PARAMS_ERROR, "API Base URL must be a text")
    return _not_too_long(body.api_base_url.strip(), "API Base URL", LONGEST_ADDRESS)


def require_address(provider: str, address: str | None) -> str:
    """Return the base URL to call; PARAMS_ERROR where a provider without one of its own has none."""
    if provider == OTHER and not address:
        raise AimoError(Code.PARAMS_ERROR, "API Base URL is required for custom providers")
    return address_of(provider, address)


def is_default_in(body: UserModelBody) -> bool:
    """Return whether the model is to be the default; PARAMS_ERROR for anything but a boolean."""
    if body.is_default is UNSET:
        return False
    if not isinstance(body.is_default, bool):
        raise AimoError(Code.PARAMS_ERROR, "isDefault must be true or false")
    return body.is_default


def _text(value: object, what: str, longest: int) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise AimoError(Code.PARAMS_ERROR, f"{what} is required")
    return _not_too_long(text, what, longest)


def _not_too_long(text: str, what: str, longest: int) -> str:
    if len(text) > longest:
        raise AimoError(Code.PARAMS_ERROR, f"{what} is longer than {longest} characters")
    return text
