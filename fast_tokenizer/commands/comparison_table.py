"""The table in which commands show tokenizers side by side."""

from __future__ import annotations

from collections.abc import Sequence

from fast_tokenizer.report import ComparedTokenizer
from fast_tokenizer.text_table import columns

_HEADER = [
    "tokenizer",
    "mean tokens",
    "p99",
    "max",
    "compression",
    "RMSE",
    "largest error",
    "clipped",
    "refused",
]


def comparison_table(compared: Sequence[ComparedTokenizer], values: int) -> str:
    """A line for each; `values` is how many ids a chunk takes at one a value."""
    return columns(_HEADER, [_cells(one, values) for one in compared])


def _cells(one: ComparedTokenizer, values: int) -> list[str]:
    if one.longest == 0:  # it encoded nothing
        return [one.name, *"-" * (len(_HEADER) - 2), str(one.refused)]
    return [
        one.name,
        f"{one.mean_tokens:.1f}",
        f"{one.p99_tokens:.0f}",
        str(one.longest),
        f"{values / one.mean_tokens:.1f}",
        f"{one.rmse:.4g}",
        f"{one.largest_error:.4g}",
        str(one.clipped),
        str(one.refused),
    ]
