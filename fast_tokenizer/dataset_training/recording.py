"""A dataset read once and kept: its episodes, their hash, and which of them are held out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from fast_tokenizer.chunking import Chunking
from fast_tokenizer.dataset_training.prepared_episodes import PlacedEpisode, PreparedEpisodes
from fast_tokenizer.dataset_training.settings import Resampling
from fast_tokenizer.datasets import Episodes
from fast_tokenizer.progress import ProgressBar


@dataclass(frozen=True)
class Recording:
    """What was read.

    Attributes:
        episodes: All of them, resampled where that was asked for. States, if there are any, are `[T, D]` as the
            actions are: those of the same dimensions, and NaN in one that the dataset's states do not reach.
        sha256: Of the actions, and of the states if there are any, as they were read.
        steps: How many there were, as they were read.
    """

    episodes: list[PlacedEpisode]
    sha256: str
    steps: int

    def split(
        self, chunking: Chunking, hold_out: float, seed: int
    ) -> tuple[list[PlacedEpisode], list[PlacedEpisode]]:
        """Whole episodes to train on and to hold out, as chunks of one episode overlap.

        One of those that chunks can be cut from is trained on at least, and one held out if there are two and the
        share is above 0. Shorter episodes give no chunks, and are left to those trained on.

        Raises:
            FastTokenizerError: If no chunk can be cut.
        """
        long_enough = [
            index
            for index, placed in enumerate(self.episodes)
            if len(chunking.windows(placed.episode.actions, placed.place))
        ]
        if not long_enough:
            raise chunking.no_chunks([len(placed.episode.actions) for placed in self.episodes])
        shuffled = np.random.default_rng(seed).permutation(long_enough)
        count = 0 if hold_out == 0 else max(1, round(hold_out * len(shuffled)))
        held_out = set(shuffled[: min(count, len(shuffled) - 1)].tolist())
        to_train = [placed for index, placed in enumerate(self.episodes) if index not in held_out]
        return to_train, [self.episodes[index] for index in sorted(held_out)]


def read_recording(episodes: Episodes, resampling: Resampling | None) -> Recording:
    """Reads a dataset from its first episode to its last, with a progress bar.

    Raises:
        FastTokenizerError: If an episode is damaged or holds what is no number; the message names it.
        TrainingError: If it is to be resampled and does not tell its rate, or to a rate beyond all sense.
    """
    prepared = PreparedEpisodes(episodes, resampling)
    digest = hashlib.sha256()
    kept, steps = [], 0
    with ProgressBar("reading", unit="episodes") as bar:
        for place, episode in enumerate(episodes):
            for array in (episode.actions, episode.states):
                if array is not None:
                    digest.update(f"{array.dtype.str}{array.shape}".encode())
                    digest.update(np.ascontiguousarray(array).data)
            steps += len(episode.actions)
            kept.append(prepared.prepare(place, episode))
            bar.update(place + 1, len(episodes))
    return Recording(kept, digest.hexdigest(), steps)
