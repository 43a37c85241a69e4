"""Where a formula steps from one bin to the next, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt


def least_reaching(
    bin_of: Callable[[npt.NDArray[np.float64]], npt.NDArray[Any]], low: float, high: float, count: int
) -> npt.NDArray[np.float64]:
    """The least float64 in `[low, high]` that a formula puts into each bin, but for the first.

    Thresholds that are worked out on paper miss the formula's own by a rounding error or two; these do not.

    Args:
        bin_of: The formula, in its own precision and order of operations. It must never fall where the value
            rises, and puts `high` into the last bin.
        low: The lower end of the range.
        high: The upper end.
        count: How many bins there are.

    Returns:
        `[count - 1]`, ascending.

    Examples:
        >>> least_reaching(lambda values: np.float32(values) >= np.float32(0.1), 0.0, 1.0, 2).tolist()
        [0.09999999776482583]
    """
    # By bisection on the floating-point numbers themselves, counted from zero.
    reaches = np.arange(1, count)
    before, least = np.full(count - 1, _ordinal(low) - 1), np.full(count - 1, _ordinal(high))
    while (least - 1 > before).any():
        middle = (before >> 1) + (least >> 1) + (before & least & 1)  # their sum may overflow
        reached = bin_of(_float_at(middle)) >= reaches
        least, before = np.where(reached, middle, least), np.where(reached, before, middle)
    return _float_at(least)


def _ordinal(number: float) -> int:
    """The place of a float64 among all of them; 0 is that of zero."""
    bits = int(np.float64(number).view(np.int64))
    return bits if bits >= 0 else -(bits & np.iinfo(np.int64).max)


def _float_at(ordinals: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.copysign(np.abs(ordinals).view(np.float64), ordinals)
