"""The actions that are planned for the steps to come."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.actions import Floats
from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.execution.ensembling import TemporalEnsemble


class ActionQueue:
    """Chunks by the step that each begins at. Of several that reach a step the newest counts, or their average.

    Steps are counted by the caller, and never go back. All chunks have one shape, and each begins at a later step
    than the one before it, so that the newest reaches furthest.

    Args:
        ensemble: How chunks are averaged; None for the newest alone.

    Examples:
        >>> queue = ActionQueue()
        >>> queue.splice(np.array([[0.0], [1.0], [2.0]]), start=0)
        >>> queue.splice(np.array([[10.0], [20.0], [30.0]]), start=1)
        >>> queue.action(2), queue.action(4)
        (array([20.]), None)
        >>> queue.planned(2).tolist()
        [[20.0], [30.0]]
    """

    def __init__(self, ensemble: TemporalEnsemble | None = None) -> None:
        self._ensemble = ensemble
        self._chunks: list[tuple[int, Floats]] = []  # with the step of its first action, the oldest first

    def splice(self, chunk: Floats, start: int) -> None:
        """Takes a new chunk.

        Args:
            chunk: `[H, D]` or `[B, H, D]`.
            start: The step of its first action. Steps that have passed since then are of no matter.

        Raises:
            FastTokenizerError: If its shape is not that of the chunks before it.
        """
        if self._chunks and chunk.shape != self._chunks[-1][1].shape:
            raise FastTokenizerError(
                f"the prediction of step {start} has shape {chunk.shape}, the one before it "
                f"{self._chunks[-1][1].shape}: expected chunks of one shape"
            )
        reaching = [] if self._ensemble is None else self._chunks
        self._chunks = [(old, one) for old, one in reaching if old + one.shape[-2] > start]
        self._chunks.append((start, chunk))

    def action(self, step: int) -> npt.NDArray[Any] | None:
        """The action of a step, `[D]` or `[B, D]`, not to be written to, or None if no chunk reaches it."""
        predictions = [
            chunk[..., step - start, :] for start, chunk in self._chunks if step - start < chunk.shape[-2]
        ]
        if not predictions:
            return None
        return predictions[-1] if self._ensemble is None else self._ensemble.combine(predictions)

    def planned(self, step: int) -> npt.NDArray[Any]:
        """The actions of this step and all after it, `[P, D]` or `[B, P, D]`; `[0, 0]` before the first chunk."""
        if not self._chunks:
            return np.empty((0, 0))
        left: list[npt.NDArray[Any]] = [chunk[..., step - start :, :] for start, chunk in self._chunks]
        if self._ensemble is None:
            return left[-1].copy()
        predictions = np.zeros((len(left), *left[-1].shape))
        for row, actions in zip(predictions, left, strict=True):
            row[..., : actions.shape[-2], :] = actions
        lengths = np.array([actions.shape[-2] for actions in left])
        ended = (lengths[:, None] <= np.arange(lengths[-1])).sum(axis=0)  # how many chunks do not reach a step
        weights = self._ensemble.weights(np.arange(len(left))[:, None] - ended)
        return np.asarray(np.einsum("np,n...pd->...pd", weights, predictions))
