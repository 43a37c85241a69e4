"""Bins one after the other: each value given all before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fast_tokenizer.codecs.bins import Bins
from fast_tokenizer.heads.action_bins import ActionBins
from fast_tokenizer.heads.action_head import ActionHead, HeadInfo, masked_mean
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.random_draws import draw_ids, uniform
from fast_tokenizer.heads.trunk import Past, Trunk


class AutoregressiveBinsHead(ActionHead):
    """Writes the bins of a chunk step by step, dimension by dimension, as OpenVLA and RT-2 do.

    Args:
        trunk: The network; its passes are causal.
        horizon: Steps H of a chunk.
        action_dim: Dimensions D of an action.
        bins: Where bins begin, and what they decode to: `fast_tokenizer.codecs.bins`.
    """

    def __init__(self, trunk: Trunk, *, horizon: int, action_dim: int, bins: Bins) -> None:
        super().__init__(trunk, horizon=horizon, action_dim=action_dim)
        self.bins = ActionBins(bins, action_dim)
        self.ids = nn.Embedding(self.bins.count + 1, trunk.width)  # the last one begins a chunk
        self.places = nn.Parameter(0.02 * torch.randn(horizon * action_dim, trunk.width))
        self.out = nn.Linear(trunk.width, self.bins.count)

    def info(self) -> HeadInfo:
        """A pass of one token for each value; keys and values of those before are kept."""
        return HeadInfo(nfe=self.horizon * self.action_dim, is_stochastic=True, is_joint=True, has_log_prob=False)

    def _loss(
        self, condition: Condition, actions: Tensor, valid: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        ids = self.bins.to_ids(actions).flatten(1)
        begin = torch.full_like(ids[:, :1], self.bins.count)
        tokens = self.ids(torch.cat([begin, ids[:, :-1]], dim=1)) + self.places
        logits = self.out(self.trunk(tokens, self.trunk.remember(condition), causal=True)).float()
        return masked_mean(cross_entropy(logits.transpose(1, 2), ids, reduction="none"), valid.flatten(1))

    def _sample(
        self, condition: Condition, generator: torch.Generator | None, num_steps: int | None, temperature: float
    ) -> Tensor:
        memory, past = self.trunk.remember(condition), Past()
        length = self.horizon * self.action_dim
        uniforms = uniform((len(condition), length), condition.tokens, generator)
        last = torch.full((len(condition), 1), self.bins.count, device=condition.tokens.device)
        drawn = []
        for place in range(length):
            token = self.ids(last) + self.places[place]
            logits = self.out(self.trunk(token, memory, causal=True, past=past))
            last = draw_ids(logits, temperature, uniforms[:, place : place + 1])
            drawn.append(last)
        ids = torch.cat(drawn, dim=1).unflatten(1, (self.horizon, self.action_dim))
        return self.bins.to_actions(ids).to(condition.tokens.dtype)
