"""Reading what `training.json` in a tokenizer directory tells."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fast_tokenizer.chunking import Chunking
from fast_tokenizer.dataset_training.provenance import FORMAT
from fast_tokenizer.dataset_training.settings import Resampling
from fast_tokenizer.json_files import errors_within, get_value, read_json, require_format
from fast_tokenizer.relative_actions import RelativeActions
from fast_tokenizer.serialization import TRAINING_FILE


@dataclass(frozen=True)
class TrainingRecord:
    """What one must know to cut a dataset as a training did, and to tell where a tokenizer comes from.

    Attributes:
        content: All of the file.
        command: The command line, if there was one.
        dataset: What was trained on, as it was named.
        sha256: Of the actions trained on.
        names: Of the dimensions, if the dataset told.
        episodes: How many were trained on.
        chunks: How many, likewise.
        held_out: Names of the episodes that were not.
        dims: The dimensions that were taken; None for all.
        chunking: How episodes were cut.
        resampling: The rate that they were brought to first.
        relative: Which dimensions were made relative to the state.
    """

    content: Mapping[str, Any]
    command: str | None
    dataset: str
    sha256: str
    names: tuple[str, ...] | None
    episodes: int
    chunks: int
    held_out: frozenset[str]
    dims: tuple[int, ...] | None
    chunking: Chunking
    resampling: Resampling | None
    relative: RelativeActions | None


def read_training_record(directory: str | os.PathLike[str]) -> TrainingRecord | None:
    """Reads the record of a tokenizer directory; None where there is none.

    Raises:
        FormatError: If it is damaged; the message names the file and the key.
    """
    path = Path(directory) / TRAINING_FILE
    if not path.exists():
        return None
    content = read_json(path)
    require_format(content, FORMAT, path)
    dataset = get_value(content, "dataset", path, dict)
    episodes = get_value(content, "episodes", path, dict)
    chunks = get_value(content, "chunks", path, dict)
    resampling = get_value(content, "resampling", path, dict, default=None)
    relative = get_value(content, "relative", path, list, default=None)
    dims = get_value(dataset, "dims", path, list, default=None, within="dataset.")
    names = get_value(dataset, "names", path, list, default=None, within="dataset.")
    with errors_within("chunks", path):
        chunking = Chunking.from_config({key: value for key, value in chunks.items() if key != "count"})
    return TrainingRecord(
        content=content,
        command=get_value(content, "command", path, str, default=None),
        dataset=get_value(dataset, "name", path, str, within="dataset."),
        sha256=get_value(dataset, "sha256", path, str, within="dataset."),
        names=None if names is None else tuple(map(str, names)),
        episodes=get_value(episodes, "used", path, int, within="episodes."),
        chunks=get_value(chunks, "count", path, int, within="chunks."),
        held_out=frozenset(map(str, get_value(episodes, "held_out", path, list, within="episodes."))),
        dims=None if dims is None else tuple(dims),
        chunking=chunking,
        resampling=None if resampling is None else _resampling(resampling, path),
        relative=None if relative is None else RelativeActions(tuple(relative)),
    )


def _resampling(content: Mapping[str, Any], path: Path) -> Resampling:
    hz = get_value(content, "hz", path, (int, float), within="resampling.")
    return Resampling(hz, tuple(get_value(content, "held", path, list, within="resampling.")))
