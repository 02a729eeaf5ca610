"""Identifiers as the contract has them (docs/contract/requests.md#identifiers), and which texts can be one at all."""

from __future__ import annotations

import re
import secrets
import string

_LOWER = string.digits + string.ascii_lowercase
_URL_SAFE = string.ascii_letters + string.digits + "-_"
_POSSIBLE_ID = re.compile(r"[\x21-\x7e]{1,191}", re.ASCII)


def _prefixed(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_LOWER) for _ in range(23))


def user_id() -> str:
    """Return a new user id: ``u`` and 23 characters."""
    return _prefixed("u")


def memo_id() -> str:
    """Return a new memo id: ``m`` and 23 characters."""
    return _prefixed("m")


def category_id() -> str:
    """Return a new category id: ``c`` and 23 characters."""
    return _prefixed("c")


def tag_id() -> str:
    """Return a new tag id: ``t`` and 23 characters."""
    return _prefixed("t")


def relation_id() -> str:
    """Return a new memo relation id: ``r`` and 23 characters."""
    return _prefixed("r")


def conversation_id() -> str:
    """Return a new conversation id: ``conv`` and 23 characters."""
    return _prefixed("conv")


def message_id() -> str:
    """Return a new message id: ``msg`` and 23 characters."""
    return _prefixed("msg")


def recommendation_id() -> str:
    """Return a new daily recommendation id: ``rec`` and 23 characters."""
    return _prefixed("rec")


def push_rule_id() -> str:
    """Return a new push rule id: ``push`` and 23 characters."""
    return _prefixed("push")


def review_profile_id() -> str:
    """Return a new review profile id: ``rev`` and 23 characters."""
    return _prefixed("rev")


def review_session_id() -> str:
    """Return a new review session id: ``rev`` and 23 characters."""
    return _prefixed("rev")


def review_item_id() -> str:
    """Return a new id of a question of a review: ``ri`` and 23 characters."""
    return _prefixed("ri")


def card_id() -> str:
    """Return a new id of a spaced-repetition card: ``ri`` and 23 characters."""
    return _prefixed("ri")


def repetition_rule_id() -> str:
    """Return a new id of a rule of spaced repetition: ``srr`` and 23 characters."""
    return _prefixed("srr")


def notification_id() -> str:
    """Return a new id of a notification: ``notif`` and 23 characters."""
    return _prefixed("notif")


def user_model_id() -> str:
    """Return a new id of a user's model: ``u`` and 23 characters."""
    return _prefixed("u")


def feature_config_id() -> str:
    """Return a new id of a choice of a model: ``u`` and 23 characters."""
    return _prefixed("u")


def session_id() -> str:
    """Return a new id of a login: ``sess`` and 23 characters."""
    return _prefixed("sess")


def access_token_id() -> str:
    """Return a new id of a personal access token: ``pat`` and 23 characters."""
    return _prefixed("pat")


def attachment_id() -> str:
    """Return a new attachment id: 24 characters, case-sensitive, safe in URLs and file names."""
    return "".join(secrets.choice(_URL_SAFE) for _ in range(24))


def is_possible(value: str) -> bool:
    """Return whether a text can be an id at all: visible ASCII, 1 to 191 characters.

    Anything else is unknown by definition and must not reach the database, where a
    byte-wise ASCII column cannot be compared with it.
    """
    return _POSSIBLE_ID.fullmatch(value) is not None
