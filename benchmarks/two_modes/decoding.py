"""Ways to decode a canvas, and what a model makes of each."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fast_tokenizer import decode_masked
from fast_tokenizer.diffusion import (
    ConfidenceThreshold,
    DecodeContext,
    GroupedByTimeStep,
    LowFrequencyFirst,
    MaskedDecodeResult,
    RemaskBelow,
    RemaskTop,
    ReMDM,
)
from two_modes.codecs import Representation
from two_modes.task import ACTION_DIM, HORIZON, Verdict, judge
from two_modes.transformer import ChunkTransformer

ROUNDS = 12
TEMPERATURE = 0.8  # of tokens, also in autoregression: 1 would show the tails that training has left


def _annealed(played: int, rounds: int) -> float:
    """MaskGIT's."""
    return 1 - (played + 1) / rounds


SETTINGS: dict[str, dict[str, Any]] = {
    "low frequency first": {"order": LowFrequencyFirst(ACTION_DIM)},
    "left to right": {"order": "left_to_right"},
    "grouped by time step": {"order": GroupedByTimeStep(ACTION_DIM)},
    "random": {"order": "random"},
    "max probability": {"order": "max_prob"},
    "max probability, noise": {"order": "max_prob", "order_temperature": _annealed},
    "margin": {"order": "margin"},
    "negative entropy": {"order": "neg_entropy"},
    "threshold 0.7": {"accept": ConfidenceThreshold(0.7)},
    "random, re-mask below": {"order": "random", "remask": RemaskBelow(0.5)},
    "random, re-mask top 2": {"order": "random", "remask": RemaskTop(2)},
    "random, ReMDM": {"order": "random", "remask": ReMDM(0.1)},
    "all at once": {"rounds": 1},
    "one a round": {"order": "random", "rounds": HORIZON * ACTION_DIM, "schedule": "even"},
}
"""By name, keyword arguments of `decode_masked`. Ids of bins lie as `[H, D]`, those of frequencies as `[K, D]`."""


class TimedModel:
    """A model as `logits_fn` of `decode_masked`.

    Args:
        model: Bidirectional.
        goals: float32 `[B, GOAL_DIM]`, one for each row.

    Attributes:
        seconds: Spent in the model so far.
    """

    def __init__(self, model: ChunkTransformer, goals: Tensor) -> None:
        self._model = model
        self._goals = goals
        self.seconds = 0.0

    def __call__(self, ids: Tensor, context: DecodeContext) -> Tensor:
        """Logits for the canvases."""
        begin = perf_counter()
        with torch.inference_mode():
            logits: Tensor = self._model(ids, self._goals[context.rows])
        self.seconds += perf_counter() - begin
        return logits


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of decoding.

    Attributes:
        chunks: `[B, H, D]`.
        decoded: The part of the canvases that are a whole chunk.
        verdict: What the chunks are worth; those that are none count as zeros.
        nfe: Calls of the model, the mean over rows.
        seconds: In all.
        overhead: Seconds outside of the model, as a part of those inside.
        result: Ids and trace.
    """

    chunks: npt.NDArray[np.float64]
    decoded: float
    verdict: Verdict
    nfe: float
    seconds: float
    overhead: float
    result: MaskedDecodeResult


def decode(
    model: ChunkTransformer,
    representation: Representation,
    goals: npt.NDArray[np.float64],
    setting: str,
    *,
    trace: bool = False,
) -> Outcome:
    """Decodes a chunk for each goal.

    Args:
        model: Trained on the representation.
        representation: How ids are read.
        goals: `[B, GOAL_DIM]`.
        setting: A name of `SETTINGS`.
        trace: Whether to keep every round.
    """
    timed = TimedModel(model, torch.tensor(goals, dtype=torch.float32))
    mask_id = representation.codec.vocabulary.mask_id
    begin = perf_counter()
    result = decode_masked(
        timed,
        torch.full((len(goals), representation.length), mask_id),
        mask_id=mask_id,
        **{
            "rounds": ROUNDS,
            "token_temperature": TEMPERATURE,
            "constraint": representation.constraint,
            "seeds": np.arange(len(goals)),
            "trace": trace,
            **SETTINGS[setting],
        },
    )
    seconds = perf_counter() - begin
    checked = representation.codec.decode_checked(
        result.ids, horizon=HORIZON, action_dim=ACTION_DIM, errors="zeros"
    )
    chunks = np.asarray(checked.actions)
    return Outcome(
        chunks=chunks,
        decoded=float((checked.status == 0).mean()),
        verdict=judge(chunks, goals),
        nfe=float(result.nfe.mean()),
        seconds=seconds,
        overhead=seconds / timed.seconds - 1,
        result=result,
    )
