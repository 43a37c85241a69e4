"""The record of a training: what `training.json` in a tokenizer directory tells."""

from __future__ import annotations

import math
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from fast_tokenizer import __version__
from fast_tokenizer.dataset_training.prepared_episodes import PlacedEpisode
from fast_tokenizer.dataset_training.recording import Recording
from fast_tokenizer.dataset_training.settings import TrainingSettings
from fast_tokenizer.datasets import Episodes
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.training import VocabularySettings

FORMAT = 1


def training_record(
    episodes: Episodes,
    recording: Recording,
    held_out: list[PlacedEpisode],
    settings: TrainingSettings,
    *,
    vocabulary: VocabularySettings,
    chunks: int,
    key: str | None,
    state_key: str | None,
    command: str | None,
) -> dict[str, Any]:
    """Describes a training in plain JSON; the same training always in the same words.

    Args:
        episodes: The dataset.
        recording: What was read of it.
        held_out: The episodes that were not trained on.
        settings: What was asked for.
        vocabulary: What the vocabulary was trained with: the scale may have been chosen.
        chunks: How many were trained on.
        key: What was read as actions, where that was chosen.
        state_key: What was read as states, if anything was.
        command: The command line, if it was one.
    """
    limits, resampling = settings.max_error, settings.resampling
    return {
        "format_version": FORMAT,
        "command": command,
        "dataset": {
            "name": episodes.origin,
            "key": key,
            "state_key": state_key,
            "sha256": recording.sha256,
            "episodes": len(recording.episodes),
            "steps": recording.steps,
            "hz": episodes.hz,
            "dims": None if episodes.dims is None else list(episodes.dims),
            "names": None if episodes.names is None else list(episodes.names),
        },
        "episodes": {
            "used": len(recording.episodes) - len(held_out),
            "held_out": [placed.place for placed in held_out],
            "held_out_names": [placed.episode.name for placed in held_out],
            "hold_out": settings.hold_out,
            "seed": settings.seed,
        },
        "chunks": {"count": chunks, **settings.chunking.get_config()},
        "resampling": None if resampling is None else {"hz": resampling.hz, "held": list(resampling.held)},
        "relative": None if settings.relative is None else list(settings.relative.dimensions),
        "normalization": "given" if isinstance(settings.normalization, Normalizer) else "fitted",
        "vocabulary": asdict(vocabulary),
        "max_error": None if limits is None else [None if math.isinf(limit) else limit for limit in limits],
        "versions": {"fast_tokenizer": __version__, "numpy": np.__version__, "scipy": version("scipy")},
    }
