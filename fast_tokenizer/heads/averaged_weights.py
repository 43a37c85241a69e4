"""Averaged weights: a head that follows the one in training, more smoothly than this moves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from fast_tokenizer.errors import HeadError
from fast_tokenizer.heads.action_head import ActionHead


def averaged_weights(head: ActionHead, *, power: float = 0.75, most: float = 0.9999) -> AveragedModel:
    """A copy of a head whose weights are the moving average of its weights, as Diffusion Policy samples with.

    After `n` updates the next one keeps the part `1 - n ** -power` of the average, so that early weights are soon
    forgotten, and never more than `most`. Source: real-stanford/diffusion_policy,
    `diffusion_policy/model/diffusion/ema_model.py`.

    The copy is `averaged.module`, a head like any other: sample with it, save it. To resume a training, keep
    `averaged.state_dict()` beside the optimizer's: it counts the updates. Weights should be float32: in bfloat16
    the small part that an update takes is lost.

    Args:
        head: Of any kind.
        power: How fast the average gets slower.
        most: The largest part of it that an update keeps.

    Raises:
        HeadError: If a number is out of its range.

    Examples:
        >>> from fast_tokenizer.heads import RegressionHead, TransformerTrunk
        >>> head = RegressionHead(TransformerTrunk(5, width=16, layers=1, heads=2), horizon=8, action_dim=7)
        >>> averaged = averaged_weights(head)
        >>> averaged.update_parameters(head)  # after each step of the optimizer
        >>> torch.equal(averaged.module.out.weight, head.out.weight)
        True
    """
    if not power > 0 or not 0 <= most < 1:
        raise HeadError(f"power is {power} and most {most}: expected above 0, and 0 or more but less than 1")

    def follow(average: Sequence[Tensor], trained: Sequence[Tensor], updates: Tensor | int) -> None:
        taken = (torch.as_tensor(updates).float() ** -power).clamp(min=1 - most)
        for one, new in zip(average, trained, strict=True):
            one.lerp_(new, taken.to(one.dtype))

    return AveragedModel(head, multi_avg_fn=follow)
