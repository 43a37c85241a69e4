"""Every representation with what all experiments measured of it, side by side."""

from __future__ import annotations

from collections.abc import Mapping

from fast_tokenizer.lab.contestants import HEADS, TWO_SIDED
from fast_tokenizer.lab.quoting import Figures, NotMeasured
from fast_tokenizer.lab.summary import Cell, Column, Table

_COLUMNS = (
    (Column("two ways: near one of them"), "cup", 0, "within"),
    (Column("spread in a way, mm (truth 10)", 1), "cup", 0, "spread"),
    (Column("obstacle: chunks that collide"), "obstacle", 0, "collisions"),
    (Column("dimensions that fit"), "joint", 0, "all of one sign"),
    (Column("one way: RMSE of draws", 4), "gradients", 1, "action RMSE"),
    (Column("at temperature 0", 4), "gradients", 1, "at temperature 0"),
    (Column("passes a chunk", 0), "cost", 0, "passes"),
    (Column("ms a chunk", 1), "cost", 0, "sample, ms"),
    (Column("two-sided task: success", 2), "simulator", TWO_SIDED, "success"),
)
"""What it is called here, and where it stands: experiment, table, and how the column's name begins."""


def _rows_of(head: str, cost: str, way: str = "", joint: str = "") -> Mapping[str, str]:
    """By experiment, what the row of a representation is called there."""
    drawn = HEADS[head] + way
    plain = dict.fromkeys(("gradients", "simulator"), HEADS[head])
    cup = HEADS[head] if head == "masked" else drawn
    return {**plain, "cup": cup, "obstacle": drawn, "joint": HEADS[head] + joint, "cost": cost}


_REPRESENTATIONS = {
    "regression": _rows_of("regression", "regression"),
    "mixture of Gaussians": _rows_of("mixture", "mixture"),
    "bins, in parallel": _rows_of("bins", "bins, in parallel"),
    "bins, one by one": _rows_of("bins-ar", "bins, one by one"),
    "FAST tokens": _rows_of("fast", "FAST tokens"),
    "masked diffusion": _rows_of("masked", "masked diffusion, 12 rounds", ", 12 rounds", ", 7 rounds"),
    "diffusion, DDPM 100": _rows_of("diffusion", "DDPM 100", ", DDPM 100"),
    "flow matching, Euler 10": _rows_of("flow", "flow, Euler 10", ", Euler 10"),
}


def overview(figures: Figures) -> Table:
    """A row a representation; what was not measured is left out."""
    rows = [
        [name, *(_cell(figures, where, row_in[where], table, column) for _, where, table, column in _COLUMNS)]
        for name, row_in in _REPRESENTATIONS.items()
    ]
    return Table("Means of the experiments below", [Column(""), *(column for column, *_ in _COLUMNS)], rows)


def _cell(figures: Figures, experiment: str, row: str, table: int | str, column: str) -> Cell:
    try:
        return figures.cell(experiment, row, column, table)
    except NotMeasured:
        return None
