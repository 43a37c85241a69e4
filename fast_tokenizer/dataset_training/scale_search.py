"""The least scale at which no value of the training chunks has too large an error."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.dataset_training.chunk_groups import ChunkGroups
from fast_tokenizer.errors import FastTokenizerError, TrainingError
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.quantization import quantize
from fast_tokenizer.training import VocabularySettings

_DIGITS = 3
"""Of a scale that is chosen: a finer choice saves no tokens worth telling."""

_ROUNDING = 1e-9
"""Of the range of a dimension: what a normaliser that loses nothing may cost."""


@dataclass(frozen=True)
class _Trial:
    """What a scale does: whether every error is within its bound, and if so where the coefficients lie."""

    holds: bool
    low: int = 0
    high: int = 0


def least_scale(
    groups: ChunkGroups,
    normalizer: Normalizer,
    max_error: npt.NDArray[np.float64],
    *,
    horizon: int,
    vocabulary: VocabularySettings,
    num_threads: int,
) -> float:
    """Chooses a scale from the data.

    Rounding moves each of the H coefficients of a dimension by half a step at most, and the orthonormal DCT keeps
    the sum of squares; so no error is beyond `sqrt(H) / 2 / scale` times the normaliser's gain. From the scale for
    which that is enough the search goes down, by halves and then by bisection. Errors do not fall strictly with
    the scale; but what is chosen was tried on every chunk.

    Args:
        groups: The training chunks, in the robot's units.
        normalizer: Of these.
        max_error: The bound of each dimension, `[D]`, in the robot's units.
        horizon: Steps H of a chunk.
        vocabulary: Which must have an id for every coefficient.
        num_threads: 0 for as many as the process may use.

    Returns:
        The scale, of three digits; that of `vocabulary` if no dimension with a bound moves at all.

    Raises:
        TrainingError: If the normaliser alone costs more than a bound, or numbers are not as precise, or the
            vocabulary is too small.
    """
    needed = float((0.5 * math.sqrt(horizon) * normalizer.gain / max_error).max())
    # Not below what is needed, in three digits. Where nothing is, a dimension may still move that the normaliser
    # takes for constant.
    enough = _rounded(needed * 1.01) if needed else vocabulary.scale
    best = _try(groups, normalizer, max_error, enough, num_threads)
    if not best.holds:
        raise _impossible(groups, normalizer, max_error, enough)
    if not needed:
        return enough
    too_low = 0.0
    while best.low < best.high:  # else there are zeros only, which are near enough
        middle = _rounded((enough + too_low) / 2)
        if middle in (too_low, enough):
            break
        trial = _try(groups, normalizer, max_error, middle, num_threads)
        if trial.holds:
            enough, best = middle, trial
        else:
            too_low = middle
    with errors_at_scale(enough):
        vocabulary.symbol_range(best.low, best.high)
    return enough


@contextmanager
def errors_at_scale(scale: float) -> Iterator[None]:
    """Makes an error about the vocabulary tell that `max_error` chose the scale."""
    try:
        yield
    except FastTokenizerError as error:
        raise TrainingError(
            f"max_error needs a scale of {scale:g}: allow a larger error, or raise vocab_size if that is too "
            f"small ({error})"
        ) from error


def _impossible(
    groups: ChunkGroups, normalizer: Normalizer, max_error: npt.NDArray[np.float64], scale: float
) -> TrainingError:
    """The error for bounds that do not hold at a scale which should be enough: what stands in the way."""
    lost = np.zeros(len(max_error))
    for chunks in groups.read("errors of normalising"):
        error = np.abs(normalizer.unnormalize(normalizer.normalize(chunks)) - chunks)
        lost = np.maximum(lost, error.max(axis=(0, 1)))
    dimensions = np.flatnonzero(lost > np.maximum(max_error, _ROUNDING * normalizer.gain))
    if not len(dimensions):
        return TrainingError(
            f"max_error cannot be kept: it needs a scale of {scale:g}, and numbers are not that precise; allow a "
            "larger error"
        )
    return TrainingError(
        f"max_error cannot be kept by any scale: in dimensions {dimensions.tolist()} normalising alone costs "
        "more, as it clips them or takes them for constant; normalise without clipping, by statistics of this "
        "dataset, or allow a larger error"
    )


def _try(
    groups: ChunkGroups,
    normalizer: Normalizer,
    max_error: npt.NDArray[np.float64],
    scale: float,
    num_threads: int,
) -> _Trial:
    low = high = 0
    for chunks in groups.read(f"errors at scale {scale:g}"):
        coefficients = quantize(normalizer.normalize(chunks), scale, num_threads)
        decoded = normalizer.unnormalize(_core.idct(coefficients / scale, num_threads))
        if (np.abs(decoded - chunks).max(axis=(0, 1)) > max_error).any():
            return _Trial(False)
        low, high = min(low, int(coefficients.min())), max(high, int(coefficients.max()))
    return _Trial(True, low, high)


def _rounded(scale: float) -> float:
    return float(f"{scale:.{_DIGITS}g}")
