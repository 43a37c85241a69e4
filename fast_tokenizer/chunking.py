"""Episodes cut into chunks: the windows of `horizon` steps that a policy predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from fast_tokenizer.errors import FastTokenizerError, FormatError

Padding: TypeAlias = Literal["drop", "hold", "zeros"]
"""What becomes of a chunk that reaches beyond the end of its episode.

`drop`: it is left out. `hold`: it repeats the last step, as policies are trained that may be asked at any step.
`zeros`: it goes on with zeros, which mean no motion where actions are differences.
"""


@dataclass(frozen=True)
class Chunking:
    """How episodes are cut into chunks, as a record that can be kept with what was made of them.

    Attributes:
        horizon: Steps H of a chunk.
        stride: Steps from the start of a chunk to the start of the next one.
        padding: What becomes of chunks that reach beyond the end of their episode.
        sample: The share of the chunks that is kept. Each is drawn by itself, so that about this share is.
        seed: Of these draws. They depend on nothing else than this and the place of the episode.

    Raises:
        FormatError: If one of these is not what it should be; its `key` says which.

    Examples:
        >>> episodes = [np.arange(1.0, 6.0)[:, None]]
        >>> Chunking(horizon=3, stride=2, padding="hold").cut(episodes)[:, :, 0].tolist()
        [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [5.0, 5.0, 5.0]]
    """

    horizon: int
    stride: int = 1
    padding: Padding = "drop"
    sample: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for key, least in (("horizon", 1), ("stride", 1), ("seed", 0)):
            number = getattr(self, key)
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                raise FormatError(f"got {number!r}, expected an integer of {least} or more", key=key)
        if self.padding not in get_args(Padding):
            raise FormatError(
                f"got {self.padding!r}, expected one of {', '.join(get_args(Padding))}", key="padding"
            )
        is_number = isinstance(self.sample, int | float) and not isinstance(self.sample, bool)
        if not is_number or not 0 < self.sample <= 1:
            raise FormatError(f"got {self.sample!r}, expected a share above 0, up to 1", key="sample")

    def cut(self, episodes: Sequence[npt.ArrayLike]) -> npt.NDArray[Any]:
        """Cuts episodes into chunks that do not cross from one episode into the next.

        Args:
            episodes: Arrays `[T, D]` of equal D; T may differ.

        Returns:
            A new array `[B, H, D]`, in the order of the episodes, of their common dtype.

        Raises:
            FastTokenizerError: There is no episode, their shapes do not fit together, or no chunk is left.
        """
        arrays = [np.asarray(episode) for episode in episodes]
        _require_same_dimensions(arrays)
        windows = [self.windows(array, place) for place, array in enumerate(arrays)]
        if not any(map(len, windows)):
            raise self.no_chunks([len(array) for array in arrays])
        return np.concatenate(windows)

    def windows(self, episode: npt.NDArray[Any], place: int) -> npt.NDArray[Any]:
        """The chunks of one episode, where possible as a view of it.

        Args:
            episode: `[T, D]`.
            place: Its place among the episodes, on which it depends which chunks a share is made of.

        Returns:
            `[B, H, D]`, not to be written to; B may be 0.
        """
        if self.padding != "drop" and len(episode):
            mode: Any = {"hold": "edge", "zeros": "constant"}[self.padding]
            episode = np.pad(episode, ((0, self.horizon - 1), (0, 0)), mode=mode)
        if len(episode) < self.horizon:
            return np.empty((0, self.horizon, episode.shape[1]), episode.dtype)
        windows = np.lib.stride_tricks.sliding_window_view(episode, self.horizon, axis=0)[:: self.stride]
        if self.sample < 1:
            windows = windows[np.random.default_rng([self.seed, place]).random(len(windows)) < self.sample]
        return windows.transpose(0, 2, 1)

    def starts(self, steps: int, place: int) -> npt.NDArray[np.int64]:
        """The step that each of `windows` begins at, int64 `[B]`, for an episode of so many steps.

        Examples:
            >>> Chunking(horizon=3, stride=2).starts(8, place=0).tolist()
            [0, 2, 4]
        """
        return np.asarray(self.windows(np.arange(steps, dtype=np.int64)[:, None], place)[:, 0, 0])

    def no_chunks(self, lengths: Sequence[int]) -> FastTokenizerError:
        """The error for episodes of these lengths that no chunk was cut from."""
        return FastTokenizerError(
            f"no chunk of {self.horizon} steps: the longest of {len(lengths)} episode(s) has "
            f"{max(lengths)} steps, and a share of {self.sample:g} is kept; choose a shorter horizon "
            "or a larger share, or record longer episodes"
        )

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes equal settings of, as plain JSON."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Chunking:
        """The settings that `get_config` described.

        Raises:
            FormatError: If a key is missing or unknown, or a value is not what it should be.
        """
        names = [field.name for field in fields(cls)]
        if sorted(config) != sorted(names):
            raise FormatError(f"got the keys {', '.join(config)}, expected {', '.join(names)}")
        return cls(**config)


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
    return Chunking(horizon, stride).cut(episodes)


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
