"""One call for every format: what lies there says which it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy.typing as npt

from fast_tokenizer.datasets import arrays, hdf5, lerobot, rlds, zarr_store
from fast_tokenizer.datasets.episodes import Episodes
from fast_tokenizer.errors import FormatError

_Reader: TypeAlias = Callable[[Path, "str | None", "str | None"], Episodes]
"""Of a path, the key of the actions and that of the states."""

_FOLDERS = (
    "a LeRobotDataset (meta/info.json), a Zarr store (.zgroup or zarr.json), an RLDS dataset (features.json) "
    "or HDF5 files (*.hdf5, *.h5)"
)
_FILES = "HDF5 (.hdf5, .h5), a zipped Zarr store (.zip) or numpy's (.npz, .npy)"


def open_episodes(
    source: str | os.PathLike[str] | Iterable[npt.ArrayLike],
    *,
    key: str | None = None,
    state_key: str | None = None,
    dims: Sequence[int | str] | None = None,
) -> Episodes:
    """Opens a dataset of any format that is known.

    Nothing but metadata is read yet (and a .npz file). Reading holds about one episode in memory.

    Args:
        source: A LeRobotDataset directory (v2.0, v2.1, v3.0); an HDF5 file or folder of files (robomimic, ALOHA);
            a Zarr store (Diffusion Policy); an RLDS directory; a .npy or .npz file; or arrays `[T, D]`.
        key: What to read as actions; the format's usual name unless given.
        state_key: What to read as states; none are read unless given.
        dims: Dimensions of the actions to take, by index or, where the dataset has them, by name.

    Raises:
        FileNotFoundError: If the path does not exist.
        FormatError: If the format is not known, a file is damaged, or a key or dimension is not there.
        ImportError: If the library that reads the format is not installed; the message names the extra.

    Examples:
        >>> import numpy as np
        >>> for episode in open_episodes([np.zeros((5, 7)), np.zeros((9, 7))]):
        ...     print(episode.name, episode.actions.shape)
        episode 0 (5, 7)
        episode 1 (9, 7)
    """
    if isinstance(source, str | os.PathLike):
        episodes = _open_path(Path(source), key, state_key)
    elif key is None and state_key is None:
        episodes = arrays.open_arrays(source)
    else:
        raise FormatError("arrays have no keys: leave key and state_key out")
    return episodes if dims is None else episodes.select(dims)


def _open_path(path: Path, key: str | None, state_key: str | None) -> Episodes:
    path.stat()  # says that it does not exist as the system says it
    reader = _reader_of_folder(path) if path.is_dir() else _reader_of_file(path)
    return reader(path, key, state_key)


def _reader_of_folder(path: Path) -> _Reader:
    if (path / lerobot.INFO_FILE).exists():
        return lerobot.open_lerobot
    if (path / ".zgroup").exists() or (path / "zarr.json").exists():
        return zarr_store.open_zarr
    if (path / rlds.FEATURES_FILE).exists():
        return rlds.open_rlds
    if hdf5.hdf5_files(path):
        return hdf5.open_hdf5
    raise FormatError(f"a directory of no known dataset: looked for {_FOLDERS}", str(path))


def _reader_of_file(path: Path) -> _Reader:
    if path.suffix in hdf5.SUFFIXES:
        return hdf5.open_hdf5
    if path.suffix == ".zip":
        return zarr_store.open_zarr
    if path.suffix in arrays.SUFFIXES:
        return arrays.open_array_file
    raise FormatError(
        f"a file of no known format: looked for {_FILES}, by the end of its name; "
        "of LeRobotDataset and RLDS give the directory",
        str(path),
    )
