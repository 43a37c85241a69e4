"""A trained head as a policy: from what a robot sees to its next chunk."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fast_tokenizer.heads import (
    ActionHead,
    AutoregressiveTokensHead,
    BinningHead,
    Condition,
    MaskedDiffusionHead,
)
from fast_tokenizer.lab.closed_loop.observation_scale import ObservationScale

_TIMED_CALLS = 15


class StatePolicy:
    """Samples a chunk for each robot that asks, and notes what that took.

    Args:
        head: Trained on conditions of this scale.
        scale: Of the observations.
        seed: Of what the head draws.

    Attributes:
        seconds: That sampling took so far.
        token_counts: Tokens of each chunk so far, of heads that write tokens.
        is_valid: Of each chunk so far, whether its tokens were an action.
        passes: Of the trunk, of each sample so far.
    """

    def __init__(self, head: ActionHead, scale: ObservationScale, *, seed: int) -> None:
        self._head = head
        self._scale = scale
        self._generator = torch.Generator().manual_seed(seed)
        self.seconds = 0.0
        self.token_counts: list[int] = []
        self.is_valid: list[bool] = []
        self.passes: list[int] = []

    def __call__(self, observations: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Chunks `[B, H, D]` for observations `[B, C]`."""
        begin = perf_counter()
        seen = torch.tensor(self._scale(observations), dtype=torch.float32)
        chunks, token_counts, is_valid = self._drawn(Condition.of(seen))
        self.seconds += perf_counter() - begin
        self.token_counts += token_counts
        self.is_valid += is_valid
        return np.asarray(chunks.double())

    def milliseconds(self, observation: npt.NDArray[Any]) -> float:
        """From an observation `[C]` of one robot to its chunk: the median of some."""
        times = []
        for _ in range(_TIMED_CALLS):
            before = self.seconds
            self(observation[None])
            times.append(self.seconds - before)
        return 1e3 * median(times)

    def _drawn(self, condition: Condition) -> tuple[Tensor, list[int], list[bool]]:
        """Chunks, tokens of each, and whether each is valid."""
        rows = len(condition)
        if isinstance(self._head, AutoregressiveTokensHead):
            chunks, info = self._head.sample(condition, generator=self._generator, return_info=True)
            self.passes.append(info.passes)
            return chunks, info.token_counts.tolist(), info.is_valid.tolist()
        chunks = self._head.sample(condition, generator=self._generator)
        self.passes.append(self._head.info().nfe)
        tokens = []
        if isinstance(self._head, MaskedDiffusionHead):
            tokens = [self._head.length] * rows
        elif isinstance(self._head, BinningHead):
            tokens = [self._head.horizon * self._head.action_dim] * rows
        return chunks, tokens, [True] * rows
