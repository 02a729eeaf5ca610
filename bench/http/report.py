"""The table of a run, and the same as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from bench.http.compare import Figures
from bench.http.parts import Part
from rich.table import Table

RATIO_BAR = 0.4
STATEMENT_BAR_MS = 100.0
SEARCH_BAR_MS = 200.0

_BARRED = ("list", "get")


@dataclass
class DeliveryReport:
    """Rows of the table, as they are measured."""

    machine: str
    rows: list[dict[str, Any]] = field(default_factory=list)

    def compared(self, engine: str, memos: int, name: str, ours: Figures, floor: Figures | None, ratio: float) -> None:
        """Add an operation over HTTP."""
        row: dict[str, Any] = {"database": engine, "memos": memos, "what": name, "aimo": asdict(ours)}
        if floor:
            row |= {"floor": asdict(floor), "ratio": ratio}
        if name in _BARRED:
            row |= {"bar": f"ratio {RATIO_BAR:g}", "met": ratio >= RATIO_BAR}
        if name == "vector search":
            row |= {"bar": f"p99 {SEARCH_BAR_MS:g} ms", "met": ours.p99_ms <= SEARCH_BAR_MS}
        self.rows.append(row)

    def part(self, engine: str, memos: int, part: Part, bar_ms: float | None = None) -> None:
        """Add a part that was timed by itself."""
        figures = {"median_ms": part.median_ms, "p99_ms": part.p99_ms}
        row: dict[str, Any] = {"database": engine, "memos": memos, "what": part.name, "alone": figures}
        if bar_ms is not None:
            row |= {"bar": f"p99 {bar_ms:g} ms", "met": part.p99_ms <= bar_ms}
        self.rows.append(row)

    def table(self) -> Table:
        """Everything in one table."""
        table = Table(title=f"AIMO beside the floor ({self.machine})")
        for name in ("database", "memos", "what"):
            table.add_column(name, justify="right" if name == "memos" else "left")
        for name in ("CPU ms", "floor", "req/s", "floor", "ratio", "median ms", "p99 ms", "floor", "bar"):
            table.add_column(name, justify="right")
        before = None
        for row in self.rows:
            group = (row["database"], row["memos"])
            if before not in (None, group):
                table.add_section()
            before = group
            table.add_row(row["database"], f"{row['memos']:,}" if row["memos"] else "", row["what"], *_cells(row))
        return table


def _cells(row: dict[str, Any]) -> list[str]:
    bar = f"{row['bar']} {'met' if row['met'] else 'MISSED'}" if "bar" in row else ""
    if "alone" in row:
        return ["", "", "", "", "", f"{row['alone']['median_ms']:.2f}", f"{row['alone']['p99_ms']:.1f}", "", bar]
    ours, floor = row["aimo"], row.get("floor")
    return [
        f"{ours['cpu_ms']:.2f}",
        f"{floor['cpu_ms']:.2f}" if floor else "",
        f"{ours['rate']:.0f}",
        f"{floor['rate']:.0f}" if floor else "",
        f"{row['ratio']:.2f}" if floor else "",
        "",
        f"{ours['p99_ms']:.1f}",
        f"{floor['p99_ms']:.1f}" if floor else "",
        bar,
    ]
