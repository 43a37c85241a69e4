"""The codecs that can be compared: each is a name, and how it is fitted to chunks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fast_tokenizer import FastTokenizer
from fast_tokenizer.codecs.fast import FastCodec, Scheme
from fast_tokenizer.constraint import ActionConstraint
from fast_tokenizer.vocabulary import ActionVocabulary

_SCALE, _VOCAB_SIZE = 4, 128  # few values for each id to mean, as there are few examples of each


class Codec(Protocol):
    """What the policy asks of a codec."""

    @property
    def vocabulary(self) -> ActionVocabulary:
        """Its action ids."""

    def encode(self, actions: Any) -> Any:
        """A `TokenBatch`."""

    def decode(self, ids: Any, *, horizon: Any, action_dim: Any) -> Any:
        """Chunks of ids."""

    def constraint(self, horizon: int, action_dim: int) -> ActionConstraint:
        """Which ids may come next."""


def _fast(scheme: Scheme, chunks: npt.NDArray[np.float64]) -> FastCodec:
    codec: FastCodec = FastTokenizer.fit(chunks, _SCALE, _VOCAB_SIZE, scheme=scheme).codec
    return codec


CODECS: dict[str, Callable[[npt.NDArray[np.float64]], Codec]] = {
    "symbols": partial(_fast, "symbols"),
    "bytes": partial(_fast, "bytes"),
}
"""By the name that `--codecs` takes: chunks `[B, H, D]` to a codec. A line more here is one codec more."""
