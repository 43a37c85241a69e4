"""The chunks of many episodes, some hundred at a time: all of them at once may not fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.chunking import Chunking
from fast_tokenizer.dataset_training.prepared_episodes import PlacedEpisode, PreparedEpisodes
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.progress import ProgressBar
from fast_tokenizer.relative_actions import RelativeActions

_VALUES_AT_ONCE = 2**19
"""Of a group: 4 MiB in float64, so that what is made of it one after the other stays in the processor's cache."""


@dataclass(frozen=True, eq=False)
class ChunkGroup:
    """Some chunks, and where they are from.

    Attributes:
        chunks: `[B, H, D]`, in the robot's units.
        episode: The place of each one's episode in the dataset, int64 `[B]`.
        start: The step of the episode that it begins at, int64 `[B]`.
    """

    chunks: npt.NDArray[Any]
    episode: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]


class ChunkGroups:
    """The chunks of some episodes, in the robot's units, as often as wanted.

    Args:
        episodes: Whose chunks; those of an episode stay in their order, and so do the episodes.
        chunking: How they are cut.
        relative: Makes them relative to the states that they begin in.
    """

    def __init__(
        self,
        episodes: Sequence[PlacedEpisode] | PreparedEpisodes,
        chunking: Chunking,
        relative: RelativeActions | None,
    ) -> None:
        self._episodes = episodes
        self._chunking = chunking
        self._relative = relative

    def read(self, label: str) -> Iterator[npt.NDArray[Any]]:
        """Gives groups `[B, H, D]`, with a progress bar of this label."""
        for group in self.read_placed(label):
            yield group.chunks

    def read_placed(self, label: str) -> Iterator[ChunkGroup]:
        """Gives the same groups, and says where their chunks are from."""
        waiting: list[ChunkGroup] = []
        values = 0
        with ProgressBar(label, unit="episodes") as bar:
            for done, placed in enumerate(self._episodes):
                for piece in self._pieces(placed):
                    waiting.append(piece)
                    values += piece.chunks.size
                    if values >= _VALUES_AT_ONCE:
                        yield _joined(waiting)
                        waiting, values = [], 0
                bar.update(done + 1, len(self._episodes))
        if waiting:
            yield _joined(waiting)

    def _pieces(self, placed: PlacedEpisode) -> Iterator[ChunkGroup]:
        """The chunks of an episode, which may be very long."""
        windows = self._chunking.windows(placed.episode.actions, placed.place)
        at_once = max(1, _VALUES_AT_ONCE // windows[:1].size) if len(windows) else 1
        starts = self._chunking.starts(len(placed.episode.actions), placed.place)
        for first in range(0, len(windows), at_once):
            part = slice(first, first + at_once)
            chunks = windows[part]
            if self._relative is not None:
                chunks = self._relative.to_relative(chunks, self._states(placed, self._relative)[starts[part]])
            yield ChunkGroup(chunks, np.full(len(chunks), placed.place, np.int64), starts[part])

    def _states(self, placed: PlacedEpisode, relative: RelativeActions) -> npt.NDArray[Any]:
        """The states of an episode, `[T, D]`, which has those that are needed."""
        if placed.episode.states is None:
            raise TrainingError(
                f"{placed.episode.name} has no states for actions to be relative to: open the dataset with a "
                "state_key"
            )
        states = placed.episode.states
        missing = [one for one in relative.dimensions if one < states.shape[1] and np.isnan(states[:, one]).any()]
        if missing:
            raise TrainingError(
                f"{placed.episode.name}: its states have no dimension that belongs to {missing} of the actions "
                "(counted from 0 among those chosen): take them out of the relative ones, or choose another "
                "state_key"
            )
        return states


def _joined(groups: Sequence[ChunkGroup]) -> ChunkGroup:
    names = ("chunks", "episode", "start")
    return ChunkGroup(*(np.concatenate([getattr(one, name) for one in groups]) for name in names))
