"""Masking ids for the training of a masked diffusion model."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from fast_tokenizer.diffusion.reduction import is_torch
from fast_tokenizer.diffusion.schedules import Cosine, MaskingSchedule, Power, as_masking_schedule
from fast_tokenizer.errors import FastTokenizerError


class MaskedTokens(NamedTuple):
    """A training example of each row.

    Attributes:
        ids: `[B, L]`: with the mask id at some positions; what the model sees.
        labels: `[B, L]`: the ids that were there, and the ignore index everywhere else.
        weights: float64 `[B]`, float32 on a device that has no more: what the sum of a row's cross-entropies is
            multiplied by.
    """

    ids: Any
    labels: Any
    weights: Any


def mask_tokens(
    ids: Any,
    rng: Any,
    schedule: MaskingSchedule = "cosine",
    *,
    mask_id: int,
    maskable: Any = None,
    weighting: Literal["mdlm"] | None = None,
    ignore_index: int = -100,
) -> MaskedTokens:
    """Masks random positions of each row, as many as a random time of the schedule has.

    A row draws u from [0, 1) and masks exactly `n = max(1, round(fraction(u) * L))` random positions; with
    `"cosine"` the fraction is `cos(pi u / 2)`. Source: Discrete Diffusion VLA (arXiv 2508.20072), as its code
    does it. Padding and ends of sequences are ids like any other: they are masked and have labels, so that a
    model learns where a sequence ends. Leave them out with `maskable` if it should not.

    Args:
        ids: Integers `[B, L]`, a numpy array or a torch tensor on any device.
        rng: A `numpy.random.Generator`, or for a tensor a `torch.Generator`; one on the CPU gives the same masks
            on every device (but for the last digits that Apple's GPUs lack). None: torch's own.
        schedule: `"cosine"`, `"linear"` or `Power(exponent)`.
        mask_id: What a masked position holds.
        maskable: bool `[B, L]`: positions that may be masked, such as those behind a prefix; L above is their
            number in the row. None: all.
        weighting: None: all weights are 1, as in the paper. `"mdlm"`: such that the expected loss is the row's
            negative evidence lower bound in nats, as `-alpha' / (1 - alpha)` makes it in MDLM (arXiv 2406.07524).
            For exactly n masks of L that is `1 / (n P(n))`, where P(n) is how often the schedule has n; it tends
            to MDLM's factor for large L, and is finite at every time.
        ignore_index: The label of positions that are not masked; -100 is what torch's cross-entropy passes over.

    Returns:
        Ids, labels and weights, of the kind and on the device of `ids`. A row without maskable positions has no
        labels.

    Raises:
        FastTokenizerError: If the shapes do not fit, or an id that may be masked is the mask id already.

    Examples:
        >>> ids, labels, _ = mask_tokens(np.arange(8)[None], np.random.default_rng(0), mask_id=99)
        >>> ids.tolist(), labels.tolist()
        ([[99, 99, 99, 3, 4, 5, 6, 99]], [[0, 1, 2, -100, -100, -100, -100, 7]])

        The loss of the paper, and that of MDLM, in torch::

            loss = cross_entropy(logits.transpose(1, 2), labels)

            losses = cross_entropy(logits.transpose(1, 2), labels, reduction="none")  # [B, L]
            loss = (losses.sum(1) * weights).mean()
    """
    curve = as_masking_schedule(schedule)
    if weighting not in (None, "mdlm"):
        raise FastTokenizerError(f"weighting is {weighting!r}: expected 'mdlm' or None")
    if is_torch(ids):
        import torch as xp

        if not isinstance(rng, xp.Generator | None):
            raise FastTokenizerError(
                f"rng is a {type(rng).__name__}: expected a torch.Generator or None, as ids are a tensor"
            )
        place = ids.device if rng is None else rng.device

        def uniform(*shape: int) -> Any:
            drawn = xp.rand(shape, generator=rng, device=place, dtype=_widest(place, xp))
            return drawn.to(_widest(ids.device, xp)).to(ids.device)
    else:
        xp, ids = np, np.asarray(ids)

        def uniform(*shape: int) -> Any:
            return rng.random(shape)

    if len(ids.shape) != 2:
        raise FastTokenizerError(f"ids have shape {tuple(ids.shape)}: expected [batch, length]")
    if maskable is None:
        maskable = xp.ones_like(ids, dtype=xp.bool_ if xp is np else xp.bool)
    elif tuple(maskable.shape) != tuple(ids.shape):
        raise FastTokenizerError(f"maskable has shape {tuple(maskable.shape)}: expected that of ids, {ids.shape}")
    _check_unmasked((ids == mask_id) & maskable, mask_id, xp)

    length = maskable.sum(-1)
    count = _rounded(curve.fraction(uniform(len(ids)), xp) * length, length, xp)
    # The ranks of random numbers are a random permutation; positions that may not be masked come last.
    ranks = xp.where(maskable, uniform(*ids.shape), 2.0).argsort(-1).argsort(-1)
    masked = ranks < count[:, None]
    weights = xp.ones_like(count)
    if weighting == "mdlm":
        weights = 1 / (xp.maximum(count, weights) * _frequency(curve, count, length, xp))
    return MaskedTokens(xp.where(masked, mask_id, ids), xp.where(masked, ids, ignore_index), weights)


def _widest(device: Any, xp: Any) -> Any:
    """The widest floating type of a device: Apple's GPUs have no float64."""
    return xp.float32 if device.type == "mps" else xp.float64


def _rounded(count: Any, length: Any, xp: Any) -> Any:
    """Rounded half to even, and at least one where there is one."""
    return xp.minimum(xp.maximum(xp.round(count), xp.ones_like(count)), length)


def _frequency(curve: Cosine | Power, count: Any, length: Any, xp: Any) -> Any:
    """How often the schedule masks `count` of `length`: the part of the times that is rounded to it."""
    length = xp.where(length > 0, length, 1)
    zero = xp.zeros_like(count)
    low = xp.where(count > 1, (count - 0.5) / length, zero)
    high = xp.where(count < length, (count + 0.5) / length, zero + 1)
    return xp.where(length > 1, curve.time(low, xp) - curve.time(high, xp), zero + 1)


def _check_unmasked(found: Any, mask_id: int, xp: Any) -> None:
    if found.any():
        row, position = xp.argwhere(found)[0].tolist()
        raise FastTokenizerError(
            f"row {row}, position {position}: the id is the mask id {mask_id} already; give the ids as they are "
            "without masks"
        )
