"""Imitation: the model learns to write the expert's chunks; interrupted training goes on at the step it was."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fast_tokenizer.progress import ProgressBar
from vla.collator import Tensors
from vla.files import require_same, write_beside

_LEARNING_RATE = 2e-3
_WARM_UP_STEPS = 50
_WEIGHT_DECAY = 0.01
_LARGEST_GRADIENT = 1.0
_STEPS_BETWEEN_CHECKPOINTS = 100

Batches = Callable[[npt.NDArray[np.int64], np.random.Generator], Tensors]
"""Rows of the demonstrations, and what is random about a batch, to the arguments of the model."""


@dataclass(frozen=True)
class Schedule:
    """What decides the course of a training; a checkpoint is good for one schedule only.

    Attributes:
        codec: What writes the chunks.
        steps: Batches to learn from.
        batch_size: Rows of each.
        seed: Of the parameters at the start, and of the batches.
    """

    codec: str
    steps: int
    batch_size: int
    seed: int


def train(model: Any, batches: Batches, rows: int, schedule: Schedule, file: Path) -> list[float]:
    """Trains a model in place.

    Step n is the same whether training was interrupted or not: its batch is drawn from seed and n.

    Args:
        model: From `untrained_model`.
        batches: Makes a batch.
        rows: How many rows there are to draw from.
        schedule: How long, and on what.
        file: The checkpoint: training goes on from it if it is there.

    Returns:
        The loss of every step.

    Raises:
        SystemExit: If the checkpoint is of another schedule.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    losses: list[float] = []
    if file.exists():
        checkpoint = torch.load(file, weights_only=True)
        require_same(file, checkpoint["schedule"], asdict(schedule))
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        losses = checkpoint["losses"]
    model.train()
    with ProgressBar(f"training with {schedule.codec}") as bar:
        bar.update(len(losses), schedule.steps)
        for step in range(len(losses), schedule.steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, schedule.steps)
            rng = np.random.default_rng([schedule.seed, step])
            chosen = rng.integers(rows, size=schedule.batch_size)
            loss = model(**batches(chosen, rng)).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_GRADIENT)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
            bar.update(step + 1, schedule.steps)
            if (step + 1) % _STEPS_BETWEEN_CHECKPOINTS == 0 or step + 1 == schedule.steps:
                checkpoint = {
                    "schedule": asdict(schedule),
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "losses": losses,
                }
                write_beside(file, partial(torch.save, checkpoint))
    model.eval()
    return losses


def learning_rate(step: int, steps: int) -> float:
    """Rises in a line, then falls along a cosine to nothing."""
    warm_up = min(1.0, (step + 1) / _WARM_UP_STEPS)
    return _LEARNING_RATE * warm_up * (1 + math.cos(math.pi * step / steps)) / 2
