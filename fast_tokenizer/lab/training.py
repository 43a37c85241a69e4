"""How every head of the lab is trained: the same steps of the same optimiser on the same batches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np
import numpy.typing as npt
import torch

from fast_tokenizer.heads import ActionHead, Condition
from fast_tokenizer.lab.experiment import Progress

_WARM_UP_STEPS = 100
_LARGEST_GRADIENT = 1.0  # as Diffusion Policy, robomimic and pi0 clip it
_STEPS_BETWEEN_REPORTS = 10


@dataclass(frozen=True)
class Training:
    """How long and how fast.

    Attributes:
        steps: Of the optimiser, Adam.
        batch: Chunks a step, drawn with repetition.
        learning_rate: The largest: it rises for a hundred steps, and falls to zero as a cosine.
        seed: Of the weights, the batches, and what a head draws.
    """

    steps: int
    batch: int = 128
    learning_rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    """How it went.

    Attributes:
        last_loss: The mean over those of the last tenth of the steps that are finite; None if none is.
        strange_losses: How many were not finite.
        step_ms: The median of a step, in milliseconds.
    """

    last_loss: float | None
    strange_losses: int
    step_ms: float


def seed_weights(seed: int) -> None:
    """Before a head is made, so that its weights depend on the seed alone."""
    torch.manual_seed(seed)


def train(
    head: ActionHead,
    conditions: npt.NDArray[np.float64],
    chunks: npt.NDArray[np.float64],
    training: Training,
    progress: Progress,
) -> Trained:
    """Trains a head.

    Args:
        head: Changed in place.
        conditions: `[N, C]`.
        chunks: `[N, H, D]`, normalised.
        training: How.
        progress: Told how many steps are done.
    """
    seen = torch.tensor(conditions, dtype=torch.float32)
    wanted = torch.tensor(chunks, dtype=torch.float32)
    generator = torch.Generator().manual_seed(training.seed)
    optimizer = torch.optim.Adam(head.parameters(), lr=training.learning_rate, fused=True)
    pace = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _pace(step, training.steps))
    losses, times = [], []
    for step in range(training.steps):
        begin = perf_counter()
        rows = torch.randint(len(wanted), (training.batch,), generator=generator)
        optimizer.zero_grad(set_to_none=True)
        loss = head.loss(Condition.of(seen[rows]), wanted[rows], generator=generator)
        losses.append(float(loss.detach()))
        if math.isfinite(losses[-1]):
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), _LARGEST_GRADIENT, foreach=True)
            optimizer.step()
        pace.step()
        times.append(1e3 * (perf_counter() - begin))
        if step % _STEPS_BETWEEN_REPORTS == 0:
            progress(step + 1)
    tail = np.array(losses[-max(1, len(losses) // 10) :])
    finite = tail[np.isfinite(tail)]
    last_loss = float(finite.mean()) if finite.size else None
    return Trained(last_loss, int((~np.isfinite(losses)).sum()), median(times))


def sample(
    head: ActionHead,
    conditions: npt.NDArray[np.float64],
    *,
    seed: int,
    num_steps: int | None = None,
    temperature: float = 1.0,
    batch: int = 1000,
) -> npt.NDArray[np.float64]:
    """A chunk for each condition `[N, C]`, `[N, H, D]`, some at a time."""
    seen = torch.tensor(conditions, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    parts = [
        head.sample(Condition.of(part), generator=generator, num_steps=num_steps, temperature=temperature)
        for part in seen.split(batch)
    ]
    return np.concatenate([part.double().numpy() for part in parts])


def parameters_of(head: ActionHead) -> int:
    """How many numbers are learned."""
    return sum(one.numel() for one in head.parameters())


def _pace(step: int, steps: int) -> float:
    """The part of the largest learning rate."""
    rise = min(1.0, (step + 1) / min(_WARM_UP_STEPS, max(1, steps // 10)))
    return rise * 0.5 * (1 + math.cos(math.pi * step / steps))
