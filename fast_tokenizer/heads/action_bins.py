"""Bins of a `BinningCodec` in PyTorch: values to ids and back, on any device."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
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
        >>> ids.tolist(), bins.to_actions(ids, torch.float32).tolist()
        ([[[0, 2]]], [[[-0.75, 0.25]]])
    """

    def __init__(self, bins: Bins, action_dim: int) -> None:
        super().__init__()
        if len(bins.values) not in (1, action_dim):
            raise HeadError(f"bins are of {len(bins.values)} dimensions: expected 1 or {action_dim}")
        self.source = bins
        self.count = bins.count
        # Of no type that the head is turned to: a value must not change its bin.
        thresholds = np.ascontiguousarray(np.broadcast_to(bins.thresholds, (action_dim, bins.count - 1)))
        self._thresholds = {
            torch.float64: torch.tensor(thresholds),
            torch.float32: torch.tensor(_rounded_up(thresholds)),
        }
        self._values = torch.tensor(np.broadcast_to(bins.values, (action_dim, bins.count)))

    def to_ids(self, actions: Tensor) -> Tensor:
        """int64 `[B, H, D]` of actions `[B, H, D]`."""
        wide = actions.to(torch.promote_types(actions.dtype, torch.float32))
        thresholds = self._thresholds[wide.dtype].to(actions.device)
        by_dimension = zip(wide.permute(2, 0, 1).contiguous(), thresholds, strict=True)
        return torch.stack([torch.bucketize(one, reached, right=True) for one, reached in by_dimension], dim=2)

    def to_actions(self, ids: Tensor, dtype: torch.dtype) -> Tensor:
        """What the bins decode to, `[B, H, D]`."""
        dimensions = torch.arange(ids.shape[2], device=ids.device)
        return self._values.to(dtype).to(ids.device)[dimensions, ids]


def _rounded_up(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The least float32 that reaches each: a value in float32 reaches both or neither.

    Some devices have no float64.
    """
    near = thresholds.astype(np.float32)
    return np.where(near < thresholds, np.nextafter(near, np.float32(np.inf)), near)
