"""Random tensors from a generator, wherever that is: one on the CPU gives the same numbers to any device."""

from __future__ import annotations

import torch
from torch import Tensor


def normal(shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Of a standard normal distribution, drawn in float32, of the type and on the device of `like`."""
    return torch.randn(shape, generator=generator, device=_place(like, generator)).to(like)


def uniform(shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """In [0, 1), float32, on the device of `like`."""
    return torch.rand(shape, generator=generator, device=_place(like, generator)).to(like.device)


def draw_ids(logits: Tensor, temperature: float, uniforms: Tensor) -> Tensor:
    """Ids `[...]` of logits `[..., V]`: the likeliest at temperature 0, else by the inverse of the distribution.

    Args:
        logits: Floating.
        temperature: 0 or more.
        uniforms: `[...]` in [0, 1).
    """
    if temperature == 0:
        return logits.argmax(dim=-1)
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    differences = wide - wide.amax(dim=-1, keepdim=True)  # before they are divided: a low temperature overflows
    cumulative = (differences / temperature).softmax(dim=-1).cumsum(dim=-1)
    total = cumulative[..., -1:]
    # The first id beyond the target, and never one after the last that adds anything.
    reached = (cumulative <= uniforms[..., None] * total).sum(dim=-1)
    return torch.minimum(reached, (cumulative < total).sum(dim=-1))


def _place(like: Tensor, generator: torch.Generator | None) -> torch.device:
    return like.device if generator is None else generator.device
