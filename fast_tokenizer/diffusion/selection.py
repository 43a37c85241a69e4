"""Taking the best positions of each row, where ties go to the lower position."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def ranking(eligible: npt.NDArray[np.bool_], *keys: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The positions of each row, best first: by the first key, then by the next, then by position.

    Args:
        eligible: bool `[A, L]`: positions that come before all others.
        keys: `[A, L]` each; larger is better.

    Returns:
        int64 `[A, L]`.
    """
    if len(keys) == 1:
        return np.argsort(np.where(eligible, -keys[0], np.inf), axis=1, kind="stable")
    return np.lexsort((*(-key for key in reversed(keys)), ~eligible), axis=1)


def first_of(ranks: npt.NDArray[np.int64], count: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Marks the first `count` positions of each row of a ranking.

    Args:
        ranks: int64 `[A, L]`, of `ranking`.
        count: int64 `[A]`.

    Returns:
        bool `[A, L]`, by position.
    """
    marked = np.empty(ranks.shape, bool)
    np.put_along_axis(marked, ranks, np.arange(ranks.shape[1]) < count[:, None], axis=1)
    return marked
