"""What a constraint on a whole canvas must be able to say."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt


class PositionConstraint(Protocol):
    """Narrows the ids that a masked position may take, given what the canvas holds.

    It must never lead to a dead end: after any id that it allows, every masked position left has one that it
    allows. Under a constraint the positions of a round are committed one after the other, in their order, and it
    is asked again before each.
    """

    @property
    def ids(self) -> int:
        """Ids that it tells of, from 0 on: those that there must be logits for."""

    def allowed(
        self, ids: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """The ids that positions may take.

        Args:
            ids: `[A, L]`: canvases, with the mask id where nothing is committed. Not to be changed.
            rows: `[N]`: the canvas of each position that is asked about.
            positions: `[N]`.

        Returns:
            bool `[N, ids]`.
        """
