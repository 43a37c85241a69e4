"""Policies in closed loop: some robots in step, each before an episode of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.execution import ChunkExecutor, PredictionContext
from fast_tokenizer.lab.closed_loop.robots import Ending, Robot
from fast_tokenizer.lab.experiment import Progress


def roll_out(
    policy: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
    robots: Sequence[Robot],
    seeds: Sequence[int],
    *,
    execute: int,
    max_steps: int,
    progress: Progress,
) -> list[Ending]:
    """Tries a policy.

    Args:
        policy: From observations `[B, C]` to chunks `[B, H, D]`.
        robots: Before the same task. As many episodes run at a time, and ask the policy together.
        seeds: Of the episodes.
        execute: Steps of a chunk that are carried out before the next one is asked for.
        max_steps: After which an episode is over.
        progress: Told how many episodes are done.

    Returns:
        How each episode ended.
    """
    endings: list[Ending] = []
    for begin in range(0, len(seeds), len(robots)):
        acting = robots[: len(seeds) - begin]
        for robot, seed in zip(acting, seeds[begin:], strict=False):
            robot.reset(seed)
        _run(policy, acting, execute, max_steps)
        endings += [robot.ending for robot in acting]
        progress(len(endings))
    return endings


def _run(
    policy: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], robots: Sequence[Robot], execute: int, max_steps: int
) -> None:
    def predict(_: PredictionContext) -> npt.NDArray[Any]:
        return policy(np.stack([robot.seen for robot in robots]))

    executor = ChunkExecutor(predict, execute=execute)
    for _ in range(max_steps):
        if all(robot.ending.is_over for robot in robots):
            break
        for robot, action in zip(robots, executor.step(), strict=True):
            if not robot.ending.is_over:  # the others wait where they are
                robot.step(action)


def roll_out_expert(robot: Robot, seeds: Sequence[int], *, max_steps: int) -> list[Ending]:
    """How the scripted expert does in the same episodes."""
    endings = []
    for seed in seeds:
        robot.reset(seed)
        for _ in range(max_steps):
            if robot.ending.is_over:
                break
            robot.step(robot.expert_action())
        endings.append(robot.ending)
    return endings
