"""Encoded and decoded chunks in numpy's .npz: all of them at once, in memory too.

tokens    ids [N] int32, offsets [B + 1], episode [B], start [B], clipped [B], horizon, action_dim
actions   chunks [B, H, D] float64, episode [B], start [B], status [B]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.datasets.libraries import missing_key, reading
from fast_tokenizer.encoded_datasets.contents import DecodedChunks, EncodedChunks
from fast_tokenizer.errors import FormatError
from fast_tokenizer.json_files import errors_within

_TYPES: dict[str, type[np.generic]] = {"ids": np.int32, "clipped": np.bool_}
"""Of the arrays; all others are int64."""

_NUMBERS = ("horizon", "action_dim")
"""What is no array."""

_VALUES_AT_ONCE = 2**19


def write_encoded(path: Path, groups: Iterable[EncodedChunks]) -> None:
    """Writes tokens; at least one group, all of one shape."""
    kept = list(groups)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(one.offsets) for one in kept]))])
    joined = {
        name: np.concatenate([getattr(one, name) for one in kept])
        for name in ("ids", "episode", "start", "clipped")
    }
    _save(path, **joined, offsets=offsets, horizon=kept[0].horizon, action_dim=kept[0].action_dim)


def read_encoded(path: Path) -> Iterator[EncodedChunks]:
    """Reads tokens, some hundred chunks at a time.

    Raises:
        FormatError: If the file is damaged, or holds something else.
    """
    content: dict[str, Any] = {}
    with reading(path, ".npz file"), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        for field in fields(EncodedChunks):
            if field.name not in arrays.files:
                raise missing_key(field.name, arrays.files, path)
            content[field.name] = arrays[field.name]
    with errors_within("", path):
        for name, array in content.items():
            content[name] = _as_integers(array, name)
        chunks = EncodedChunks(**content)
    at_once = max(1, _VALUES_AT_ONCE // (chunks.horizon * chunks.action_dim))
    for first in range(0, len(chunks), at_once):
        yield chunks.part(first, min(first + at_once, len(chunks)))


def count_encoded(path: Path) -> int:
    """How many chunks `read_encoded` reads, if the file is not damaged."""
    with reading(path, ".npz file"), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return max(0, arrays["offsets"].size - 1) if "offsets" in arrays.files else 0


def write_decoded(path: Path, groups: Iterable[DecodedChunks]) -> None:
    """Writes actions, which `open_episodes` reads too."""
    kept = list(groups)
    joined = {
        name: np.concatenate([getattr(one, name) for one in kept]) for name in ("episode", "start", "status")
    }
    _save(path, chunks=np.concatenate([one.actions for one in kept]), **joined)


def _save(path: Path, **arrays: Any) -> None:
    with path.open("wb") as file:  # given a path, numpy would add a suffix to its name
        np.savez(file, **arrays)


def _as_integers(array: npt.NDArray[Any], name: str) -> Any:
    """A number, or an array of the type that it should have, where that loses nothing."""
    axes, dtype = int(name not in _NUMBERS), np.dtype(_TYPES.get(name, np.int64))
    if array.ndim != axes or array.dtype.kind not in "iub":
        raise FormatError(
            f"has shape {array.shape} and type {array.dtype}, expected integers on {axes} axes", key=name
        )
    cast = array.astype(dtype)
    if (cast != array).any():
        raise FormatError(f"has numbers that do not fit {dtype}", key=name)
    return cast if axes else int(cast)
