"""Bins in parallel: each value of a chunk by itself, in one pass."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fast_tokenizer.codecs.bins import Bins
from fast_tokenizer.heads.action_bins import ActionBins
from fast_tokenizer.heads.action_head import ActionHead, HeadInfo, masked_mean
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.random_draws import draw_ids, uniform
from fast_tokenizer.heads.trunk import Trunk


class BinningHead(ActionHead):
    """A distribution over the bins of each value, as Octo's discrete head has it.

    Each value is drawn by itself: where there are two ways, steps of both are mixed.

    Args:
        trunk: The network.
        horizon: Steps H of a chunk.
        action_dim: Dimensions D of an action.
        bins: Where bins begin, and what they decode to: `fast_tokenizer.codecs.bins`.
    """

    def __init__(self, trunk: Trunk, *, horizon: int, action_dim: int, bins: Bins) -> None:
        super().__init__(trunk, horizon=horizon, action_dim=action_dim)
        self.bins = ActionBins(bins, action_dim)
        self.queries = nn.Parameter(0.02 * torch.randn(horizon, trunk.width))
        self.out = nn.Linear(trunk.width, action_dim * self.bins.count)

    def info(self) -> HeadInfo:
        """One pass."""
        return HeadInfo(nfe=1, is_stochastic=True, is_joint=False, has_log_prob=False)

    def logits(self, condition: Condition) -> Tensor:
        """Of the bins of each value, `[B, H, D, bins]`."""
        memory = self.trunk.remember(condition)
        tokens = self.trunk(self.queries.expand(len(condition), -1, -1), memory)
        logits: Tensor = self.out(tokens).unflatten(2, (self.action_dim, self.bins.count))
        return logits

    def _loss(
        self, condition: Condition, actions: Tensor, valid: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        logits = self.logits(condition).float().movedim(3, 1)
        return masked_mean(cross_entropy(logits, self.bins.to_ids(actions), reduction="none"), valid)

    def _sample(
        self, condition: Condition, generator: torch.Generator | None, num_steps: int | None, temperature: float
    ) -> Tensor:
        logits = self.logits(condition)
        ids = draw_ids(logits, temperature, uniform(tuple(logits.shape[:3]), logits, generator))
        return self.bins.to_actions(ids, condition.tokens.dtype)
