"""Robot-like trajectories for demonstrations, tests and benchmarks, from a seed."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FastTokenizerError

_DIMENSIONS_PER_ARM = 7
_REACH = 0.9  # via-points lie in [-0.9, 0.9], so that noise stays within [-1, 1]
_MOTION_SECONDS = (0.6, 2.0)
_HOLD_SECONDS = (0.1, 0.6)
_HOLD_PROBABILITY = 0.5
_GRIP_PROBABILITY = 0.7  # of opening or closing the gripper where the arm holds still


def generate_episodes(
    count: int,
    *,
    action_dim: int = 14,
    hz: float = 50.0,
    seconds: float = 10.0,
    noise: float = 0.002,
    seed: int = 0,
) -> list[npt.NDArray[np.float32]]:
    """Generates episodes of smooth motions, holds and gripper events, as if normalised to [-1, 1].

    The dimensions are those of one arm or of several (about seven each, see `gripper_dimensions`). Each arm
    moves by itself: from one random via-point to the next along a minimum-jerk path, with a hold after half
    of the motions, where its gripper may open (1) or close (-1). Episode `i` depends on the seed and on `i`,
    not on `count`.

    Args:
        count: Number of episodes.
        action_dim: Number of dimensions D.
        hz: Steps a second.
        seconds: Duration of every episode; it has `round(seconds * hz)` steps.
        noise: Standard deviation of the sensor noise, in the units of the actions; grippers have none.
        seed: Any integer from 0.

    Returns:
        `count` arrays `[T, D]`.

    Raises:
        FastTokenizerError: A number is out of its range.

    Examples:
        >>> [episode.shape for episode in generate_episodes(2, action_dim=7, seconds=1.0)]
        [(50, 7), (50, 7)]
    """
    if count < 0 or action_dim < 1 or seed < 0:
        raise FastTokenizerError(
            f"got count={count}, action_dim={action_dim}, seed={seed}: expected 0, 1 and 0 or more"
        )
    if not (math.isfinite(hz * seconds) and hz > 0 and round(seconds * hz) >= 1):
        raise FastTokenizerError(f"got hz={hz}, seconds={seconds}: an episode needs at least one step")
    if not (math.isfinite(noise) and noise >= 0):
        raise FastTokenizerError(f"got noise={noise}: expected a standard deviation, 0 or more")
    steps = round(seconds * hz)
    return [_episode(steps, action_dim, hz, noise, (seed, index)) for index in range(count)]


def gripper_dimensions(action_dim: int) -> tuple[int, ...]:
    """Says which dimensions of a generated episode are two-valued grippers.

    The dimensions are shared out evenly over `round(action_dim / 7)` arms, at least one. The last dimension
    of an arm is its gripper, where the arm has three dimensions or more.

    Examples:
        >>> gripper_dimensions(14), gripper_dimensions(8), gripper_dimensions(2)
        ((6, 13), (7,), ())
    """
    ends = np.cumsum(_arm_sizes(action_dim))
    return tuple(int(end) - 1 for end, size in zip(ends, _arm_sizes(action_dim), strict=True) if size >= 3)


def minimum_jerk(fraction: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Gives the part of the way that a minimum-jerk motion has covered.

    `10 t^3 - 15 t^4 + 6 t^5`: the path from rest to rest with the least integral of squared jerk (T. Flash
    and N. Hogan, "The coordination of arm movements: an experimentally confirmed mathematical model", Journal
    of Neuroscience 5(7), 1985).

    Args:
        fraction: The part of the time that has passed, in [0, 1]; any shape.

    Returns:
        The part of the way, in [0, 1], of the same shape.

    Examples:
        >>> minimum_jerk([0.0, 0.5, 1.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    t = np.asarray(fraction, dtype=np.float64)
    return np.asarray(t**3 * (10.0 + t * (6.0 * t - 15.0)))


def _episode(
    steps: int, action_dim: int, hz: float, noise: float, seed: tuple[int, int]
) -> npt.NDArray[np.float32]:
    arms = [
        _arm(steps, size, hz, noise, np.random.default_rng((*seed, arm)))
        for arm, size in enumerate(_arm_sizes(action_dim))
    ]
    return np.concatenate(arms, axis=1).astype(np.float32)


def _arm_sizes(action_dim: int) -> list[int]:
    arms = max(1, round(action_dim / _DIMENSIONS_PER_ARM))
    return [action_dim // arms + (arm < action_dim % arms) for arm in range(arms)]


def _arm(steps: int, size: int, hz: float, noise: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    joints = size - 1 if size >= 3 else size
    here = rng.uniform(-_REACH, _REACH, joints)
    grip = rng.choice((-1.0, 1.0))
    paths: list[npt.NDArray[np.float64]] = []
    grips: list[npt.NDArray[np.float64]] = []
    done = 0
    while done < steps:
        there = rng.uniform(-_REACH, _REACH, joints)
        move = max(1, round(rng.uniform(*_MOTION_SECONDS) * hz))
        hold = round(rng.uniform(*_HOLD_SECONDS) * hz) if rng.random() < _HOLD_PROBABILITY else 0
        progress = minimum_jerk(np.arange(1, move + 1) / move)
        paths += [here + progress[:, None] * (there - here), np.tile(there, (hold, 1))]
        grips.append(np.full(move, grip))
        if hold and rng.random() < _GRIP_PROBABILITY:
            grip = -grip
        grips.append(np.full(hold, grip))
        here = there
        done += move + hold
    path = np.concatenate(paths)[:steps]
    path += rng.normal(0.0, noise, path.shape)
    return path if joints == size else np.column_stack([path, np.concatenate(grips)[:steps]])
