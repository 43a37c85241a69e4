"""The chunks that a report is about: those a tokenizer was trained on, and those it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.chunking import Chunking
from fast_tokenizer.dataset_training import TrainingRecord
from fast_tokenizer.dataset_training.chunk_groups import ChunkGroups
from fast_tokenizer.dataset_training.prepared_episodes import PlacedEpisode
from fast_tokenizer.dataset_training.recording import read_recording
from fast_tokenizer.datasets import Episodes
from fast_tokenizer.relative_actions import RelativeActions

CHUNKS = 2000
"""The most of a kind that are tried unless asked otherwise."""


@dataclass(frozen=True, eq=False)
class ChunkSet:
    """Chunks of one kind.

    Attributes:
        label: What they are to the tokenizer, for people.
        chunks: `[B, H, D]` in the robot's units.
        of: How many there are in the dataset; B of them were drawn.
    """

    label: str
    chunks: npt.NDArray[Any]
    of: int


def read_chunk_sets(
    episodes: Episodes,
    chunking: Chunking,
    record: TrainingRecord | None = None,
    *,
    limit: int = CHUNKS,
    seed: int = 0,
) -> list[ChunkSet]:
    """Reads a dataset as a training did, and draws chunks of it.

    Args:
        episodes: The dataset.
        chunking: How it is cut.
        record: Of the training: then episodes are brought to its rate and made relative as they were there, and if
            it was this dataset, those that were held out are told from the others.
        limit: The most chunks of a set.
        seed: Of the draw.

    Returns:
        The set that the report is mainly about, first; a set without chunks is left out.

    Raises:
        FastTokenizerError: If no chunk can be cut.
    """
    relative, resampling = (None, None) if record is None else (record.relative, record.resampling)
    recording = read_recording(episodes, resampling)
    sets: dict[str, list[PlacedEpisode]] = {}
    for placed in recording.episodes:
        sets.setdefault(_label(placed, recording.sha256, record), []).append(placed)
    found = [draw_chunks(label, placed, chunking, relative, limit, seed) for label, placed in sorted(sets.items())]
    if not any(one.of for one in found):
        raise chunking.no_chunks([len(placed.episode.actions) for placed in recording.episodes])
    return [one for one in found if one.of]


def _label(placed: PlacedEpisode, sha256: str, record: TrainingRecord | None) -> str:
    """Sorted, they stand in the order in which they matter."""
    if record is None:
        return "all episodes"
    if record.sha256 != sha256:
        return "another dataset than the one trained on"
    return "held out" if placed.place in record.held_out else "trained on"


def draw_chunks(
    label: str,
    placed: Sequence[PlacedEpisode],
    chunking: Chunking,
    relative: RelativeActions | None,
    limit: int,
    seed: int,
) -> ChunkSet:
    """Draws chunks of some episodes: always the same, and in their order.

    Args:
        label: What they are, for people.
        placed: Whose chunks.
        chunking: How they are cut.
        relative: Makes them relative to the states that they begin in.
        limit: The most chunks.
        seed: Of the draw.
    """
    total = sum(len(chunking.windows(one.episode.actions, one.place)) for one in placed)
    wanted = np.sort(np.random.default_rng(seed).permutation(total)[:limit])
    drawn, begin = [], 0
    for group in ChunkGroups(placed, chunking, relative).read(label):
        inside = wanted[(wanted >= begin) & (wanted < begin + len(group))]
        drawn.append(group[inside - begin])
        begin += len(group)
    return ChunkSet(label, np.concatenate(drawn) if drawn else np.empty((0, chunking.horizon, 1)), total)
