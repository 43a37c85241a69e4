"""The ids of a batch while they are being decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.diffusion.reduction import is_torch
from fast_tokenizer.errors import FastTokenizerError


class Canvas:
    """The state of every row. Changed in place.

    Args:
        init_ids: Integers `[B, L]`, with the mask id where an id is to be found.
        mask_id: The mask id.

    Attributes:
        ids: int64 `[B, L]`.
        masked: bool `[B, L]`.
        given: bool `[B, L]`: positions that were never masked.
        total: int64 `[B]`: positions that were masked at the beginning.
        probability: float64 `[B, L]`: of each committed id, when it was committed.
        committed_round: int64 `[B, L]`: -1 where nothing is committed.
        remasked: int64 `[B]`: how often a position of the row was re-masked.
        next_round: int64 `[B]`: the first round that has not been played.
        nfe: int64 `[B]`.

    Raises:
        FastTokenizerError: If `init_ids` is not an array of ids.
    """

    def __init__(self, init_ids: Any, mask_id: int) -> None:
        ids = np.asarray(init_ids.detach().cpu() if is_torch(init_ids) else init_ids)
        if ids.dtype.kind not in "iu" or ids.ndim != 2:
            raise FastTokenizerError(
                f"init_ids is {ids.dtype} of shape {ids.shape}: expected integers [batch, length]"
            )
        self._like = init_ids
        self.ids: npt.NDArray[np.int64] = np.array(ids, np.int64, order="C")
        self.masked: npt.NDArray[np.bool_] = self.ids == mask_id
        self.given = ~self.masked
        self.total: npt.NDArray[np.int64] = self.masked.sum(axis=1)
        self.probability = np.zeros(ids.shape)
        self.committed_round = np.full(ids.shape, -1, np.int64)
        self.remasked = np.zeros(len(ids), np.int64)
        self.next_round = np.zeros(len(ids), np.int64)
        self.nfe = np.zeros(len(ids), np.int64)
        self._mask_id = mask_id

    def require_given(self, largest: int, kind: str) -> None:
        """Raises FastTokenizerError, naming row and position, if a given id is not in `0 .. largest`."""
        wrong = np.argwhere(self.given & ((self.ids < 0) | (self.ids > largest)))
        if wrong.size:
            row, position = wrong[0]
            raise FastTokenizerError(
                f"init_ids, row {row}, position {position}: got {self.ids[row, position]}, expected {kind} in "
                f"0..{largest}, or the mask id {self._mask_id} where one is to be found"
            )

    def as_given(self, ids: npt.NDArray[np.int64]) -> Any:
        """Ids in the kind of array that `init_ids` is. They are handed over, not copied."""
        if not is_torch(self._like):
            return ids
        import torch

        return torch.from_numpy(ids).to(self._like.device)

    def commit(
        self,
        rows: npt.NDArray[np.int64],
        rounds: npt.NDArray[np.int64],
        committed: npt.NDArray[np.bool_],
        ids: npt.NDArray[np.int64],
        probability: npt.NDArray[np.float64],
    ) -> None:
        """Gives positions their ids.

        Args:
            rows: `[A]`: which canvases.
            rounds: `[A]`: the round that each is in.
            committed: bool `[A, L]`: which positions.
            ids: `[A, L]`.
            probability: `[A, L]`.
        """
        canvases = self.ids, self.masked, self.probability, self.committed_round
        _core.commit(rows, rounds, committed, ids, probability, *canvases)

    def remask(self, rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]) -> None:
        """Takes their ids from positions; both `[N]`."""
        self.ids[rows, positions] = self._mask_id
        self.masked[rows, positions] = True
        self.committed_round[rows, positions] = -1
        np.add.at(self.remasked, rows, 1)
