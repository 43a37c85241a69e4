"""The heads that are compared: all on the same trunk, made for the same chunks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fast_tokenizer.codecs import BinningCodec, Codec
from fast_tokenizer.codecs.bins import Bins, uniform
from fast_tokenizer.errors import FastTokenizerError
from fast_tokenizer.heads import (
    ActionHead,
    AutoregressiveTokensHead,
    BinningHead,
    DiffusionHead,
    FlowMatchingHead,
    GaussianMixtureHead,
    MaskedDiffusionHead,
    RegressionHead,
    TransformerTrunk,
)
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

STANDARD_TASKS = ONE_SIDED, TWO_SIDED = "drawer-open", "button-press-topdown-two-sided"
"""Of the simulator: one that is done in one way, and one with a pillar to pass on either side."""

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
    begins: Literal["among chunks", "by chance"] = "among chunks",
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
        begins: Where the mixture has its components before training.

    Raises:
        FastTokenizerError: If there is no such head.
    """
    if name not in HEADS:
        raise FastTokenizerError(f"there is no head {name!r}: expected one of {', '.join(HEADS)}")
    _, horizon, action_dim = chunks.shape
    shape: dict[str, Any] = {"horizon": horizon, "action_dim": action_dim}
    bins = bins_for(chunks, bin_count)
    makers: dict[str, Callable[[], ActionHead]] = {
        "regression": lambda: RegressionHead(trunk, **shape),
        "regression-l1": lambda: RegressionHead(trunk, **shape, distance="l1"),
        "mixture": lambda: _mixture(chunks, begins, GaussianMixtureHead(trunk, **shape, components=components)),
        "bins": lambda: BinningHead(trunk, **shape, bins=bins),
        "bins-ar": lambda: AutoregressiveTokensHead(trunk, **shape, codec=BinningCodec(bins)),
        "fast": lambda: AutoregressiveTokensHead(trunk, **shape, codec=_fast_codec(chunks, scale, vocab_size)),
        "masked": lambda: MaskedDiffusionHead(trunk, **shape, codec=BinningCodec(bins)),
        "diffusion": lambda: DiffusionHead(trunk, **shape),
        "flow": lambda: FlowMatchingHead(trunk, **shape),
    }
    return makers[name]()


_DEFAULT_WAY = {"sampler": "ddpm", "solver": "euler", "spacing": "even"}
"""What heads have that draw in more than one way."""


def set_way(head: ActionHead, way: Mapping[str, Any]) -> dict[str, Any]:
    """Makes a head draw in a way, by default in what that does not name; what is left is for `sample`."""
    for attribute, default in _DEFAULT_WAY.items():
        if attribute in way or hasattr(head, attribute):
            getattr(head, attribute)  # a way of another head is an error
            setattr(head, attribute, way.get(attribute, default))
    return {name: value for name, value in way.items() if name not in _DEFAULT_WAY}


def _mixture(chunks: npt.NDArray[np.float64], begins: str, head: GaussianMixtureHead) -> ActionHead:
    if begins == "among chunks":
        head.begin_at(chunks)
    return head


def _fast_codec(chunks: npt.NDArray[np.float64], scale: float, vocab_size: int) -> Codec:
    codec: Codec = FastTokenizer.fit(chunks, scale, vocab_size, num_threads=1).codec
    return codec
