"""Ids of a codec one after the other: each given all before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fast_tokenizer.codecs.binning import BinningCodec
from fast_tokenizer.codecs.codec import Codec
from fast_tokenizer.decoding import DecodeStatus
from fast_tokenizer.errors import DecodeError, HeadError
from fast_tokenizer.generation import ConstrainedGeneration
from fast_tokenizer.heads.action_bins import ActionBins
from fast_tokenizer.heads.action_head import ActionHead, HeadInfo
from fast_tokenizer.heads.action_tokens import encode, require_ids
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.random_draws import draw_ids, uniform
from fast_tokenizer.heads.trunk import Past, Trunk
from fast_tokenizer.token_batch import TokenLists


@dataclass(frozen=True, eq=False)
class SampleInfo:
    """How a batch of chunks was written.

    Attributes:
        tokens: The ids of each chunk.
        token_counts: int64 `[B]`: how many.
        is_valid: bool `[B]`: whether they are a whole chunk. Of what is not, the actions are those that the codec
            gives with `errors="repair"`.
        passes: Of the trunk, one for each id of the longest.
    """

    tokens: TokenLists
    token_counts: Tensor
    is_valid: Tensor
    passes: int


class AutoregressiveTokensHead(ActionHead):
    """Writes the ids that a codec has for a chunk: bins as RT-2 and OpenVLA do, FAST tokens as pi0-FAST does.

    An id is drawn from those alone after which the rest can still become a whole chunk, by `codec.constraint`. So
    whatever the trunk says, what is written decodes, unless `max_length` cuts it off.

    The loss is the mean cross-entropy of the ids. Where each stands for one value (`BinningCodec`), those of
    masked entries do not count. Other codecs mix steps: there a masked entry holds the last valid value of its
    dimension, the whole chunk is encoded, and all of its ids count. Bins are found on the device; another codec
    encodes on the CPU, for which a loss waits, and which is no part of a compiled graph. What is outside the range
    of a codec is clipped, as in `codec.encode`, whose `on_clip="raise"` tells beforehand.

    Args:
        trunk: The network; its passes are causal.
        horizon: Steps H of a chunk.
        action_dim: Dimensions D of an action.
        codec: Whose ids are written: `FastTokenizer.codec`, or one of `fast_tokenizer.codecs`.
        max_length: Most ids of a chunk, for which there are learned positions; less than `codec.max_length` saves
            some of these. None for that, with which no chunk is cut off.

    Raises:
        HeadError: If the codec has no ids for such chunks, or `max_length` does not fit it.

    Examples:
        >>> from fast_tokenizer import FastTokenizer
        >>> from fast_tokenizer.heads import TransformerTrunk
        >>> codec = FastTokenizer.fit(np.sin(np.arange(600)).reshape(50, 6, 2)).codec
        >>> trunk = TransformerTrunk(condition_dim=32, width=16, layers=1, heads=2)
        >>> head = AutoregressiveTokensHead(trunk, horizon=6, action_dim=2, codec=codec)
        >>> actions, info = head.sample(Condition(torch.zeros(3, 5, 32)), return_info=True)
        >>> actions.shape, info.is_valid.tolist()
        (torch.Size([3, 6, 2]), [True, True, True])
    """

    def __init__(
        self, trunk: Trunk, *, horizon: int, action_dim: int, codec: Codec, max_length: int | None = None
    ) -> None:
        super().__init__(trunk, horizon=horizon, action_dim=action_dim)
        require_ids(codec, horizon, action_dim)
        fixed, longest = codec.length(horizon, action_dim), codec.max_length(horizon, action_dim)
        least = 1 if fixed is None else fixed
        self.max_length = longest if max_length is None else max_length
        if not least <= self.max_length <= longest:
            raise HeadError(
                f"max_length is {max_length}: expected {least} to {longest}, or None, as chunks of "
                f"[{horizon}, {action_dim}] have so many ids in {codec!r}"
            )
        self.codec = codec
        self.bins = ActionBins(codec.bins, action_dim) if isinstance(codec, BinningCodec) else None
        # The first id after the codec's own begins a chunk where it is read, and ends it in training, for those
        # who write without a constraint: `sample` knows the end by itself.
        self.edge = int(codec.vocabulary.pad_id)
        has_end = fixed is None
        self.ids = nn.Embedding(self.edge + 1, trunk.width)
        self.places = nn.Parameter(0.02 * torch.randn(self.max_length + has_end, trunk.width))
        self.out = nn.Linear(trunk.width, self.edge + has_end)

    def info(self) -> HeadInfo:
        """A pass of one token for each id, at most; keys and values of those before are kept."""
        return HeadInfo(nfe=self.max_length, is_stochastic=True, is_joint=True, has_log_prob=False)

    @overload
    def sample(
        self,
        condition: Condition,
        *,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
        temperature: float = 1.0,
        return_info: Literal[False] = False,
    ) -> Tensor: ...

    @overload
    def sample(
        self,
        condition: Condition,
        *,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
        temperature: float = 1.0,
        return_info: Literal[True],
    ) -> tuple[Tensor, SampleInfo]: ...

    def sample(
        self,
        condition: Condition,
        *,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
        temperature: float = 1.0,
        return_info: bool = False,
    ) -> Tensor | tuple[Tensor, SampleInfo]:
        """Chunks `[B, H, D]`, as every head gives them.

        Rows that have ended wait for the others: they are part of the passes, and nothing is drawn for them.

        Args:
            condition: Of B rows.
            generator: Of the random numbers; the same one gives the same chunks.
            num_steps: Has no meaning here.
            temperature: How far samples spread; 0 for the likeliest id that is allowed, one by one.
            return_info: Give the chunks and a `SampleInfo`, which says of each whether it is valid.

        Raises:
            DecodeError: If a chunk was cut off at `max_length`, unless `return_info`.
            HeadError: As every head does.
        """
        if not return_info:
            return super().sample(condition, generator=generator, num_steps=num_steps, temperature=temperature)
        self._require_settings(condition, num_steps, temperature)
        with torch.no_grad():
            return self._write(condition, generator, temperature)

    def _loss(
        self, condition: Condition, actions: Tensor, valid: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        if self.bins is None:
            ids, counted = encode(self.codec, actions, valid, most=self.max_length, name="max_length")
        else:
            ids, counted = self.bins.to_ids(actions).flatten(1), valid.flatten(1)
        begin = torch.full_like(ids[:, :1], self.edge)
        logits = self._logits(torch.cat([begin, ids[:, :-1]], dim=1), self.trunk.remember(condition)).float()
        return cross_entropy(logits.transpose(1, 2), ids.masked_fill(~counted, -100), ignore_index=-100)

    def _sample(
        self, condition: Condition, generator: torch.Generator | None, num_steps: int | None, temperature: float
    ) -> Tensor:
        actions, info = self._write(condition, generator, temperature)
        cut = (~info.is_valid).nonzero()
        if len(cut):
            raise DecodeError(
                f"sequence {int(cut[0])}: the chunk is not complete after {self.max_length} ids, which is "
                "max_length: raise it, or sample with return_info=True for what the codec repairs",
                sequence=int(cut[0]),
                position=self.max_length,
                reason=DecodeStatus.TOO_SHORT,
            )
        return actions

    def _write(
        self, condition: Condition, generator: torch.Generator | None, temperature: float
    ) -> tuple[Tensor, SampleInfo]:
        memory, past = self.trunk.remember(condition), Past()
        device = condition.tokens.device
        uniforms = uniform((len(condition), self.max_length), condition.tokens, generator)
        last = torch.full((len(condition), 1), self.edge, device=device)
        constraint = self.codec.constraint(self.horizon, self.action_dim)
        writing = ConstrainedGeneration(constraint, rows=len(condition))
        for place, step in zip(range(self.max_length), writing, strict=False):
            rows, allowed = (torch.from_numpy(one).to(device) for one in (step.rows, step.mask))
            logits = self._logits(last, memory, place, past)[rows, 0, : self.edge]
            last[rows, 0] = draw_ids(logits.masked_fill(~allowed, -torch.inf), temperature, uniforms[rows, place])
            step.take(last[rows, 0].cpu().numpy())
        decoded = self.codec.decode_checked(writing.tokens, horizon=self.horizon, action_dim=self.action_dim)
        counts = np.array([len(one) for one in writing.tokens], np.int64)
        return torch.from_numpy(decoded.actions).to(condition.tokens.dtype).to(device), SampleInfo(
            tokens=writing.tokens,
            token_counts=torch.from_numpy(counts).to(device),
            is_valid=torch.from_numpy(decoded.status == DecodeStatus.OK).to(device),
            passes=int(counts.max(initial=0)),
        )

    def _logits(self, ids: Tensor, memory: Any, place: int = 0, past: Past | None = None) -> Tensor:
        """Of what follows each of the ids `[B, L]`, the first of which stands at a place."""
        tokens = self.ids(ids) + self.places[place : place + ids.shape[1]]
        logits: Tensor = self.out(self.trunk(tokens, memory, causal=True, past=past))
        return logits
