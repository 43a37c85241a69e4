"""Which shape tokens are decoded to, and whose: what was asked, what they carry and what was saved must agree."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from fast_tokenizer.token_batch import Horizon, TokenBatch, TokenLists, as_sequences


def agreed_shape(
    tokens: object,
    time_horizon: Horizon | None,
    action_dim: int | None,
    embodiment: str | None,
    saved: tuple[int | None, int | None],
) -> tuple[Horizon, int, str | None]:
    """Steps and dimensions of the chunks that tokens stand for, and whose actions they are.

    Args:
        tokens: What is to be decoded.
        time_horizon: Steps, as the caller gave them; None where not.
        action_dim: Dimensions, likewise.
        embodiment: Whose actions, likewise; without a word from the tokens too it stays None.
        saved: Steps and dimensions, where neither the caller nor the tokens tell.

    Raises:
        ValueError: If no shape is known, or the caller contradicts the tokens.

    Examples:
        >>> agreed_shape([[1, 2]], 50, None, "arm", saved=(20, 7))
        (50, 7, 'arm')
    """
    if isinstance(tokens, TokenLists) and time_horizon is None and action_dim is None and embodiment is None:
        return tokens.horizon, tokens.action_dim, tokens.embodiment  # the usual case, at once
    carried_horizon: Horizon | None = None
    carried_dim: int | None = None
    carried_embodiment: str | None = None
    if isinstance(tokens, TokenLists | TokenBatch):
        carried_horizon, carried_dim = tokens.horizon, tokens.action_dim
        carried_embodiment = tokens.embodiment
    horizon: Horizon | None = _agreed("time_horizon", time_horizon, carried_horizon)
    dim: int | None = _agreed("action_dim", action_dim, carried_dim)
    embodiment = _agreed("embodiment", embodiment, carried_embodiment)
    horizon, dim = saved[0] if horizon is None else horizon, saved[1] if dim is None else dim
    if horizon is None or dim is None:
        if len(as_sequences(tokens)[1]) == 1:  # an empty batch has no shape to get wrong
            return horizon or 1, dim or 1, embodiment
        missing = " and ".join(
            name for name, value in (("time_horizon", horizon), ("action_dim", dim)) if value is None
        )
        raise ValueError(
            f"the shape of these tokens is not known: give {missing}, decode the list that the tokenizer "
            "returned, or save the tokenizer with a shape"
        )
    return horizon, dim, embodiment


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


def _agreed(name: str, given: Any, carried: Any) -> Any:
    if given is not None and carried is not None and not np.array_equal(given, carried):
        raise ValueError(f"{name}={given!r} was given, but the tokens are of chunks with {name}={carried!r}")
    return carried if given is None else given
