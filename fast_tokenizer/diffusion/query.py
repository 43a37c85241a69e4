"""Which positions of the logits are asked about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Query:
    """Which positions are asked about, and what. Everything is `[N]`.

    Attributes:
        rows: int64: rows of the logits.
        positions: int64: positions in them.
        kept: int64: an id whose probability is wanted; -1: that of the id that is chosen.
        temperatures: float64: 0 chooses the likeliest id, else one is drawn from softmax(logits / temperature).
        uniforms: float64 in `[0, 1)`: the id that is drawn is the first whose cumulative probability exceeds it.
        allowed: bool `[K, A]`: ids that may come, or None.
        allowed_rows: int64: the row of `allowed` for each.
    """

    rows: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    kept: npt.NDArray[np.int64]
    temperatures: npt.NDArray[np.float64]
    uniforms: npt.NDArray[np.float64]
    allowed: npt.NDArray[np.bool_] | None
    allowed_rows: npt.NDArray[np.int64]
