"""The chunks of many episodes, some hundred at a time: all of them at once may not fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.chunking import Chunking
from fast_tokenizer.dataset_training.recording import PlacedEpisode
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.progress import ProgressBar
from fast_tokenizer.relative_actions import RelativeActions

_VALUES_AT_ONCE = 2**19
"""Of a group: 4 MiB in float64, so that what is made of it one after the other stays in the processor's cache."""


class ChunkGroups:
    """The chunks of some episodes, in the robot's units, as often as wanted.

    Args:
        episodes: Whose chunks; those of an episode stay in their order, and so do the episodes.
        chunking: How they are cut.
        relative: Makes them relative to the states that they begin in.
    """

    def __init__(
        self, episodes: Sequence[PlacedEpisode], chunking: Chunking, relative: RelativeActions | None
    ) -> None:
        self._episodes = episodes
        self._chunking = chunking
        self._relative = relative

    def read(self, label: str) -> Iterator[npt.NDArray[Any]]:
        """Gives groups `[B, H, D]`, with a progress bar of this label."""
        waiting: list[npt.NDArray[Any]] = []
        values = 0
        with ProgressBar(label, unit="episodes") as bar:
            for done, placed in enumerate(self._episodes):
                for chunks in self._pieces(placed):
                    waiting.append(chunks)
                    values += chunks.size
                    if values >= _VALUES_AT_ONCE:
                        yield np.concatenate(waiting)
                        waiting, values = [], 0
                bar.update(done + 1, len(self._episodes))
        if waiting:
            yield np.concatenate(waiting)

    def _pieces(self, placed: PlacedEpisode) -> Iterator[npt.NDArray[Any]]:
        """The chunks of an episode, which may be very long."""
        windows = self._chunking.windows(placed.episode.actions, placed.place)
        at_once = max(1, _VALUES_AT_ONCE // windows[:1].size) if len(windows) else 1
        starts = self._starts(placed)
        for first in range(0, len(windows), at_once):
            part = slice(first, first + at_once)
            if self._relative is None:
                yield windows[part]
            else:
                yield self._relative.to_relative(windows[part], starts[part])

    def _starts(self, placed: PlacedEpisode) -> npt.NDArray[Any]:
        """The state that each chunk begins in, `[B, S]`; nothing where none is needed."""
        if self._relative is None:
            return np.empty(0)
        if placed.episode.states is None:
            raise TrainingError(
                f"{placed.episode.name} has no states for actions to be relative to: open the dataset with a "
                "state_key"
            )
        starts = self._chunking.windows(placed.episode.states, placed.place)[:, 0]
        missing = [one for one in self._relative.dimensions if np.isnan(starts[:, one]).any()]
        if missing:
            raise TrainingError(
                f"{placed.episode.name}: its states have no dimension that belongs to {missing} of the actions "
                "(counted from 0 among those chosen): take them out of the relative ones, or choose another "
                "state_key"
            )
        return starts
