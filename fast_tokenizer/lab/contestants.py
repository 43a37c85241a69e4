"""The heads that are compared: all on the same trunk, made for the same chunks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.codecs import BinningCodec
from fast_tokenizer.codecs.bins import Bins, uniform
from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer import heads as available
from fast_tokenizer.heads import ActionHead, TransformerTrunk
from fast_tokenizer.tokenizer import FastTokenizer

HEADS: Mapping[str, str] = {
    "regression": "regression, squared error",
    "regression-l1": "regression, absolute error",
    "mixture": "mixture of Gaussians",
    "bins": "bins, in parallel",
    "bins-ar": "bins, one by one",
    "fast": "FAST tokens",
    "masked": "masked diffusion",
    "diffusion": "diffusion",
    "flow": "flow matching",
}
"""By the name that the command has, what tables call them."""

BIN_COUNT = 256


def bins_for(chunks: npt.NDArray[np.float64], count: int = BIN_COUNT) -> Bins:
    """Bins over the range of the chunks, a twentieth wider."""
    low, high = float(chunks.min()), float(chunks.max())
    margin = 0.025 * (high - low)
    return uniform(low - margin, high + margin, count=count)


def make_trunk(condition_dim: int, *, width: int = 64, layers: int = 2) -> TransformerTrunk:
    """The trunk of all: a pre-norm transformer of four heads."""
    return TransformerTrunk(condition_dim, width=width, layers=layers, heads=4)


def make_head(
    name: str,
    trunk: TransformerTrunk,
    chunks: npt.NDArray[np.float64],
    *,
    bin_count: int = BIN_COUNT,
    scale: float = 10,
    vocab_size: int = 1024,
    components: int = 5,
) -> ActionHead:
    """A head that was not trained yet.

    Args:
        name: One of `HEADS`.
        trunk: Its own, not shared with another head.
        chunks: `[N, H, D]` to train on, of which it has its range and its tokens.
        bin_count: Of the heads over bins.
        scale: Of FAST.
        vocab_size: Of FAST.
        components: Of the mixture.

    Raises:
        FastTokenizerError: If there is no such head.
    """
    _, horizon, action_dim = chunks.shape
    shape: dict[str, Any] = {"horizon": horizon, "action_dim": action_dim}
    if name == "regression":
        return available.RegressionHead(trunk, **shape)
    if name == "regression-l1":
        return available.RegressionHead(trunk, **shape, distance="l1")
    if name == "mixture":
        return available.GaussianMixtureHead(trunk, **shape, components=components)
    if name == "bins":
        return available.BinningHead(trunk, **shape, bins=bins_for(chunks, bin_count))
    if name == "bins-ar":
        return available.AutoregressiveTokensHead(trunk, **shape, codec=BinningCodec(bins_for(chunks, bin_count)))
    if name == "fast":
        codec = FastTokenizer.fit(chunks, scale=scale, vocab_size=vocab_size, num_threads=1).codec
        return available.AutoregressiveTokensHead(trunk, **shape, codec=codec)
    if name == "masked":
        return available.MaskedDiffusionHead(trunk, **shape, bins=bins_for(chunks, bin_count))
    if name == "diffusion":
        return available.DiffusionHead(trunk, **shape)
    if name == "flow":
        return available.FlowMatchingHead(trunk, **shape)
    raise FastTokenizerError(f"there is no head {name!r}: expected one of {', '.join(HEADS)}")
