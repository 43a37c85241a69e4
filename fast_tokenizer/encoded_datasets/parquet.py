"""Encoded and decoded chunks in Parquet: a row a chunk, and some hundred rows a row group, which are streamed.

tokens    episode, start, horizon, action_dim, clipped, ids: a list
actions   episode, start, horizon, action_dim, status, actions: a flat list, step by step
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.datasets.libraries import import_library, missing_key, reading
from fast_tokenizer.encoded_datasets.contents import DecodedChunks, EncodedChunks
from fast_tokenizer.errors import FormatError
from fast_tokenizer.json_files import errors_within

EXTRA = "lerobot"
"""What brings pyarrow."""

_ROWS_AT_ONCE = 1024


def write_encoded(path: Path, groups: Iterable[EncodedChunks]) -> None:
    """Writes tokens, a group as soon as it is there."""
    pyarrow = import_library("pyarrow", EXTRA, path)
    _write(path, _encoded_schema(pyarrow), (_encoded_columns(pyarrow, one) for one in groups))


def read_encoded(path: Path) -> Iterator[EncodedChunks]:
    """Reads tokens, some hundred chunks at a time.

    Raises:
        FormatError: If the file is damaged, or holds something else, or chunks of several shapes.
    """
    parquet = import_library("pyarrow.parquet", EXTRA, path)
    pyarrow = import_library("pyarrow", EXTRA, path)
    schema = _encoded_schema(pyarrow)
    shape, row = None, 0
    with reading(path, "parquet file"), parquet.ParquetFile(path) as file:
        for name in schema.names:
            if name not in file.schema_arrow.names:
                raise missing_key(name, file.schema_arrow.names, path)
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=schema.names):
            if not len(batch):
                continue
            columns = _read_columns(pyarrow.Table.from_batches([batch]), schema, row, path)
            shapes = np.column_stack([columns[name].to_numpy() for name in ("horizon", "action_dim")])
            shape = shapes[0] if shape is None else shape
            _require_one_shape(shapes, shape, row, path)
            yield _as_chunks(columns, path)
            row += len(batch)


def count_encoded(path: Path) -> int:
    """How many chunks `read_encoded` reads, if the file is not damaged."""
    parquet = import_library("pyarrow.parquet", EXTRA, path)
    with reading(path, "parquet file"), parquet.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def write_decoded(path: Path, groups: Iterable[DecodedChunks]) -> None:
    """Writes actions, a group as soon as it is there."""
    pyarrow = import_library("pyarrow", EXTRA, path)
    _write(path, _decoded_schema(pyarrow), (_decoded_columns(pyarrow, one) for one in groups))


def _encoded_schema(pyarrow: Any) -> Any:
    names = {name: pyarrow.int64() for name in ("episode", "start", "horizon", "action_dim")}
    return pyarrow.schema({**names, "clipped": pyarrow.bool_(), "ids": pyarrow.list_(pyarrow.int32())})


def _decoded_schema(pyarrow: Any) -> Any:
    names = {name: pyarrow.int64() for name in ("episode", "start", "horizon", "action_dim")}
    return pyarrow.schema({**names, "status": pyarrow.int8(), "actions": pyarrow.list_(pyarrow.float64())})


def _encoded_columns(pyarrow: Any, group: EncodedChunks) -> dict[str, Any]:
    return {
        "episode": group.episode,
        "start": group.start,
        "horizon": np.full(len(group), group.horizon),
        "action_dim": np.full(len(group), group.action_dim),
        "clipped": group.clipped,
        "ids": _lists(pyarrow, group.ids, group.offsets),
    }


def _decoded_columns(pyarrow: Any, group: DecodedChunks) -> dict[str, Any]:
    count, horizon, action_dim = group.actions.shape
    return {
        "episode": group.episode,
        "start": group.start,
        "horizon": np.full(count, horizon),
        "action_dim": np.full(count, action_dim),
        "status": group.status,
        "actions": _lists(pyarrow, group.actions.ravel(), np.arange(count + 1) * (horizon * action_dim)),
    }


def _lists(pyarrow: Any, values: npt.NDArray[Any], offsets: npt.NDArray[np.int64]) -> Any:
    return pyarrow.ListArray.from_arrays(pyarrow.array(offsets.astype(np.int32)), pyarrow.array(values))


def _write(path: Path, schema: Any, groups: Iterable[Mapping[str, Any]]) -> None:
    parquet = import_library("pyarrow.parquet", EXTRA, path)
    pyarrow = import_library("pyarrow", EXTRA, path)
    with parquet.ParquetWriter(path, schema) as writer:
        for columns in groups:
            writer.write_table(pyarrow.table(columns, schema=schema))


def _read_columns(table: Any, schema: Any, row: int, path: Path) -> dict[str, Any]:
    """The columns by name, in the types of the schema; `row` is what a message calls the first row."""
    cast = table.select(schema.names).cast(schema).combine_chunks()  # refuses numbers that do not fit
    columns = {name: cast.column(name).chunk(0) for name in schema.names}
    for name, column in columns.items():
        if column.null_count or (name == "ids" and column.flatten().null_count):
            raise FormatError(f"a row of {row}..{row + len(table) - 1} has no value", str(path), name)
    return columns


def _require_one_shape(shapes: npt.NDArray[Any], shape: npt.NDArray[Any], row: int, path: Path) -> None:
    other = np.flatnonzero((shapes != shape).any(axis=1))
    if len(other):
        got, expected = (" x ".join(map(str, one)) for one in (shapes[other[0]], shape))
        raise FormatError(
            f"row {row + other[0]} has the shape {got}, the first one {expected}: expected one", str(path)
        )


def _as_chunks(columns: Mapping[str, Any], path: Path) -> EncodedChunks:
    ids, offsets = columns["ids"], columns["ids"].offsets.to_numpy().astype(np.int64)
    with errors_within("", path):
        return EncodedChunks(
            ids.flatten().to_numpy(),
            offsets - offsets[0],
            columns["episode"].to_numpy(),
            columns["start"].to_numpy(),
            columns["clipped"].to_numpy(zero_copy_only=False),
            int(columns["horizon"][0].as_py()),
            int(columns["action_dim"][0].as_py()),
        )
