"""LeRobotDataset directories, v2.0, v2.1 and v3.0: the columns that are asked for, never a video.

meta/info.json                                       version, fps, features, where the data lies
meta/episodes.jsonl                                  v2: one line an episode
meta/episodes/chunk-000/file-000.parquet             v3: one row an episode
data/chunk-000/episode_000000.parquet                v2: one file an episode
data/chunk-000/file-000.parquet                      v3: many episodes a file

The layouts are those of huggingface/lerobot (`lerobot/datasets/utils.py`, `dataset_metadata.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fast_tokenizer.datasets.blocks import Block, cut_blocks
from fast_tokenizer.datasets.episodes import Episode, Episodes
from fast_tokenizer.datasets.libraries import import_library, missing_key, reading
from fast_tokenizer.errors import FormatError
from fast_tokenizer.json_files import errors_within, get_value, read_json, require

INFO_FILE = "meta/info.json"

_EPISODE_INDEX = "episode_index"


class _Row(NamedTuple):
    """What the metadata tells of an episode."""

    episode: int
    length: int
    file: Path


def open_lerobot(folder: Path, key: str | None = None, state_key: str | None = None) -> Episodes:
    """Opens a LeRobotDataset.

    Args:
        folder: It holds `meta/info.json`.
        key: The feature to read as actions: `action` unless given.
        state_key: The feature to read as states, such as `observation.state`.

    Raises:
        FormatError: If the metadata is damaged, of another version, or lacks the feature.
        ImportError: If pyarrow is not installed.
    """
    import_library("pyarrow.parquet", "lerobot", folder)
    key = key or "action"
    path = folder / INFO_FILE
    info = read_json(path)
    features = get_value(info, "features", path, dict)
    columns = {name: _width(features, name, path) for name in (key, state_key) if name is not None}

    version = get_value(info, "codebase_version", path, str)
    if version.startswith("v3."):
        rows = _rows_of_v3(folder, info)
    elif version in ("v2.0", "v2.1"):
        rows = _rows_of_v2(folder, info)
    else:
        raise FormatError(f"got {version!r}, expected v2.0, v2.1 or v3.0", str(path), "codebase_version")
    if not rows:
        raise FormatError("there is no episode", str(folder))
    hz = get_value(info, "fps", path, (int, float), default=None)
    names = _flat_names(features[key].get("names"), columns[key])
    with errors_within("fps", path):
        return Episodes(
            origin=str(folder),
            count=len(rows),
            width=columns[key],
            read=partial(_read, sorted(rows), columns),
            hz=hz,
            stored_names=names,
        )


def _width(features: Mapping[str, Any], name: str, path: Path) -> int:
    """Dimensions of a feature that is a vector a step."""
    if name not in features:
        raise missing_key(name, list(features), path)
    feature = get_value(features, name, path, dict, within="features.")
    shape = get_value(feature, "shape", path, list, within=f"features.{name}.")
    is_vector = len(shape) == 1 and isinstance(shape[0], int)
    require(is_vector, "expected a vector a step", path, f"features.{name}.shape", shape)
    width: int = shape[0]
    return width


def _rows_of_v2(folder: Path, info: Mapping[str, Any]) -> list[_Row]:
    path = folder / "meta" / "episodes.jsonl"
    with reading(path, "list of episodes"):
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        numbers = [(int(line[_EPISODE_INDEX]), int(line["length"])) for line in lines]
    files_a_folder = get_value(info, "chunks_size", folder / INFO_FILE, int)
    require(files_a_folder > 0, "expected 1 or more", folder / INFO_FILE, "chunks_size", files_a_folder)
    return [
        _row(folder, info, index, length, episode_chunk=index // files_a_folder, episode_index=index)
        for index, length in numbers
    ]


def _rows_of_v3(folder: Path, info: Mapping[str, Any]) -> list[_Row]:
    parquet = import_library("pyarrow.parquet", "lerobot", folder)
    columns = [_EPISODE_INDEX, "length", "data/chunk_index", "data/file_index"]
    rows = []
    for path in sorted((folder / "meta" / "episodes").glob("*/*.parquet")):
        with reading(path, "list of episodes"):
            table = parquet.ParquetFile(path).read(columns=columns)
            rows_of_file = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
            numbers = [tuple(map(int, row)) for row in rows_of_file]
        rows += [
            _row(folder, info, index, length, chunk_index=chunk, file_index=file)
            for index, length, chunk, file in numbers
        ]
    return rows


def _row(folder: Path, info: Mapping[str, Any], index: int, length: int, **fields: int) -> _Row:
    template = get_value(info, "data_path", folder / INFO_FILE, str)
    try:
        file = template.format(**fields)
    except (KeyError, ValueError, IndexError) as error:
        expected = f"got {template!r}, expected a template of {', '.join(fields)}"
        raise FormatError(expected, str(folder / INFO_FILE), "data_path") from error
    if length < 1:
        raise FormatError(f"episode {index} has {length} steps, expected 1 or more", str(folder))
    return _Row(index, length, folder / file)


def _read(rows: Sequence[_Row], columns: Mapping[str, int]) -> Iterator[Episode]:
    for path, group in groupby(rows, key=lambda row: row.file):
        parquet = import_library("pyarrow.parquet", "lerobot", path)
        episodes = list(group)
        with reading(path, "parquet file"), parquet.ParquetFile(path) as file:
            expected = sum(row.length for row in episodes)
            if file.metadata.num_rows != expected:
                raise FormatError(f"has {file.metadata.num_rows} steps, {expected} in the metadata", str(path))
            for column in columns:
                if column not in file.schema_arrow.names:
                    raise missing_key(column, file.schema_arrow.names, path)
            batches = file.iter_batches(columns=[_EPISODE_INDEX, *columns])
            blocks = (_block(batch, columns, path) for batch in batches)
            for row, block in zip(episodes, cut_blocks(blocks, [row.length for row in episodes]), strict=True):
                indices, actions, *states = block
                if (indices != row.episode).any():
                    raise FormatError(
                        f"its episodes do not lie where the metadata has episode {row.episode}", str(path)
                    )
                yield Episode(f"episode {row.episode}", actions, states[0] if states else None)


def _block(batch: Any, columns: Mapping[str, int], path: Path) -> Block:
    """A record batch as arrays: `episode_index` `[N]`, then each column as `[N, D]`."""
    indices = batch.column(_EPISODE_INDEX).to_numpy(zero_copy_only=False)
    matrices = (_as_matrix(batch.column(name), name, width, indices, path) for name, width in columns.items())
    return indices, *matrices


def _as_matrix(column: Any, name: str, width: int, indices: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    if column.null_count:
        missing = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
        raise FormatError(f"a step of episode {indices[missing[0]]} has no value", str(path), name)
    if hasattr(column, "offsets"):  # lists of any length; others have a fixed one, or are numbers
        widths = np.diff(column.offsets.to_numpy())
    else:
        widths = np.full(len(column), getattr(column.type, "list_size", 1))
    wrong = np.flatnonzero(widths != width)
    if len(wrong):
        message = f"a step of episode {indices[wrong[0]]} has {widths[wrong[0]]} values, expected {width}"
        raise FormatError(message, str(path), name)
    values = column.flatten() if hasattr(column, "flatten") else column
    matrix: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False).reshape(len(column), width)
    return matrix


def _flat_names(names: object, width: int) -> tuple[str, ...] | None:
    """Names as LeRobot's robots write them: a list, one list under a title, or names with their places."""
    if isinstance(names, dict):
        values = list(names.values())
        names = values[0] if len(values) == 1 and isinstance(values[0], list) else list(names)
    return tuple(map(str, names)) if isinstance(names, list) and len(names) == width else None
