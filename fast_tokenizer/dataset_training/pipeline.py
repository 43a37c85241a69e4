"""The training itself: read, normalise, transform, merge, measure."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import numpy as np

from fast_tokenizer import FastTokenizer
from fast_tokenizer.dataset_training.figures import measure
from fast_tokenizer.dataset_training.provenance import training_record
from fast_tokenizer.dataset_training.quantized_chunks import quantize_groups
from fast_tokenizer.dataset_training.result import TrainedTokenizer
from fast_tokenizer.dataset_training.scale_search import errors_at_scale, least_scale
from fast_tokenizer.dataset_training.settings import TrainingSettings
from fast_tokenizer.dataset_training.stage_times import timed
from fast_tokenizer.dataset_training.training_data import read_training_data
from fast_tokenizer.datasets import Episodes
from fast_tokenizer.normalizer_set import NormalizerSet
from fast_tokenizer.progress import ProgressBar
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
    threads = thread_count(num_threads)
    seconds: dict[str, float] = {}
    data = read_training_data(episodes, settings, seconds)
    training_groups, normalizer, vocabulary = data.groups_of(data.to_train), data.normalizer, settings.vocabulary
    if settings.max_error is not None:
        with timed(seconds, "scale"):
            limits, horizon = np.array(settings.max_error), settings.chunking.horizon
            scale = least_scale(
                training_groups, normalizer, limits, horizon=horizon, vocabulary=vocabulary, num_threads=threads
            )
            vocabulary = replace(vocabulary, scale=scale)
    with timed(seconds, "DCT"):
        coefficients, offsets = quantize_groups(training_groups, normalizer, vocabulary.scale, threads)
    explained = nullcontext() if settings.max_error is None else errors_at_scale(vocabulary.scale)
    with timed(seconds, "merges"), explained, ProgressBar("merges", unit="merges") as bar:
        codec = train_fast_codec(coefficients, offsets, vocabulary, progress=bar.update, num_threads=threads)
    chunks = len(offsets) - 1
    del coefficients
    tokenizer = FastTokenizer(
        codec,
        time_horizon=settings.chunking.horizon,
        action_dim=episodes.action_dim,
        normalizer=NormalizerSet({settings.embodiment: normalizer}),
    )
    with timed(seconds, "figures"):
        tried = data.groups_of(data.tried).read("figures")
        figures = measure(tokenizer, tried, num_threads=num_threads)
    record = training_record(
        episodes,
        data.recording,
        data.held_out,
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
        held_out_chunks=len(figures.lengths) + figures.refused if data.held_out else 0,
        constant=tuple(np.flatnonzero(normalizer.gain == 0).tolist()),
        seconds=seconds,
    )
