"""The codecs that can be compared: each is a name, and how it is fitted to chunks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from fast_tokenizer import FastTokenizer
from fast_tokenizer.codecs import BinningCodec, Codec, FrequencyCodec, bins
from fast_tokenizer.codecs.fast import Scheme

_SCALE, _VOCAB_SIZE = 4, 128  # few values for each id to mean, as there are few examples of each
_LARGEST_ERROR = 1.0  # of a value that "frequency" brings back


def _fast(scheme: Scheme, chunks: npt.NDArray[np.float64]) -> Codec:
    codec: Codec = FastTokenizer.fit(chunks, _SCALE, _VOCAB_SIZE, scheme=scheme).codec
    return codec


CODECS: dict[str, Callable[[npt.NDArray[np.float64]], Codec]] = {
    "symbols": partial(_fast, "symbols"),
    "bytes": partial(_fast, "bytes"),
    "frequency": partial(FrequencyCodec.fit, scale=_SCALE, max_error=_LARGEST_ERROR),
    "bins": lambda chunks: BinningCodec(bins.uniform(-1, 1, count=_VOCAB_SIZE)),
}
"""By the name that `--codecs` takes: chunks `[B, H, D]` to a codec. A line more here is one codec more."""
