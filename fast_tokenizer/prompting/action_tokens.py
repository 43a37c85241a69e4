"""The calls that prompts need of whatever turns actions into ids: a tokenizer, a codec, a processor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer.actions import Floats
from fast_tokenizer.decoding import DecodeStatus, ErrorPolicy
from fast_tokenizer.errors import FastTokenizerError


class ActionProcessor(Protocol):
    """`FastTokenizer`, the published processor and its kin: called with chunks `[B, H, D]`, it gives lists."""

    def __call__(self, action_chunk: Any) -> Sequence[Sequence[int]]:
        """Ids of each chunk."""

    def decode(self, tokens: Any, *, time_horizon: Any, action_dim: Any) -> Any:
        """Chunks of ids."""


class Codec(Protocol):
    """`FastCodec` and its kin."""

    def encode(self, actions: Any) -> Any:
        """A `TokenBatch`."""

    def decode(self, ids: Any, *, horizon: Any, action_dim: Any) -> Any:
        """Chunks of ids."""


ActionTokenizer: TypeAlias = "ActionProcessor | Codec"


def encode_chunks(tokenizer: ActionTokenizer, chunks: Floats) -> tuple[list[list[int]], npt.NDArray[np.bool_]]:
    """Ids of each chunk, and which chunks were clipped, bool `[B]`; none where the tokenizer does not say."""
    lists = tokenizer(chunks) if callable(tokenizer) else tokenizer.encode(chunks).to_lists()
    clipped = getattr(lists, "clipped", np.zeros(len(chunks), bool))
    return [list(ids) for ids in lists], clipped


def decode_lists(
    tokenizer: ActionTokenizer, lists: list[list[int]], horizon: int, action_dim: int, errors: ErrorPolicy
) -> npt.NDArray[np.float64]:
    """Chunks `[B, H, D]` of lists of ids.

    The default policy is not passed on, as the published processor knows none.
    """
    policy = {} if errors == "strict" else {"errors": errors}
    shape = _shape(tokenizer, horizon, action_dim)
    actions: npt.NDArray[np.float64] = np.asarray(tokenizer.decode(lists, **shape, **policy))
    return actions


def whole_prefix(tokenizer: ActionTokenizer, ids: list[int], length: int, horizon: int, action_dim: int) -> int:
    """How many of the first `length` ids can be kept, so that none ends inside a coefficient.

    Args:
        tokenizer: It must have `decode_checked`.
        ids: Those of a whole chunk.
        length: How many there is room for.
        horizon: Steps of the chunk.
        action_dim: Dimensions of an action.

    Raises:
        FastTokenizerError: If the tokenizer does not tell what is wrong with ids.
    """
    check: Any = getattr(tokenizer, "decode_checked", None)
    if check is None:
        raise FastTokenizerError(
            f"a {type(tokenizer).__name__} has no decode_checked, so it cannot be said where a coefficient ends: "
            'use FastTokenizer, or on_overflow="raise" or "cut"'
        )
    # The first id of a chunk begins a coefficient, so it can follow only where none is pending.
    trials = [[*ids[:kept], ids[0]] for kept in range(length + 1)]
    _, status = check(trials, **_shape(tokenizer, horizon, action_dim))
    whole = np.flatnonzero(status != DecodeStatus.NOT_A_COEFFICIENT)
    return int(whole[-1])


def _shape(tokenizer: ActionTokenizer, horizon: int, action_dim: int) -> dict[str, int]:
    return {"time_horizon" if callable(tokenizer) else "horizon": horizon, "action_dim": action_dim}
