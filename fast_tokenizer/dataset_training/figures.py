"""What a tokenizer does to chunks, in figures: how many tokens they take, and how far off they come back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer import FastTokenizer
from fast_tokenizer.errors import EncodeError
from fast_tokenizer.text_table import columns


@dataclass(frozen=True)
class Figures:
    """Of chunks in the robot's units.

    Attributes:
        lengths: Tokens of each chunk that was encoded, int64 `[B]`.
        values: Values of a chunk, `H * D`: the ids that it takes at one a value.
        clipped: Chunks with a coefficient beyond the range of the vocabulary.
        refused: Chunks that need a token which a `"bytes"` vocabulary lacks. The other figures are without them.
        rmse: Of each dimension, the root of the mean squared error, `[D]`.
        largest_error: Of each dimension, `[D]`.
    """

    lengths: npt.NDArray[np.int64]
    values: int
    clipped: int
    refused: int
    rmse: npt.NDArray[np.float64]
    largest_error: npt.NDArray[np.float64]

    def rows(self) -> list[tuple[str, str]]:
        """Tokens, compression and what was clipped, as labels with a text."""
        count = len(self.lengths)
        if not count:
            return [("refused", f"all {self.refused} chunks: they need tokens that were not in the training data")]
        mean = self.lengths.mean()
        rows = [
            (
                "tokens a chunk",
                f"mean {mean:.1f}, p99 {np.percentile(self.lengths, 99):.0f}, max {self.lengths.max()}",
            ),
            ("compression", f"{self.values / mean:.1f} times fewer than one id a value, {self.values}"),
            ("clipped", f"{self.clipped} of {count} chunks"),
        ]
        if self.refused:
            text = f"{self.refused} more chunks, which need tokens that were not in the training data"
            rows.append(("refused", text))
        return rows

    def error_table(self, names: Sequence[str]) -> str:
        """The errors by dimension, in the robot's units."""
        errors = zip(names, self.rmse, self.largest_error, strict=True)
        rows = [[name, f"{rmse:.4g}", f"{largest:.4g}"] for name, rmse, largest in errors]
        return columns(["dimension", "RMSE", "largest error"], rows)


def measure(
    tokenizer: FastTokenizer, groups: Iterable[npt.NDArray[Any]], *, num_threads: int | None = None
) -> Figures:
    """Encodes and decodes chunks.

    Args:
        tokenizer: With its normaliser, of which the default embodiment is taken.
        groups: Chunks `[B, H, D]`, in the robot's units; at least one in all.
        num_threads: None for as many as are worth it.
    """
    lengths, squares, largest = [], [], []
    clipped = refused = values = 0
    for chunks in groups:
        values = chunks[0].size
        missing = unencodable(tokenizer, chunks)
        kept = np.delete(chunks, missing, axis=0)
        refused += len(missing)
        batch = tokenizer.encode(kept, num_threads=num_threads)
        lengths.append(batch.lengths)
        clipped += int(batch.clipped.sum())
        error = np.abs(tokenizer.decode(batch, num_threads=num_threads) - kept)
        squares.append(np.square(error).sum(axis=(0, 1)))
        largest.append(error.max(axis=(0, 1), initial=0.0))
    all_lengths = np.concatenate(lengths)
    steps = len(all_lengths) * values // len(squares[0])
    return Figures(
        all_lengths,
        values,
        clipped,
        refused,
        np.sqrt(np.sum(squares, axis=0) / max(1, steps)),
        np.max(largest, axis=0),
    )


def unencodable(tokenizer: FastTokenizer, chunks: npt.NDArray[Any]) -> list[int]:
    """Which chunks `[B, H, D]` need a token that the vocabulary lacks: only one of the scheme `"bytes"` may."""
    if getattr(tokenizer.codec, "scheme", None) != "bytes" or _is_encodable(tokenizer, chunks):
        return []
    return [place for place, chunk in enumerate(chunks) if not _is_encodable(tokenizer, chunk)]


def _is_encodable(tokenizer: FastTokenizer, chunks: npt.NDArray[Any]) -> bool:
    try:
        tokenizer.encode(chunks)
    except EncodeError:
        return False
    return True
