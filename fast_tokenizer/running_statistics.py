"""Statistics of actions that come one episode at a time, or from several processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.action_statistics import ActionStatistics
from fast_tokenizer.actions import require_finite
from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.streaming_quantiles import EXACT_LIMIT, StreamingQuantiles


class RunningStatistics:
    """Gathers the statistics of actions, with memory for `exact_limit` values.

    Count, minimum and maximum are exact; mean and standard deviation are, but for rounding in float64. The
    percentiles are those of `np.quantile` up to `exact_limit` values, and within one part in 10,000 of their own
    value beyond (see `fast_tokenizer.streaming_quantiles`). Two halves merged give the statistics of the whole.

    Args:
        exact_limit: Values, of all dimensions together, that are kept for exact percentiles.

    Examples:
        >>> first, second = RunningStatistics(), RunningStatistics()
        >>> first.update([[0.0], [1.0]])
        >>> second.update([[2.0], [3.0], [4.0]])
        >>> first.merge(second)
        >>> statistics = first.result()
        >>> statistics.count, statistics.mean, statistics.max
        (5, (2.0,), (4.0,))
    """

    def __init__(self, *, exact_limit: int = EXACT_LIMIT) -> None:
        self._exact_limit = exact_limit
        self._moments: _Moments | None = None
        self._quantiles: StreamingQuantiles | None = None

    def update(self, actions: npt.ArrayLike) -> None:
        """Adds steps.

        Args:
            actions: In the robot's units, `[..., D]`. An episode without a step adds nothing.

        Raises:
            FastTokenizerError: If a value is NaN or infinite, or D is another than before; nothing is added then.
            ImportError: If there are more than `exact_limit` values and the extra `statistics` is not installed.
        """
        values = np.asarray(actions)
        if values.ndim < 1 or values.shape[-1] == 0:
            raise FastTokenizerError(f"actions has shape {values.shape}: expected steps [..., D]")
        require_finite(values, "actions")
        # float32 is kept as it is, in half the memory of float64.
        kept_type = np.float32 if values.dtype == np.float32 else np.float64
        steps = values.reshape(-1, values.shape[-1]).astype(kept_type, copy=False)
        if len(steps):
            self._add(_Moments.of(steps))
            self._quantiles_of(steps.shape[1]).update(steps)

    def merge(self, other: RunningStatistics) -> None:
        """Adds all that another one has seen, which stays as it is.

        Raises:
            FastTokenizerError: If it has seen actions of another D.
            ImportError: As in `update`.
        """
        if other._moments is not None and other._quantiles is not None:
            self._add(other._moments)
            self._quantiles_of(len(other._moments.mean)).merge(other._quantiles)

    def result(self) -> ActionStatistics:
        """The statistics of all steps so far.

        Raises:
            FastTokenizerError: If there was none, or its values are too large to be squared.
        """
        if self._moments is None or self._quantiles is None:
            raise FastTokenizerError("got no actions: expected at least one step [..., D]")
        moments = self._moments
        is_constant = moments.min == moments.max
        # Rounding and sketching are kept within what there was: a constant is its own mean and percentile.
        mean, q01, q99 = (
            np.clip(numbers, moments.min, moments.max)
            for numbers in (moments.mean, self._quantiles.quantile(0.01), self._quantiles.quantile(0.99))
        )
        std = np.where(is_constant, 0.0, np.sqrt(moments.squares / moments.count))
        return ActionStatistics(
            mean=_as_tuple(mean),
            std=_as_tuple(std),
            min=_as_tuple(moments.min),
            max=_as_tuple(moments.max),
            q01=_as_tuple(q01),
            q99=_as_tuple(q99),
            count=moments.count,
        )

    def _add(self, moments: _Moments) -> None:
        if self._moments is None:
            self._moments = moments
            return
        if len(moments.mean) != len(self._moments.mean):
            raise FastTokenizerError(
                f"got actions of {len(moments.mean)} dimensions after such of {len(self._moments.mean)}: "
                "expected the same number throughout"
            )
        self._moments = self._moments.merged(moments)

    def _quantiles_of(self, action_dim: int) -> StreamingQuantiles:
        if self._quantiles is None:
            self._quantiles = StreamingQuantiles(action_dim, self._exact_limit)
        return self._quantiles


@dataclass(frozen=True)
class _Moments:
    """Count, and for each dimension: mean, sum of squared distances from it, minimum and maximum, in float64."""

    count: int
    mean: npt.NDArray[np.float64]
    squares: npt.NDArray[np.float64]
    min: npt.NDArray[np.float64]
    max: npt.NDArray[np.float64]

    @classmethod
    def of(cls, steps: npt.NDArray[Any]) -> _Moments:
        """The moments of steps `[N, D]`."""
        mean = steps.mean(axis=0, dtype=np.float64)
        with np.errstate(over="ignore"):  # the result is refused where it is infinite
            squares = ((steps - mean) ** 2).sum(axis=0)
        return cls(
            len(steps), mean, squares, steps.min(axis=0).astype(np.float64), steps.max(axis=0).astype(np.float64)
        )

    def merged(self, other: _Moments) -> _Moments:
        """Those of both: Chan, Golub and LeVeque (1979), who lose nothing to a mean far from zero."""
        count = self.count + other.count
        apart = other.mean - self.mean
        with np.errstate(over="ignore"):
            between = apart**2 * (self.count * other.count / count)
            return _Moments(
                count,
                self.mean + apart * (other.count / count),
                self.squares + other.squares + between,
                np.minimum(self.min, other.min),
                np.maximum(self.max, other.max),
            )


def _as_tuple(numbers: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(numbers.tolist())
