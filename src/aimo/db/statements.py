"""The register of all statements: built once, named, and each either scoped by its owner or excused.

Building a statement costs more than running it, so statements are module-level constants with
bound parameters. Registering them lets tests look at every one: whether it is scoped by ``uid``,
whether it leaves out memos in the trash, and which index serves it (docs/indexes.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import BindParameter, Executable, bindparam

S = TypeVar("S", bound=Executable)


@dataclass(frozen=True)
class RegisteredStatement:
    """A statement by name; ``reason`` says why it need not be scoped by an owner.

    ``trashed`` says why it means memos in the trash as well as live ones.
    """

    name: str
    statement: Executable
    reason: str | None
    trashed: str | None = None


REGISTER: dict[str, RegisteredStatement] = {}


def owned(name: str, statement: S, *, trashed: str | None = None) -> S:
    """Register a statement that touches rows of the user bound as ``owner`` only.

    ``trashed`` is the reason why one on memos does not ask which of them are live.
    """
    return _register(RegisteredStatement(name, statement, None, trashed), statement)


def unscoped(name: str, statement: S, *, reason: str, trashed: str | None = None) -> S:
    """Register a statement that is not scoped by an owner, with the reason why that is right; the rest as `owned`."""
    return _register(RegisteredStatement(name, statement, reason, trashed), statement)


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
