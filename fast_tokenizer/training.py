"""Fitting a FAST vocabulary to action chunks."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.actions import Actions, Floats, chunks_from, chunks_to_fit
from fast_tokenizer.codecs.fast import FastCodec, Scheme
from fast_tokenizer.codecs.parameters import MARGIN, symbol_range
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.quantization import quantize

Progress: TypeAlias = Callable[[int, int], object]
"""Called with the tokens made so far and the tokens wanted. What it raises ends the training."""

_LARGEST_MARGIN = 1e6
_LARGEST_VOCABULARY = 2**24
_MIN_FREQUENCY = 2


@dataclass(frozen=True)
class VocabularySettings:
    """How a vocabulary is trained; `FastTokenizer.fit` explains each.

    Raises:
        TrainingError: If one is out of its range.
        TypeError: If a number of tokens or symbols is no integer.
    """

    scale: float = 10
    vocab_size: int = 1024
    scheme: Scheme = "symbols"
    margin: float | None = None
    max_token_length: int = 10_000

    def __post_init__(self) -> None:
        if self.scheme not in get_args(Scheme):
            raise TrainingError(f"scheme is {self.scheme!r}: expected 'bytes' or 'symbols'")
        if self.scheme == "bytes" and self.margin is not None:
            raise TrainingError(
                'margin needs scheme="symbols": the published format covers what the data had, no more'
            )
        if self.margin is not None and not 1 <= self.margin <= _LARGEST_MARGIN:
            raise TrainingError(f"margin is {self.margin}: expected 1..{_LARGEST_MARGIN:g}")
        for name in ("vocab_size", "max_token_length"):
            number = operator.index(getattr(self, name))
            if not 1 <= number <= _LARGEST_VOCABULARY:
                raise TrainingError(f"{name} is {number}: expected 1..{_LARGEST_VOCABULARY}")
        if not 0 < self.scale < math.inf:
            raise TrainingError(f"scale is {self.scale}: expected a positive number")

    def symbol_range(self, lowest: int, highest: int) -> tuple[int, int]:
        """The coefficients that get a symbol, where the data goes from `lowest` to `highest`.

        Under `"bytes"` they are those of the data, as in the published training code. Under `"symbols"` they are
        `margin` times the largest on each side, and zero.

        Raises:
            TrainingError: If they are more than the vocabulary has ids.
        """
        low, high = lowest, highest
        if self.scheme == "symbols":
            low, high = symbol_range(lowest, highest, MARGIN if self.margin is None else self.margin)
        if high - low + 1 > self.vocab_size:
            raise TrainingError(
                f"the coefficients {low}..{high} need {high - low + 1} tokens, more than vocab_size "
                f"{self.vocab_size}: raise vocab_size, lower scale, or clip outliers when normalising"
            )
        return low, high


def fit_fast_codec(
    chunks: Sequence[Actions] | Floats,
    settings: VocabularySettings,
    *,
    progress: Progress | None,
    num_threads: int,
) -> FastCodec:
    """Trains the vocabulary of a `FastCodec` on chunks; see `FastTokenizer.fit`."""
    coefficients, offsets = _quantize_all(chunks, settings.scale, num_threads)
    return train_fast_codec(coefficients, offsets, settings, progress=progress, num_threads=num_threads)


def train_fast_codec(
    coefficients: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    settings: VocabularySettings,
    *,
    progress: Progress | None,
    num_threads: int,
) -> FastCodec:
    """Trains the vocabulary of a `FastCodec` on what DCT and rounding made of chunks.

    Args:
        coefficients: int32 `[N]`, those of all chunks, frequency 0 of each first. They are written over.
        offsets: int64 `[B + 1]`: where each chunk begins.
        settings: Whose `scale` they were multiplied with before rounding.
        progress: Called with tokens made and tokens wanted.
        num_threads: 0 for as many as the process may use.

    Raises:
        TrainingError: If the range does not fit the vocabulary.
    """
    low, high = settings.symbol_range(int(coefficients.min()), int(coefficients.max()))
    coefficients -= low
    tokens, merges = _core.train_vocabulary(
        settings.scheme,
        coefficients,
        offsets,
        high - low + 1,
        settings.vocab_size,
        _MIN_FREQUENCY,
        settings.max_token_length,
        num_threads,
        progress,
    )
    return FastCodec(tokens, merges, scheme=settings.scheme, scale=settings.scale, min_coefficient=low)


def _quantize_all(
    chunks: Sequence[Actions] | Floats, scale: float, num_threads: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Coefficients of all chunks, one after the other, and where each begins."""
    groups = chunks_to_fit(chunks)
    if len(groups) == 1:
        batch, _ = groups[0]
        coefficients = quantize(batch, scale, num_threads)
        size = coefficients[0].size
        return coefficients.reshape(-1), np.arange(len(batch) + 1, dtype=np.int64) * size
    parts: list[npt.NDArray[np.int32]] = [np.empty(0, np.int32)] * sum(len(places) for _, places in groups)
    for batch, places in groups:
        with chunks_from(places):
            coefficients = quantize(batch, scale, num_threads)
        for place, one in zip(places, coefficients, strict=True):
            parts[place] = one.reshape(-1)
    sizes = np.cumsum([0] + [len(part) for part in parts])
    return np.concatenate(parts), sizes.astype(np.int64)
