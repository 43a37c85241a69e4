"""What is asked about logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Query:
    """Which positions are asked about, and what.

    Attributes:
        asked: bool `[A, L]`: the positions.
        kept: int64 `[A, L]`: an id whose probability is wanted; -1: that of the id that is chosen. None: -1.
        temperatures: float64 `[A]`: 0 chooses the likeliest id, else one is drawn from
            softmax(logits / temperature). None: 0.
        uniforms: float64 `[A, L]` in `[0, 1)`: the id that is drawn is the first whose cumulative probability
            exceeds it. None where `temperatures` is.
        allowed: bool `[K, ids]`: ids that may come, or None.
        allowed_rows: int64 `[A, L]`: the row of `allowed` for each position; None if that is.
    """

    asked: npt.NDArray[np.bool_]
    kept: npt.NDArray[np.int64] | None
    temperatures: npt.NDArray[np.float64] | None
    uniforms: npt.NDArray[np.float64] | None
    allowed: npt.NDArray[np.bool_] | None
    allowed_rows: npt.NDArray[np.int64] | None
