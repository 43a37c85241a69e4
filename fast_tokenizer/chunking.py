"""Episodes cut into chunks: the windows of `horizon` steps that a policy predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FastTokenizerError


def cut_chunks(episodes: Sequence[npt.ArrayLike], horizon: int, stride: int) -> npt.NDArray[Any]:
    """Cuts episodes into chunks of equal length that do not cross from one episode into the next.

    Args:
        episodes: Arrays `[T, D]` of equal D; T may differ.
        horizon: Steps H of a chunk.
        stride: Steps from the start of a chunk to the start of the next one.

    Returns:
        A new array `[B, H, D]`, in the order of the episodes, of their common dtype. Steps after the last
        full window of an episode are dropped, and so is an episode shorter than `horizon`.

    Raises:
        FastTokenizerError: There is no episode, their shapes do not fit together, or no window is left.

    Examples:
        >>> episodes = [np.arange(5.0)[:, None], np.arange(3.0)[:, None]]
        >>> cut_chunks(episodes, horizon=3, stride=2)[:, :, 0].tolist()
        [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0], [0.0, 1.0, 2.0]]
    """
    if horizon < 1 or stride < 1:
        raise FastTokenizerError(f"got horizon={horizon}, stride={stride}: expected 1 step or more each")
    arrays = [np.asarray(episode) for episode in episodes]
    _require_same_dimensions(arrays)
    windows = [
        np.lib.stride_tricks.sliding_window_view(array, horizon, axis=0)[::stride].transpose(0, 2, 1)
        for array in arrays
        if len(array) >= horizon
    ]
    if not windows:
        raise FastTokenizerError(
            f"no chunk of {horizon} steps: the longest of {len(arrays)} episode(s) has "
            f"{max(map(len, arrays))} steps; choose a shorter horizon or record longer episodes"
        )
    return np.concatenate(windows)


def count_chunks(steps: int, horizon: int, stride: int) -> int:
    """Counts the chunks that `cut_chunks` cuts from an episode of `steps` steps.

    Examples:
        >>> [count_chunks(steps, horizon=3, stride=2) for steps in (2, 3, 4, 5)]
        [0, 1, 1, 2]
    """
    return max(0, (steps - horizon) // stride + 1)


def split_episodes(actions: npt.NDArray[Any], episode_ends: npt.ArrayLike) -> list[npt.NDArray[Any]]:
    """Splits a recording into its episodes.

    Args:
        actions: All steps of all episodes, `[T, D]`.
        episode_ends: As in `episode_lengths`.

    Returns:
        Views `[T_i, D]` of `actions`, one an episode.

    Raises:
        FastTokenizerError: The ends are not whole numbers that rise from above 0 to T.

    Examples:
        >>> [len(episode) for episode in split_episodes(np.zeros((5, 2)), [2, 5])]
        [2, 3]
    """
    lengths = episode_lengths(episode_ends, len(actions))
    return np.split(actions, np.cumsum(lengths)[:-1].tolist())


def episode_lengths(episode_ends: npt.ArrayLike, steps: int) -> list[int]:
    """Steps of each episode of a recording.

    Args:
        episode_ends: The step after the last one of each episode, rising, up to `steps`.
        steps: Steps of all episodes.

    Raises:
        FastTokenizerError: The ends are not whole numbers that rise from above 0 to `steps`.

    Examples:
        >>> episode_lengths([2, 5], steps=5)
        [2, 3]
    """
    ends = np.asarray(episode_ends)
    if ends.ndim != 1 or not np.issubdtype(ends.dtype, np.integer) or not len(ends):
        raise FastTokenizerError(
            f"episode_ends has shape {ends.shape} and type {ends.dtype}: expected a list of whole numbers"
        )
    if ends[0] < 1 or np.any(ends[1:] <= ends[:-1]) or ends[-1] != steps:
        raise FastTokenizerError(
            f"episode_ends goes from {ends[0]} to {ends[-1]} for {steps} steps: expected the step "
            f"after each episode, always rising, the last one {steps}"
        )
    lengths: list[int] = np.diff(ends.astype(np.int64), prepend=0).tolist()
    return lengths


def _require_same_dimensions(episodes: Sequence[npt.NDArray[Any]]) -> None:
    if not len(episodes):
        raise FastTokenizerError("got no episode: expected at least one array [T, D]")
    for index, episode in enumerate(episodes):
        if episode.ndim != 2 or episode.shape[1:] != episodes[0].shape[1:]:
            raise FastTokenizerError(
                f"episode {index} has shape {episode.shape} and episode 0 {episodes[0].shape}: "
                "expected [T, D] with the same D"
            )
