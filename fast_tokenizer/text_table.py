"""Tables for people, as plain text."""

from __future__ import annotations

from collections.abc import Sequence


def labelled(rows: Sequence[tuple[str, str]]) -> str:
    """A label and a text a line; the texts begin in the same column.

    Examples:
        >>> print(labelled([("data", "60 episodes"), ("vocabulary", "1024 tokens")]))
        data        60 episodes
        vocabulary  1024 tokens
    """
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in rows)


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their names: the first to the left, the others, which are numbers, to the right.

    Examples:
        >>> print(columns(["dimension", "RMSE"], [["x", "0.01"], ["gripper", "1"]]))
        dimension  RMSE
        x          0.01
        gripper       1
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in (header, *rows)
    )
