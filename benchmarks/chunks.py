"""Chunks of actions to measure on: generated ones of several kinds, and the recordings of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_tokenizer.chunking import count_chunks, cut_chunks, split_episodes
from fast_tokenizer.motions import generate_episodes
from fast_tokenizer.normalization import Normalizer

Kind: TypeAlias = Literal["smooth", "walk", "grid", "heavy"]
"""What the values are like.

`smooth`: windows of `generate_episodes`. `walk`: random walks within [-1, 1]. `grid`: multiples of 0.05, where
scaled coefficients fall on ties. `heavy`: heavy-tailed and five times too large, so that some are clipped.
"""

Doubles: TypeAlias = "npt.NDArray[np.float64]"

_HZ = 50
_HEAVY_LIMIT = 500.0  # keeps the characters of 100 steps below the surrogates, on which the reference fails


def generated_chunks(kind: Kind, count: int, horizon: int, action_dim: int, seed: int = 0) -> Doubles:
    """Generates chunks `[count, horizon, action_dim]` from a seed."""
    rng = np.random.default_rng(seed)
    shape = count, horizon, action_dim
    if kind == "smooth":
        return _windows_of_motions(shape, seed, rng)
    if kind == "walk":
        steps = rng.normal(size=shape) / np.sqrt(horizon)
        walks = steps.cumsum(axis=1) + rng.uniform(-1, 1, (count, 1, action_dim))
        return np.asarray(np.clip(walks, -1.0, 1.0), np.float64)
    if kind == "grid":
        return np.asarray(rng.integers(-20, 21, shape) * 0.05, np.float64)
    values = 5.0 * rng.standard_t(2, shape)
    return np.asarray(np.clip(values, -_HEAVY_LIMIT, _HEAVY_LIMIT), np.float64)


def recorded_chunks(file: Path, stride: int | None = None) -> Doubles:
    """Cuts a recording into chunks of one second, normalised by the 1st and 99th percentile.

    Args:
        file: An .npz of `actions`, `episode_ends` and `hz`.
        stride: Steps from a chunk to the next; a fifth of a second unless given.
    """
    with np.load(file) as content:
        actions, ends, horizon = content["actions"], content["episode_ends"], round(float(content["hz"]))
    normalized = Normalizer.fit(actions).normalize(actions)
    return cut_chunks(split_episodes(normalized, ends), horizon, stride or max(1, horizon // 5))


def blocks(total: int, numbers_a_chunk: int, numbers_a_block: int = 1 << 20) -> Iterator[slice]:
    """Slices that cut a large batch into blocks of bounded memory."""
    size = max(1, numbers_a_block // numbers_a_chunk)
    for begin in range(0, total, size):
        yield slice(begin, min(begin + size, total))


def _windows_of_motions(shape: tuple[int, int, int], seed: int, rng: np.random.Generator) -> Doubles:
    count, horizon, action_dim = shape
    steps, stride = max(10 * _HZ, 2 * horizon), max(1, horizon // 5)
    episodes = max(20, -(-count // count_chunks(steps, horizon, stride)))
    motions = generate_episodes(episodes, action_dim=action_dim, hz=_HZ, seconds=steps / _HZ, seed=seed)
    windows = cut_chunks(motions, horizon, stride)
    return windows[rng.permutation(len(windows))[:count]].astype(np.float64)
