"""A tokenizer beside others, on the same chunks in the same normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer import BinningCodec, FastTokenizer
from fast_tokenizer.codecs.bins import uniform
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.normalizer_set import NormalizerSet
from fast_tokenizer.report.measurement import Measurement, inverse_gain, measure_chunks

BINS = "256 uniform bins"


@dataclass(frozen=True)
class ComparedTokenizer:
    """One line of the comparison.

    Attributes:
        name: What it is called.
        mean_tokens: A chunk.
        p99_tokens: What 99 of 100 chunks have at most.
        longest: Tokens of the longest chunk.
        rmse: Root mean square error of all values, in units of the normaliser.
        largest_error: Of any value, likewise.
        clipped: Chunks with a coefficient, or a value, out of range.
        refused: Chunks that it cannot encode at all.
    """

    name: str
    mean_tokens: float
    p99_tokens: float
    longest: int
    rmse: float
    largest_error: float
    clipped: int
    refused: int


def compare(
    tokenizers: Sequence[tuple[str, FastTokenizer]], chunks: npt.NDArray[Any], normalizer: Normalizer
) -> list[ComparedTokenizer]:
    """Tries tokenizers on chunks, and 256 uniform bins over [-1, 1] beside them.

    Args:
        tokenizers: With what they are called. Each gets the chunks by this normaliser, whatever its own is.
        chunks: `[B, H, D]` in the robot's units.
        normalizer: Of these.
    """
    codecs = [*((name, one.codec) for name, one in tokenizers), (BINS, BinningCodec(uniform(-1.0, 1.0)))]
    robot = NormalizerSet({"robot": normalizer})
    return [
        compared_line(name, measure_chunks(FastTokenizer(codec, normalizer=robot), chunks, normalizer), normalizer)
        for name, codec in codecs
    ]


def compared_line(name: str, measured: Measurement, normalizer: Normalizer) -> ComparedTokenizer:
    """What was measured of one tokenizer, as a line of the comparison."""
    if not len(measured.chunks):
        nothing = float("nan")
        return ComparedTokenizer(name, nothing, nothing, 0, nothing, nothing, 0, measured.refused)
    return ComparedTokenizer(
        name=name,
        mean_tokens=float(measured.lengths.mean()),
        p99_tokens=float(np.percentile(measured.lengths, 99)),
        longest=int(measured.lengths.max()),
        rmse=float(np.sqrt(np.square(measured.relative_error).mean())),
        largest_error=float((measured.errors * inverse_gain(normalizer)).max()),
        clipped=int(measured.clipped.sum()),
        refused=measured.refused,
    )
