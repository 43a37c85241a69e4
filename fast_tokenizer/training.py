"""Fitting a FAST vocabulary to action chunks."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
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
_MAX_TOKEN_LENGTH = 10_000


def fit_fast_codec(
    chunks: Sequence[Actions] | Floats,
    *,
    scale: float,
    vocab_size: int,
    scheme: Scheme,
    margin: float | None,
    progress: Progress | None,
    num_threads: int,
) -> FastCodec:
    """Trains the vocabulary of a `FastCodec`; see `FastTokenizer.fit`.

    Under `"bytes"` range and merges are those of the published training code. Under `"symbols"` the range is
    `margin` times the largest coefficient on each side and holds zero.
    """
    if scheme not in get_args(Scheme):
        raise ValueError(f"scheme is {scheme!r}: expected 'bytes' or 'symbols'")
    if scheme == "bytes" and margin is not None:
        raise ValueError('margin needs scheme="symbols": the published format covers what the data had, no more')
    if margin is not None and not 1 <= margin <= _LARGEST_MARGIN:
        raise ValueError(f"margin is {margin}: expected 1..{_LARGEST_MARGIN:g}")
    vocab_size = operator.index(vocab_size)
    if not 1 <= vocab_size <= _LARGEST_VOCABULARY:
        raise ValueError(f"vocab_size is {vocab_size}: expected 1..{_LARGEST_VOCABULARY}")
    if not 0 < scale < math.inf:
        raise ValueError(f"scale is {scale}: expected a positive number")

    coefficients, offsets = _quantize_all(chunks, scale, num_threads)
    low, high = int(coefficients.min()), int(coefficients.max())
    if scheme == "symbols":
        low, high = symbol_range(low, high, MARGIN if margin is None else margin)
    if high - low + 1 > vocab_size:
        raise TrainingError(
            f"the coefficients {low}..{high} need {high - low + 1} tokens, more than vocab_size {vocab_size}: "
            "raise vocab_size, lower scale, or clip outliers when normalising"
        )
    coefficients -= low
    tokens, merges = _core.train_vocabulary(
        scheme,
        coefficients,
        offsets,
        high - low + 1,
        vocab_size,
        _MIN_FREQUENCY,
        _MAX_TOKEN_LENGTH,
        num_threads,
        progress,
    )
    return FastCodec(tokens, merges, scheme=scheme, scale=scale, min_coefficient=low)


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
