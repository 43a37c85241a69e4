"""The three codecs, fitted to chunks, and what each writes as canvases of one length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fast_tokenizer import FastTokenizer
from fast_tokenizer.codecs import BinningCodec, Codec, FastCodec, FrequencyCodec, bins
from fast_tokenizer.diffusion import PositionConstraint

_BINS = 48  # of 4.6 % of the range of an action
_SCALE = 10.0  # of coefficients, before rounding
_FREQUENCY_ERROR = 0.15  # of a value, in all
_FAST_VOCABULARY = 96
_SPARE = 2  # ids of a canvas more than the longest chunk has


@dataclass(frozen=True, eq=False)
class Representation:
    """A codec, and the canvases that a model is to fill.

    Attributes:
        codec: Actions to ids and back.
        length: L, ids of a canvas.
        outputs: Ids that the model may write: those of actions, and pad where lengths differ.
        constraint: What keeps the length right, where lengths differ.
    """

    codec: Codec
    length: int
    outputs: int
    constraint: PositionConstraint | None

    def canvases(self, chunks: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Ids `[B, L]` of chunks."""
        return self.codec.encode(chunks).padded(max_length=self.length)[0].astype(np.int64)


def represent(chunks: npt.NDArray[np.float64]) -> dict[str, Representation]:
    """By name, the codecs fitted to chunks `[B, H, D]`."""
    horizon, action_dim = chunks.shape[1:]
    fast: FastCodec = FastTokenizer.fit(chunks, scale=_SCALE, vocab_size=_FAST_VOCABULARY).codec
    length = int(fast.encode(chunks).lengths.max()) + _SPARE
    constraint = fast.canvas_constraint(horizon, action_dim, length)
    fixed: dict[str, BinningCodec | FrequencyCodec] = {
        "bins": BinningCodec(bins.uniform(-1.1, 1.1, count=_BINS)),
        "frequencies": FrequencyCodec.fit(chunks, scale=_SCALE, max_error=_FREQUENCY_ERROR),
    }
    representations = {
        name: Representation(codec, codec.length(horizon, action_dim), codec.vocabulary.size, None)
        for name, codec in fixed.items()
    }
    return {**representations, "FAST": Representation(fast, length, constraint.ids, constraint)}
