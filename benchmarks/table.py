"""A table for people, aligned."""

from __future__ import annotations

from collections.abc import Sequence


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligns columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def verdict(ratio: float, bar: float | None, goal: float | None, *, at_most: bool = False) -> str:
    """Says in a word how a ratio stands to its bar and goal."""
    sign = -1 if at_most else 1
    if goal is not None and sign * ratio >= sign * goal:
        return "goal"
    if bar is None:
        return ""
    return "met" if sign * ratio >= sign * bar else "MISSED"
