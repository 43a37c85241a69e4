"""A dataset made ready for training: read, split, and its normaliser known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fast_tokenizer.dataset_training.chunk_groups import ChunkGroups
from fast_tokenizer.dataset_training.prepared_episodes import PlacedEpisode
from fast_tokenizer.dataset_training.recording import Recording, read_recording
from fast_tokenizer.dataset_training.settings import TrainingSettings
from fast_tokenizer.dataset_training.stage_times import timed
from fast_tokenizer.datasets import Episodes
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.progress import ProgressBar
from fast_tokenizer.running_statistics import RunningStatistics


@dataclass(frozen=True)
class TrainingData:
    """What was read, and what becomes of it.

    Attributes:
        recording: All episodes.
        to_train: Those that are trained on.
        held_out: The others.
        settings: How chunks are cut from them.
        normalizer: Of the actions.
    """

    recording: Recording
    to_train: list[PlacedEpisode]
    held_out: list[PlacedEpisode]
    settings: TrainingSettings
    normalizer: Normalizer

    @property
    def tried(self) -> list[PlacedEpisode]:
        """Episodes that figures are of: those held out, or if there are none, those trained on."""
        return self.held_out or self.to_train

    def groups_of(self, episodes: Sequence[PlacedEpisode]) -> ChunkGroups:
        """The chunks of some of the episodes."""
        return ChunkGroups(episodes, self.settings.chunking, self.settings.relative)


def read_training_data(episodes: Episodes, settings: TrainingSettings, seconds: dict[str, float]) -> TrainingData:
    """Reads a dataset, holds episodes out, and finds the normaliser of the others.

    Args:
        episodes: The dataset; with states if `settings.relative` needs them.
        settings: How.
        seconds: What each stage took is noted here.

    Raises:
        FastTokenizerError: If an episode is damaged, or too short, or is no number somewhere.
        TrainingError: If settings and dataset do not go together.
    """
    _require_matching(episodes, settings)
    with timed(seconds, "reading"):
        recording = read_recording(episodes, settings.resampling)
        to_train, held_out = recording.split(settings.chunking, settings.hold_out, settings.seed)
    with timed(seconds, "statistics"):
        normalizer = _normalizer(to_train, settings)
    return TrainingData(recording, to_train, held_out, settings, normalizer)


def _require_matching(episodes: Episodes, settings: TrainingSettings) -> None:
    """Raises a `TrainingError` if settings are for other dimensions than the dataset has."""
    expected = episodes.action_dim
    widths = {}
    if settings.max_error is not None:
        widths["max_error"] = len(settings.max_error)
    if isinstance(settings.normalization, Normalizer):
        widths["the normaliser"] = settings.normalization.statistics.action_dim
    for name, width in widths.items():
        if width != expected:
            raise TrainingError(
                f"{name} is for {width} dimensions, the actions of {episodes.origin} have {expected}"
            )


def _normalizer(to_train: list[PlacedEpisode], settings: TrainingSettings) -> Normalizer:
    """The one given, or one of the episodes trained on: of their chunks, where these are relative to states."""
    if isinstance(settings.normalization, Normalizer):
        return replace(settings.normalization, clip=settings.clip or settings.normalization.clip)
    running = RunningStatistics()
    if settings.relative is not None:
        for chunks in ChunkGroups(to_train, settings.chunking, settings.relative).read("statistics"):
            running.update(chunks)
    else:
        with ProgressBar("statistics", unit="episodes") as bar:
            for done, placed in enumerate(to_train):
                running.update(placed.episode.actions)
                bar.update(done + 1, len(to_train))
    return Normalizer(running.result(), settings.normalization, settings.clip)
