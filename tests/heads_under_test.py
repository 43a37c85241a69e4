"""The heads that tests go through, each small and as after a training, and what they are given."""

from importlib.util import find_spec

import numpy as np
from frameworks import import_or_skip
from tokenizers.pre_tokenizers import ByteLevel

torch = import_or_skip("torch")

from fast_tokenizer import FastCodec, FastTokenizer  # noqa: E402
from fast_tokenizer.codecs import BinningCodec, FrequencyCodec  # noqa: E402
from fast_tokenizer.codecs.bins import uniform  # noqa: E402
from fast_tokenizer.heads import (  # noqa: E402
    AutoregressiveTokensHead,
    BinningHead,
    Condition,
    FlowMatchingHead,
    GaussianMixtureHead,
    MaskedDiffusionHead,
    RegressionHead,
    TransformerTrunk,
)

H, D, C = 6, 3, 5
BINS = uniform(-3, 3, count=48)
CHUNKS = np.random.default_rng(0).normal(size=(60, H, D))
CODECS = {
    "symbols": FastTokenizer.fit(CHUNKS, vocab_size=300).codec,
    "bytes": FastCodec(
        sorted(ByteLevel.alphabet()), np.empty((0, 3)), scheme="bytes", scale=10, min_coefficient=-200
    ),
    "bins": BinningCodec(BINS),
    "frequencies": FrequencyCodec.fit(CHUNKS, max_error=0.2),
}


def tokens(codec):
    return lambda trunk: AutoregressiveTokensHead(trunk, horizon=H, action_dim=D, codec=CODECS[codec])


CANVASES = {"bins": None, "frequencies": None, "symbols": H * D}
"""Ids of a canvas, where chunks differ in theirs."""


def masked(codec, length):
    return lambda trunk: MaskedDiffusionHead(trunk, horizon=H, action_dim=D, codec=CODECS[codec], length=length)


HEADS = {
    "mse": lambda trunk: RegressionHead(trunk, horizon=H, action_dim=D),
    "l1": lambda trunk: RegressionHead(trunk, horizon=H, action_dim=D, distance="l1"),
    "mixture": lambda trunk: GaussianMixtureHead(trunk, horizon=H, action_dim=D, components=3),
    "flow": lambda trunk: FlowMatchingHead(trunk, horizon=H, action_dim=D),
    "flow, midpoint": lambda trunk: FlowMatchingHead(trunk, horizon=H, action_dim=D, solver="midpoint"),
    "flow, quadratic": lambda trunk: FlowMatchingHead(trunk, horizon=H, action_dim=D, spacing="quadratic"),
    "bins": lambda trunk: BinningHead(trunk, horizon=H, action_dim=D, bins=BINS),
    **{f"tokens, {codec}": tokens(codec) for codec in CODECS},
    **{f"masked diffusion, {codec}": masked(codec, length) for codec, length in CANVASES.items()},
}
if find_spec("diffusers"):
    from fast_tokenizer.heads import DiffusionHead

    def diffusion(sampler, spacing="even"):
        return lambda trunk: DiffusionHead(trunk, horizon=H, action_dim=D, sampler=sampler, spacing=spacing)

    HEADS |= {f"diffusion, {sampler}": diffusion(sampler) for sampler in ("ddpm", "ddim", "dpm++")}
    HEADS |= {f"diffusion, {sampler}, quadratic": diffusion(sampler, "quadratic") for sampler in ("ddim", "dpm++")}

DIFFUSERS_WARN = "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
"""diffusers 0.42 makes a numpy array of a torch tensor in a way that numpy 2 warns of."""


def make(name, dtype=torch.float32):
    torch.manual_seed(0)
    head = HEADS[name](TransformerTrunk(C, width=16, layers=2, heads=2)).to(dtype)
    with torch.no_grad():  # no parameter is zero, as after a training
        for parameter in head.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return head


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


CONDITION = Condition(torch.randn(4, 7, C, generator=seeded(1)))
ACTIONS = torch.randn(4, H, D, generator=seeded(2))


def near(got, wanted, tolerance=1e-5):
    """Whether two tensors, or numbers, are alike to a part of their size or so."""
    got, wanted = torch.as_tensor(got).detach(), torch.as_tensor(wanted).detach()
    return torch.allclose(got, wanted.to(got.dtype), rtol=tolerance, atol=tolerance)
