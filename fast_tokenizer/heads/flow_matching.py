"""Flow matching: noise that is carried to a chunk along straight lines."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from fast_tokenizer.errors import HeadError
from fast_tokenizer.heads.action_head import ActionHead, HeadInfo, masked_mean
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.options import require_choice
from fast_tokenizer.heads.random_draws import normal, uniform
from fast_tokenizer.heads.real_time import RealTimeGuidance
from fast_tokenizer.heads.spacing import Spacing, flow_times
from fast_tokenizer.heads.trunk import Trunk

Solver = Literal["euler", "midpoint"]
"""`"euler"`: a pass a step; `"midpoint"`: two, and an error that falls with the square of the steps."""

_STEPS = 10


class FlowMatchingHead(ActionHead):
    """Learns the velocity from actions to noise, and goes back along it.

    pi0's convention: at time 1 there is noise, at time 0 the actions, `x = t noise + (1 - t) actions`, and the
    velocity is `noise - actions`. In training t is `0.001 + 0.999 u^(2/3)`, u uniform, which is Beta(1.5, 1): more
    often near noise. Source: Physical-Intelligence/openpi, `src/openpi/models/pi0.py` (its paper has time the
    other way round).

    Args:
        trunk: The network.
        horizon: Steps H of a chunk.
        action_dim: Dimensions D of an action.
        solver: How samples follow the velocity.
        spacing: Where their steps lie. Even ones are pi0's; quadratic ones keep more of the spread of what was
            shown where they are few.
    """

    def __init__(
        self,
        trunk: Trunk,
        *,
        horizon: int,
        action_dim: int,
        solver: Solver = "euler",
        spacing: Spacing = "even",
    ) -> None:
        super().__init__(trunk, horizon=horizon, action_dim=action_dim)
        require_choice("solver", solver, Solver)
        require_choice("spacing", spacing, Spacing)
        self.solver = solver
        self.spacing = spacing
        self.places = nn.Parameter(0.02 * torch.randn(horizon, trunk.width))
        self.into = nn.Linear(action_dim, trunk.width)
        self.out = nn.Linear(trunk.width, action_dim)

    def info(self) -> HeadInfo:
        """Ten steps, of one pass each or of two."""
        return HeadInfo(
            nfe=_STEPS * (1 + (self.solver == "midpoint")), is_stochastic=True, is_joint=True, has_log_prob=False
        )

    def velocity(self, noisy: Tensor, time: Tensor, memory: object) -> Tensor:
        """The velocity at chunks `[B, H, D]` and times `[B]`.

        Args:
            noisy: Between actions and noise.
            time: In [0, 1], 1 for noise.
            memory: What the trunk remembers of the condition.
        """
        velocity: Tensor = self.out(self.trunk(self.into(noisy) + self.places, memory, time=time))
        return velocity

    def _loss(
        self, condition: Condition, actions: Tensor, valid: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        time = 0.001 + 0.999 * uniform((len(actions),), actions, generator) ** (1 / 1.5)
        noise = normal(tuple(actions.shape), actions, generator)
        part = time.to(actions.dtype)[:, None, None]
        noisy = torch.where(valid, part * noise + (1 - part) * actions, 0.0)
        error = self.velocity(noisy, time, self.trunk.remember(condition)).float() - (noise - actions).float()
        return masked_mean(error.square(), valid)

    def sample_onwards(
        self,
        condition: Condition,
        guidance: RealTimeGuidance,
        *,
        generator: torch.Generator | None = None,
        num_steps: int | None = None,
    ) -> Tensor:
        """Chunks that go on from what is planned: real-time chunking, by steps of Euler's method.

        At each step the velocity is corrected by what the chunk that it leads to is off from the plan.

        Args:
            condition: Of B rows.
            guidance: What is planned for each row.
            generator: As in `sample`.
            num_steps: As in `sample`.

        Raises:
            HeadError: If what is planned is not for such chunks, or as `sample` does.
        """
        planned = guidance.planned.shape
        if planned[0] != len(condition) or planned[1] > self.horizon or planned[2] != self.action_dim:
            raise HeadError(
                f"planned has shape {list(planned)}: expected [{len(condition)}, 1 to {self.horizon}, "
                f"{self.action_dim}]"
            )
        self._require_settings(condition, num_steps, 1.0)
        with torch.no_grad():
            memory = self.trunk.remember(condition)
        chunk = normal((len(condition), self.horizon, self.action_dim), condition.tokens, generator)
        weights = guidance.weights(self.horizon).to(chunk)[:, None]
        towards = guidance.towards(self.horizon).to(chunk)
        for time, later in self._steps(num_steps):
            with torch.set_grad_enabled(guidance.jacobian):
                start = chunk.requires_grad_(guidance.jacobian)
                velocity = self._velocity_at(start, time, memory)
                end = start - time * velocity
            pull = weights * (towards - end.detach())
            if guidance.jacobian:
                (pull,) = torch.autograd.grad(end, start, pull)
            chunk = chunk.detach() - (time - later) * (velocity.detach() - guidance.strength(time) * pull)
        return chunk

    def _sample(
        self, condition: Condition, generator: torch.Generator | None, num_steps: int | None, temperature: float
    ) -> Tensor:
        memory = self.trunk.remember(condition)
        shape = (len(condition), self.horizon, self.action_dim)
        chunk = temperature * normal(shape, condition.tokens, generator)
        for time, later in self._steps(num_steps):
            velocity = self._velocity_at(chunk, time, memory)
            if self.solver == "midpoint":
                half = (time - later) / 2
                velocity = self._velocity_at(chunk - half * velocity, time - half, memory)
            chunk = chunk - (time - later) * velocity
        return chunk

    def _steps(self, num_steps: int | None) -> Iterable[tuple[float, float]]:
        """When each step begins and ends, from noise to actions."""
        return pairwise(flow_times(_STEPS if num_steps is None else num_steps, self.spacing))

    def _velocity_at(self, noisy: Tensor, time: float, memory: object) -> Tensor:
        kind = torch.promote_types(noisy.dtype, torch.float32)  # half precision would not tell times apart
        return self.velocity(noisy, torch.full((len(noisy),), time, dtype=kind, device=noisy.device), memory)
