"""The register of all statements: built once, named, and each either scoped by its owner or excused.

Building a statement costs more than running it, so statements are module-level constants with
bound parameters. Registering them lets tests look at every one: whether it is scoped by ``uid``,
and which index serves it (docs/indexes.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import BindParameter, Executable, bindparam

S = TypeVar("S", bound=Executable)


@dataclass(frozen=True)
class RegisteredStatement:
    """A statement by name; ``reason`` says why it need not be scoped by an owner."""

    name: str
    statement: Executable
    reason: str | None


REGISTER: dict[str, RegisteredStatement] = {}


def owned(name: str, statement: S) -> S:
    """Register a statement that touches rows of the user bound as ``owner`` only."""
    return _register(RegisteredStatement(name, statement, None), statement)


def unscoped(name: str, statement: S, *, reason: str) -> S:
    """Register a statement that is not scoped by an owner, with the reason why that is right."""
    return _register(RegisteredStatement(name, statement, reason), statement)


def _register(entry: RegisteredStatement, statement: S) -> S:
    if entry.name in REGISTER:
        raise ValueError(f"two statements are called {entry.name}")
    REGISTER[entry.name] = entry
    return statement


def require_registered(statement: Executable) -> None:
    """Raise ValueError where a statement is not in the register, so that no test would look at it."""
    if all(entry.statement is not statement for entry in REGISTER.values()):
        raise ValueError(f"register this statement with owned() or unscoped(): {statement}")


def param(name: str) -> BindParameter[str]:
    """Return a bound parameter, named like the column it is compared with or set to."""
    return bindparam(name)


def in_list(name: str) -> BindParameter[list[str]]:
    """Return a bound list for ``IN``; an empty list finds nothing."""
    return bindparam(name, expanding=True)
