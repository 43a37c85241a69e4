"""What is known of the values of recorded actions, dimension by dimension."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fast_tokenizer.errors import FormatError
from fast_tokenizer.json_files import short

_PER_DIMENSION = ("mean", "std", "min", "max", "q01", "q99")
_ASCENDING = (("min", "max"), ("q01", "q99"))

_LARGEST = 1e140
"""Sums of squares of such numbers still fit float64."""


@dataclass(frozen=True)
class ActionStatistics:
    """Statistics of D dimensions, in the units of the actions; None where the source does not tell.

    Attributes:
        mean: A number for each dimension, as in all of these.
        std: The standard deviation of the population: the squares are divided by the number of steps.
        min: The least value.
        max: The greatest value.
        q01: The 1st percentile.
        q99: The 99th percentile.
        count: How many steps they were taken from.

    Raises:
        FormatError: If they contradict each other, or there are none; its `key` is the one to blame.

    Examples:
        >>> ActionStatistics(q01=(0.0, -1.0), q99=(2.0, 1.0)).action_dim
        2
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    min: tuple[float, ...] | None = None
    max: tuple[float, ...] | None = None
    q01: tuple[float, ...] | None = None
    q99: tuple[float, ...] | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        known = self._known()
        if not known:
            raise FormatError(
                f"got no statistics, expected numbers for at least one of {', '.join(_PER_DIMENSION)}"
            )
        first, dimensions = next((name, len(numbers)) for name, numbers in known.items())
        for name, numbers in known.items():
            if not numbers or len(numbers) != dimensions:
                raise FormatError(
                    f"got {len(numbers)} number(s) where {first} has {dimensions}, expected a number a dimension",
                    key=name,
                )
            least = 0.0 if name == "std" else -_LARGEST
            for dimension, number in enumerate(numbers):
                if not least <= number <= _LARGEST:
                    raise FormatError(
                        f"dimension {dimension} has {number}, expected a number from {least:g} to {_LARGEST:g}",
                        key=name,
                    )
        for low, high in _ASCENDING:
            pairs = zip(known.get(low, ()), known.get(high, ()), strict=False)
            for dimension, (less, more) in enumerate(pairs):
                if less > more:
                    raise FormatError(
                        f"dimension {dimension} has {low}={less} and {high}={more}, expected {low} <= {high}",
                        key=low,
                    )
        if self.count is not None and self.count < 1:
            raise FormatError(f"got {self.count}, expected 1 step or more", key="count")

    @property
    def action_dim(self) -> int:
        """Dimensions D of an action."""
        return len(next(iter(self._known().values())))

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes equal statistics of, as plain JSON: what is not known has no key."""
        count = {} if self.count is None else {"count": self.count}
        return {**count, **{name: list(numbers) for name, numbers in self._known().items()}}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ActionStatistics:
        """The statistics that `get_config` described; keys of other names are passed over.

        Raises:
            FormatError: If something else than numbers stands there, or they contradict each other.

        Examples:
            >>> ActionStatistics.from_config({"mean": [0.5], "std": [0.1], "source": "a robot"}).mean
            (0.5,)
        """
        if not isinstance(config, Mapping):
            raise FormatError(f"got a {type(config).__name__}, expected an object")
        count = config.get("count")
        if count is not None and not _is_number(count, int):
            raise FormatError(f"got {count!r}, expected an integer", key="count")
        return cls(**{name: _as_numbers(name, config.get(name)) for name in _PER_DIMENSION}, count=count)

    def _known(self) -> dict[str, tuple[float, ...]]:
        return {name: numbers for name in _PER_DIMENSION if (numbers := getattr(self, name)) is not None}


def _as_numbers(name: str, numbers: object) -> tuple[float, ...] | None:
    if numbers is None:
        return None
    if not isinstance(numbers, list | tuple):
        raise FormatError(f"got a {type(numbers).__name__}, expected a list of numbers", key=name)
    for dimension, number in enumerate(numbers):
        if not _is_number(number, (int, float)) or abs(number) > sys.float_info.max:
            raise FormatError(f"dimension {dimension} has {short(number)}, expected a finite number", key=name)
    return tuple(map(float, numbers))


def _is_number(value: object, kinds: type[Any] | tuple[type[Any], ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)
