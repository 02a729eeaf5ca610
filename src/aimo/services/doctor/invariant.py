"""What an invariant is to the doctor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Violation:
    """Something that is not as promised.

    ``evidence`` is all that was seen: a violation seen twice with the same evidence is no change under way.
    Neither it nor ``problem`` holds content. What is ``costly`` is put right only when somebody asks for it.
    """

    entity: str
    uid: str
    problem: str
    evidence: str = ""
    costly: bool = False


@dataclass(frozen=True)
class Scan:
    """How much was looked at, and what was strange about it."""

    count: int
    suspects: list[Violation]


class Invariant(Protocol):
    """A promise of docs/guarantees.md. Looking costs bounded memory, whatever the size of the installation."""

    @property
    def name(self) -> str:
        """Its name in docs/guarantees.md."""

    def look(self) -> AsyncIterator[Scan]:
        """Go through everything; what is strange may be a change under way."""

    async def again(self, suspects: Sequence[Violation]) -> list[Violation]:
        """Look at these again; what is waiting to be put right, or is, is left out."""

    async def repair(self, violations: Sequence[Violation]) -> int:
        """Mend these as far as possible; how many."""


class FewViolations(ABC):
    """An invariant whose violations one look finds all, because they are few."""

    @abstractmethod
    async def violations(self) -> list[Violation]:
        """Return what is not as promised now."""

    async def look(self) -> AsyncIterator[Scan]:
        """Yield all violations."""
        found = await self.violations()
        yield Scan(len(found), found)

    async def again(self, suspects: Sequence[Violation]) -> list[Violation]:
        """Look again; what was put right meanwhile is left out."""
        wanted = {(each.entity, each.evidence) for each in suspects}
        return [each for each in await self.violations() if (each.entity, each.evidence) in wanted]


@dataclass
class InvariantOutcome:
    """What came out for one invariant: the number of violations, and the first few of them."""

    name: str
    checked: int = 0
    violations: int = 0
    repaired: int = 0
    examples: list[Violation] = field(default_factory=list)

    @property
    def is_satisfied(self) -> bool:
        """Whether nothing is left to mend."""
        return self.violations == self.repaired
