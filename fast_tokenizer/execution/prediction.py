"""What a policy is told when it is asked for a chunk, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer.actions import Actions, Floats, as_chunks, require_finite
from fast_tokenizer.errors import EncodeError, FastTokenizerError


@dataclass(frozen=True, eq=False)
class PredictionContext:
    """What the policy may want to know about the chunk it is asked for.

    Real-time chunking (arXiv 2506.07339) needs all of it: the new chunk is made to agree with `prefix`, which the
    robot will have carried out when the answer comes, and to drift away slowly from the rest of `planned`.

    Attributes:
        step: The step of the first action of the chunk, from 0.
        delay: Steps that will have passed when the answer comes: the most of the last ten answers, 0 for a policy
            that the robot waits for.
        planned: `[P, D]`, or `[B, P, D]` for several robots: the actions for this step and those after it, as
            they will be if no answer comes. Before the first chunk P and D are 0.
    """

    step: int
    delay: int
    planned: npt.NDArray[Any]

    @property
    def prefix(self) -> npt.NDArray[Any]:
        """The first `delay` actions of `planned`; fewer where the plan ends before the answer comes."""
        return self.planned[..., : self.delay, :]


Predict: TypeAlias = "Callable[[PredictionContext], Actions | None]"
"""A policy. It reads the robot's newest observation itself, in the thread that it is called in, and answers with a
chunk `[H, D]`, or `[B, H, D]` for B robots that move in step. None, or a `DecodeError`, says that there is no
chunk this time."""


def as_predicted_chunk(predicted: Actions, step: int) -> Floats:
    """Checks a chunk, and copies it: the policy may use its memory again while the robot moves.

    Args:
        predicted: What the policy answered.
        step: When it was asked, for the message.

    Returns:
        `[H, D]` or `[B, H, D]`, float32 or float64.

    Raises:
        FastTokenizerError: If it is not a chunk of finite numbers.

    Examples:
        >>> as_predicted_chunk([[0.5, 1.0], [0.25, 1.0]], step=0).shape
        (2, 2)
    """
    try:
        batch = as_chunks(predicted)
    except EncodeError as error:
        raise FastTokenizerError(f"the prediction of step {step}: {error.detail}") from error
    chunk: Floats = np.array(batch[0] if np.ndim(predicted) == 2 else batch)
    advice = "return None for a chunk that must not be carried out"
    require_finite(chunk, f"the prediction of step {step}: actions", advice)
    return chunk
