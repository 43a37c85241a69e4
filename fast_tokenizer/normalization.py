"""Actions in a robot's own units brought to [-1, 1] and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FastTokenizerError


@dataclass(frozen=True)
class QuantileNormalizer:
    """Maps the 1st and 99th percentile of every dimension to -1 and 1, as the FAST paper (arXiv 2501.09747).

    Values beyond the percentiles go beyond [-1, 1]; nothing is clipped here. A dimension that was constant in
    the data carries no information: it is normalised to 0, and back to its constant, exactly.

    Attributes:
        q01: The 1st percentile of each of the D dimensions, in the units of the actions.
        q99: The 99th percentile of each dimension.

    Examples:
        >>> normalizer = QuantileNormalizer(q01=(0.0, 5.0), q99=(10.0, 5.0))
        >>> normalizer.normalize([[0.0, 5.0], [10.0, 5.0]]).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
        >>> normalizer.unnormalize([[-1.0, 0.0], [0.5, 0.0]]).tolist()
        [[0.0, 5.0], [7.5, 5.0]]
    """

    q01: tuple[float, ...]
    q99: tuple[float, ...]

    def __post_init__(self) -> None:
        low, high = np.asarray(self.q01), np.asarray(self.q99)
        if low.shape != high.shape or low.ndim != 1 or not low.size:
            raise FastTokenizerError(
                f"q01 has shape {low.shape} and q99 {high.shape}: expected a number a dimension"
            )
        if not np.all(np.isfinite(low) & np.isfinite(high) & (low <= high)):
            dimension = int(np.argmin(np.isfinite(low) & np.isfinite(high) & (low <= high)))
            raise FastTokenizerError(
                f"dimension {dimension} has q01={low[dimension]} and q99={high[dimension]}: "
                "expected finite numbers, q01 <= q99"
            )

    @classmethod
    def fit(cls, actions: npt.ArrayLike) -> QuantileNormalizer:
        """Reads the percentiles off recorded actions.

        Where both percentiles of a dimension are the same but its values are not (a gripper that closes in
        fewer than 1% of the steps), its minimum and maximum take their place: its events would vanish
        otherwise.

        Args:
            actions: Steps in the robot's units, `[..., D]`.

        Raises:
            FastTokenizerError: There is no step, or a value is NaN or infinite.

        Examples:
            >>> QuantileNormalizer.fit(np.linspace(0.0, 100.0, 101)[:, None])
            QuantileNormalizer(q01=(1.0,), q99=(99.0,))
        """
        values = np.asarray(actions)
        if values.ndim < 1 or not values.size:
            raise FastTokenizerError(f"actions has shape {values.shape}: expected at least one step [..., D]")
        require_finite(values, "actions")
        steps = values.reshape(-1, values.shape[-1]).astype(np.float64, copy=False)
        low, high = np.quantile(steps, [0.01, 0.99], axis=0)
        same = low == high
        low, high = np.where(same, steps.min(axis=0), low), np.where(same, steps.max(axis=0), high)
        return cls(tuple(low.tolist()), tuple(high.tolist()))

    def normalize(self, actions: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Brings actions `[..., D]` in the robot's units to about [-1, 1], without a unit."""
        values = self._with_dimensions(actions)
        gain = self.gain
        return np.where(gain > 0, (values - self._center) / np.where(gain > 0, gain, 1.0), 0.0)

    def unnormalize(self, actions: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Brings normalised actions `[..., D]` back to the robot's units."""
        return self._with_dimensions(actions) * self.gain + self._center

    @property
    def gain(self) -> npt.NDArray[np.float64]:
        """Units of the robot to a unit of normalised actions, `[D]`: half the distance of the percentiles."""
        # Halved first: the distance itself may overflow.
        return np.asarray(self.q99) / 2.0 - np.asarray(self.q01) / 2.0

    @property
    def _center(self) -> npt.NDArray[np.float64]:
        # For a constant dimension this is its value to the last bit, which (q01 + q99) / 2 need not be.
        return np.asarray(self.q01) + self.gain

    def _with_dimensions(self, actions: npt.ArrayLike) -> npt.NDArray[np.float64]:
        values = np.asarray(actions, dtype=np.float64)
        if values.shape[-1:] != (len(self.q01),):
            raise FastTokenizerError(
                f"actions has shape {values.shape}: expected [..., {len(self.q01)}], as in the fit"
            )
        return values


def require_finite(values: npt.NDArray[Any], name: str) -> None:
    """Raises a `FastTokenizerError` that names the first cell of an array of numbers that is NaN or infinite.

    Examples:
        >>> require_finite(np.zeros((2, 3)), "actions")
    """
    finite = np.isfinite(values)
    if not finite.all():
        cell = tuple(int(index) for index in np.argwhere(~finite)[0])
        raise FastTokenizerError(
            f"{name}{list(cell)} is {values[cell]} ({int((~finite).sum())} of {values.size} values are not "
            "finite): drop or repair these steps"
        )
