"""What outcomes say together: tables, bars that were to be met, and drawings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds, and how far off it may be.

    Attributes:
        mean: Of the seeds.
        half_width: Half of the 95% interval of Student's t distribution; None with one seed.
        seeds: How many.
    """

    mean: float
    half_width: float | None
    seeds: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Estimate:
        """The estimate of one figure from its values, one a seed.

        Examples:
            >>> Estimate.of([1.0, 2.0, 3.0]).text(2)
            '2.00 ± 2.48'
            >>> Estimate.of([1.0]).text(1)
            '1.0'
        """
        numbers = np.array(list(values), np.float64)
        if numbers.size < 2:
            return cls(float(numbers.mean()), None, numbers.size)
        from scipy.special import stdtrit

        if np.ptp(numbers) <= 1e-12 * np.abs(numbers).max():  # the same figure, but for its last digits
            return cls(float(numbers[0]), 0.0, numbers.size)
        error = numbers.std(ddof=1) / np.sqrt(numbers.size)
        return cls(float(numbers.mean()), float(stdtrit(numbers.size - 1, 0.975) * error), numbers.size)

    def text(self, digits: int) -> str:
        """As a table shows it."""
        mean = f"{self.mean:.{digits}f}"
        if not self.half_width:  # one seed, or a figure that no seed changes
            return mean
        return f"{mean} ± {self.half_width:.{digits}f}"


Cell: TypeAlias = str | int | float | Estimate | None
"""None: there is no such figure."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: With its unit.
        digits: Decimals of its numbers.
    """

    name: str
    digits: int = 3

    def text(self, cell: Cell) -> str:
        """A cell as people read it."""
        if cell is None:
            return "-"
        if isinstance(cell, str | int):
            return str(cell)
        return cell.text(self.digits) if isinstance(cell, Estimate) else f"{cell:.{self.digits}f}"


@dataclass(frozen=True)
class Table:
    """Rows of figures.

    Attributes:
        title: What is shown.
        columns: The first holds the names of the rows.
        rows: A cell for each column.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    def texts(self) -> list[list[str]]:
        """All rows as people read them."""
        return [[column.text(cell) for column, cell in zip(self.columns, row, strict=True)] for row in self.rows]


@dataclass(frozen=True)
class Check:
    """A bar that was set before anything was measured.

    Attributes:
        bar: What was to hold.
        got: What was measured, as text.
        holds: Whether it does.
    """

    bar: str
    got: str
    holds: bool


@dataclass(frozen=True)
class Drawing:
    """A picture, drawn when it is asked for: that takes matplotlib.

    Attributes:
        title: What is shown.
        draw: Draws on an empty figure.
    """

    title: str
    draw: Callable[[Figure], None]


@dataclass(frozen=True)
class Summary:
    """What an experiment found.

    Attributes:
        tables: All figures that are quoted anywhere.
        checks: The bars, met or not.
        drawings: Pictures of the same.
        notes: What a reader must know to read them rightly.
    """

    tables: Sequence[Table]
    checks: Sequence[Check] = ()
    drawings: Sequence[Drawing] = ()
    notes: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """The tables and checks, with numbers as numbers."""
        return {
            "tables": [
                {
                    "title": table.title,
                    "columns": [column.name for column in table.columns],
                    "rows": [[_plain(cell) for cell in row] for row in table.rows],
                }
                for table in self.tables
            ],
            "checks": [vars(check) for check in self.checks],
            "notes": list(self.notes),
        }


@dataclass
class Rows:
    """Figures by row and column, gathered from outcomes of several seeds."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, row: str, **figures: float | None) -> None:
        """Notes the figures of one seed, but for those that it has not."""
        for column, value in figures.items():
            if value is not None:
                self.values.setdefault((row, column), []).append(value)

    def seeds(self, row: str, column: str) -> list[float]:
        """The figures of all seeds: opposite failures of two seeds are no success, though their mean may be."""
        return self.values.get((row, column), [])

    def names(self) -> list[str]:
        """The rows, in the order in which they came."""
        return list(dict.fromkeys(row for row, _ in self.values))

    def get(self, row: str, column: str) -> Estimate | None:
        """The estimate, if there are values."""
        values = self.values.get((row, column))
        return None if values is None else Estimate.of(values)

    def table(self, title: str, first: str, columns: dict[str, Column]) -> Table:
        """All rows; the columns by the names that `add` was given."""
        return Table(
            title,
            [Column(first), *columns.values()],
            [[row, *(self.get(row, column) for column in columns)] for row in self.names()],
        )


def _plain(cell: Cell) -> Any:
    return vars(cell) if isinstance(cell, Estimate) else cell
