"""Binning: one id a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fast_tokenizer import _core
from fast_tokenizer.actions import Floats
from fast_tokenizer.codecs.bins import Bins
from fast_tokenizer.codecs.codec import Codec, EncodedChunks, ReadSequences
from fast_tokenizer.codecs.parameters import as_integer
from fast_tokenizer.constraint import ActionConstraint
from fast_tokenizer.errors import EncodeError, FormatError
from fast_tokenizer.threads import thread_count
from fast_tokenizer.token_batch import as_sequences
from fast_tokenizer.vocabulary import ActionVocabulary


class BinningCodec(Codec):
    """Actions to bins and back: the id of a value is its bin, step by step, all dimensions of a step together.

    What lies outside the range of its bins is clipped, and reported. Of a damaged sequence `errors="repair"` keeps
    the complete steps before the damage and holds the last of them; a step that is cut off is not used.

    Args:
        bins: Where they begin and what they decode to; `fast_tokenizer.codecs.bins` makes them.
        vocabulary: The ids, of which the first are the bins; as many as there are bins unless given. With that of
            another codec, pad, eos and mask are the same for both, and one `VocabularyMap` carries both.

    Raises:
        FormatError: If there are more bins than ids.

    Examples:
        >>> from fast_tokenizer.codecs import bins
        >>> codec = BinningCodec(bins.uniform(-1, 1, count=4))
        >>> batch = codec.encode([[0.1, -0.9], [2.0, 0.6]])
        >>> batch.ids.tolist(), batch.clipped.tolist()
        ([2, 0, 3, 3], [True])
        >>> codec.decode(batch, horizon=2, action_dim=2).tolist()
        [[[0.25, -0.75], [0.75, 0.75]]]
    """

    name = "binning"
    value_name = "values"
    unreadable = "{} stands for no bin"

    def __init__(self, bins: Bins, *, vocabulary: ActionVocabulary | None = None) -> None:
        self._bins = bins
        self._vocabulary = ActionVocabulary(bins.count) if vocabulary is None else vocabulary
        if bins.count > self._vocabulary.size:
            raise FormatError(
                f"a vocabulary of {self._vocabulary.size} ids cannot hold {bins.count} bins: use fewer bins, or a "
                "larger vocabulary",
                key="vocab_size",
            )
        self._table = _core.BinTable(*map(np.array, (bins.low, bins.high, bins.thresholds, bins.values)))

    @property
    def vocabulary(self) -> ActionVocabulary:
        """The action ids, of which the first are the bins, and the special ids after them."""
        return self._vocabulary

    @property
    def bins(self) -> Bins:
        """Where they begin and what they decode to."""
        return self._bins

    def length(self, horizon: int, action_dim: int) -> int:
        """Ids of a chunk of this shape: one a value."""
        return horizon * action_dim

    def constraint(self, horizon: int, action_dim: int) -> ActionConstraint:
        """Which ids may come next in a sequence that is to become a chunk of this shape: the bins."""
        self._require_dimensions(action_dim, ValueError)
        return ActionConstraint(self._grammar(), self._vocabulary, horizon, action_dim)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes an equal codec of, as plain JSON."""
        return {"codec": self.name, "vocab_size": int(self._vocabulary.size), "bins": self._bins.get_config()}

    @classmethod
    def _from_config(cls, config: Mapping[str, Any]) -> BinningCodec:
        size = as_integer("vocab_size", config["vocab_size"], at_least=1)
        return cls(Bins.from_config(config["bins"]), vocabulary=ActionVocabulary(size))

    def _encode_chunks(self, chunks: Floats, num_threads: int) -> EncodedChunks:
        count, horizon, action_dim = chunks.shape
        self._require_dimensions(action_dim, EncodeError)
        ids, clipped = self._table.encode(chunks, num_threads)
        return ids, np.arange(count + 1) * (horizon * action_dim), clipped

    def _read_sequences(
        self, tokens: object, horizon: int, action_dim: int, keep_prefix: bool, num_threads: int | None
    ) -> ReadSequences:
        self._require_dimensions(action_dim, ValueError)
        ids, offsets = as_sequences(tokens)
        size, threads = self._vocabulary.size, thread_count(num_threads)
        return self._table.decode(ids, offsets, horizon, action_dim, size, keep_prefix, threads)

    def _range_advice(self) -> str:
        return (
            f"a value is outside the range of {self._bins}: expected actions within it; normalise them as those "
            "that the bins were made for, or make bins of a wider range"
        )

    def _grammar(self) -> _core.TokenGrammar:
        size, count = self._vocabulary.size, self._bins.count
        if count == size:
            return _core.TokenGrammar(size)
        # A coefficient for each id, and none allowed beyond the last bin.
        coder = _core.CoefficientCoder("symbols", 0, [chr(one) for one in range(size)], np.empty((0, 3), np.int32))
        return _core.TokenGrammar(coder, False, count - 1)

    def _require_dimensions(self, action_dim: int, error: type[ValueError]) -> None:
        if self._bins.dimensions not in (None, action_dim):
            raise error(f"action_dim is {action_dim}: expected {self._bins.dimensions}, as the bins have")

    def __repr__(self) -> str:
        return f"BinningCodec({self._bins!r}, vocab_size={self._vocabulary.size})"
