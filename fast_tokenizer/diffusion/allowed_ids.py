"""The ids that each position may take."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FastTokenizerError


class AllowedIds:
    """A table of the ids that may come, and the row of it that each position uses. The mask id never may.

    Args:
        allowed: bool `[A]`, `[L, A]` or `[B, L, A]`, None for all.
        shape: B and L of the canvases.
        ids: A, the candidates that there are logits for.
        mask_id: The mask id, which may be one of them.

    Raises:
        FastTokenizerError: If `allowed` has another shape or type.
    """

    def __init__(self, allowed: npt.ArrayLike | None, shape: tuple[int, int], ids: int, mask_id: int) -> None:
        self.ids = ids
        self.table: npt.NDArray[np.bool_] | None = None
        self._per_row = 0
        self._places = np.zeros(shape[1], np.int64)
        if allowed is None:
            if mask_id >= ids:
                return
            allowed = np.ones(ids, bool)
        table = np.array(allowed)
        expected = ((ids,), (shape[1], ids), (*shape, ids))
        if table.dtype != bool or table.shape not in expected:
            raise FastTokenizerError(
                f"allowed is {table.dtype} of shape {table.shape}: expected bool of shape "
                f"{', '.join(map(str, expected[:-1]))} or {expected[-1]}, as the logits are of {ids} ids"
            )
        if table.ndim > 1:
            self._places = np.arange(shape[1])
        self._per_row = shape[1] * int(table.ndim > 2)
        if mask_id < ids:
            table[..., mask_id] = False
        self.table = table.reshape(-1, ids)

    def rows_of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The row of the table for each position of the canvases `rows` `[A]`: int64 `[A, L]`."""
        return rows[:, None] * self._per_row + self._places
