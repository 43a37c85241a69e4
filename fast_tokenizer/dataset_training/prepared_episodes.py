"""A dataset's episodes as chunks are cut from them: states that match the actions, at the rate wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from fast_tokenizer.dataset_training.settings import Resampling
from fast_tokenizer.datasets import Episode, Episodes
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.resampling import resample


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
        TrainingError: If they are to be resampled and the dataset does not tell their rate.
    """

    episodes: Episodes
    resampling: Resampling | None

    def __post_init__(self) -> None:
        if self.resampling is not None and self.episodes.hz is None:
            raise TrainingError(f"{self.episodes.origin} does not tell its rate: it cannot be resampled")

    def __len__(self) -> int:
        """Episodes that there are."""
        return len(self.episodes)

    def __iter__(self) -> Iterator[PlacedEpisode]:
        """Reads them in their order, as the dataset does."""
        for place, episode in enumerate(self.episodes):
            yield self.prepare(place, episode)

    def prepare(self, place: int, episode: Episode) -> PlacedEpisode:
        """One that was read of the dataset."""
        matching = _with_matching_states(episode, self.episodes.dims)
        return PlacedEpisode(place, _resampled(matching, self.episodes.hz, self.resampling))


def _with_matching_states(episode: Episode, dims: tuple[int, ...] | None) -> Episode:
    """With the states of those dimensions whose actions were chosen, where states go as far."""
    if episode.states is None or dims is None or max(dims) >= episode.states.shape[1]:
        return episode
    return replace(episode, states=episode.states[:, dims])


def _resampled(episode: Episode, hz: float | None, resampling: Resampling | None) -> Episode:
    if resampling is None or hz is None or not len(episode.actions):
        return episode

    def at_rate(array: npt.NDArray[Any], held: Sequence[int]) -> npt.NDArray[Any]:
        return resample(array, hz, resampling.hz, held=held).astype(array.dtype)

    states = None if episode.states is None else at_rate(episode.states, ())
    return Episode(episode.name, at_rate(episode.actions, resampling.held), states)
