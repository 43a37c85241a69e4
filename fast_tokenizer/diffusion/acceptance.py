"""Committing as many positions as are certain enough, where no schedule says how many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.errors import FastTokenizerError


@dataclass(frozen=True)
class ConfidenceThreshold:
    """Every position whose likeliest id has at least this probability (Fast-dLLM).

    Attributes:
        probability: At 0 or below everything is committed at once, above 1 one position a round.
    """

    probability: float

    def __post_init__(self) -> None:
        if np.isnan(self.probability):
            raise FastTokenizerError("ConfidenceThreshold(nan): expected a probability")

    def accepted(
        self, probability: npt.NDArray[np.float64], masked: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Which masked positions are certain enough, of `[A, L]`."""
        return masked & (probability >= self.probability)


@dataclass(frozen=True)
class ConfidenceFactor:
    """The n positions of the highest probability, as long as the n-th has `p >= 1 - factor / (n + 1)`.

    With more positions at a time each must be more certain, as they are not aware of each other. Source: the
    factor-based decoding of Fast-dLLM, whose bound is `(n + 1) (1 - p) < factor`.

    Attributes:
        factor: 0 or more; 0 accepts only what is certain.
    """

    factor: float

    def __post_init__(self) -> None:
        if not self.factor >= 0:
            raise FastTokenizerError(f"ConfidenceFactor({self.factor}): expected 0 or more")

    def accepted(
        self, probability: npt.NDArray[np.float64], masked: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Which masked positions are certain enough, of `[A, L]`."""
        falling = -np.sort(np.where(masked, -probability, np.inf), axis=1)
        bound = 1 - self.factor / np.arange(2, falling.shape[1] + 2)
        count = np.logical_and.accumulate(falling >= bound, axis=1).sum(axis=1)
        return np.asarray(masked & (_core.rank(masked, [probability], count) < masked.shape[1]))


Acceptance: TypeAlias = "ConfidenceThreshold | ConfidenceFactor"
