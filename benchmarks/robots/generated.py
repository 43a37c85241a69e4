"""Robots of many kinds, dimensions and rates, whose actions are generated from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.motions import generate_episodes

Floats = npt.NDArray[np.float64]
Motion = Callable[["Robot", np.random.Generator], Floats]
"""An episode `[T, D]` of a robot."""

SECONDS = 12.0


@dataclass(frozen=True)
class Robot:
    """One that is commanded at a rate.

    Attributes:
        name: For people.
        action_dim: D.
        hz: Steps a second.
        motion: How its episodes come about.
        noise: Of the sensors or of the operator's hand, where the range is about [-1, 1].
    """

    name: str
    action_dim: int
    hz: float
    motion: Motion
    noise: float

    def episodes(self, count: int, seed: int) -> list[Floats]:
        """Episodes of `SECONDS`."""
        return [self.motion(self, np.random.default_rng((seed, index))) for index in range(count)]


def joint_positions(robot: Robot, rng: np.random.Generator) -> Floats:
    """Arms with grippers on minimum-jerk paths, with holds."""
    (episode,) = generate_episodes(
        1,
        action_dim=robot.action_dim,
        hz=robot.hz,
        seconds=SECONDS,
        noise=robot.noise,
        seed=int(rng.integers(2**31)),
    )
    return episode.astype(np.float64)


def displacements(robot: Robot, rng: np.random.Generator) -> Floats:
    """How far the hand goes in each step, in units of what it may, as BridgeData and LIBERO command it."""
    path = joint_positions(robot, rng)
    steps = np.diff(path, axis=0, prepend=path[:1]) * robot.hz / 2
    steps[:, -1] = path[:, -1]  # the gripper is commanded as it is
    steps[:, :-1] += rng.normal(0, 5 * robot.noise, (len(path), robot.action_dim - 1))
    return np.asarray(np.clip(steps, -1, 1))


def saturated_controller(robot: Robot, rng: np.random.Generator) -> Floats:
    """The commands of a proportional controller that drives a mass from target to target, clipped at +-1."""
    steps, joints = round(SECONDS * robot.hz), robot.action_dim - 1
    place, target, grip = np.zeros(joints), rng.uniform(-1, 1, joints), -1.0
    commands = np.empty((steps, robot.action_dim))
    gain = rng.uniform(5, 25)
    for step in range(steps):
        command = np.clip(gain * (target - place) + rng.normal(0, robot.noise, joints), -1, 1)
        commands[step] = *command, grip
        place += command * 1.5 / robot.hz
        if np.abs(target - place).max() < 0.05:
            target, grip = rng.uniform(-1, 1, joints), grip * rng.choice((-1, 1))
    return commands


def synergies(robot: Robot, rng: np.random.Generator) -> Floats:
    """A hand or a body: many joints that follow a few common motions, some of them still."""
    few = max(2, robot.action_dim // 5)
    paths = generate_episodes(
        1, action_dim=2 * few, hz=robot.hz, seconds=SECONDS, noise=0, seed=int(rng.integers(2**31))
    )[0][:, :few]
    weights = np.random.default_rng(robot.action_dim).normal(size=(few, robot.action_dim)) / np.sqrt(few)
    still = np.random.default_rng(robot.action_dim + 1).random(robot.action_dim) < 0.25
    motion = paths @ weights + rng.normal(0, robot.noise, (len(paths), robot.action_dim))
    return np.asarray(np.where(still, 0.0, motion))


def robots() -> list[Robot]:
    """2 to 44 dimensions, 5 to 100 Hz."""
    many: list[Robot] = []

    def add(motion: Any, dims: tuple[int, ...], rates: tuple[float, ...], noises: tuple[float, ...]) -> None:
        for place, action_dim in enumerate(dims):
            hz, noise = rates[place % len(rates)], noises[place % len(noises)]
            name = f"{motion.__name__.replace('_', ' ')}, {action_dim} at {hz:g} Hz"
            many.append(Robot(name, action_dim, hz, motion, noise))

    quiet, shaky = (0.002, 0.01, 0.005, 0.02), (0.01, 0.03, 0.02)
    add(joint_positions, (2, 3, 6, 7, 8, 10, 14, 16, 20, 26, 32), (10, 30, 50, 15, 20, 100, 50, 30), quiet)
    add(joint_positions, (6, 7, 14, 24, 44), (5, 10, 100, 20), shaky)
    add(displacements, (4, 7, 7, 7, 8, 14), (20, 5, 10, 30, 15, 50), quiet)
    add(saturated_controller, (4, 4, 7, 7), (80, 20, 20, 50), shaky)
    add(synergies, (12, 16, 22, 24, 28, 36, 44), (30, 50, 100, 60, 25, 30, 20), (0.005, 0.02, 0.002, 0.01))
    return many
