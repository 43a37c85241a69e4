"""Observations brought to one scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_LEAST_STD = 0.01  # a centimetre, where numbers are places
_FURTHEST = 5.0


@dataclass(frozen=True, eq=False)
class ObservationScale:
    """To mean 0 and standard deviation 1, as in what was recorded.

    A number that hardly varies there is divided by a hundredth instead, as its little noise would else be all that
    a policy sees. What is further than five deviations counts as five, as nothing was learned there.

    Attributes:
        mean: `[C]`.
        std: `[C]`, a hundredth or more.

    Examples:
        >>> scale = ObservationScale.of(np.array([[0.0, 7.0], [4.0, 7.0]]))
        >>> scale(np.array([[4.0, 7.0], [2.0, 7.5]])).tolist()
        [[1.0, 0.0], [0.0, 5.0]]
    """

    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]

    @classmethod
    def of(cls, observations: npt.NDArray[np.float64]) -> ObservationScale:
        """Of observations `[N, C]`."""
        return cls(observations.mean(axis=0), np.maximum(observations.std(axis=0), _LEAST_STD))

    def __call__(self, observations: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Observations `[..., C]`, on this scale."""
        return np.clip((observations - self.mean) / self.std, -_FURTHEST, _FURTHEST)
