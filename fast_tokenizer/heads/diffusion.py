"""Diffusion: noise that is taken away in steps, by the schedulers of diffusers."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fast_tokenizer.errors import HeadError
from fast_tokenizer.heads.action_head import ActionHead, HeadInfo, masked_mean
from fast_tokenizer.heads.condition import Condition
from fast_tokenizer.heads.options import require_choice
from fast_tokenizer.heads.random_draws import normal, uniform
from fast_tokenizer.heads.spacing import Spacing, quadratic_steps
from fast_tokenizer.heads.trunk import Trunk

Sampler = Literal["ddpm", "ddim", "dpm++"]
"""`"ddpm"`: fresh noise at each step, as many steps as in training (Ho et al. 2020, arXiv 2006.11239); `"ddim"`:
noise at the start alone, ten steps (Song et al. 2021, arXiv 2010.02502); `"dpm++"`: DPM-Solver++ of second order,
ten steps (Lu et al. 2022, arXiv 2211.01095)."""

Prediction = Literal["epsilon", "sample", "v"]
"""What the network says of noisy actions: the noise in them, the actions, or `signal * noise - spread * actions`
(Salimans and Ho 2022, arXiv 2202.00512)."""

_STEPS = 10
_LEAST_LOG_RATIO = -5.1
"""Of signal to spread, where DPM-Solver++ begins: diffusers advises it for the cosine schedule, whose very end has
next to no signal."""


class DiffusionHead(ActionHead):
    """Learns what is noise in noisy actions, and takes it out of noise step by step.

    Diffusion Policy's setting: at step t of 100 a chunk is `signal[t] * actions + spread[t] * noise`, by the
    cosine schedule (`squaredcos_cap_v2`); in training t is drawn uniformly. Source: Chi et al. 2023 (arXiv
    2303.04137), and its code, real-stanford/diffusion_policy. The trunk is told the time `t / training_steps`, 1
    for noise, as in the flow head.

    Whatever the network predicts is made an estimate of the actions, and that is clipped: where there is little
    signal, an error in the predicted noise is thousands of times as large in the actions.

    Args:
        trunk: The network.
        horizon: Steps H of a chunk.
        action_dim: Dimensions D of an action.
        sampler: How samples come about. Training does not depend on it.
        prediction: What the network predicts.
        training_steps: Steps T from actions to noise, a multiple of ten.
        clip: How far from 0 estimates of actions may be, or None. Diffusion Policy has 1, as its actions are
            normalised by their least and greatest. Of those that are normalised by percentiles a few lie beyond,
            so that it is twice as much here.
        spacing: Where the steps of a sample lie. Even ones are Diffusion Policy's; quadratic ones, of DDIM or
            DPM-Solver++, keep more of the spread of what was shown where they are few.

    Attributes:
        signal: How much of the actions is in a chunk at each step, `[T]`.
        spread: How much noise, `[T]`.

    Raises:
        HeadError: If a setting is none of these.
        ImportError: If diffusers is not installed.

    Examples:
        >>> from fast_tokenizer.heads import TransformerTrunk
        >>> trunk = TransformerTrunk(condition_dim=5, width=16, layers=1, heads=2)
        >>> head = DiffusionHead(trunk, horizon=8, action_dim=7, sampler="ddim")
        >>> head.sample(Condition.of(torch.zeros(3, 5))).shape, head.info().nfe
        (torch.Size([3, 8, 7]), 10)
    """

    def __init__(
        self,
        trunk: Trunk,
        *,
        horizon: int,
        action_dim: int,
        sampler: Sampler = "ddpm",
        prediction: Prediction = "epsilon",
        training_steps: int = 100,
        clip: float | None = 2.0,
        spacing: Spacing = "even",
    ) -> None:
        super().__init__(trunk, horizon=horizon, action_dim=action_dim)
        require_choice("sampler", sampler, Sampler)
        require_choice("prediction", prediction, Prediction)
        require_choice("spacing", spacing, Spacing)
        if training_steps < 2 * _STEPS or training_steps % _STEPS:
            raise HeadError(
                f"training_steps is {training_steps}: expected {2 * _STEPS} or more, a multiple of {_STEPS}"
            )
        if clip is not None and not 0 < clip < math.inf:
            raise HeadError(f"clip is {clip}: expected a number above 0, or None")
        self.sampler = sampler
        self.prediction = prediction
        self.training_steps = training_steps
        self.clip = clip
        self.spacing = spacing
        # No buffers: these keep their precision, whatever the head is turned to.
        kept = self._scheduler_of(self._default_steps()).alphas_cumprod  # also tells what does not go together
        self.signal, self.spread = kept.sqrt(), (1 - kept).sqrt()
        self.places = nn.Parameter(0.02 * torch.randn(horizon, trunk.width))
        self.into = nn.Linear(action_dim, trunk.width)
        self.out = nn.Linear(trunk.width, action_dim)

    def info(self) -> HeadInfo:
        """A pass for each step."""
        return HeadInfo(nfe=self._default_steps(), is_stochastic=True, is_joint=True, has_log_prob=False)

    def predict(self, noisy: Tensor, steps: Tensor, memory: object) -> Tensor:
        """What the network says of chunks `[B, H, D]`, in their type.

        Args:
            noisy: Actions and noise.
            steps: int64 `[B]`, how far from actions to noise, 0 to `training_steps` - 1.
            memory: What the trunk remembers of the condition.
        """
        time = steps.to(torch.promote_types(noisy.dtype, torch.float32)) / self.training_steps
        prediction: Tensor = self.out(self.trunk(self.into(noisy) + self.places, memory, time=time))
        return prediction

    def _loss(
        self, condition: Condition, actions: Tensor, valid: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        drawn = uniform((len(actions),), actions, generator) * self.training_steps
        steps = drawn.long().clamp(max=self.training_steps - 1)
        dtype = torch.promote_types(actions.dtype, torch.float32)
        signal, spread = (
            level.to(actions.device, dtype)[steps][:, None, None] for level in (self.signal, self.spread)
        )
        noise = normal(tuple(actions.shape), actions, generator)
        noisy = torch.where(valid, signal * actions + spread * noise, 0.0).to(actions.dtype)
        target = noise
        if self.prediction == "sample":
            target = actions
        elif self.prediction == "v":
            target = signal * noise - spread * actions
        error = self.predict(noisy, steps, self.trunk.remember(condition)).float() - target.float()
        return masked_mean(error.square(), valid)

    def _sample(
        self, condition: Condition, generator: torch.Generator | None, num_steps: int | None, temperature: float
    ) -> Tensor:
        shape, like = (len(condition), self.horizon, self.action_dim), condition.tokens
        scheduler = self._scheduler_of(self._default_steps() if num_steps is None else num_steps)
        memory = self.trunk.remember(condition)
        # In float32 or more: half precision would lose what a step of many adds.
        chunk = temperature * normal(shape, like, generator).to(torch.promote_types(like.dtype, torch.float32))
        for step in scheduler.timesteps.tolist():
            steps = torch.full((len(chunk),), step, device=chunk.device)
            prediction = self.predict(chunk.to(like.dtype), steps, memory).to(chunk.dtype)
            actions = self._as_actions(prediction, chunk, step)
            noise: dict[str, Any] = {}
            if self.sampler == "ddpm" and step > 0:
                noise = {"eta": 1.0, "variance_noise": temperature * normal(shape, chunk, generator)}
            chunk = scheduler.step(actions, step, chunk, **noise).prev_sample
        return chunk.to(like.dtype)

    def _as_actions(self, prediction: Tensor, noisy: Tensor, step: int) -> Tensor:
        """The actions that a prediction says are in noisy ones, clipped."""
        actions, signal, spread = prediction, self.signal[step], self.spread[step]
        if self.prediction == "epsilon":
            actions = (noisy - spread * prediction) / signal
        elif self.prediction == "v":
            actions = signal * noisy - spread * prediction
        return actions if self.clip is None else actions.clamp(-self.clip, self.clip)

    def _default_steps(self) -> int:
        return self.training_steps if self.sampler == "ddpm" else _STEPS

    def _scheduler_of(self, num_steps: int) -> Any:
        """One for a sample of so many steps.

        Raises:
            HeadError: If there are not so many, or even ones of DDIM would not begin where there is noise alone:
                they are of one whole length, and go up from the actions. Or if quadratic ones are to be of DDPM.
        """
        if self.spacing == "quadratic" and self.sampler == "ddpm":
            raise HeadError("spacing is 'quadratic' and sampler 'ddpm': expected 'even', or another sampler")
        total, scheduler = self.training_steps, self._scheduler()
        most = total
        if self.spacing == "quadratic":
            # Where ten even steps begin: nearer to noise an error of the network is tens of times as large in the
            # actions, and decides between two ways.
            most = total - total // _STEPS
        elif self.sampler == "dpm++":
            scheduler.set_timesteps(1)
            most = int(scheduler.timesteps[0])
        if num_steps > most:
            raise HeadError(f"num_steps is {num_steps}: expected at most {most}, as training had {total}")
        length = total // num_steps
        if not self._is_multistep() and total // length != num_steps:
            raise HeadError(
                f"num_steps is {num_steps}: expected {total // (length + 1)} or {total // length}, which go "
                f"through the {total} steps of training"
            )
        if self.spacing == "quadratic":
            scheduler.set_timesteps(timesteps=quadratic_steps(num_steps, most))
        else:
            scheduler.set_timesteps(num_steps)
        return scheduler

    def _is_multistep(self) -> bool:
        """Whether steps are those of DPM-Solver++, which may be of any lengths. Of first order they are DDIM's."""
        return self.sampler == "dpm++" or (self.sampler == "ddim" and self.spacing == "quadratic")

    def _scheduler(self) -> Any:
        """A new one for each sample, as it remembers where it is.

        The one of DDIM takes the steps of DDPM where its `eta` is 1, and for them our noise, of any generator and
        temperature, where that of DDPM draws its own.
        """
        try:
            from diffusers import DDIMScheduler, DPMSolverMultistepScheduler
        except ImportError as error:
            raise ImportError(
                "DiffusionHead takes its steps with diffusers; install the extra: pip install "
                "fast_tokenizer[diffusion]"
            ) from error
        common = {
            "num_train_timesteps": self.training_steps,
            "beta_schedule": "squaredcos_cap_v2",
            "prediction_type": "sample",
        }
        with torch.device("cpu"):  # wherever the head is made: schedulers compute in numpy
            if self._is_multistep():
                order = 2 if self.sampler == "dpm++" else 1
                return DPMSolverMultistepScheduler(
                    **common, solver_order=order, lambda_min_clipped=_LEAST_LOG_RATIO
                )
            return DDIMScheduler(**common, clip_sample=False)
