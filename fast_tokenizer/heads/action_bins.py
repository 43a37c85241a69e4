"""Bins of a `BinningCodec` in PyTorch: values to ids and back, on any device."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fast_tokenizer.codecs.bins import Bins
from fast_tokenizer.errors import HeadError


class ActionBins(nn.Module):
    """The bin of each value, as `BinningCodec` has it: how many thresholds the value reaches.

    Args:
        bins: Of each dimension, or one for all; kept as `source`.
        action_dim: Dimensions D of an action.

    Raises:
        HeadError: If the bins are of another number of dimensions.

    Examples:
        >>> from fast_tokenizer.codecs.bins import uniform
        >>> bins = ActionBins(uniform(-1, 1, count=4), action_dim=2)
        >>> ids = bins.to_ids(torch.tensor([[[-0.9, 0.1]]]))
        >>> ids.tolist(), bins.to_actions(ids).tolist()
        ([[[0, 2]]], [[[-0.75, 0.25]]])
    """

    def __init__(self, bins: Bins, action_dim: int) -> None:
        super().__init__()
        if len(bins.values) not in (1, action_dim):
            raise HeadError(f"bins are of {len(bins.values)} dimensions: expected 1 or {action_dim}")
        self.source = bins
        self.count = bins.count
        shape = (action_dim, -1)
        # In float64, whatever the head is turned to: a value must not change its bin.
        self._thresholds = torch.tensor(bins.thresholds, dtype=torch.float64).expand(*shape).contiguous()
        self._values = torch.tensor(bins.values, dtype=torch.float64).expand(*shape).contiguous()

    def to_ids(self, actions: Tensor) -> Tensor:
        """int64 `[B, H, D]` of actions `[B, H, D]`."""
        by_dimension = actions.double().permute(2, 0, 1).contiguous()
        found = [
            torch.bucketize(one, thresholds, right=True)
            for one, thresholds in zip(by_dimension, self._thresholds.to(actions.device), strict=True)
        ]
        return torch.stack(found, dim=2)

    def to_actions(self, ids: Tensor) -> Tensor:
        """float64 `[B, H, D]`: what the bins decode to."""
        dimensions = torch.arange(ids.shape[2], device=ids.device)
        return self._values.to(ids.device)[dimensions, ids]
