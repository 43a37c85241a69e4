"""A dataset's episodes as chunks are cut from them: states that match the actions, at the rate wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.dataset_training.settings import Resampling
from fast_tokenizer.datasets import Episode, Episodes
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.resampling import resample

_MOST_TIMES = 1000
"""The most steps to make of one that was recorded: nothing is known between two of them, and memory ends."""


@dataclass(frozen=True)
class PlacedEpisode:
    """An episode and its place in the dataset, which says how its chunks are sampled."""

    place: int
    episode: Episode


@dataclass(frozen=True)
class PreparedEpisodes:
    """The episodes of a dataset, one at a time and as often as wanted.

    Attributes:
        episodes: The dataset.
        resampling: The rate that they are brought to.

    Raises:
        TrainingError: If they are to be resampled and the dataset does not tell their rate, or to a rate beyond
            all sense.
    """

    episodes: Episodes
    resampling: Resampling | None

    def __post_init__(self) -> None:
        if self.resampling is None:
            return
        origin, hz = self.episodes.origin, self.episodes.hz
        if hz is None:
            raise TrainingError(f"{origin} does not tell its rate: it cannot be resampled")
        if self.resampling.hz > _MOST_TIMES * hz:
            raise TrainingError(
                f"the rate is {self.resampling.hz:g} Hz, that of {origin} {hz:g} Hz: expected at most "
                f"{_MOST_TIMES} times as much"
            )

    def __len__(self) -> int:
        """Episodes that there are."""
        return len(self.episodes)

    def __iter__(self) -> Iterator[PlacedEpisode]:
        """Reads them in their order, as the dataset does."""
        for place, episode in enumerate(self.episodes):
            yield self.prepare(place, episode)

    def prepare(self, place: int, episode: Episode) -> PlacedEpisode:
        """One that was read of the dataset."""
        resampled = _resampled(episode, self.episodes.hz, self.resampling)
        return PlacedEpisode(place, _with_matching_states(resampled, self.episodes.dims))


def _with_matching_states(episode: Episode, dims: tuple[int, ...] | None) -> Episode:
    """With a state for each dimension of the actions, `[T, D]`: states often go without the gripper."""
    if episode.states is None:
        return episode
    stored = np.array(range(episode.actions.shape[1]) if dims is None else dims)
    states = np.full(episode.actions.shape, np.nan, episode.states.dtype)
    there = stored < episode.states.shape[1]
    states[:, there] = episode.states[:, stored[there]]
    return replace(episode, states=states)


def _resampled(episode: Episode, hz: float | None, resampling: Resampling | None) -> Episode:
    if resampling is None or hz is None or not len(episode.actions):
        return episode

    def at_rate(array: npt.NDArray[Any], held: Sequence[int]) -> npt.NDArray[Any]:
        return resample(array, hz, resampling.hz, held=held).astype(array.dtype)

    states = None if episode.states is None else at_rate(episode.states, ())
    return Episode(episode.name, at_rate(episode.actions, resampling.held), states)
