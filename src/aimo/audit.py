"""The audit log: who logged in, changed a password, was refused or took data out, from where, and how it ended.

A line holds the event, its outcome, the user's id, the client's address and the id of the request. It never holds a
password, token, cookie or e-mail address; an attempt on an account that does not exist has no user.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

from aimo.errors import AimoError, ConfigurationError, RateLimitExceeded

LOGGER = "aimo.audit"

_WINDOW_SECONDS = 60.0
_MOST_OF_ADDRESS = 10
_MOST_OF_ALL = 60

_log = structlog.get_logger(LOGGER)


class Event(StrEnum):
    """What is recorded."""

    LOGIN = "login"
    LOGOUT = "logout"
    LOGOUT_EVERYWHERE = "logout_everywhere"
    SESSION_END = "session_end"
    REGISTRATION = "registration"
    PASSWORD_CHANGE = "password_change"  # noqa: S105 (a name, no password)
    TOKEN = "token"  # noqa: S105 (a name, no password)
    TOKEN_CREATION = "token_creation"  # noqa: S105 (a name, no password)
    TOKEN_REVOCATION = "token_revocation"  # noqa: S105 (a name, no password)
    MACHINE_TOKEN = "machine_token"  # noqa: S105 (a name, no password)
    METRICS_TOKEN = "metrics_token"  # noqa: S105 (a name, no password)
    EXPORT = "export"
    BACKUP = "backup"
    RESTORE = "restore"
    SEED = "seed"
    MIGRATION = "migration"
    MODEL_KEYS = "model_keys"


class Outcome(StrEnum):
    """How it ended: done, denied for what was wrong with it, denied for being one too many, or failed by itself."""

    OK = "ok"
    REFUSED = "refused"
    LIMITED = "limited"
    ERROR = "error"


@dataclass
class Attempt:
    """Something that is being tried; ``user`` is set once it is known who tries."""

    user: str | None = None


def record(event: Event, outcome: Outcome, *, user: str | None = None, address: str = "", **more: str | int) -> None:
    """Write one line, unless strangers have caused too many like it within a minute.

    Only what did not succeed is bounded, per process: 10 lines a minute for an address and 60 for all, by event and
    outcome. The next line that is written says how many were left out before it.

    Args:
        event: what was tried.
        outcome: how it ended.
        user: the id of the user whose account it concerns, where that is known.
        address: the client's, as trusted proxies tell it; empty for the command line.
        more: other facts; nothing secret and nothing that a client chose.
    """
    if outcome is not Outcome.OK:
        if not _bound.admits(event, outcome, address):
            return
        if left_out := _bound.take_left_out(event, outcome):
            more["left_out"] = left_out
    _log.info(event.value, outcome=outcome.value, user=user, address=address or None, **more)


@contextmanager
def attempt(event: Event, *, user: str | None = None, address: str = "", **more: str | int) -> Iterator[Attempt]:
    """Record how what happens inside ends, by the error that it raises."""
    trying = Attempt(user)
    outcome = Outcome.ERROR
    try:
        yield trying
        outcome = Outcome.OK
    except RateLimitExceeded:
        outcome = Outcome.LIMITED
        raise
    except (AimoError, ConfigurationError):
        outcome = Outcome.REFUSED
        raise
    finally:
        record(event, outcome, user=trying.user, address=address, **more)


@dataclass
class _Bound:
    """Counts the lines of the present minute, so that nobody can fill the disk with them."""

    began: float = float("-inf")
    written: Counter[tuple[str, ...]] = field(default_factory=Counter)
    left_out: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def admits(self, event: Event, outcome: Outcome, address: str) -> bool:
        """Return whether one more may be written; one that may not is counted."""
        if time.monotonic() - self.began >= _WINDOW_SECONDS:
            self.began = time.monotonic()
            self.written.clear()
        kind = (event, outcome)
        of_address = (event, outcome, address)
        if self.written[kind] >= _MOST_OF_ALL or self.written[of_address] >= _MOST_OF_ADDRESS:
            self.left_out[kind] += 1
            return False
        self.written[kind] += 1
        self.written[of_address] += 1
        return True

    def take_left_out(self, event: Event, outcome: Outcome) -> int:
        """Return how many of a kind were left out since this was asked last."""
        return self.left_out.pop((event, outcome), 0)


_bound = _Bound()
