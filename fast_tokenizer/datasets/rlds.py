"""RLDS datasets as TensorFlow Datasets writes them (Open X-Embodiment), read without TensorFlow.

features.json                          what a step holds
dataset_info.json                      how many episodes each file has
NAME-train.tfrecord-00000-of-00016     one record an episode; `steps/action` holds all of its actions, flat
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fast_tokenizer.datasets.episodes import Episode, Episodes
from fast_tokenizer.datasets.libraries import import_library, missing_key, reading
from fast_tokenizer.errors import FormatError
from fast_tokenizer.json_files import read_json

FEATURES_FILE = "features.json"

_INFO_FILE = "dataset_info.json"


def open_rlds(folder: Path, key: str | None = None, state_key: str | None = None) -> Episodes:
    """Opens a dataset, all of its splits.

    Args:
        folder: It holds `features.json`; most often the version, such as `bridge/1.0.0`.
        key: The feature of a step to read as actions: `action` unless given. Where that has parts it is one
            of them, such as `action/world_vector`.
        state_key: The feature to read as states, such as `observation/state`.

    Raises:
        FormatError: If a file is damaged, or a step lacks the feature.
        ImportError: If tfrecord is not installed.
    """
    import_library("tfrecord", "rlds", folder)
    path = folder / FEATURES_FILE
    with reading(path, "description of an RLDS dataset"):
        widths = _vectors(read_json(path)["featuresDict"]["features"]["steps"]["sequence"]["feature"])
    columns = {}
    for name in filter(None, (key or "action", state_key)):
        if name not in widths:
            raise missing_key(name, sorted(widths), path)
        columns[f"steps/{name}"] = widths[name]
    files = sorted(folder.glob("*.tfrecord-*"))
    with reading(folder / _INFO_FILE, "description of an RLDS dataset"):
        splits = read_json(folder / _INFO_FILE)["splits"]
        count = sum(int(length) for split in splits for length in split["shardLengths"])
    if not count or not files:
        raise FormatError(f"there is no episode: {count} in {_INFO_FILE}, {len(files)} files", str(folder))
    return Episodes(
        origin=str(folder),
        count=count,
        width=next(iter(columns.values())),
        read=partial(_read, folder, files, columns, count),
    )


def _vectors(feature: Mapping[str, Any], name: str = "") -> dict[str, int]:
    """The features of a step that are numbers, or vectors of them: how many each has."""
    if "featuresDict" in feature:
        parts = feature["featuresDict"]["features"]
        return {
            full: width
            for part, inner in parts.items()
            for full, width in _vectors(inner, f"{name}/{part}".lstrip("/")).items()
        }
    dimensions = feature.get("tensor", {}).get("shape", {}).get("dimensions", [])
    is_number = feature.get("tensor", {}).get("dtype", "string") != "string"
    if not is_number or len(dimensions) > 1:
        return {}
    return {name: int(dimensions[0]) if dimensions else 1}


def _read(folder: Path, files: Sequence[Path], columns: Mapping[str, int], count: int) -> Iterator[Episode]:
    tfrecord = import_library("tfrecord", "rlds", folder)
    number = 0
    for path in files:
        with reading(path, "TFRecord file"):
            for record in tfrecord.tfrecord_loader(str(path), None, list(columns)):
                for name, width in columns.items():
                    if record[name].size % width:
                        message = f"episode {number} has {record[name].size} values, expected steps of {width}"
                        raise FormatError(message, str(path), name)
                actions, *states = (record[name].reshape(-1, width) for name, width in columns.items())
                yield Episode(f"episode {number}", actions, states[0] if states else None)
                number += 1
    if number != count:
        raise FormatError(f"its files hold {number} episodes, {_INFO_FILE} says {count}", str(folder))
