"""A mixture of Gaussians over whole chunks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from fast_tokenizer.errors import HeadError
from fast_tokenizer.heads.action_head import ActionHead, HeadInfo
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.random_draws import draw_ids, normal, uniform
from fast_tokenizer.heads.trunk import Trunk

LEAST_STD = 1e-2  # robomimic's class has the same; its configuration's 1e-4 lets the likelihood grow without end

_MEANS_APART = 0.5  # at the beginning, of actions in [-1, 1]


class GaussianMixtureHead(ActionHead):
    """K chunks, how likely each is, and how far values spread around it.

    A component is a whole chunk, so that the steps of a sample fit each other. Components begin apart: those that
    begin at the same place tend to stay there, one of them for several ways. Unlike robomimic's, `log_prob` is
    the same in training and in evaluation: low noise is asked for in `sample`, by its temperature.

    Args:
        trunk: The network.
        horizon: Steps H of a chunk.
        action_dim: Dimensions D of an action.
        components: K.
    """

    def __init__(self, trunk: Trunk, *, horizon: int, action_dim: int, components: int = 5) -> None:
        super().__init__(trunk, horizon=horizon, action_dim=action_dim)
        if components < 1:
            raise HeadError(f"components is {components}: expected 1 or more")
        self.components = components
        self.queries = nn.Parameter(0.02 * torch.randn(1 + horizon, trunk.width))
        self.weights = nn.Linear(trunk.width, components)
        self.out = nn.Linear(trunk.width, 2 * components * action_dim)
        with torch.no_grad():
            means, _ = self.out.bias.view(2, components, action_dim)
            means.normal_(std=_MEANS_APART)

    def info(self) -> HeadInfo:
        """One pass, of which a component and its noise are drawn."""
        return HeadInfo(nfe=1, is_stochastic=True, is_joint=True, has_log_prob=True)

    def log_prob(self, condition: Condition, actions: Tensor, mask: Tensor | None = None) -> Tensor:
        """The logarithm of the density of the valid entries of each chunk, `[B]`, in float32."""
        valid = self._valid_entries(condition, actions, mask)
        return self._log_prob(condition, actions.masked_fill(~valid, 0.0), valid)

    def _loss(
        self, condition: Condition, actions: Tensor, valid: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        return -self._log_prob(condition, actions, valid).sum() / valid.sum()

    def _log_prob(self, condition: Condition, actions: Tensor, valid: Tensor) -> Tensor:
        weights, means, stds = self._mixture(condition)
        scores = (actions.float()[:, None] - means) / stds
        densities = -0.5 * scores.square() - stds.log() - 0.5 * math.log(2 * math.pi)
        by_component = torch.where(valid[:, None], densities, 0.0).sum(dim=(2, 3))
        return torch.logsumexp(weights + by_component, dim=1)

    def _sample(
        self, condition: Condition, generator: torch.Generator | None, num_steps: int | None, temperature: float
    ) -> Tensor:
        weights, means, stds = self._mixture(condition)
        chosen = draw_ids(weights, temperature, uniform((len(condition),), means, generator))
        rows = torch.arange(len(condition), device=chosen.device)
        noise = normal(means[:, 0].shape, means, generator)
        return (means[rows, chosen] + temperature * stds[rows, chosen] * noise).to(condition.tokens.dtype)

    def _mixture(self, condition: Condition) -> tuple[Tensor, Tensor, Tensor]:
        """Logarithms of the weights `[B, K]`, means and deviations `[B, K, H, D]`, in float32."""
        memory = self.trunk.remember(condition)
        tokens = self.trunk(self.queries.expand(len(condition), -1, -1), memory)
        parts = self.out(tokens[:, 1:]).float().unflatten(2, (2, self.components, self.action_dim))
        means, spreads = parts.permute(2, 0, 3, 1, 4)
        return self.weights(tokens[:, 0]).float().log_softmax(dim=1), means, softplus(spreads) + LEAST_STD
