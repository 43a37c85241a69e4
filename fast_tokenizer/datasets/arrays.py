"""Episodes in numpy's own files, and those that are in memory already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.chunking import split_episodes
from fast_tokenizer.datasets.episodes import Episode, Episodes
from fast_tokenizer.datasets.libraries import missing_key, reading
from fast_tokenizer.errors import FastTokenizerError, FormatError

SUFFIXES = (".npy", ".npz")

_ENDS = "episode_ends"
_LOOKED_FOR = (
    "looked for a .npy of chunks [B, H, D] or of one episode [T, D], or a .npz of `actions` [T, D] with "
    "`episode_ends`, of `chunks` [B, H, D], or of a single array with one of these shapes"
)


def open_array_file(path: Path, key: str | None = None, state_key: str | None = None) -> Episodes:
    """Opens a .npy file, which is mapped into memory, or a .npz file, of which one array is read whole.

    Args:
        path: The file.
        key: The array of a .npz to read as actions: `actions`, `chunks` or the only one unless given.
        state_key: The array of a .npz to read as states, such as `states`, with the same episodes.

    Raises:
        OSError: If the file cannot be opened.
        FormatError: If it is no such file, or does not hold arrays of a shape that is understood.
    """
    if path.suffix == ".npy":
        if key or state_key:
            raise FormatError("a .npy file has one array and no keys: leave key and state_key out", str(path))
        with reading(path, ".npy file"):
            array = np.lib.format.open_memmap(path, mode="r")
        return _of_array(array, path.name, path)
    with reading(path, ".npz file"), path.open("rb") as file, np.load(file, allow_pickle=False) as content:
        names = list(content.files)
        key = key or _action_key(names, path)
        for name in filter(None, (key, state_key)):
            if name not in names:
                raise missing_key(name, names, path)
        actions = content[key]
        states = None if state_key is None else content[state_key]
        hz = float(content["hz"]) if "hz" in names else None
        ends = content[_ENDS] if _ENDS in names and actions.ndim == 2 else None
    return _of_array(actions, key, path, ends=ends, states=states, hz=hz)


def open_arrays(arrays: Iterable[npt.ArrayLike]) -> Episodes:
    """Takes arrays `[T, D]` as episodes; a single array as a .npy file of it: one episode, or chunks `[B, H, D]`.

    An iterator is read to its end first, for it can be read only once.

    Raises:
        FormatError: If there is no array.

    Examples:
        >>> len(open_arrays(np.zeros((length, 2)) for length in (5, 9)))
        2
    """
    if isinstance(arrays, np.ndarray):
        return _of_array(arrays, "the array", Path("memory"))
    kept = arrays if isinstance(arrays, Sequence) else list(arrays)
    if not len(kept):
        raise FormatError("got no episode: expected at least one array [T, D]")
    shape = np.shape(kept[0])
    if len(shape) != 2:
        raise FormatError(f"episode 0 has shape {shape}: expected a list of arrays [T, D]")
    return Episodes(origin="memory", count=len(kept), width=shape[1], read=partial(_read, kept, None))


def _action_key(names: Sequence[str], path: Path) -> str:
    if "actions" in names and _ENDS in names:
        return "actions"
    if "chunks" in names:
        return "chunks"
    if len(names) == 1:
        return names[0]
    raise FormatError(f"{_LOOKED_FOR}; found {', '.join(names) or 'no array'}", str(path))


def _of_array(
    array: npt.NDArray[Any],
    name: str,
    path: Path,
    *,
    ends: npt.NDArray[Any] | None = None,
    states: npt.NDArray[Any] | None = None,
    hz: float | None = None,
) -> Episodes:
    if array.ndim not in (2, 3) or not array.size or (name == "chunks" and array.ndim != 3):
        raise FormatError(f"{_LOOKED_FOR}; found {name} of shape {array.shape}", str(path))

    def split(steps: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        if array.ndim == 3:
            return list(steps)
        return [steps] if ends is None else split_episodes(steps, ends)

    if states is not None and len(states) != len(array):
        raise FormatError(f"has {len(states)} states, expected {len(array)}, as many as actions", str(path))
    try:
        episodes = split(array)
        split_states = None if states is None else split(states)
    except FastTokenizerError as error:
        raise FormatError(str(error), str(path)) from error
    return Episodes(
        origin=str(path),
        count=len(episodes),
        width=array.shape[-1],
        read=partial(_read, episodes, split_states),
        hz=hz,
        horizon=array.shape[1] if array.ndim == 3 else None,
    )


def _read(arrays: Sequence[Any], states: Sequence[Any] | None) -> Iterator[Episode]:
    for index, array in enumerate(arrays):
        yield Episode(f"episode {index}", array, None if states is None else states[index])
