"""What a policy learns from: observations of the expert at work, and the actions that followed each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.chunking import Chunking
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.lab.closed_loop.robots import Robot
from fast_tokenizer.lab.experiment import Progress


@dataclass(frozen=True, eq=False)
class Demonstrations:
    """Observations and chunks.

    Attributes:
        observations: `[N, C]`.
        chunks: `[N, H, D]` in [-1, 1], each beginning at its observation.
    """

    observations: npt.NDArray[np.float64]
    chunks: npt.NDArray[np.float64]


def record(
    robot: Robot, seeds: Sequence[int], *, horizon: int, noise: float, max_steps: int, progress: Progress
) -> Demonstrations:
    """Lets the expert do the task.

    What is carried out is its action and some noise, what is kept is the action: so it shows how to come back from
    where a policy may err to. Source: DART, arXiv 1703.09327. The gripper, which is the last dimension, has no
    noise: what is held would be dropped. An episode goes on for a chunk after the success, so that there are
    whole chunks up to it. One in which the expert fails is left out.

    Args:
        robot: That does it.
        seeds: One an episode.
        horizon: Steps H of a chunk.
        noise: Its standard deviation, where 1 is full speed.
        max_steps: After which the expert has failed.
        progress: Told how many episodes are done.

    Raises:
        TrainingError: If the expert never did the task.
    """
    chunking = Chunking(horizon)
    observations, chunks = [], []
    for done, seed in enumerate(seeds):
        seen, actions = _episode(robot, seed, horizon=horizon, noise=noise, max_steps=max_steps)
        if robot.ending.succeeded:
            windows = chunking.windows(actions, done)
            observations.append(seen[: len(windows)])
            chunks.append(windows)
        progress(done + 1)
    if not chunks:
        raise TrainingError(
            f"the expert failed in all of {len(seeds)} episodes of {max_steps} steps with a noise of {noise:g}: "
            "record more, or with less noise"
        )
    return Demonstrations(np.concatenate(observations), np.concatenate(chunks))


def _episode(
    robot: Robot, seed: int, *, horizon: int, noise: float, max_steps: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Observations `[T, C]` and actions `[T, D]`."""
    rng = np.random.default_rng(seed)
    robot.reset(seed)
    seen: list[npt.NDArray[Any]] = []
    actions: list[npt.NDArray[Any]] = []
    left = horizon
    while left and len(actions) < max_steps + horizon and not robot.ending.hit_pillar:
        seen.append(robot.seen.copy())
        actions.append(robot.expert_action())
        shake = rng.normal(0.0, noise, actions[-1].shape)
        shake[-1] = 0.0
        robot.step(actions[-1] + shake)
        left -= robot.ending.succeeded
    return np.stack(seen), np.stack(actions)
