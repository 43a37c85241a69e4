"""Quantiles of a stream: exact as long as its values are few enough to keep, sketched beyond.

The sketch is DDSketch (Masson, Rim and Lee, VLDB 2019) in the library of its authors, `ddsketch`. It counts values
in buckets whose ends have a fixed ratio. So the bound on its error holds always, not just with some probability,
and its answer depends on the values alone, not on their order or on how they were split up and merged: the same
data give the same file. KLL sketches and t-digests, which other libraries have, lack the one or the other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

EXACT_LIMIT = 2**25
"""Values (steps times dimensions) that are kept: 128 MiB in float32, 13 hours of 14 dimensions at 50 Hz."""

RELATIVE_ERROR = 1e-4
"""How far beyond that a quantile may be off, as a part of its own absolute value."""

_BUCKET_RATIO = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)


class StreamingQuantiles:
    """Quantiles of each of D dimensions.

    Up to `exact_limit` values they are those of `np.quantile`. Beyond, they are the value at the rank below, to
    one part in 10,000 of that value (`RELATIVE_ERROR`).

    Args:
        action_dim: Dimensions D.
        exact_limit: Values, of all dimensions together, that are kept.

    Examples:
        >>> stream = StreamingQuantiles(1)
        >>> stream.update(np.arange(6.0)[:, None])
        >>> stream.update(np.arange(6.0, 11.0)[:, None])
        >>> stream.quantile(0.5).tolist()
        [5.0]
    """

    def __init__(self, action_dim: int, exact_limit: int = EXACT_LIMIT) -> None:
        self._exact_limit = exact_limit
        self._action_dim = action_dim
        self._kept: list[npt.NDArray[Any]] = []
        self._kept_values = 0
        self._sketches: list[Any] = []  # a ddsketch.DDSketch for each dimension

    @property
    def is_exact(self) -> bool:
        """Whether all values are still kept."""
        return not self._sketches

    def update(self, steps: npt.NDArray[Any]) -> None:
        """Adds steps `[N, D]` of finite numbers.

        Raises:
            ImportError: If they are more than are kept and `ddsketch` is not installed.
        """
        self._keep([steps.copy()])  # the caller may write over its own

    def merge(self, other: StreamingQuantiles) -> None:
        """Adds all that another one has seen, of as many dimensions.

        Raises:
            ImportError: As in `update`.
        """
        if not other.is_exact:
            self._sketch_kept()
            for sketch, theirs in zip(self._sketches, other._sketches, strict=True):
                sketch.merge(theirs)
        self._keep(other._kept)

    def quantile(self, q: float) -> npt.NDArray[np.float64]:
        """The quantile of each dimension, `[D]`; at least one step must have been seen."""
        if not self.is_exact:
            self._sketch_kept()
            return np.array([sketch.get_quantile_value(q) for sketch in self._sketches], np.float64)
        # One dimension at a time: a copy of all of them in float64 may be large.
        columns = (self._column(axis) for axis in range(self._action_dim))
        return np.array([np.quantile(column, q) for column in columns])

    def _keep(self, parts: list[npt.NDArray[Any]]) -> None:
        self._kept.extend(parts)
        self._kept_values += sum(steps.size for steps in parts)
        if self._kept_values > self._exact_limit:
            self._sketch_kept()

    def _sketch_kept(self) -> None:
        """Moves what is kept into the sketches: many values at a time, as few buckets take many of them."""
        if self.is_exact:
            self._sketches = _new_sketches(self._action_dim, self._exact_limit)
        if self._kept:
            for axis, sketch in enumerate(self._sketches):
                for value, count in zip(*_in_buckets(self._column(axis)), strict=True):
                    sketch.add(value, count)
        self._kept, self._kept_values = [], 0

    def _column(self, axis: int) -> npt.NDArray[np.float64]:
        return np.concatenate([steps[:, axis] for steps in self._kept]).astype(np.float64)


def _new_sketches(action_dim: int, exact_limit: int) -> list[Any]:
    try:
        from ddsketch import DDSketch
    except ImportError as error:
        raise ImportError(
            f"percentiles of more than {exact_limit} values are sketched: install the extra, "
            "pip install fast_tokenizer[statistics], or raise exact_limit"
        ) from error
    return [DDSketch(RELATIVE_ERROR) for _ in range(action_dim)]


def _in_buckets(values: npt.NDArray[np.float64]) -> tuple[list[float], list[int]]:
    """A value within each bucket of the sketch that values fall into, and how many do.

    The library is written in Python: an addition a bucket, not a value, makes it many times as fast.
    """
    size = np.abs(values)
    seen = size >= np.finfo(np.float64).tiny  # the sketch takes less for zero
    bucket = np.ceil(np.log(np.where(seen, size, 1.0)) / math.log(_BUCKET_RATIO))
    inside = np.where(seen, np.sign(values) * _BUCKET_RATIO ** (bucket - 0.5), 0.0)
    representatives, counts = np.unique(inside, return_counts=True)
    return representatives.tolist(), counts.tolist()
