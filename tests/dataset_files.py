"""Small data sets as their own libraries write them, for the tests of the readers."""

import json
from itertools import pairwise

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zarr
from hypothesis import strategies as st
from strategies import seeds


@st.composite
def episode_lists(draw, min_length=1):
    """A few episodes [T, D] in float32; lengths of 1 come often."""
    lengths = draw(st.lists(st.integers(min_length, 12) | st.just(min_length), min_size=1, max_size=14))
    dim = draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(seeds))
    return [rng.normal(size=(length, dim)).astype(np.float32) for length in lengths]


def assert_same(episodes, expected):
    """Reads twice: a reader remembers nothing."""
    for _ in range(2):
        read = list(episodes)
        assert len(read) == len(expected) == len(episodes)
        for episode, actions in zip(read, expected, strict=True):
            np.testing.assert_array_equal(episode.actions, actions)
            assert episode.actions.dtype in (np.float32, np.float64)


def _column(values, fixed):
    """As the datasets library stores a feature: lists, and a plain number for one of shape [1]."""
    width = values.shape[1]
    if width == 1:
        return pa.array(values[:, 0])
    flat = pa.array(values.ravel())
    if fixed:
        return pa.FixedSizeListArray.from_arrays(flat, width)
    return pa.ListArray.from_arrays(pa.array(np.arange(len(values) + 1, dtype=np.int32) * width), flat)


def frames(episodes, first=0, states=None, fixed=False):
    """The rows of consecutive episodes with the columns that every LeRobotDataset has."""
    lengths = [len(episode) for episode in episodes]
    steps = np.concatenate([np.arange(length) for length in lengths])
    columns = {
        "observation.image": pa.array([b"png"] * len(steps)),
        "action": _column(np.concatenate(episodes), fixed),
    }
    if states is not None:
        columns["observation.state"] = _column(np.concatenate(states), fixed)
    columns["timestamp"] = pa.array((steps / 50).astype(np.float32))
    columns["frame_index"] = pa.array(steps)
    columns["episode_index"] = pa.array(np.repeat(np.arange(first, first + len(episodes)), lengths))
    return pa.table(columns)


def write_lerobot_info(folder, episodes, version, data_path, states=None, names=None):
    features = {
        "observation.image": {"dtype": "video", "shape": [48, 64, 3], "names": ["height", "width", "channels"]},
        "action": {"dtype": "float32", "shape": [episodes[0].shape[1]], "names": names},
    }
    if states is not None:
        features["observation.state"] = {"dtype": "float32", "shape": [states[0].shape[1]], "names": None}
    info = {
        "codebase_version": version,
        "fps": 50,
        "chunks_size": 3,
        "total_episodes": len(episodes),
        "total_frames": sum(map(len, episodes)),
        "data_path": data_path,
        "features": features,
    }
    (folder / "meta").mkdir(parents=True)
    (folder / "meta" / "info.json").write_text(json.dumps(info))


def write_lerobot_v21(folder, episodes, *, row_group=1000, states=None, names=None, version="v2.1"):
    """One file an episode, three files a folder."""
    template = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
    write_lerobot_info(folder, episodes, version, template, states, names)
    lines = []
    for index, episode in enumerate(episodes):
        path = folder / template.format(episode_chunk=index // 3, episode_index=index)
        path.parent.mkdir(parents=True, exist_ok=True)
        state = None if states is None else states[index : index + 1]
        pq.write_table(frames([episode], index, state), path, row_group_size=row_group)
        lines.append(json.dumps({"episode_index": index, "tasks": ["lift"], "length": len(episode)}))
    (folder / "meta" / "episodes.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def write_lerobot_v30(
    folder, episodes, *, splits=(), row_group=1000, fixed=False, meta_rows=1000, states=None, names=None
):
    """Files that begin at the episodes `splits`; the metadata in files of `meta_rows` rows."""
    template = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
    write_lerobot_info(folder, episodes, "v3.0", template, states, names)
    rows = []
    for file, (begin, end) in enumerate(pairwise([0, *sorted(set(splits) - {0, len(episodes)}), len(episodes)])):
        place = {"chunk_index": file // 2, "file_index": file % 2}
        path = folder / template.format(**place)
        path.parent.mkdir(parents=True, exist_ok=True)
        state = None if states is None else states[begin:end]
        pq.write_table(frames(episodes[begin:end], begin, state, fixed), path, row_group_size=row_group)
        rows += [
            {
                "episode_index": index,
                "tasks": ["lift"],
                "length": len(episodes[index]),
                **{f"data/{name}": value for name, value in place.items()},
            }
            for index in range(begin, end)
        ]
    for file, begin in enumerate(range(0, len(rows), meta_rows)):
        path = folder / f"meta/episodes/chunk-000/file-{file:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows[begin : begin + meta_rows]), path)
    return folder


def write_robomimic(path, episodes, *, key="actions", env_args=None, **arrays):
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["total"] = sum(map(len, episodes))
        if env_args is not None:
            data.attrs["env_args"] = json.dumps(env_args)
        for index, episode in enumerate(episodes):
            demo = data.create_group(f"demo_{index}")
            demo[key] = episode
            demo["obs/agentview_image"] = np.zeros((len(episode), 4, 4, 3), np.uint8)
            for name, values in arrays.items():
                demo[f"obs/{name}"] = values[index]
    return path


def write_aloha(folder, episodes):
    folder.mkdir(exist_ok=True)
    for index, episode in enumerate(episodes):
        with h5py.File(folder / f"episode_{index}.hdf5", "w") as file:
            file.attrs["sim"] = True
            file["action"] = episode
            file["observations/qpos"] = episode + 1
            file["observations/images/top"] = np.zeros((len(episode), 4, 4, 3), np.uint8)
    return folder


ZARR_3 = int(zarr.__version__.partition(".")[0]) >= 3


def put_array(group, name, values, **options):
    """An array in a group, by either major version of zarr."""
    if ZARR_3:
        group.create_array(name, data=values, **options)
    else:
        group.array(name, values, **options)


def write_zarr(place, episodes, chunk=1000, **arrays):
    """Into a directory, or whatever store zarr is given, in the format 2 that Diffusion Policy's data has."""
    root = zarr.open_group(place, mode="w", **({"zarr_format": 2} if ZARR_3 else {}))
    data, meta = root.require_group("data"), root.require_group("meta")
    put_array(data, "action", np.concatenate(episodes), chunks=(chunk, episodes[0].shape[1]))
    for name, values in arrays.items():
        put_array(data, name, values, chunks=(chunk + 1, *values.shape[1:]))
    put_array(meta, "episode_ends", np.cumsum([len(episode) for episode in episodes]))
    return place
