"""What the model is told beside the ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(eq=False)
class DecodeContext:
    """What `logits_fn` may want to know about a call. The same object is used for all calls of a decoding.

    The model should not depend on `round`: what it sees is said by the ids, and rows of a batch may be in
    different rounds.

    Attributes:
        rows: int64 `[A]`: which rows of the batch are still being decoded; `ids[i]` is of row `rows[i]`.
        round: int64 `[A]`: the round that each of them is in, from 0.
        rounds: How many rounds there are.
        changed: bool `[A, L]`: positions whose id is not what it was in the call before; all in the first one.
        kept: int64 `[A]`: the place that each row had in the call before, to thin out what was kept of it: rows
            leave when they are done, and never come back.
        cache: Whatever `logits_fn` puts here, such as keys and values of a prefix. It is not touched.

    Examples:
        A model whose prefix is encoded once::

            def logits_fn(ids, context):
                if context.cache is None:
                    context.cache = model.encode(observations)  # [B, ...]
                context.cache = context.cache[context.kept]
                return model(ids, context.cache)
    """

    rows: npt.NDArray[np.int64]
    round: npt.NDArray[np.int64]
    rounds: int
    changed: npt.NDArray[np.bool_]
    kept: npt.NDArray[np.int64]
    cache: Any = None
