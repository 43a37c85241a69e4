"""Actions relative to the state that a chunk begins in, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FastTokenizerError, FormatError


@dataclass(frozen=True)
class RelativeActions:
    """Makes some dimensions of chunks relative to the state in which each begins.

    Joint targets usually become relative, a gripper does not. Dimension d of the state must mean what dimension d
    of the action does. Source of the idea: Physical-Intelligence/openpi, `DeltaActions` and `AbsoluteActions` in
    `src/openpi/transforms.py`.

    Attributes:
        dimensions: Those that become relative.

    Raises:
        FormatError: If they are not different dimensions, counted from 0.

    Examples:
        >>> relative = RelativeActions(dimensions=(0,))
        >>> chunk, state = [[[5.0, 1.0], [6.0, 0.0]]], [[4.0, 1.0]]
        >>> relative.to_relative(chunk, state).tolist()
        [[[1.0, 1.0], [2.0, 0.0]]]
        >>> relative.to_absolute(relative.to_relative(chunk, state), state).tolist() == chunk
        True
    """

    dimensions: tuple[int, ...]

    def __post_init__(self) -> None:
        are_integers = all(isinstance(one, int) and not isinstance(one, bool) for one in self.dimensions)
        if (
            not are_integers
            or len(set(self.dimensions)) < len(self.dimensions)
            or min(self.dimensions, default=0) < 0
        ):
            raise FormatError(f"got {self.dimensions}, expected different dimensions from 0", key="dimensions")

    def to_relative(self, chunks: npt.ArrayLike, states: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Takes the state from every step.

        Args:
            chunks: `[B, H, D]`, or one `[H, D]`.
            states: Where each begins, `[B, S]`, or one `[S]`.

        Returns:
            Relative actions of the shape of `chunks`.

        Raises:
            FastTokenizerError: If the shapes do not fit together, or have no such dimension.
        """
        return self._moved(chunks, states, -1.0)

    def to_absolute(self, chunks: npt.ArrayLike, states: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Adds the state to every step: what `to_relative` took."""
        return self._moved(chunks, states, 1.0)

    def _moved(self, chunks: npt.ArrayLike, states: npt.ArrayLike, sign: float) -> npt.NDArray[np.float64]:
        moved = np.array(chunks, np.float64)
        at: npt.NDArray[Any] = np.asarray(states, np.float64)
        needed = max(self.dimensions, default=-1) + 1
        fits = moved.ndim in (2, 3) and at.ndim == moved.ndim - 1 and at.shape[:-1] == moved.shape[:-2]
        if not fits or min(moved.shape[-1], at.shape[-1]) < needed:
            raise FastTokenizerError(
                f"chunks have shape {moved.shape} and states {at.shape}: expected [B, H, D] and [B, S], or "
                f"[H, D] and [S], with D and S of {needed} or more"
            )
        chosen = list(self.dimensions)
        moved[..., chosen] += sign * at[..., None, chosen]
        return moved
