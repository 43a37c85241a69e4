"""Which shape tokens are decoded to: what was asked for, what they carry and what was saved must agree."""

from __future__ import annotations

import operator
from typing import cast

import numpy as np

from fast_tokenizer.token_batch import Horizon, TokenBatch, TokenLists, as_sequences


def agreed_shape(
    tokens: object,
    time_horizon: Horizon | None,
    action_dim: int | None,
    saved: tuple[int | None, int | None],
) -> tuple[Horizon, int]:
    """Steps and dimensions of the chunks that tokens stand for.

    Args:
        tokens: What is to be decoded.
        time_horizon: Steps, as the caller gave them; None where not.
        action_dim: Dimensions, likewise.
        saved: Both, where neither the caller nor the tokens tell.

    Raises:
        ValueError: If no shape is known, or the caller contradicts the tokens.

    Examples:
        >>> agreed_shape([[1, 2]], 50, None, saved=(20, 7))
        (50, 7)
    """
    if isinstance(tokens, TokenLists) and time_horizon is None and action_dim is None:
        return tokens.horizon, tokens.action_dim  # the usual case, at once
    carried_horizon: Horizon | None = None
    carried_dim: int | None = None
    if isinstance(tokens, TokenLists | TokenBatch):
        carried_horizon, carried_dim = tokens.horizon, tokens.action_dim
    horizon = _agreed("time_horizon", time_horizon, carried_horizon, saved[0])
    dim = _agreed("action_dim", action_dim, carried_dim, saved[1])
    if horizon is None or dim is None:
        if len(as_sequences(tokens)[1]) == 1:  # an empty batch has no shape to get wrong
            return horizon or 1, cast("int", dim or 1)
        missing = " and ".join(
            name for name, value in (("time_horizon", horizon), ("action_dim", dim)) if value is None
        )
        raise ValueError(
            f"the shape of these tokens is not known: give {missing}, decode the list that the tokenizer "
            "returned, or save the tokenizer with a shape"
        )
    return horizon, cast("int", dim)


def agreed_embodiment(tokens: object, embodiment: str | None) -> str | None:
    """Whose actions tokens stand for: as the caller says, or as the tokens carry it.

    Raises:
        ValueError: If the caller contradicts the tokens.
    """
    carried = tokens.embodiment if isinstance(tokens, TokenLists | TokenBatch) else None
    if embodiment is not None and carried is not None and embodiment != carried:
        raise ValueError(f"embodiment={embodiment!r} was given, but the tokens are of {carried!r}")
    return carried if embodiment is None else embodiment


def saved_shape(time_horizon: int | None, action_dim: int | None) -> tuple[int | None, int | None]:
    """Steps and dimensions as a tokenizer keeps them: whole numbers from 1, or None.

    Raises:
        ValueError: If one is less.
        TypeError: If one is no integer.
    """
    return _positive("time_horizon", time_horizon), _positive("action_dim", action_dim)


def _positive(name: str, value: int | None) -> int | None:
    if value is not None and value < 1:
        raise ValueError(f"{name} is {value}: expected 1 or more, or None")
    return None if value is None else operator.index(value)


def _agreed(name: str, given: Horizon | None, carried: Horizon | None, saved: int | None) -> Horizon | None:
    if given is not None and carried is not None and not np.array_equal(given, carried):
        raise ValueError(f"{name}={given} was given, but the tokens are of chunks with {name}={carried}")
    if given is not None:
        return given
    return saved if carried is None else carried
