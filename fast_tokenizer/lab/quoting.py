"""Figures of summaries by where they stand, so that nothing is quoted that was not measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fast_tokenizer.lab.summary import Estimate, Summary


class NotMeasured(Exception):
    """A figure that is asked for is not there."""


@dataclass(frozen=True)
class Figures:
    """What the experiments found.

    Attributes:
        summaries: By the experiment's name.
    """

    summaries: Mapping[str, Summary]

    def number(self, experiment: str, row: str, column: str, table: int | str = 0) -> float:
        """A mean.

        Args:
            experiment: Its name.
            row: What its first cell says.
            column: How the column's name begins.
            table: Which of the experiment's tables, by place or title.

        Raises:
            NotMeasured: If it is not there.
        """
        cell = self.cell(experiment, row, column, table)
        return cell.mean if isinstance(cell, Estimate) else cell

    def total(self, experiment: str, row: str, column: str, table: int | str = 0) -> float:
        """As `number`, the sum over seeds."""
        cell = self.cell(experiment, row, column, table)
        return cell.mean * cell.seeds if isinstance(cell, Estimate) else cell

    def text(self, experiment: str, row: str, column: str, table: int | str = 0, digits: int = 2) -> str:
        """As `number`, as people read it."""
        cell = self.cell(experiment, row, column, table)
        return cell.text(digits) if isinstance(cell, Estimate) else f"{cell:.{digits}f}"

    def cell(self, experiment: str, row: str, column: str, table: int | str = 0) -> float | Estimate:
        """As `number`, with how far off it may be."""
        summary = self.summaries.get(experiment)
        tables = [] if summary is None else summary.tables
        asked = next((one for at, one in enumerate(tables) if table in (at, one.title)), None)
        if asked is None:
            raise NotMeasured(experiment)
        names = [one.name for one in asked.columns]
        for cells in asked.rows:
            if cells[0] == row:
                for name, cell in zip(names[1:], cells[1:], strict=True):
                    if name.startswith(column) and isinstance(cell, int | float | Estimate):
                        return cell
        raise NotMeasured(f"{experiment}: {row}, {column}")
