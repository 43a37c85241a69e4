"""HDF5 files in the layouts of robomimic and of ALOHA, one file or a folder of them.

robomimic:  data/demo_0/actions, data/demo_1/actions, ...   many episodes a file (LIBERO too)
ALOHA:      action                                          one episode a file: episode_0.hdf5, ...
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from fast_tokenizer.datasets.episodes import Episode, Episodes
from fast_tokenizer.datasets.libraries import import_library, missing_key, reading
from fast_tokenizer.errors import FormatError

SUFFIXES = (".hdf5", ".h5")

_KIND = "HDF5 file"


class _Place(NamedTuple):
    """Where an episode lies."""

    file: Path
    group: str
    name: str
    key: str


def hdf5_files(folder: Path) -> list[Path]:
    """The HDF5 files in a folder, in the order of their numbers."""
    return sorted(
        (path for path in folder.iterdir() if path.suffix in SUFFIXES), key=lambda path: _natural(path.name)
    )


def open_hdf5(path: Path, key: str | None = None, state_key: str | None = None) -> Episodes:
    """Opens a file, or a folder of files.

    Args:
        path: The file or the folder.
        key: The array to read as actions, from where an episode lies: `actions` (robomimic) or `action` (ALOHA)
            unless given.
        state_key: The array to read as states, such as `obs/robot0_eef_pos` or `observations/qpos`.

    Raises:
        FormatError: If a file is damaged, of another layout, or lacks an array.
        ImportError: If h5py is not installed.
    """
    h5py = import_library("h5py", "hdf5", path)
    places: list[_Place] = []
    width, hz = 0, None
    files = hdf5_files(path) if path.is_dir() else [path]
    for file in files:
        with reading(file, _KIND), h5py.File(file, "r") as content:
            found = _find_episodes(h5py, content, file, key, is_alone=len(files) == 1)
            for place in found:
                group = content[place.group]
                for wanted in filter(None, (place.key, state_key)):
                    if not isinstance(group.get(wanted), h5py.Dataset):
                        raise missing_key(f"{place.group}/{wanted}".lstrip("/"), _matrices(h5py, group), file)
            if not places and found:
                shape = content[found[0].group][found[0].key].shape
                if len(shape) != 2:
                    raise FormatError(f"has shape {shape}, expected [T, D]", str(file), found[0].key)
                width, hz = shape[1], _control_rate(content)
            places += found
    if not places:
        raise FormatError(
            "there is no episode: looked for data/demo_0, data/demo_1, ... and for action", str(path)
        )
    return Episodes(
        origin=str(path), count=len(places), width=width, read=partial(_read, places, state_key), hz=hz
    )


def _find_episodes(h5py: Any, content: Any, file: Path, key: str | None, *, is_alone: bool) -> list[_Place]:
    data = content.get("data")
    if not isinstance(data, h5py.Group):
        return [_Place(file, "/", file.name, key or "action")]
    demos = sorted((name for name in data if isinstance(data[name], h5py.Group)), key=_natural)
    within = "" if is_alone else f"{file.name}/"  # every file has a demo_0
    return [_Place(file, f"data/{name}", within + name, key or "actions") for name in demos]


def _read(places: Sequence[_Place], state_key: str | None) -> Iterator[Episode]:
    for file, group in groupby(places, key=lambda place: place.file):
        h5py = import_library("h5py", "hdf5", file)
        with reading(file, _KIND), h5py.File(file, "r") as content:
            for place in group:
                arrays = content[place.group]
                states = None if state_key is None else arrays[state_key][()]
                yield Episode(place.name, arrays[place.key][()], states)


def _matrices(h5py: Any, group: Any) -> list[str]:
    """Names of the arrays that could be actions or states, which images are not."""
    names: list[str] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim == 2:
            names.append(name)

    group.visititems(note)
    return names


def _control_rate(content: Any) -> float | None:
    """Steps a second, which robosuite's environments have among their arguments."""
    with suppress(KeyError, TypeError, ValueError):
        return float(json.loads(content["data"].attrs["env_args"])["env_kwargs"]["control_freq"])
    return None


def _natural(name: str) -> list[tuple[str, int]]:
    """Orders demo_2 before demo_10."""
    return [(text, int(number or -1)) for text, number in re.findall(r"([^0-9]*)([0-9]*)", name)]
