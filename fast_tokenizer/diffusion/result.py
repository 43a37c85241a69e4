"""What masked decoding gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class DecodeRound:
    """One call of the model, and what came of it.

    Attributes:
        rows: int64 `[A]`: the rows of the batch that it was about.
        round: int64 `[A]`: the round that each was in.
        committed: bool `[A, L]`: positions that got their id.
        remasked: bool `[A, L]`: positions that lost it.
        ids: int64 `[A, L]`: afterwards.
        probability: float64 `[A, L]`: of the id that was committed, of the likeliest id for a position that is
            still masked, or of the id that a committed one holds where re-masking looks at it; NaN elsewhere.
    """

    rows: npt.NDArray[np.int64]
    round: npt.NDArray[np.int64]
    committed: npt.NDArray[np.bool_]
    remasked: npt.NDArray[np.bool_]
    ids: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MaskedDecodeResult:
    """Ids without masks, and what they took.

    Attributes:
        ids: int64 `[B, L]`: a numpy array, or a torch tensor on the device of `init_ids` if that was one.
        nfe: int64 `[B]`: calls of the model that each row was part of (number of function evaluations).
        calls: Calls of the model in all.
        committed_round: int64 `[B, L]`: the round in which each position got its id, -1 where it was given.
        trace: Every call, if it was asked for.
    """

    ids: Any
    nfe: npt.NDArray[np.int64]
    calls: int
    committed_round: npt.NDArray[np.int64]
    trace: tuple[DecodeRound, ...] | None
