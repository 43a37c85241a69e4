"""Several predictions of one action, averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FastTokenizerError


@dataclass(frozen=True)
class TemporalEnsemble:
    """The average of all chunks that have an action for a step, with weights `exp(-m i)`, `i = 0` for the oldest.

    Made for policies that are asked at every step (`execute=1`). It smooths, and like every average it gives
    something between two modes where the chunks disagree: measure whether it helps. LeRobot found it to cost
    success (pull request 319).

    Source: ACT (arXiv 2304.13705). Its published code (tonyzhaozh/act, `imitate_episodes.py`) takes a prediction
    with a zero in it for one that is not there; here the queue knows which chunks reach a step, so that zero is
    an action like any other.

    Attributes:
        m: Above 0 the old predictions count more, below 0 the new ones; at 0 all count the same.

    Raises:
        FastTokenizerError: If `m` is not finite.

    Examples:
        >>> predictions = [[0.0], [1.0]]  # the oldest first
        >>> TemporalEnsemble(m=0.0).combine(predictions).tolist()
        [0.5]
        >>> TemporalEnsemble(m=-50.0).combine(predictions).tolist()
        [1.0]
    """

    m: float = 0.01

    def __post_init__(self) -> None:
        if not np.isfinite(self.m):
            raise FastTokenizerError(
                f"m is {self.m}: expected a finite number; for the newest chunk alone use no ensemble"
            )

    def weights(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Weights that sum to 1 over the first axis.

        Args:
            places: `[N, ...]`: 0 for the oldest prediction, and so on; below 0 for one that is not there.
        """
        exponents = np.where(places >= 0, -self.m * places, -np.inf)
        weights = np.exp(exponents - exponents.max(axis=0))  # the largest is 1, however large m is
        return np.asarray(weights / weights.sum(axis=0))

    def combine(self, predictions: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Averages predictions of one action.

        Args:
            predictions: `[N, ...]`, the oldest first, N at least 1.

        Returns:
            `[...]`.
        """
        actions = np.asarray(predictions, np.float64)
        weights = self.weights(np.arange(len(actions)))
        return np.asarray((actions * weights.reshape(-1, *[1] * (actions.ndim - 1))).sum(axis=0))
