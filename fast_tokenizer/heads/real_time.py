"""Real-time chunking: a new chunk that goes on from what the robot will have done when it comes.

Source: Black, Galliker and Levine 2025 (arXiv 2506.07339), and its code,
Physical-Intelligence/real-time-chunking-kinetix, `src/model.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fast_tokenizer.errors import HeadError


@dataclass(frozen=True, eq=False)
class RealTimeGuidance:
    """What a flow is pulled towards.

    Attributes:
        planned: `[B, P, D]`, P of 1 to H: the actions that are planned from the step on at which the new chunk
            begins, as `PredictionContext.planned` of `fast_tokenizer.execution` has them.
        delay: Steps of these that will have been carried out when the chunk comes; they are held fast.
        execute: Steps that are carried out of each chunk: the last `execute` of the new one are free.
        beta: The most that the pull is weighted by. The paper has 5.
        jacobian: Whether the pull goes through the derivative of the model, as in the paper. Without it, it is
            cheaper, and users report no worse.

    Raises:
        HeadError: If a number is out of its range.
    """

    planned: Tensor
    delay: int
    execute: int
    beta: float = 5.0
    jacobian: bool = True

    def __post_init__(self) -> None:
        if self.planned.ndim != 3 or self.planned.shape[1] < 1:
            raise HeadError(f"planned has shape {list(self.planned.shape)}: expected [batch, steps, action_dim]")
        if not 0 <= self.delay <= self.planned.shape[1]:
            raise HeadError(f"delay is {self.delay}: expected 0 to {self.planned.shape[1]}, the steps planned")
        if self.execute < 1 or not 0 <= self.beta < math.inf:
            raise HeadError(f"execute is {self.execute} and beta {self.beta}: expected 1 or more, and 0 or more")

    def weights(self, horizon: int) -> Tensor:
        """How much each step of a chunk is held to what is planned, float32 `[H]`.

        1 for the first `delay` steps, then ever less, 0 from `horizon - execute` on and where nothing is planned.

        Examples:
            >>> guidance = RealTimeGuidance(torch.zeros(1, 6, 2), delay=2, execute=3)
            >>> [round(weight, 2) for weight in guidance.weights(8).tolist()]
            [1.0, 1.0, 0.49, 0.19, 0.04, 0.0, 0.0, 0.0]
        """
        end = min(horizon - self.execute, self.planned.shape[1])
        start = min(self.delay, max(end, 0))
        steps = torch.arange(horizon)
        part = ((start - 1 - steps) / (end - start + 1) + 1).clamp(0, 1)
        weights = part * torch.expm1(part) / (math.e - 1)
        return torch.where(steps < end, weights, 0.0)

    def towards(self, horizon: int) -> Tensor:
        """What is planned as a chunk `[B, H, D]`; what stands after its end has no weight."""
        steps = self.planned.shape[1]
        missing = max(0, horizon - steps)
        return torch.nn.functional.pad(self.planned[:, :horizon], (0, 0, 0, missing))

    def strength(self, time: float) -> float:
        """The factor of the pull at a time of the flow, 1 for noise and 0 for actions."""
        if time >= 1 or time <= 0:
            return self.beta if time > 0 else 0.0
        return min(time / (1 - time) * ((1 - time) ** 2 + time**2) / time**2, self.beta)
