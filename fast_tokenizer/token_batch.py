"""Token ids of a batch of chunks, together with the shape that they stand for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer import _core

Horizon: TypeAlias = "int | tuple[int, ...]"
"""Steps of every chunk, or of each one where they differ."""


class TokenLists(list[list[int]]):
    """What calling a tokenizer returns: a list of ids for each chunk, as the reference gives.

    It is a plain list that also says what shape its chunks had, so that `tokenizer.decode(tokens)` needs no
    keywords and no memory. A part of it (`tokens[0]`, `tokens[:2]`) is an ordinary list.

    Attributes:
        horizon: Steps of the chunks.
        action_dim: Dimensions of an action.
        clipped: bool `[B]`: which chunks held a coefficient outside the vocabulary's range.
        embodiment: Whose actions they are, where that was said.
    """

    def __init__(
        self,
        lists: Iterable[list[int]],
        horizon: Horizon,
        action_dim: int,
        clipped: npt.NDArray[np.bool_],
        embodiment: str | None = None,
    ) -> None:
        super().__init__(lists)
        self.horizon = horizon
        self.action_dim = action_dim
        self.clipped = clipped
        self.embodiment = embodiment


@dataclass(frozen=True, eq=False)
class TokenBatch:
    """Ids of several chunks, one after the other.

    Attributes:
        ids: int32 `[N]`.
        offsets: int64 `[B + 1]`; chunk `b` has `ids[offsets[b]:offsets[b + 1]]`.
        horizon: Steps of the chunks.
        action_dim: Dimensions of an action.
        clipped: bool `[B]`: which chunks held a coefficient outside the vocabulary's range.
        pad_id: What `padded` fills with.
        embodiment: Whose actions they are, where that was said.
    """

    ids: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    horizon: Horizon
    action_dim: int
    clipped: npt.NDArray[np.bool_]
    pad_id: int
    embodiment: str | None = None

    def __len__(self) -> int:
        """Chunks in the batch."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Ids of each chunk, int64 `[B]`."""
        return np.diff(self.offsets)

    def to_lists(self) -> TokenLists:
        """The ids as Python lists that carry the shape."""
        return TokenLists(
            _core.to_lists(self.ids, self.offsets),
            self.horizon,
            self.action_dim,
            self.clipped,
            self.embodiment,
        )

    def padded(
        self,
        side: Literal["left", "right"] = "right",
        multiple_of: int = 1,
        max_length: int | None = None,
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
        """The ids as one array.

        Args:
            side: Where the padding goes.
            multiple_of: The width is rounded up to a multiple of this.
            max_length: The width, instead of the longest chunk's.

        Returns:
            ids int32 `[B, L]`, filled with `pad_id`, and the attention mask bool `[B, L]`, true on ids.

        Raises:
            ValueError: If a chunk is longer than `max_length`: nothing is cut off.

        Examples:
            >>> batch = TokenBatch(np.int32([7, 8, 9]), np.int64([0, 2, 3]), 4, 1, np.zeros(2, bool), 99)
            >>> batch.padded(side="left")[0].tolist()
            [[7, 8], [99, 9]]
        """
        if side not in ("left", "right"):
            raise ValueError(f"side is {side!r}: expected 'left' or 'right'")
        if multiple_of < 1:
            raise ValueError(f"multiple_of is {multiple_of}: expected 1 or more")
        lengths = self.lengths
        longest = int(lengths.max(initial=0))
        if max_length is not None and longest > max_length:
            raise ValueError(
                f"chunk {int(lengths.argmax())} has {longest} ids: more than max_length {max_length}; "
                "raise max_length, or encode with a lower scale"
            )
        width = longest if max_length is None else max_length
        width = -(-width // multiple_of) * multiple_of
        column = np.arange(width)
        start = np.zeros_like(lengths) if side == "right" else width - lengths
        mask = (column >= start[:, None]) & (column < (start + lengths)[:, None])
        ids = np.full(mask.shape, self.pad_id, np.int32)
        ids[mask] = self.ids
        return ids, mask


def as_sequences(tokens: object) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Flat ids and offsets of what a caller may hold token ids in.

    Args:
        tokens: A `TokenBatch`, a list of lists, one flat list of ids (one sequence), or an array or tensor
            `[N]` or `[B, L]` of integers.

    Returns:
        ids int32 `[N]` and offsets int64 `[B + 1]`.

    Raises:
        TypeError: If something in it is not an integer.
    """
    if isinstance(tokens, (list, tuple)):
        if len(tokens) > 0 and not isinstance(tokens[0], list):
            tokens = [_plain(one) for one in tokens] if hasattr(tokens[0], "__len__") else [tokens]
        return _core.from_lists(tokens)
    if isinstance(tokens, TokenBatch):
        return tokens.ids, tokens.offsets
    if hasattr(tokens, "detach"):
        tokens = tokens.detach().cpu().numpy()
    if isinstance(tokens, np.ndarray):
        return _array_sequences(tokens)
    raise TypeError(f"tokens are a {type(tokens).__name__}: expected lists or an array of token ids")


def _array_sequences(tokens: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    if tokens.dtype.kind not in "iu" and tokens.size:
        raise TypeError(f"token ids have the type {tokens.dtype}: expected integers")
    if tokens.ndim == 1:
        tokens = tokens[None] if tokens.size else tokens.reshape(0, 0)
    if tokens.ndim != 2:
        raise ValueError(f"token ids have shape {tokens.shape}: expected [length] or [batch, length]")
    # An id that does not fit 32 bits must not wrap around into the vocabulary.
    limit = np.iinfo(np.int32)
    wide = tokens.astype(np.int64) if tokens.dtype != np.uint64 else np.minimum(tokens, limit.max).astype(np.int64)
    ids = np.where((wide >= limit.min) & (wide <= limit.max), wide, limit.min).astype(np.int32).ravel()
    return ids, np.arange(len(tokens) + 1, dtype=np.int64) * tokens.shape[1]


def _plain(sequence: object) -> object:
    # Arrays and tensors know how to become numbers of Python; indexing them one by one is slow.
    return sequence.tolist() if hasattr(sequence, "tolist") else sequence
