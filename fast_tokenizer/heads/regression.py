"""Regression: one chunk, the mean or the median of what was shown."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from fast_tokenizer.heads.action_head import ActionHead, HeadInfo, masked_mean
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.options import require_choice
from fast_tokenizer.heads.trunk import Trunk

Distance = Literal["mse", "l1"]
"""`"mse"`: squared error, whose least is at the mean; `"l1"`: absolute error, at the median (OpenVLA-OFT, ACT)."""


class RegressionHead(ActionHead):
    """A learned query for each step, and its token's place in the space of actions.

    Where the same condition was shown with two ways, `"mse"` gives what lies between them.

    Args:
        trunk: The network.
        horizon: Steps H of a chunk.
        action_dim: Dimensions D of an action.
        distance: What is made small.
    """

    def __init__(self, trunk: Trunk, *, horizon: int, action_dim: int, distance: Distance = "mse") -> None:
        super().__init__(trunk, horizon=horizon, action_dim=action_dim)
        require_choice("distance", distance, Distance)
        self.distance = distance
        self.queries = nn.Parameter(0.02 * torch.randn(horizon, trunk.width))
        self.out = nn.Linear(trunk.width, action_dim)

    def info(self) -> HeadInfo:
        """One pass, always the same chunk."""
        return HeadInfo(nfe=1, is_stochastic=False, is_joint=True, has_log_prob=False)

    def _loss(
        self, condition: Condition, actions: Tensor, valid: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        error = self._predict(condition).float() - actions.float()
        return masked_mean(error.square() if self.distance == "mse" else error.abs(), valid)

    def _sample(
        self, condition: Condition, generator: torch.Generator | None, num_steps: int | None, temperature: float
    ) -> Tensor:
        return self._predict(condition)

    def _predict(self, condition: Condition) -> Tensor:
        memory = self.trunk.remember(condition)
        actions: Tensor = self.out(self.trunk(self.queries.expand(len(condition), -1, -1), memory))
        return actions
