"""Masked diffusion: ids that are filled in over a few rounds, by `fast_tokenizer.diffusion`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from fast_tokenizer.canvas_constraint import CanvasConstraint
from fast_tokenizer.codecs import BinningCodec, Codec, FastCodec
from fast_tokenizer.codecs.parameters import as_integer
from fast_tokenizer.diffusion import DecodeContext, decode_masked, mask_tokens
from fast_tokenizer.diffusion.orders import Order
from fast_tokenizer.diffusion.schedules import masked_counts
from fast_tokenizer.errors import HeadError
from fast_tokenizer.heads.action_bins import ActionBins
from fast_tokenizer.heads.action_head import ActionHead, HeadInfo
from fast_tokenizer.heads.action_tokens import encode, require_ids
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.random_draws import uniform
from fast_tokenizer.heads.trunk import Trunk

_ROUNDS = 12


class MaskedDiffusionHead(ActionHead):
    """Learns to fill masks in the ids that a codec has for a chunk, and decodes a canvas of masks in rounds.

    The schedule is the cosine, in training and in decoding: early rounds reveal few ids, without which values that
    must fit each other do not. Source: Discrete Diffusion VLA (arXiv 2508.20072).

    Bins and low frequencies are as many ids for each chunk. FAST tokens, of the scheme `"symbols"`, are followed
    by padding, which is learned like any id, and drawn by `codec.canvas_constraint`, so that every canvas decodes.
    As in `AutoregressiveTokensHead`, masked entries of bins do not count, and other codecs encode chunks in which
    these hold the last valid value.

    Args:
        trunk: The network.
        horizon: Steps H of a chunk.
        action_dim: Dimensions D of an action.
        codec: Whose ids are filled in: one of `fast_tokenizer.codecs`, or `FastTokenizer.codec`.
        length: Ids of a canvas, padding included, where chunks differ in how many they have; for other codecs
            None.
        order: Which ids are committed first, as in `decode_masked`. Random by default, as they are masked in
            training: the most certain first leaves what the ways do not share to the end.

    Raises:
        HeadError: If the codec has no ids for such chunks, or `length` does not fit it.

    Examples:
        >>> from fast_tokenizer.codecs import BinningCodec, bins
        >>> from fast_tokenizer.heads import TransformerTrunk
        >>> trunk = TransformerTrunk(condition_dim=32, width=16, layers=1, heads=2)
        >>> codec = BinningCodec(bins.uniform(-1, 1))
        >>> head = MaskedDiffusionHead(trunk, horizon=6, action_dim=2, codec=codec)
        >>> head.sample(Condition(torch.zeros(3, 5, 32))).shape
        torch.Size([3, 6, 2])
    """

    def __init__(
        self,
        trunk: Trunk,
        *,
        horizon: int,
        action_dim: int,
        codec: Codec,
        length: int | None = None,
        order: Order = "random",
    ) -> None:
        super().__init__(trunk, horizon=horizon, action_dim=action_dim)
        constraint = require_ids(codec, horizon, action_dim)
        fixed = codec.length(horizon, action_dim)
        if fixed is None and not (isinstance(codec, FastCodec) and codec.scheme == "symbols"):
            raise HeadError(
                f"{codec!r} writes parts of coefficients, which no canvas may hold: expected scheme 'symbols', or "
                "a codec of as many ids for each chunk"
            )
        canvas = length if fixed is None else fixed
        if canvas is None or (length is not None and length != canvas):
            expected = "how many ids a canvas has, as chunks differ" if fixed is None else f"{fixed}, or None"
            raise HeadError(f"length is {length}: expected {expected}, for chunks of {codec!r}")
        self.codec = codec
        self.length = as_integer("length", canvas, at_least=1)
        self.order = order
        self.bins = ActionBins(codec.bins, action_dim) if isinstance(codec, BinningCodec) else None
        # At any position, but for FAST's, where the canvas decides.
        self._allowed = constraint.allowed_mask(constraint.start())[0, : codec.vocabulary.size]
        self._canvas_constraint()
        self.count = codec.vocabulary.size + (fixed is None)  # with padding
        self.ids = nn.Embedding(self.count + 1, trunk.width)  # the last one is the mask
        self.places = nn.Parameter(0.02 * torch.randn(self.length, trunk.width))
        self.out = nn.Linear(trunk.width, self.count)

    def info(self) -> HeadInfo:
        """Twelve rounds, less those in which the schedule reveals nothing."""
        masked = masked_counts("cosine", _ROUNDS, np.array([self.length]))
        nfe = int((np.diff(masked) < 0).sum())
        return HeadInfo(nfe=nfe, is_stochastic=True, is_joint=True, has_log_prob=False)

    def _loss(
        self, condition: Condition, actions: Tensor, valid: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        mask_id = self.codec.vocabulary.mask_id
        ids, counted = self._encoded(actions, valid)
        seen, labels, _ = mask_tokens(ids, generator, "cosine", mask_id=mask_id, maskable=counted)
        seen = torch.where(counted, seen, mask_id)  # what is not there is not seen either
        logits = self._logits(seen, self.trunk.remember(condition)).float()
        return cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100)

    def _encoded(self, actions: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Ids of canvases `[B, L]`, and which of them count."""
        if self.bins is not None:
            counted = valid.flatten(1)
            return torch.where(counted, self.bins.to_ids(actions).flatten(1), 0), counted
        ids, counted = encode(self.codec, actions, valid, most=self.length, name="length")
        ids = ids[:, : self.length]
        ids = pad(ids, (0, self.length - ids.shape[1]), value=self.codec.vocabulary.pad_id)
        return ids, counted.any(dim=1, keepdim=True).expand_as(ids)

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

        mask_id, constraint = self.codec.vocabulary.mask_id, self._canvas_constraint()
        canvas = torch.full((len(condition), self.length), mask_id, device=rows.device)
        halves = (uniform((len(condition), 2), condition.tokens, generator) * 2**24).long().cpu()
        decoded = decode_masked(
            logits_fn,
            canvas,
            mask_id=mask_id,
            rounds=_ROUNDS if num_steps is None else num_steps,
            schedule="cosine",
            order=self.order,
            token_temperature=temperature,
            allowed=None if constraint else self._allowed,
            constraint=constraint,
            seeds=(halves[:, 0] * 2**24 + halves[:, 1]).numpy(),
        )
        dtype = condition.tokens.dtype
        if self.bins is not None:
            return self.bins.to_actions(decoded.ids.unflatten(1, (self.horizon, self.action_dim)), dtype)
        actions = self.codec.decode(decoded.ids.cpu().numpy(), horizon=self.horizon, action_dim=self.action_dim)
        return torch.from_numpy(actions).to(dtype).to(rows.device)

    def _logits(self, ids: Tensor, memory: Any) -> Tensor:
        tokens = self.ids(ids.clamp(max=self.count)) + self.places
        logits: Tensor = self.out(self.trunk(tokens, memory))
        return logits

    def _canvas_constraint(self) -> CanvasConstraint | None:
        """Made anew for each sample: it cannot be copied, as heads are."""
        if not isinstance(self.codec, FastCodec):
            return None
        try:
            return self.codec.canvas_constraint(self.horizon, self.action_dim, self.length)
        except ValueError as error:
            raise HeadError(f"length: {error}") from error
