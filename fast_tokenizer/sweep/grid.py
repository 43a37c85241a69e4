"""Tokenizers of several scales and vocabularies, trained and tried on the same chunks of a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fast_tokenizer import FastTokenizer
from fast_tokenizer.dataset_training import TrainingSettings
from fast_tokenizer.dataset_training.quantized_chunks import quantize_groups
from fast_tokenizer.dataset_training.training_data import TrainingData, read_training_data
from fast_tokenizer.datasets import Episodes
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.progress import ProgressBar
from fast_tokenizer.report import CHUNKS, ChunkSet, ComparedTokenizer, compare, draw_chunks
from fast_tokenizer.sweep.front import pareto_front
from fast_tokenizer.threads import thread_count
from fast_tokenizer.training import VocabularySettings, train_fast_codec

SCALES = (2.5, 5.0, 10.0, 20.0, 40.0)
VOCAB_SIZES = (512, 1024, 2048)


@dataclass(frozen=True)
class SweepPoint:
    """A tokenizer that was tried.

    Attributes:
        scale: Its multiplier before rounding.
        vocab_size: Tokens that were wanted; there may be fewer.
        figures: What it does to the chunks.
        is_on_front: Whether no other one takes fewer tokens at no larger error, or has a smaller error with no
            more tokens.
    """

    scale: float
    vocab_size: int
    figures: ComparedTokenizer
    is_on_front: bool


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a sweep found.

    Attributes:
        points: By scale, then by vocabulary.
        impossible: Why a scale and a vocabulary do not go together, by both.
        references: Other tokenizers on the same chunks, and 256 uniform bins.
        tried: The chunks.
    """

    points: Sequence[SweepPoint]
    impossible: Mapping[tuple[float, int], str]
    references: Sequence[ComparedTokenizer]
    tried: ChunkSet


def sweep(
    episodes: Episodes,
    settings: TrainingSettings,
    *,
    scales: Sequence[float] = SCALES,
    vocab_sizes: Sequence[int] = VOCAB_SIZES,
    baselines: Sequence[tuple[str, FastTokenizer]] = (),
    limit: int = CHUNKS,
    num_threads: int | None = None,
) -> Sweep:
    """Trains a tokenizer for each scale and each vocabulary, and tries all on the same held-out chunks.

    The dataset is read once, and the transform computed once for each scale.

    Args:
        episodes: The dataset; with states if `settings.relative` needs them.
        settings: How each is trained, but for scale and vocabulary.
        scales: Those to try.
        vocab_sizes: Likewise.
        baselines: Other tokenizers to try, such as FAST+, with what they are called. All get the chunks in
            the same normalisation.
        limit: The most chunks to try them on.
        num_threads: None for as many as the process may use.

    Raises:
        FastTokenizerError: As `train` does.
        TrainingError: If no scale goes with any vocabulary.

    Examples:
        >>> from fast_tokenizer.chunking import Chunking
        >>> from fast_tokenizer.datasets import open_episodes
        >>> from fast_tokenizer.motions import generate_episodes
        >>> motions = open_episodes(generate_episodes(5, action_dim=3, seconds=4.0))
        >>> found = sweep(motions, TrainingSettings(Chunking(50, 12)), scales=[5, 20], vocab_sizes=[1024])
        >>> coarse, fine = (point.figures for point in found.points)
        >>> coarse.mean_tokens < fine.mean_tokens and coarse.rmse > fine.rmse
        True
    """
    data = read_training_data(episodes, settings, {})
    tokenizers, impossible = _train_all(data, scales, vocab_sizes, thread_count(num_threads))
    label = "held out" if data.held_out else "trained on, as none were held out"
    tried = draw_chunks(label, data.tried, settings.chunking, settings.relative, limit, settings.seed)
    named = {_name(*place, one.vocab_size): one for place, one in tokenizers.items()}
    compared = compare([*named.items(), *baselines], tried.chunks, data.normalizer)
    figures = compared[: len(named)]
    on_front = pareto_front([[one.mean_tokens, one.rmse] for one in figures])
    points = [
        SweepPoint(*place, one, bool(is_on_front))
        for place, one, is_on_front in zip(tokenizers, figures, on_front, strict=True)
    ]
    return Sweep(points, impossible, compared[len(named) :], tried)


def _name(scale: float, vocab_size: int, size: int) -> str:
    fewer = f" ({size} found)" if size < vocab_size else ""
    return f"scale {scale:.10g}, vocabulary {vocab_size}{fewer}"


def _train_all(
    data: TrainingData, scales: Sequence[float], vocab_sizes: Sequence[int], threads: int
) -> tuple[dict[tuple[float, int], FastTokenizer], dict[tuple[float, int], str]]:
    """The tokenizers by scale and vocabulary, and why there is none where there is none."""
    tokenizers, impossible = {}, {}
    groups = data.groups_of(data.to_train)
    for scale in scales:
        coefficients, offsets = quantize_groups(groups, data.normalizer, scale, threads)
        for vocab_size in vocab_sizes:
            vocabulary = replace(data.settings.vocabulary, scale=scale, vocab_size=vocab_size)
            try:
                tokenizers[scale, vocab_size] = _trained(coefficients.copy(), offsets, vocabulary, threads)
            except TrainingError as error:  # the range of the coefficients is too wide for the vocabulary
                impossible[scale, vocab_size] = str(error)
    if not tokenizers:
        raise TrainingError(next(iter(impossible.values())))
    return tokenizers, impossible


def _trained(
    coefficients: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    vocabulary: VocabularySettings,
    threads: int,
) -> FastTokenizer:
    with ProgressBar(f"merges at scale {vocabulary.scale:g}", unit="merges") as bar:
        codec = train_fast_codec(coefficients, offsets, vocabulary, progress=bar.update, num_threads=threads)
    return FastTokenizer(codec)
