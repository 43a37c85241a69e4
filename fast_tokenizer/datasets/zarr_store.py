"""Zarr stores in the layout of Diffusion Policy: a directory or a .zip.

data/action          [steps, D], the steps of all episodes
meta/episode_ends    [episodes], the step after the last one of each
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fast_tokenizer.chunking import episode_lengths
from fast_tokenizer.datasets.blocks import Block, cut_blocks
from fast_tokenizer.datasets.episodes import Episode, Episodes
from fast_tokenizer.datasets.libraries import import_library, missing_key, reading
from fast_tokenizer.errors import FastTokenizerError, FormatError

_ENDS = "meta/episode_ends"
_STEPS_AT_ONCE = 10_000
_KIND = "Zarr store"


def open_zarr(path: Path, key: str | None = None, state_key: str | None = None) -> Episodes:
    """Opens a store.

    Args:
        path: A directory, or a `.zip` of one.
        key: The array in `data` to read as actions: `action` unless given.
        state_key: The array in `data` to read as states, such as `state`.

    Raises:
        FormatError: If it is damaged, or lacks an array.
        ImportError: If zarr is not installed.
    """
    columns = [f"data/{name}" for name in (key or "action", state_key) if name]
    with _opened(path) as store:
        for name in (*columns, _ENDS):
            if name not in store:
                present = [f"{folder}/{array}" for folder, group in store.groups() for array, _ in group.arrays()]
                raise missing_key(name, sorted(present), path)
        shape = store[columns[0]].shape
        for name in columns:
            if len(store[name].shape) != 2 or store[name].shape[0] != shape[0]:
                raise FormatError(f"has shape {store[name].shape}, expected [steps, D]", str(path), name)
        try:
            lengths = episode_lengths(store[_ENDS][:], shape[0])
        except FastTokenizerError as error:
            raise FormatError(str(error), str(path)) from error
    return Episodes(
        origin=str(path), count=len(lengths), width=shape[1], read=partial(_read, path, columns, lengths)
    )


def _read(path: Path, columns: Sequence[str], lengths: Sequence[int]) -> Iterator[Episode]:
    with _opened(path) as store:
        blocks = cut_blocks(_blocks([store[name] for name in columns]), lengths)
        for index, (actions, *states) in enumerate(blocks):
            yield Episode(f"episode {index}", actions, states[0] if states else None)


def _blocks(arrays: Sequence[Any]) -> Iterator[Block]:
    """Reads whole chunks of the store, each decompressed once, and several at once where they are short."""
    steps, chunk = arrays[0].shape[0], arrays[0].chunks[0]
    block = chunk * max(1, _STEPS_AT_ONCE // chunk)
    for begin in range(0, steps, block):
        yield tuple(np.asarray(array[begin : begin + block]) for array in arrays)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    zarr = import_library("zarr", "zarr", path)
    with reading(path, _KIND):
        if path.is_dir():
            yield zarr.open_group(str(path), mode="r")
            return
        store = zarr.storage.ZipStore(str(path), mode="r")
        try:
            yield zarr.open_group(store, mode="r")
        finally:
            store.close()
