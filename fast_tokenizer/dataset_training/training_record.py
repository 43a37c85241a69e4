"""Reading what `training.json` in a tokenizer directory tells."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fast_tokenizer.chunking import Chunking
from fast_tokenizer.dataset_training.provenance import FORMAT
from fast_tokenizer.dataset_training.settings import Resampling
from fast_tokenizer.json_files import errors_within, get_value, read_json, require, require_format
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
        held_out: Places in the dataset, from 0, of the episodes that were not.
        key: What was read as actions; None for the usual name of the format.
        state_key: What was read as states, if anything was.
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
    held_out: frozenset[int]
    key: str | None
    state_key: str | None
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
    _require_finite(content, path)
    dataset = get_value(content, "dataset", path, dict)
    episodes = get_value(content, "episodes", path, dict)
    chunks = get_value(content, "chunks", path, dict)
    resampling = get_value(content, "resampling", path, dict, default=None)
    relative = _places(content, "relative", path, default=None)
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
        held_out=frozenset(_places(episodes, "held_out", path, within="episodes.")),
        key=get_value(dataset, "key", path, str, default=None, within="dataset."),
        state_key=get_value(dataset, "state_key", path, str, default=None, within="dataset."),
        dims=_places(dataset, "dims", path, default=None, within="dataset."),
        chunking=chunking,
        resampling=None if resampling is None else _resampling(resampling, path),
        relative=None if relative is None else RelativeActions(relative),
    )


def _require_finite(content: Mapping[str, Any], path: Path) -> None:
    """Python's json reads and writes NaN and infinity, which no browser does that is shown the record."""
    parts = list(content.items())
    while parts:  # no recursion: how deep a file goes is not for this to limit
        key, value = parts.pop()
        if isinstance(value, dict):
            parts += [(f"{key}.{name}", part) for name, part in value.items()]
        elif isinstance(value, list):
            parts += [(f"{key}.{place}", part) for place, part in enumerate(value)]
        elif isinstance(value, float):
            require(math.isfinite(value), "expected a finite number", path, key, value)


def _resampling(content: Mapping[str, Any], path: Path) -> Resampling:
    hz = get_value(content, "hz", path, (int, float), within="resampling.")
    require(0 < hz < math.inf, "expected a number above 0", path, "resampling.hz", hz)
    return Resampling(hz, _places(content, "held", path, within="resampling."))


def _places(content: Mapping[str, Any], key: str, path: Path, **options: Any) -> Any:
    """The value of a key as a tuple: places of dimensions or of episodes; the options are those of `get_value`."""
    places = get_value(content, key, path, list, **options)
    if places is None:
        return None
    are_places = all(type(one) is int and one >= 0 for one in places) and len(set(places)) == len(places)
    expected = "expected different whole numbers from 0"
    require(are_places, expected, path, options.get("within", "") + key, places)
    return tuple(places)
