"""Rounds of load on AIMO and on the floor in turn, so that both meet the same noise of the machine."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np
from bench.http.load import Sample, ask_each, load
from bench.http.operations import Operation
from bench.http.servers import cpu_seconds
from tests.support.server import Server

from aimo.services.accounts.tokens import Tokens

_COMPARED = 10
_MISSING = "nothing"


@dataclass(frozen=True)
class Pace:
    """How long to measure: so many rounds of so many seconds each, by so many connections."""

    rounds: int
    seconds: float
    connections: int


@dataclass(frozen=True)
class Figures:
    """Medians over rounds, and the 99th percentile over all of them."""

    cpu_ms: float
    rate: float
    p99_ms: float


@dataclass(frozen=True)
class Side:
    """One server and who asks it."""

    server: Server
    token: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    async def round(self, operation: Operation, pace: Pace) -> tuple[Sample, float]:
        """One round, and the processor time that the server took for it."""
        requests = operation.requests(self.port, self.token)
        before = cpu_seconds(self.server.process.pid)
        sample = await load(self.port, requests, seconds=pace.seconds, connections=pace.connections)
        return sample, cpu_seconds(self.server.process.pid) - before


def side(server: Server, secret: str, uid: str) -> Side:
    """A server with a token of this user."""
    return Side(server, Tokens(secret).issue(uid))


async def require_same_answers(aimo: Side, floor: Side, operation: Operation) -> None:
    """The floor is one only if it answers the same: AssertionError otherwise."""
    ours = await ask_each(aimo.port, operation.requests(aimo.port, aimo.token)[:_COMPARED])
    theirs = await ask_each(floor.port, operation.requests(floor.port, floor.token)[:_COMPARED])
    for ask, one, other in zip(operation.asks, ours, theirs, strict=False):
        unlike = _difference(json.loads(one), json.loads(other))
        assert unlike is None, f"{operation.name} {ask}: AIMO and the floor answer differently, {unlike}"


async def measure(aimo: Side, floor: Side, operation: Operation, pace: Pace) -> tuple[Figures, Figures | None, float]:
    """Figures of both, and the median of the rounds' ratios of requests a second (0 without a floor)."""
    sides = [aimo, floor] if operation.floor else [aimo]
    for one in sides:
        await one.round(operation, Pace(1, pace.seconds / 2, pace.connections))
    rounds: list[list[tuple[Sample, float]]] = [[] for _ in sides]
    for _ in range(pace.rounds):
        for one, done in zip(sides, rounds, strict=True):
            done.append(await one.round(operation, pace))
    ratios = (
        [ours.rate / theirs.rate for (ours, _), (theirs, _) in zip(*rounds, strict=True)] if operation.floor else []
    )
    figures = [_figures(done) for done in rounds]
    return figures[0], figures[1] if operation.floor else None, statistics.median(ratios) if ratios else 0.0


def _figures(rounds: list[tuple[Sample, float]]) -> Figures:
    latencies = [latency for sample, _ in rounds for latency in sample.latencies]
    return Figures(
        cpu_ms=statistics.median(1000 * cpu / len(sample.latencies) for sample, cpu in rounds),
        rate=statistics.median(sample.rate for sample, _ in rounds),
        p99_ms=1000 * percentile(latencies, 99),
    )


def percentile(values: list[float], share: float) -> float:
    """The value below which so many percent of the values lie."""
    return float(np.percentile(values, share))


def _difference(ours: Any, theirs: Any, where: str = "answer") -> str | None:
    """The first place where two answers differ, apart from the signatures of addresses and rounding.

    AIMO may tell more switches than the floor: they cost next to nothing.
    """
    if isinstance(ours, dict) and isinstance(theirs, dict):
        names = theirs.keys() | {name for name, value in ours.items() if not isinstance(value, bool)}
        pairs = [(f"{where}.{name}", ours.get(name, _MISSING), theirs.get(name, _MISSING)) for name in sorted(names)]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(f"{where}[{place}]", *both) for place, both in enumerate(zip(ours, theirs, strict=True))]
    elif _plain(ours) == _plain(theirs):
        return None
    else:
        return f"{where}: {ours!r:.200} and {theirs!r:.200}"
    return next((found for name, one, other in pairs if (found := _difference(one, other, name))), None)


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("/files/"):
        return value.partition("?")[0]
    return round(value, 6) if isinstance(value, float) else value
