"""Actions in a robot's own units brought to about [-1, 1] and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from fast_tokenizer.action_statistics import ActionStatistics
from fast_tokenizer.errors import FastTokenizerError, FormatError
from fast_tokenizer.json_files import errors_within
from fast_tokenizer.running_statistics import RunningStatistics

Mode: TypeAlias = Literal["quantile", "min_max", "mean_std", "identity"]
"""What becomes of a dimension.

`quantile`: its 1st and 99th percentile become -1 and 1. `min_max`: its minimum and maximum do. `mean_std`: its
mean becomes 0, and a standard deviation 1. `identity`: it stays as it is.
"""

Convention: TypeAlias = Literal["exact", "openpi", "openvla"]
"""Whose formulas are computed.

`exact`: those above, as written. A constant dimension becomes 0, and its constant again. Where both percentiles
are the same but the values are not (a gripper that closes in fewer than 1% of the steps), minimum and maximum take
their place if they are known: its events would be lost, or thrown far beyond [-1, 1], otherwise.

`openpi`: `(x - q01) / (q99 - q01 + 1e-6) * 2 - 1`, `(x - mean) / (std + 1e-6)`, and their inverses. Source:
Physical-Intelligence/openpi, `src/openpi/transforms.py`.

`openvla`: `2 * (x - low) / (high - low + 1e-8) - 1`, which `clip` holds within [-1, 1]; 0 in every dimension whose
minimum and maximum are the same. Back: `0.5 * (x + 1) * (high - low) + low`. Source: openvla/openvla,
`prismatic/vla/datasets/rlds/utils/data_utils.py`, in float32 there, and `prismatic/models/vlas/openvla.py`.
"""

_NEEDS: dict[Mode, tuple[str, ...]] = {
    "quantile": ("q01", "q99"),
    "min_max": ("min", "max"),
    "mean_std": ("mean", "std"),
    "identity": (),
}
_CENTRED = ("quantile", "min_max")
"""Modes that map the two ends of a range, the others an origin and a unit."""


class _Rule(NamedTuple):
    """What a convention knows, and what it adds to a range before dividing by it and multiplying with it."""

    modes: tuple[Mode, ...]
    epsilon: float
    inverse_epsilon: float


_RULES: dict[Convention, _Rule] = {
    "exact": _Rule(get_args(Mode), 0.0, 0.0),
    "openpi": _Rule(("quantile", "mean_std", "identity"), 1e-6, 1e-6),
    "openvla": _Rule(("quantile", "min_max", "identity"), 1e-8, 0.0),
}


_SLACK = 1e-6
"""Of half a range: less than that beyond it is the rounding of floats."""


class _Maps(NamedTuple):
    """How each dimension is computed, all `[D]`."""

    low: npt.NDArray[np.float64]
    span: npt.NDArray[np.float64]
    inverse_span: npt.NDArray[np.float64]
    is_centred: npt.NDArray[np.bool_]
    is_zero: npt.NDArray[np.bool_]
    is_constant: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Normalizer:
    """Brings actions to about [-1, 1], where tokenizers expect them, and back to the robot's units.

    Attributes:
        statistics: What the mode needs, in the units of the actions.
        mode: One for all dimensions, or one for each.
        clip: Whether dimensions of the modes `quantile` and `min_max` are held within [-1, 1] when they are
            normalised. What is beyond does not come back then.
        convention: Whose formulas are computed.

    Raises:
        FormatError: If these contradict each other, or the statistics lack what a mode needs.

    Examples:
        >>> statistics = ActionStatistics(q01=(0.0, 5.0), q99=(10.0, 5.0))
        >>> normalizer = Normalizer(statistics)
        >>> normalizer.normalize([[0.0, 5.0], [20.0, 5.0]]).tolist()
        [[-1.0, 0.0], [3.0, 0.0]]
        >>> normalizer.unnormalize([[-1.0, 0.0], [0.5, 0.0]]).tolist()
        [[0.0, 5.0], [7.5, 5.0]]

        A gripper that is 0 or 1 already:

        >>> Normalizer(statistics, mode=("quantile", "identity")).normalize([10.0, 1.0]).tolist()
        [1.0, 1.0]
    """

    statistics: ActionStatistics
    mode: Mode | tuple[Mode, ...] = "quantile"
    clip: bool = False
    convention: Convention = "exact"

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", _as_mode(self.mode))  # a list could not be hashed
        if self.convention not in tuple(_RULES):  # which may be of any type in a file
            raise FormatError(f"got {self.convention!r}, expected one of {', '.join(_RULES)}", key="convention")
        if not isinstance(self.clip, bool):
            raise FormatError(f"got {self.clip!r}, expected true or false", key="clip")
        if len(self._modes) != self.statistics.action_dim:
            raise FormatError(
                f"got {len(self._modes)} modes, expected one, or as many as dimensions: "
                f"{self.statistics.action_dim}",
                key="mode",
            )
        allowed = _RULES[self.convention].modes
        for dimension, mode in enumerate(self._modes):
            if mode not in allowed:
                raise FormatError(
                    f"dimension {dimension} has {mode!r}, expected one of {', '.join(allowed)} in the convention "
                    f"{self.convention!r}",
                    key="mode",
                )
            for name in _NEEDS[mode]:
                if getattr(self.statistics, name) is None:
                    raise FormatError(
                        f"missing, but the mode {mode!r} needs it: choose a mode whose statistics are known",
                        key=f"statistics.{name}",
                    )

    @classmethod
    def fit(
        cls, actions: npt.ArrayLike, mode: Mode | Sequence[Mode] = "quantile", *, clip: bool = False
    ) -> Normalizer:
        """Reads the statistics off recorded actions; see `RunningStatistics` for such as do not fit in memory.

        Args:
            actions: Steps in the robot's units, `[..., D]`.
            mode: One for all dimensions, or one for each.
            clip: Whether normalised values are held within [-1, 1].

        Raises:
            FastTokenizerError: There is no step, or a value is NaN or infinite.

        Examples:
            >>> normalizer = Normalizer.fit(np.linspace(0.0, 100.0, 101)[:, None])
            >>> normalizer.statistics.q01, normalizer.statistics.q99
            ((1.0,), (99.0,))
        """
        running = RunningStatistics()
        running.update(actions)
        return cls(running.result(), _as_mode(mode), clip)

    def normalize(self, actions: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Brings actions `[..., D]` in the robot's units to about [-1, 1], without a unit."""
        maps = self._maps
        parts = (self._with_dimensions(actions) - maps.low) / maps.span
        normalized = np.where(maps.is_centred, parts * 2.0 - 1.0, parts)
        if self.clip:
            normalized = np.where(maps.is_centred, np.clip(normalized, -1.0, 1.0), normalized)
        return np.where(maps.is_zero, 0.0, normalized)

    def loses(self, actions: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which values `[..., D]` do not come back.

        Those beyond the range that is clipped to; and where a dimension is constant for the normaliser, all but
        this constant.

        Examples:
            >>> normalizer = Normalizer(ActionStatistics(q01=(0.0, 5.0), q99=(10.0, 5.0)), clip=True)
            >>> normalizer.loses([[10.0, 5.0], [11.0, 6.0]]).tolist()
            [[False, False], [True, True]]
        """
        maps = self._maps
        values = self._with_dimensions(actions)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told by others
            moved = np.abs(values - maps.low) > 2 * np.spacing(np.abs(maps.low).astype(np.float32))
            lost = maps.is_zero & moved
            if self.clip:
                parts = (values - maps.low) / maps.span * 2.0 - 1.0
                lost |= maps.is_centred & (np.abs(parts) > 1.0 + _SLACK)
        return np.asarray(lost)

    def unnormalize(self, actions: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Brings normalised actions `[..., D]` back to the robot's units."""
        maps = self._maps
        values = self._with_dimensions(actions)
        return np.where(maps.is_centred, (values + 1.0) / 2.0, values) * maps.inverse_span + maps.low

    @property
    def gain(self) -> npt.NDArray[np.float64]:
        """Units of the robot to a unit of normalised actions, `[D]`; 0 where a dimension is constant."""
        maps = self._maps
        return np.where(maps.is_constant, 0.0, maps.inverse_span / np.where(maps.is_centred, 2.0, 1.0))

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes an equal normaliser of, as plain JSON."""
        return {
            "mode": self.mode if isinstance(self.mode, str) else list(self.mode),
            "clip": self.clip,
            "convention": self.convention,
            "statistics": self.statistics.get_config(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Normalizer:
        """The normaliser that `get_config` described.

        Raises:
            FormatError: If something is missing or not what it should be; its `key` says where.
        """
        for key in ("mode", "clip", "convention", "statistics"):
            if key not in config:
                raise FormatError("missing", key=key)
        with errors_within("statistics"):
            statistics = ActionStatistics.from_config(config["statistics"])
        return cls(statistics, _as_mode(config["mode"]), config["clip"], config["convention"])

    @property
    def _modes(self) -> tuple[Mode, ...]:
        return (self.mode,) * self.statistics.action_dim if isinstance(self.mode, str) else self.mode

    @cached_property
    def _maps(self) -> _Maps:
        rule = _RULES[self.convention]
        low, span = np.array([self._low_and_span(*one) for one in enumerate(self._modes)]).T
        is_scaled = np.array([mode != "identity" for mode in self._modes])
        forward, inverse = (np.where(is_scaled, span + eps, span) for eps in (rule.epsilon, rule.inverse_epsilon))
        is_zero = forward == 0
        if self.convention == "openvla":
            is_zero = np.array([self._is_constant(dimension) for dimension in range(len(self._modes))])
        is_centred = np.array([mode in _CENTRED for mode in self._modes])
        return _Maps(low, np.where(forward == 0, 1.0, forward), inverse, is_centred, is_zero, span == 0)

    def _low_and_span(self, dimension: int, mode: Mode) -> tuple[float, float]:
        if mode == "identity":
            return 0.0, 1.0
        first, second = (getattr(self.statistics, name)[dimension] for name in _NEEDS[mode])
        extremes = self._extremes(dimension)
        hides_events = mode == "quantile" and first == second
        if self.convention == "exact" and extremes and (hides_events or self._is_constant(dimension)):
            return extremes[0], extremes[1] - extremes[0]
        return first, second if mode == "mean_std" else second - first

    def _is_constant(self, dimension: int) -> bool:
        extremes = self._extremes(dimension)
        return extremes is not None and extremes[0] == extremes[1]

    def _extremes(self, dimension: int) -> tuple[float, float] | None:
        low, high = self.statistics.min, self.statistics.max
        return None if low is None or high is None else (low[dimension], high[dimension])

    def _with_dimensions(self, actions: npt.ArrayLike) -> npt.NDArray[np.float64]:
        values = np.asarray(actions, dtype=np.float64)
        if values.shape[-1:] != (self.statistics.action_dim,):
            raise FastTokenizerError(
                f"actions has shape {values.shape}: expected [..., {self.statistics.action_dim}], as in the "
                "statistics"
            )
        return values


def _as_mode(mode: Mode | Sequence[Mode]) -> Mode | tuple[Mode, ...]:
    if isinstance(mode, list | tuple):
        return tuple(mode)
    if isinstance(mode, str):
        return mode
    raise FormatError(f"got {mode!r}, expected a mode, or a list with one for each dimension", key="mode")
