"""Figures of summaries by where they stand, so that nothing is quoted that was not measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fast_tokenizer.lab.summary import Cell, Estimate, Summary


class NotMeasured(Exception):
    """A figure that is asked for is not there."""


@dataclass(frozen=True)
class Figures:
    """What the experiments found.

    Attributes:
        summaries: By the experiment's name.
    """

    summaries: Mapping[str, Summary]

    def number(self, experiment: str, row: str, column: str, table: int = 0) -> float:
        """A mean.

        Args:
            experiment: Its name.
            row: What its first cell says.
            column: How the column's name begins.
            table: Which of the experiment's tables.

        Raises:
            NotMeasured: If it is not there.
        """
        cell = self._cell(experiment, row, column, table)
        return cell.mean if isinstance(cell, Estimate) else float(cell or 0)

    def text(self, experiment: str, row: str, column: str, table: int = 0, digits: int = 2) -> str:
        """As `number`, as people read it."""
        cell = self._cell(experiment, row, column, table)
        return cell.text(digits) if isinstance(cell, Estimate) else f"{float(cell or 0):.{digits}f}"

    def _cell(self, experiment: str, row: str, column: str, table: int) -> Cell:
        summary = self.summaries.get(experiment)
        if summary is None or len(summary.tables) <= table:
            raise NotMeasured(experiment)
        found = summary.tables[table]
        places = [at for at, one in enumerate(found.columns) if one.name.startswith(column)]
        rows = [one for one in found.rows if one[0] == row]
        if not places or not rows or rows[0][places[0]] is None:
            raise NotMeasured(f"{experiment}: {row}, {column}")
        return rows[0][places[0]]
