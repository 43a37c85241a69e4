"""Which masked positions a round commits first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core
from fast_tokenizer.diffusion.random_numbers import Purpose
from fast_tokenizer.diffusion.reduction import GRID, Reduction, on_grid
from fast_tokenizer.errors import FastTokenizerError

Scores: TypeAlias = "npt.NDArray[np.float64]"
Draws: TypeAlias = Callable[[Purpose], Scores]
"""Gives uniform numbers `[A, L]` for a purpose."""

OrderName: TypeAlias = Literal["max_prob", "margin", "neg_entropy", "random", "left_to_right"]
"""`"max_prob"`: where the likeliest id is most likely. `"margin"`: where it is furthest ahead of the next one.
`"neg_entropy"`: where the entropy is lowest. `"random"`, `"left_to_right"`: whatever the model says.

The first three look at the distribution, not at the id drawn from it, so that what is drawn keeps the model's
frequencies."""


@dataclass(frozen=True)
class LowFrequencyFirst:
    """All dimensions of a frequency before any of the next one, for ids `[K, D]` of a FrequencyCodec.

    Attributes:
        action_dim: D.
        within: The order among the dimensions of a frequency.
    """

    action_dim: int
    within: OrderName = "max_prob"

    def __post_init__(self) -> None:
        _check_group(self)

    def groups(self, scores: Scores, masked: npt.NDArray[np.bool_]) -> tuple[Scores, ...]:
        """A key that is larger the earlier a position's frequency is."""
        return (-(np.arange(scores.shape[1]) // self.action_dim).astype(np.float64),)


@dataclass(frozen=True)
class GroupedByTimeStep:
    """Whole time steps, the one first whose masked positions have the best mean score, for ids `[H, D]`.

    The idea is LLaDA-VLA's, which ranks time steps by the sum of probabilities. Here it is the mean, which does
    not hold it against a step that few of its positions are left, and for `"max_prob"` of logarithms: the most
    probable step as a whole.

    Attributes:
        action_dim: D.
        within: The score, and the order among the dimensions of a time step.
    """

    action_dim: int
    within: OrderName = "max_prob"

    def __post_init__(self) -> None:
        _check_group(self)

    def groups(self, scores: Scores, masked: npt.NDArray[np.bool_]) -> tuple[Scores, ...]:
        """The mean score of a position's time step, and the step itself for those that are equal."""
        starts = np.arange(0, scores.shape[1], self.action_dim)
        steps = np.arange(scores.shape[1]) // self.action_dim
        total = np.add.reduceat(np.where(masked, scores, 0.0), starts, axis=1)
        left = np.add.reduceat(masked, starts, axis=1, dtype=np.int64)
        return (total / np.maximum(left, 1))[:, steps], -steps.astype(np.float64)


Order: TypeAlias = "OrderName | LowFrequencyFirst | GroupedByTimeStep"


def check_order(order: Order) -> None:
    """Raises FastTokenizerError unless `order` is one."""
    if not isinstance(order, LowFrequencyFirst | GroupedByTimeStep):
        _check_name(order)


def rank_positions(
    order: Order,
    found: Reduction,
    masked: npt.NDArray[np.bool_],
    draws: Draws,
    temperature: Scores,
    count: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """The places of the first masked positions of each row in the order in which they are to be committed.

    At an order temperature above 0 the scores get Gumbel noise times it. The score of `"max_prob"` is the
    logarithm, so that it is MaskGIT's `log p + temperature * Gumbel`; with and without noise, or what is averaged
    over a time step would not be the same for a small temperature as for none.

    Args:
        order: As in `decode_masked`.
        found: What the model's logits say, `[A, L]`.
        masked: bool `[A, L]`.
        draws: Uniform numbers.
        temperature: `[A]`.
        count: `[A]`: how many have a place.

    Returns:
        int64 `[A, L]`: 0 for the first position of a row, L for those that have no place.
    """
    name = order if isinstance(order, str) else order.within
    with_noise = bool(temperature.any())
    if name == "max_prob" and not with_noise and not isinstance(order, GroupedByTimeStep):
        scores = found.largest  # of which the logarithm on the grid has the same order, ties included
    else:
        scores = _scores(name, found, draws)
    if with_noise:
        scores = scores + temperature[:, None] * _gumbel(draws(Purpose.ORDER_NOISE))
    if isinstance(order, str):
        return _core.rank(masked, [scores], count)
    return _core.rank(masked, [*order.groups(scores, masked), scores], count)


def _scores(name: OrderName, found: Reduction, draws: Draws) -> Scores:
    if name == "max_prob":
        return on_grid(np.log(np.maximum(found.largest, GRID)))
    if name == "margin":
        return found.largest - found.second
    if name == "neg_entropy":
        return -found.entropy
    if name == "random":
        return draws(Purpose.ORDER)
    return np.broadcast_to(-np.arange(found.ids.shape[1], dtype=np.float64), found.ids.shape)


def _gumbel(uniform: Scores) -> Scores:
    return np.asarray(-np.log(-np.log(np.maximum(uniform, 2.0**-54))))


def _check_name(name: object) -> None:
    if name not in get_args(OrderName):
        raise FastTokenizerError(
            f"order is {name!r}: expected {', '.join(map(repr, get_args(OrderName)))}, LowFrequencyFirst or "
            "GroupedByTimeStep"
        )


def _check_group(order: LowFrequencyFirst | GroupedByTimeStep) -> None:
    _check_name(order.within)
    if order.action_dim < 1:
        raise FastTokenizerError(f"action_dim is {order.action_dim}: expected 1 or more")
