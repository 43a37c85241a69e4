"""Episodes brought to another rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FastTokenizerError

_TOLERANCE = 1e-6
"""Steps: far below any that a clock tells apart, far above rounding in the longest episode."""


def resample(
    episode: npt.ArrayLike, hz: float, to_hz: float, *, held: Sequence[int] = ()
) -> npt.NDArray[np.float64]:
    """Reads an episode off at another rate, between its first and its last step.

    For targets (positions, angles): between two steps they are on the way from one to the other. Actions that are
    differences from step to step mean another motion at another rate; sum them up before.

    Args:
        episode: Actions, `[T, D]`.
        hz: Steps a second.
        to_hz: Steps a second wanted.
        held: Dimensions that keep the value of the step before instead, such as a gripper that is open or closed.

    Returns:
        float64 `[T', D]`, a new array that begins with the first step.

    Raises:
        FastTokenizerError: If the episode has no step, a rate is not positive, or there is no such dimension.

    Examples:
        >>> resample([[0.0, 0.0], [1.0, 1.0], [2.0, 1.0]], hz=10, to_hz=20, held=[1]).tolist()
        [[0.0, 0.0], [0.5, 0.0], [1.0, 1.0], [1.5, 1.0], [2.0, 1.0]]
    """
    steps: npt.NDArray[Any] = np.array(episode, np.float64)
    if steps.ndim != 2 or not steps.size:
        raise FastTokenizerError(f"the episode has shape {steps.shape}: expected [T, D] with at least one step")
    if not (0 < hz < np.inf and 0 < to_hz < np.inf):
        raise FastTokenizerError(f"got hz={hz} and to_hz={to_hz}: expected positive rates")
    if not all(0 <= dimension < steps.shape[1] for dimension in held):
        raise FastTokenizerError(f"got held={list(held)}: expected dimensions from 0 to {steps.shape[1] - 1}")
    # Rounding must neither lose the last step nor take a step for the one before it.
    count = int((len(steps) - 1) * to_hz / hz + _TOLERANCE) + 1
    places = np.arange(count) * (hz / to_hz)
    nearest = np.rint(places)
    places = np.where(np.abs(places - nearest) < _TOLERANCE, nearest, places)
    resampled = np.stack([np.interp(places, np.arange(len(steps)), column) for column in steps.T], axis=1)
    resampled[:, list(held)] = steps[np.floor(places).astype(int)][:, list(held)]
    return resampled
