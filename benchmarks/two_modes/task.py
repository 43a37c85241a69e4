"""Chunks that pass an obstacle on its left or on its right, half of them each, and a judge of chunks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fast_tokenizer.motions import minimum_jerk

HORIZON, ACTION_DIM = 8, 7  # x, y, z, roll, pitch, yaw, gripper
GOAL_DIM = 2  # where the motion ends in x, and how high it goes
TOLERANCE = 0.2  # of each value, where the obstacle is 1.2 wide

_DETOUR = 0.6  # to either side, in y
_LEAN = 0.3  # of roll with the detour
_TURN = 0.4  # of yaw
_NOISE = 0.01

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Verdict:
    """What chunks are worth.

    Attributes:
        left: bool `[B]`: valid, and past the obstacle on its left.
        right: bool `[B]`: likewise on its right.
    """

    left: npt.NDArray[np.bool_]
    right: npt.NDArray[np.bool_]

    @property
    def valid(self) -> float:
        """The part that passes on either side."""
        return float((self.left | self.right).mean())

    @property
    def balance(self) -> float:
        """The part of the valid ones that passes on the left; NaN where none is valid."""
        return float(self.left.sum() / (self.left | self.right).sum()) if self.valid else float("nan")


def draw(count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Goals `[count, GOAL_DIM]`, and a chunk `[count, HORIZON, ACTION_DIM]` for each, to the left or right."""
    goals = draw_goals(count, rng)
    sides = rng.choice([-1.0, 1.0], count)
    chunks = path(goals, sides) + _NOISE * rng.normal(size=(count, HORIZON, ACTION_DIM))
    return goals, chunks


def draw_goals(count: int, rng: np.random.Generator) -> Floats:
    """Goals `[count, GOAL_DIM]` in [-1, 1]."""
    return rng.uniform(-1, 1, (count, GOAL_DIM))


def path(goals: Floats, sides: Floats) -> Floats:
    """The chunk without noise for each goal and side (-1 or 1).

    A minimum-jerk motion there, and in the middle of it a detour to one side, into which the hand leans and turns.
    Only y, roll and yaw tell one side from the other, and they do so in the middle of the chunk only.
    """
    time = np.arange(1, HORIZON + 1) / HORIZON
    progress = minimum_jerk(time)
    away = np.sin(np.pi * time) ** 2
    chunks = np.zeros((len(goals), HORIZON, ACTION_DIM))
    chunks[:, :, 0] = -0.8 + (1.4 + 0.2 * goals[:, :1]) * progress
    chunks[:, :, 1] = _DETOUR * sides[:, None] * away
    chunks[:, :, 2] = (0.4 + 0.2 * goals[:, 1:]) * away
    chunks[:, :, 3] = _LEAN * sides[:, None] * away
    chunks[:, :, 4] = -0.3 * progress
    chunks[:, :, 5] = _TURN * sides[:, None] * away
    chunks[:, :, 6] = -0.9 + 1.8 * minimum_jerk(np.maximum(0, 2 * time - 1))
    return chunks


def judge(chunks: Floats, goals: Floats) -> Verdict:
    """Compares chunks with both ways to their goals: one is valid if no value is off by more than `TOLERANCE`."""
    left, right = (
        np.asarray((abs(chunks - path(goals, np.full(len(goals), side))) <= TOLERANCE).all(axis=(1, 2)))
        for side in (-1.0, 1.0)
    )
    return Verdict(left, right)
