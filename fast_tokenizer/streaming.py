"""Actions from a sequence of ids that is not finished yet."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from fast_tokenizer.codecs.fast import FastCodec
from fast_tokenizer.decoding import DecodeStatus


class StreamingDecoder:
    """Decodes a chunk while its ids arrive.

    FAST writes low frequencies first, so that the first ids give the coarse motion over the whole chunk, and each
    one after them makes it finer.

    Args:
        codec: The codec of the ids.
        horizon: Steps of the chunk.
        action_dim: Dimensions of an action.

    Examples:
        >>> from fast_tokenizer import FastTokenizer
        >>> chunk = np.linspace([0.0, 1.0], [1.0, -1.0], 10)
        >>> tokenizer = FastTokenizer.fit([chunk])
        >>> decoder = StreamingDecoder(tokenizer.codec, horizon=10, action_dim=2)
        >>> for token in tokenizer(chunk)[0]:
        ...     actions = decoder.push([token])
        >>> decoder.complete, bool((actions == tokenizer.decode(tokenizer(chunk))[0]).all())
        (True, True)
    """

    def __init__(self, codec: FastCodec, *, horizon: int, action_dim: int) -> None:
        self._codec = codec
        self._horizon = horizon
        self._action_dim = action_dim
        self._ids: list[int] = []
        self._settled = 0

    @property
    def settled(self) -> int:
        """Coefficients that are known: the lowest frequency of all dimensions, then the next, and so on."""
        return self._settled

    @property
    def complete(self) -> bool:
        """Whether the chunk is whole; further ids are an error, but for the end token and padding."""
        return self._settled == self._horizon * self._action_dim

    def push(self, ids: int | Iterable[int]) -> npt.NDArray[np.float64]:
        """Takes further ids.

        Args:
            ids: One id, or several.

        Returns:
            The actions as far as they are known, `[horizon, action_dim]`: coefficients that are still to come are
            zero.

        Raises:
            DecodeError: If these ids cannot be part of such a chunk. The ids pushed before stay as they were.
        """
        new = [int(ids)] if isinstance(ids, int | np.integer) else [int(one) for one in ids]
        tokens, horizon, dim = [self._ids + new], self._horizon, self._action_dim
        checked = self._codec.decode_checked(tokens, horizon=horizon, action_dim=dim)
        if checked.status[0] not in (DecodeStatus.OK, DecodeStatus.TOO_SHORT):
            self._codec.decode(tokens, horizon=horizon, action_dim=dim)  # raises, and says why
        self._ids += new
        self._settled = int(checked.decoded[0])
        actions: npt.NDArray[np.float64] = checked.actions[0]
        return actions
