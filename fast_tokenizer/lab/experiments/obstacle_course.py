"""A point that must get past a circle, on the left or on the right.

From (-0.5, 0) to (0.5, 0) in sixteen steps of waypoints; a detour of ±0.3 around a circle of radius 0.15.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.execution import ChunkExecutor, PredictionContext, TemporalEnsemble

Floats = npt.NDArray[np.float64]

HORIZON, ACTION_DIM = 16, 2
START = (-0.5, 0.0)
RADIUS = 0.15
_DETOUR = 0.3
_NOISE = 0.01
"""Of the start, of the waypoints that are shown, and of each step that is carried out."""


def demonstrations(count: int, rng: np.random.Generator) -> Floats:
    """Paths `[count, 1 + HORIZON, 2]`, the start included; half of them to either side, by chance."""
    x = np.linspace(START[0], -START[0], 1 + HORIZON)
    height = _DETOUR * rng.choice([-1.0, 1.0], count) * rng.normal(1, 0.05, count)
    paths = np.stack([np.broadcast_to(x, (count, x.size)), height[:, None] * np.cos(x * np.pi)], axis=2)
    return paths + rng.normal(0, _NOISE, paths.shape)


def chunks_from_everywhere(paths: Floats) -> tuple[Floats, Floats]:
    """What is seen, `[N, 2]`, at every step of every path, and the waypoints from there `[N, HORIZON, 2]`.

    After its end a path stays where it is.
    """
    longer = np.concatenate([paths, np.repeat(paths[:, -1:], HORIZON - 1, axis=1)], axis=1)
    seen = [paths[:, step] for step in range(HORIZON)]
    chunks = [longer[:, step + 1 : step + 1 + HORIZON] for step in range(HORIZON)]
    return np.concatenate(seen), np.concatenate(chunks)


def collides(paths: Floats) -> npt.NDArray[np.bool_]:
    """Which of the paths `[B, T, 2]` come into the circle, between two waypoints too; `[B]`."""
    begin, way = paths[:, :-1], np.diff(paths, axis=1)
    length = np.square(way).sum(axis=2)
    nearest = np.clip(-(begin * way).sum(axis=2) / np.where(length > 0, length, 1.0), 0, 1)
    distance = np.linalg.norm(begin + nearest[..., None] * way, axis=2)
    found: npt.NDArray[np.bool_] = (distance < RADIUS).any(axis=1)
    return found


def to_the_right(paths: Floats) -> npt.NDArray[np.bool_]:
    """Which of the paths are above zero where they are nearest to the middle of the way; `[B]`."""
    middle = np.abs(paths[..., 0]).argmin(axis=1)
    found: npt.NDArray[np.bool_] = paths[np.arange(len(paths)), middle, 1] > 0
    return found


def roughness(waypoints: Floats) -> float:
    """The root mean square of the second differences of what points `[B, T, 2]` are told."""
    return float(np.sqrt(np.square(np.diff(waypoints, 2, axis=1)).mean()))


def carry_out(
    predict: Any, count: int, rng: np.random.Generator, *, execute: int, ensemble: TemporalEnsemble | None
) -> tuple[Floats, Floats]:
    """Points that move in step, each step with some noise.

    Args:
        predict: From places `[count, 2]` to chunks `[count, HORIZON, 2]`.
        count: Points.
        rng: Of the noise.
        execute: Steps of a chunk that are carried out.
        ensemble: How chunks are averaged, if they are.

    Returns:
        Their paths `[count, 1 + HORIZON, 2]`, and the waypoints `[count, HORIZON, 2]` that they were told.
    """
    place = np.array(START) + rng.normal(0, _NOISE, (count, ACTION_DIM))

    def ask(context: PredictionContext) -> Floats:
        chunks: Floats = predict(place)
        return chunks

    executor = ChunkExecutor(ask, execute=execute, ensemble=ensemble)
    paths, told = [place], []
    for _ in range(HORIZON):
        told.append(executor.step())
        place = told[-1] + rng.normal(0, _NOISE, place.shape)
        paths.append(place)
    return np.stack(paths, axis=1), np.stack(told, axis=1)
