"""The Pareto front: what nothing else is better than."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def pareto_front(costs: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which points no other one beats: at most as high in all costs, and lower in one.

    Args:
        costs: `[N, K]`; a point with a NaN is not on the front, and beats none.

    Returns:
        bool `[N]`.

    Examples:
        >>> pareto_front([[10, 0.3], [20, 0.1], [20, 0.2], [30, 0.1]]).tolist()
        [True, True, False, False]
    """
    points = np.asarray(costs, np.float64)
    is_as_low = (points[:, None] <= points).all(axis=2)
    is_lower = (points[:, None] < points).any(axis=2)
    return np.asarray(~(is_as_low & is_lower).any(axis=0) & ~np.isnan(points).any(axis=1))
