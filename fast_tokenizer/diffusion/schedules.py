"""How many positions are masked: at each round of decoding, and at each time of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FastTokenizerError


@dataclass(frozen=True)
class Cosine:
    """The fraction masked at time u is `cos(pi u / 2)`: few commits at first, many at the end (MaskGIT)."""

    def fraction(self, time: Any, xp: Any = np) -> Any:
        """The fraction masked at `time`, 0 for nothing known to 1 for everything; `xp` is numpy or torch."""
        return xp.cos(time * (np.pi / 2))

    def time(self, fraction: Any, xp: Any = np) -> Any:
        """The time at which that fraction is masked."""
        return xp.arccos(fraction) * (2 / np.pi)


@dataclass(frozen=True)
class Power:
    """The fraction masked at time u is `1 - u ** exponent`.

    Attributes:
        exponent: 1 is linear; above 1 little is committed at first, below 1 much.
    """

    exponent: float

    def __post_init__(self) -> None:
        if not 0 < self.exponent < np.inf:
            raise FastTokenizerError(f"Power({self.exponent}): expected an exponent above 0")

    def fraction(self, time: Any, xp: Any = np) -> Any:
        """As in `Cosine`."""
        return 1 - time**self.exponent

    def time(self, fraction: Any, xp: Any = np) -> Any:
        """As in `Cosine`."""
        return (1 - fraction) ** (1 / self.exponent)


MaskingSchedule: TypeAlias = 'Literal["cosine", "linear"] | Cosine | Power'
"""A schedule that is defined at every time."""

Schedule: TypeAlias = 'MaskingSchedule | Literal["even"] | Sequence[float]'
"""Of decoding. `"even"` commits `n // rounds` each round, and one more in the first `n % rounds` (LLaDA). A
sequence gives the fraction still masked after each round: never rising, the last one 0."""

_NAMED: dict[str, Cosine | Power] = {"cosine": Cosine(), "linear": Power(1.0)}

# Products such as 56 * 0.5 may fall short of a whole number by some last bits; floor must not take one off.
_SLACK = 1e-9


def as_masking_schedule(schedule: MaskingSchedule) -> Cosine | Power:
    """The schedule of a name, or itself.

    Raises:
        FastTokenizerError: If there is none of that name.
    """
    if isinstance(schedule, Cosine | Power):
        return schedule
    if not isinstance(schedule, str) or schedule not in _NAMED:
        raise FastTokenizerError(
            f"schedule is {schedule!r}: expected {', '.join(map(repr, _NAMED))} or Power(exponent); in decoding "
            "also 'even' or a fraction still masked after each round"
        )
    return _NAMED[schedule]


def masked_counts(schedule: Schedule, rounds: int, masked: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many positions are masked before the first round and after each one.

    Rounded down, as MaskGIT has it. Other than there a round may commit nothing: it is skipped.

    Args:
        schedule: As in `decode_masked`.
        rounds: R.
        masked: `[B]`: positions that are masked at the beginning.

    Returns:
        int64 `[B, R + 1]`, never rising, from `masked` to 0.

    Raises:
        FastTokenizerError: If the schedule is unknown or its fractions are not a schedule.

    Examples:
        >>> masked_counts("cosine", 4, np.array([56, 7])).tolist()
        [[56, 51, 39, 21, 0], [7, 6, 4, 2, 0]]
        >>> masked_counts("even", 4, np.array([10])).tolist()
        [[10, 7, 4, 2, 0]]
        >>> masked_counts([0.5, 0], 2, np.array([10])).tolist()
        [[10, 5, 0]]
    """
    steps = np.arange(rounds + 1)
    if isinstance(schedule, Sequence | np.ndarray) and not isinstance(schedule, str):
        fractions = _explicit(np.asarray(schedule, np.float64), rounds)
    elif schedule == "even":
        done = steps * (masked[:, None] // rounds) + np.minimum(steps, masked[:, None] % rounds)
        return np.asarray(masked[:, None] - done)
    else:
        fractions = as_masking_schedule(schedule).fraction(steps / rounds)
    counts: npt.NDArray[np.int64] = np.floor(masked[:, None] * fractions + _SLACK).astype(np.int64)
    return counts


def _explicit(fractions: npt.NDArray[np.float64], rounds: int) -> npt.NDArray[np.float64]:
    whole = np.append(1.0, fractions)
    falling = bool((np.diff(whole) <= 0).all())  # false for NaN too
    if len(whole) != rounds + 1 or not falling or whole[-1] != 0:
        raise FastTokenizerError(
            f"schedule is {fractions.tolist()} for {rounds} round(s): expected the fraction still masked after "
            "each round, never rising from 1, the last one 0"
        )
    return whole
