"""Where bins begin and what they decode to: uniform, fitted, and as published systems have them.

Each function states one convention; `BinningCodec` takes what it returns. `low`, `high`: a number for all
dimensions, or one for each.

uniform        bins of one width, decoded to their centres
quantiles      as many training values in each bin, decoded to their median
rt_1           RT-1: the last bin holds the upper end alone; decoded to lower ends, in float32
openvla        OpenVLA: 255 bins of one width, and a last one that holds the upper end alone
openpi         the state in the prompts of pi0-FAST and pi0.5
octo_uniform   Octo, in float32
octo_normal    Octo: as many values of a standard normal distribution in each bin, in float32
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer.actions import require_finite
from fast_tokenizer.codecs.bisection import least_reaching
from fast_tokenizer.codecs.parameters import as_integer
from fast_tokenizer.errors import FormatError

_Axis: TypeAlias = "tuple[npt.NDArray[Any], npt.NDArray[Any]]"
"""Thresholds `[count - 1]` and values `[count]` of one dimension."""

_LARGEST = 3e38
"""Ends of a range that float32 holds too."""

_OCTO_EPSILON = 1e-6


@dataclass(frozen=True)
class Bins:
    """The bins of each dimension, or of any dimension. A value's bin is how many thresholds it reaches.

    Attributes:
        name: How they were made, for people.
        low: `[D]` or `[1]`: what is less is clipped.
        high: What is more is clipped.
        thresholds: `[D, count - 1]`, ascending within `low` and `high`.
        values: `[D, count]`: what each bin decodes to.

    Raises:
        FormatError: If these contradict each other.
    """

    name: str
    low: tuple[float, ...]
    high: tuple[float, ...]
    thresholds: tuple[tuple[float, ...], ...]
    values: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        _check_ranges(np.array(self.low), np.array(self.high))
        if self.count < 2:
            raise FormatError(f"got {self.count} bins, expected 2 or more", key="values")
        for key, per_axis in (("thresholds", self.count - 1), ("values", self.count)):
            rows = getattr(self, key)
            if len(rows) != len(self.low) or any(len(row) != per_axis for row in rows):
                raise FormatError(f"expected {per_axis} numbers for each of {len(self.low)} dimensions", key=key)
        if not np.isfinite(self.values).all():
            raise FormatError("expected finite numbers", key="values")
        ascending = np.column_stack([self.low, np.array(self.thresholds), self.high])
        if not (ascending[:, :-1] <= ascending[:, 1:]).all():
            raise FormatError("expected numbers that ascend within low and high", key="thresholds")

    @property
    def count(self) -> int:
        """Bins of a dimension."""
        return len(self.values[0]) if self.values else 0

    @property
    def dimensions(self) -> int | None:
        """Dimensions of an action, None where all have the same bins."""
        return len(self.low) if len(self.low) > 1 else None

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes equal bins of, as plain JSON."""
        return {key: value if key == "name" else np.array(value).tolist() for key, value in asdict(self).items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Bins:
        """The bins that `get_config` described."""
        return cls(
            name=config["name"],
            low=tuple(map(float, config["low"])),
            high=tuple(map(float, config["high"])),
            thresholds=_as_rows(config["thresholds"]),
            values=_as_rows(config["values"]),
        )

    def __repr__(self) -> str:
        ranges = dict.fromkeys(f"{low:g}..{high:g}" for low, high in zip(self.low, self.high, strict=True))
        return f"Bins({self.name}, {self.count} in {', '.join(ranges)})"


def uniform(low: npt.ArrayLike, high: npt.ArrayLike, *, count: int = 256) -> Bins:
    """Bins of one width, decoded to their centres: within the range no value is off by more than half a bin.

    Examples:
        >>> uniform(-1, 1, count=4)
        Bins(uniform, 4 in -1..1)
        >>> uniform(-1, 1, count=4).values
        ((-0.75, -0.25, 0.25, 0.75),)
    """

    def axis(low: float, high: float) -> _Axis:
        edges = np.linspace(low, high, count + 1)
        return edges[1:-1], _centres(edges)

    return _bins_of("uniform", low, high, count, axis)


def quantiles(actions: npt.ArrayLike, *, count: int = 256) -> Bins:
    """Bins that hold equally many of the given steps, each decoded to the median of its own.

    A value that many steps share (an open gripper) is decoded exactly; bins that it leaves empty decode to their
    middle.

    Args:
        actions: Steps, `[..., D]`.
        count: Bins of a dimension.

    Raises:
        FastTokenizerError: If there is no step, or a value is NaN or infinite.

    Examples:
        >>> quantiles(np.arange(8.0)[:, None], count=2).values
        ((2.0, 6.0),)
    """
    steps = np.asarray(actions, np.float64)
    if steps.ndim < 1 or not steps.size:
        raise FormatError(f"actions has shape {steps.shape}: expected at least one step [..., D]")
    require_finite(steps, "actions")
    steps = np.sort(steps.reshape(-1, steps.shape[-1]), axis=0)

    def axis(ordered: npt.NDArray[np.float64]) -> _Axis:
        edges = np.quantile(ordered, np.linspace(0, 1, count + 1))
        # Where many steps have one value, edges meet; all but the first go on to the next value that there is, as
        # rare ones (a gripper that seldom closes) would share its bin otherwise.
        above = np.minimum(np.searchsorted(ordered, edges, side="right"), len(ordered) - 1)
        meets = np.append(False, edges[1:] <= edges[:-1])
        edges = np.sort(np.where(meets, ordered[above], edges))
        thresholds = edges[1:-1]
        begin = np.concatenate([[0], np.searchsorted(ordered, thresholds), [len(ordered)]])
        middle = np.minimum((begin[:-1] + begin[1:]) // 2, len(ordered) - 1)
        return thresholds, np.where(begin[1:] > begin[:-1], ordered[middle], _centres(edges))

    count = as_integer("count", count, at_least=2)
    axes = [axis(column) for column in steps.T]
    return _assemble("quantiles", steps[0], steps[-1], axes)


def rt_1(low: npt.ArrayLike, high: npt.ArrayLike, *, count: int = 256) -> Bins:
    """RT-1: `int((action - low) / (high - low) * (count - 1))`, and back without the rounding.

    So a bin decodes to its lower end, and an action comes back lower by up to a whole bin. Computed in float32, as
    there. Source: google-research/robotics_transformer, `tokenizers/action_tokenizer.py`.
    """

    def axis(low: float, high: float) -> _Axis:
        least, most, last = np.float32(low), np.float32(high), np.float32(count - 1)
        return least_reaching(
            lambda actions: (
                (np.clip(actions.astype(np.float32), least, most) - least) / (most - least) * last
            ).astype(np.int32),
            low,
            high,
            count,
        ), np.arange(count, dtype=np.float32) / last * (most - least) + least

    return _bins_of("rt_1", low, high, count, axis)


def openvla(low: npt.ArrayLike = -1.0, high: npt.ArrayLike = 1.0, *, count: int = 256) -> Bins:
    """OpenVLA: `count` edges, `count - 1` centres; `np.digitize` gives the upper end a bin of its own.

    That bin decodes to the last centre. OpenVLA writes the id `vocab_size - digitize`, which is what
    `VocabularyMap.tail(vocab_size, size=count, skip=0)` makes of these bins. Source: openvla/openvla,
    `prismatic/vla/action_tokenizer.py`.
    """

    def axis(low: float, high: float) -> _Axis:
        edges = np.linspace(low, high, count)
        centres = _centres(edges)
        return edges[1:], np.append(centres, centres[-1])

    return _bins_of("openvla", low, high, count, axis)


def openpi() -> Bins:
    """The state in openpi's prompts: `np.digitize(state, np.linspace(-1, 1, 257)[:-1]) - 1`.

    There a state under -1 becomes bin -1; here it is clipped to bin 0, and reported. openpi never decodes these
    bins; here they decode to their centres. Source: Physical-Intelligence/openpi,
    `src/openpi/models/tokenizer.py`.
    """
    return replace(uniform(-1.0, 1.0, count=256), name="openpi")


def octo_uniform(low: npt.ArrayLike, high: npt.ArrayLike, *, count: int = 256) -> Bins:
    """Octo's uniform bins: thresholds in float32, actions held a millionth inside the range.

    Where JAX fuses a multiplication and an addition, which depends on the processor, a threshold of its own
    differs by one rounding of float32; over [-1, 1] in 256 bins none can. Source: octo-models/octo,
    `octo/model/components/tokenizers.py`, and `linspace` of JAX.
    """

    def axis(low: float, high: float) -> _Axis:
        edges = _linspace_of_jax(low, high, count)
        least, most = np.float32(low + _OCTO_EPSILON), np.float32(high - _OCTO_EPSILON)
        return least_reaching(
            lambda actions: _octo_bin(np.clip(actions.astype(np.float32), least, most), edges), low, high, count
        ), _centres(edges)

    return _bins_of("octo_uniform", low, high, count, axis)


def octo_normal(*, count: int = 256) -> Bins:
    """Octo's normal bins: each as likely as the others, for a value of a standard normal distribution.

    The range ends at the quantiles 1e-6 and 1 - 1e-6, at about -4.75 and 4.75. Octo gives bin 0 to what reaches
    the upper end; here it is held in the last bin, and reported where it is beyond. JAX computes the quantiles in
    float32: thresholds of its own differ by up to 2e-6. Source: as `octo_uniform`.
    """
    from scipy.special import ndtri

    count = as_integer("count", count, at_least=2)
    edges = ndtri(_linspace_of_jax(_OCTO_EPSILON, 1 - _OCTO_EPSILON, count).astype(np.float64)).astype(np.float32)
    low, high = float(edges[0]), float(edges[-1])
    thresholds = least_reaching(lambda actions: _octo_bin(actions.astype(np.float32), edges), low, high, count)
    return _assemble("octo_normal", [low], [high], [(thresholds, _centres(edges))])


def _bins_of(
    name: str, low: npt.ArrayLike, high: npt.ArrayLike, count: int, axis: Callable[[float, float], _Axis]
) -> Bins:
    """Bins of `axis(low, high)` of each dimension."""
    as_integer("count", count, at_least=2)
    lows, highs = np.broadcast_arrays(np.atleast_1d(low), np.atleast_1d(high))
    _check_ranges(lows, highs, is_empty_allowed=False)
    axes = [axis(float(least), float(most)) for least, most in zip(lows, highs, strict=True)]
    return _assemble(name, lows, highs, axes)


def _assemble(name: str, low: npt.ArrayLike, high: npt.ArrayLike, axes: list[_Axis]) -> Bins:
    config = {"name": name, "low": low, "high": high}
    return Bins.from_config(
        {**config, "thresholds": [axis[0] for axis in axes], "values": [axis[1] for axis in axes]}
    )


def _as_rows(rows: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(np.asarray(row, np.float64).tolist()) for row in rows)


def _check_ranges(low: npt.NDArray[Any], high: npt.NDArray[Any], is_empty_allowed: bool = True) -> None:
    if low.shape != high.shape or low.ndim != 1 or not low.size:
        raise FormatError(f"got the shapes {low.shape} and {high.shape}, expected a number a dimension", key="low")
    fits = (low >= -_LARGEST) & (low <= high) & (high <= _LARGEST) & ((low < high) | is_empty_allowed)
    if not fits.all():
        dimension = int(np.argmin(fits))
        raise FormatError(
            f"dimension {dimension} has the range {low[dimension]}..{high[dimension]}: expected numbers between "
            f"-{_LARGEST:g} and {_LARGEST:g}, low < high",
            key="low",
        )


def _centres(edges: npt.NDArray[Any]) -> npt.NDArray[Any]:
    centres: npt.NDArray[Any] = (edges[:-1] + edges[1:]) / 2
    return centres


def _octo_bin(actions: npt.NDArray[np.float32], edges: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The bin `edges[b] <= action < edges[b + 1]`; what is beyond the ends is held in the last ones."""
    bins: npt.NDArray[np.int64] = np.clip(np.searchsorted(edges, actions, side="right") - 1, 0, len(edges) - 2)
    return bins


def _linspace_of_jax(low: float, high: float, count: int) -> npt.NDArray[np.float32]:
    """`jnp.linspace(low, high, count + 1)`: computed in float32, unlike numpy's."""
    step = np.arange(count, dtype=np.float32) / np.float32(count)
    inner = np.float32(low) * (np.float32(1) - step) + np.float32(high) * step
    return np.append(inner, np.float32(high))
