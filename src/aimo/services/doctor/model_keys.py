"""The keys of users' models can be read with the server's secret."""

from __future__ import annotations

from collections.abc import Sequence

from aimo.db.connection import Database
from aimo.services.doctor.invariant import FewViolations, Violation
from aimo.services.models.key_cipher import KeyCipher
from aimo.services.models.key_rotation import unreadable

_PROBLEM = (
    "the key of this model was encrypted with another JWT_SECRET: run `aimo models rotate-key --old-secret-file FILE`, "
    "or have its user enter the key again"
)


class ReadableModelKeys(FewViolations):
    """Names the models, whose keys nobody but who knows the old secret or their user can bring back."""

    name = "readable-model-keys"

    def __init__(self, database: Database, keys: KeyCipher) -> None:
        self._database = database
        self._keys = keys

    async def repair(self, violations: Sequence[Violation]) -> int:
        """None: the old secret is not known."""
        return 0

    async def violations(self) -> list[Violation]:
        """Return the models whose keys cannot be read."""
        found = await unreadable(self._database, self._keys)
        return [Violation(stored.id, stored.uid, _PROBLEM) for stored in found]
