"""Masked diffusion: bins that are filled in over a few rounds, by `fast_tokenizer.diffusion`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fast_tokenizer.codecs.bins import Bins
from fast_tokenizer.diffusion import DecodeContext, decode_masked, mask_tokens
from fast_tokenizer.diffusion.orders import Order
from fast_tokenizer.diffusion.schedules import masked_counts
from fast_tokenizer.heads.action_bins import ActionBins
from fast_tokenizer.heads.action_head import ActionHead, HeadInfo
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.random_draws import uniform
from fast_tokenizer.heads.trunk import Trunk

_ROUNDS = 12


class MaskedDiffusionHead(ActionHead):
    """Learns to fill masks in the bins of a chunk, and decodes a chunk of masks in rounds.

    The schedule is the cosine, in training and in decoding: early rounds reveal few values, without which values
    that must fit each other do not. Source: Discrete Diffusion VLA (arXiv 2508.20072).

    Args:
        trunk: The network.
        horizon: Steps H of a chunk.
        action_dim: Dimensions D of an action.
        bins: Where bins begin, and what they decode to: `fast_tokenizer.codecs.bins`.
        order: Which values are committed first, as in `decode_masked`. Random by default, as they are masked in
            training: the most certain first leaves what the ways do not share to the end.
    """

    def __init__(
        self, trunk: Trunk, *, horizon: int, action_dim: int, bins: Bins, order: Order = "random"
    ) -> None:
        super().__init__(trunk, horizon=horizon, action_dim=action_dim)
        self.bins = ActionBins(bins, action_dim)
        self.order = order
        self.ids = nn.Embedding(self.bins.count + 1, trunk.width)  # the last one is the mask
        self.places = nn.Parameter(0.02 * torch.randn(horizon * action_dim, trunk.width))
        self.out = nn.Linear(trunk.width, self.bins.count)

    def info(self) -> HeadInfo:
        """Twelve rounds, less those in which the schedule reveals nothing."""
        masked = masked_counts("cosine", _ROUNDS, np.array([len(self.places)]))
        nfe = int((np.diff(masked) < 0).sum())
        return HeadInfo(nfe=nfe, is_stochastic=True, is_joint=True, has_log_prob=False)

    def _loss(
        self, condition: Condition, actions: Tensor, valid: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        counted = valid.flatten(1)
        ids = torch.where(counted, self.bins.to_ids(actions).flatten(1), 0)
        seen, labels, _ = mask_tokens(ids, generator, "cosine", mask_id=self.bins.count, maskable=counted)
        seen = torch.where(counted, seen, self.bins.count)  # what is not there is not seen either
        logits = self._logits(seen, self.trunk.remember(condition)).float()
        return cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100)

    def _sample(
        self, condition: Condition, generator: torch.Generator | None, num_steps: int | None, temperature: float
    ) -> Tensor:
        rows = torch.arange(len(condition), device=condition.tokens.device)
        memory = self.trunk.remember(condition)

        def logits_fn(ids: Any, context: DecodeContext) -> Any:
            nonlocal rows, memory
            left = torch.as_tensor(context.rows, device=rows.device)
            if len(left) < len(rows):
                mask = None if condition.mask is None else condition.mask[left]
                rows, memory = left, self.trunk.remember(Condition(condition.tokens[left], mask))
            return self._logits(ids, memory)

        canvas = torch.full((len(condition), len(self.places)), self.bins.count, device=rows.device)
        halves = (uniform((len(condition), 2), condition.tokens, generator) * 2**24).long().cpu()
        decoded = decode_masked(
            logits_fn,
            canvas,
            mask_id=self.bins.count,
            rounds=_ROUNDS if num_steps is None else num_steps,
            schedule="cosine",
            order=self.order,
            token_temperature=temperature,
            seeds=(halves[:, 0] * 2**24 + halves[:, 1]).numpy(),
        )
        ids = decoded.ids.unflatten(1, (self.horizon, self.action_dim))
        return self.bins.to_actions(ids, condition.tokens.dtype)

    def _logits(self, ids: Tensor, memory: Any) -> Tensor:
        logits: Tensor = self.out(self.trunk(self.ids(ids) + self.places, memory))
        return logits
