"""Many small pictures in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 4


def panels(figure: Figure, count: int, *, height: float, **shared: Any) -> list[Axes]:
    """As many panels as are asked for, four in a row.

    Args:
        figure: Empty; made as high as they need.
        count: Panels.
        height: Of a row, in inches.
        shared: What `subplots` is told, such as `sharex`.
    """
    rows = -(-count // _COLUMNS)
    figure.set_size_inches(11, height * rows)
    made: list[Axes] = list(figure.subplots(rows, _COLUMNS, squeeze=False, **shared).ravel())
    for unused in made[count:]:
        unused.set_visible(False)
    return made[:count]
