"""The training itself: read, normalise, transform, merge, measure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from time import perf_counter

import numpy as np

from fast_tokenizer import FastTokenizer
from fast_tokenizer.dataset_training.chunk_groups import ChunkGroups
from fast_tokenizer.dataset_training.figures import measure
from fast_tokenizer.dataset_training.provenance import training_record
from fast_tokenizer.dataset_training.quantized_chunks import quantize_groups
from fast_tokenizer.dataset_training.recording import PlacedEpisode, read_recording
from fast_tokenizer.dataset_training.result import TrainedTokenizer
from fast_tokenizer.dataset_training.scale_search import errors_at_scale, least_scale
from fast_tokenizer.dataset_training.settings import TrainingSettings
from fast_tokenizer.datasets import Episodes
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.normalizer_set import NormalizerSet
from fast_tokenizer.progress import ProgressBar
from fast_tokenizer.running_statistics import RunningStatistics
from fast_tokenizer.threads import thread_count
from fast_tokenizer.training import train_fast_codec


def train(
    episodes: Episodes,
    settings: TrainingSettings,
    *,
    key: str | None = None,
    state_key: str | None = None,
    command: str | None = None,
    num_threads: int | None = None,
) -> TrainedTokenizer:
    """Trains a tokenizer on a dataset.

    The actions of all episodes are kept in memory as they were read, and the rounded coefficients of all chunks;
    what lies between exists for some hundred chunks at a time. On a terminal, bars show how far each stage is.

    Args:
        episodes: The dataset; with states if `settings.relative` needs them.
        settings: How.
        key: What the dataset was opened with, for the record.
        state_key: Likewise.
        command: The command line, if there is one, for the record.
        num_threads: None for as many as the process may use.

    Raises:
        FastTokenizerError: If an episode is damaged, or too short, or is no number somewhere.
        TrainingError: If settings and dataset do not go together, or the vocabulary is too small.

    Examples:
        >>> from fast_tokenizer.chunking import Chunking
        >>> from fast_tokenizer.datasets import open_episodes
        >>> from fast_tokenizer.motions import generate_episodes
        >>> motions = open_episodes([12.0 + one for one in generate_episodes(5, action_dim=3, seconds=4.0)])
        >>> trained = train(motions, TrainingSettings(Chunking(horizon=50, stride=12)))
        >>> bool(trained.figures.largest_error.max() < 0.3)
        True
        >>> trained.tokenizer.decode(trained.tokenizer(next(iter(motions)).actions[:50])).shape
        (1, 50, 3)
    """
    _require_matching(episodes, settings)
    threads = thread_count(num_threads)
    seconds: dict[str, float] = {}
    with _timed(seconds, "reading"):
        recording = read_recording(episodes, settings.resampling)
        to_train, held_out = recording.split(settings.chunking, settings.hold_out, settings.seed)
    training_groups, held_out_groups = (
        ChunkGroups(one, settings.chunking, settings.relative) for one in (to_train, held_out)
    )
    with _timed(seconds, "statistics"):
        normalizer = _normalizer(to_train, training_groups, settings)
    vocabulary = settings.vocabulary
    if settings.max_error is not None:
        with _timed(seconds, "scale"):
            limits, horizon = np.array(settings.max_error), settings.chunking.horizon
            scale = least_scale(
                training_groups, normalizer, limits, horizon=horizon, vocabulary=vocabulary, num_threads=threads
            )
            vocabulary = replace(vocabulary, scale=scale)
    with _timed(seconds, "DCT"):
        coefficients, offsets = quantize_groups(training_groups, normalizer, vocabulary.scale, threads)
    explained = nullcontext() if settings.max_error is None else errors_at_scale(vocabulary.scale)
    with _timed(seconds, "merges"), explained, ProgressBar("merges", unit="merges") as bar:
        codec = train_fast_codec(coefficients, offsets, vocabulary, progress=bar.update, num_threads=threads)
    chunks = len(offsets) - 1
    del coefficients
    tokenizer = FastTokenizer(
        codec,
        time_horizon=settings.chunking.horizon,
        action_dim=episodes.action_dim,
        normalizer=NormalizerSet({settings.embodiment: normalizer}),
    )
    with _timed(seconds, "figures"):
        tried = held_out_groups if held_out else training_groups
        figures = measure(tokenizer, tried.read("figures"), num_threads=num_threads)
    record = training_record(
        episodes,
        recording,
        held_out,
        settings,
        vocabulary=vocabulary,
        chunks=chunks,
        key=key,
        state_key=state_key,
        command=command,
    )
    return TrainedTokenizer(
        tokenizer,
        record,
        figures,
        held_out_chunks=len(figures.lengths) + figures.refused if held_out else 0,
        constant=tuple(np.flatnonzero(normalizer.gain == 0).tolist()),
        seconds=seconds,
    )


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


def _normalizer(to_train: list[PlacedEpisode], groups: ChunkGroups, settings: TrainingSettings) -> Normalizer:
    """The one given, or one of the episodes trained on: of their chunks, where these are relative to states."""
    if isinstance(settings.normalization, Normalizer):
        return replace(settings.normalization, clip=settings.clip or settings.normalization.clip)
    running = RunningStatistics()
    if settings.relative is not None:
        for chunks in groups.read("statistics"):
            running.update(chunks)
    else:
        with ProgressBar("statistics", unit="episodes") as bar:
            for done, placed in enumerate(to_train):
                running.update(placed.episode.actions)
                bar.update(done + 1, len(to_train))
    return Normalizer(running.result(), settings.normalization, settings.clip)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    begin = perf_counter()
    yield
    seconds[stage] = perf_counter() - begin
