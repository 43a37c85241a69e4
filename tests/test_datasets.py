"""What holds for episodes of every format, arrays and numpy's files, and how a format is recognised."""

import pickle
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from dataset_files import (
    assert_same,
    episode_lists,
    write_aloha,
    write_lerobot_v21,
    write_lerobot_v30,
    write_robomimic,
    write_zarr,
)
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer import FormatError
from fast_tokenizer.datasets import Episode, Episodes, open_episodes
from fast_tokenizer.datasets.blocks import cut_blocks


@pytest.fixture
def episodes():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 3)).astype(np.float32) for length in (4, 1, 6)]


WRITERS = {
    "lerobot v2.1": lambda folder, episodes: write_lerobot_v21(folder / "set", episodes),
    "lerobot v3.0": lambda folder, episodes: write_lerobot_v30(folder / "set", episodes, splits=[2]),
    "robomimic": lambda folder, episodes: write_robomimic(folder / "set.hdf5", episodes),
    "aloha": lambda folder, episodes: write_aloha(folder / "set", episodes),
    "zarr": lambda folder, episodes: write_zarr(folder / "set.zarr", episodes, chunk=5),
    "npz": lambda folder, episodes: write_npz(folder / "set.npz", episodes),
    "memory": lambda folder, episodes: episodes,
}


def write_npz(path, episodes, **arrays):
    ends = np.cumsum([len(episode) for episode in episodes])
    np.savez(path, actions=np.concatenate(episodes), episode_ends=ends, **arrays)
    return path


@pytest.fixture(params=WRITERS)
def dataset(request, tmp_path):
    return lambda episodes: WRITERS[request.param](tmp_path, episodes)


def test_what_went_in_comes_out_as_often_as_wanted(dataset, episodes):
    source = dataset(episodes)
    opened = open_episodes(source)
    assert opened.origin == ("memory" if source is episodes else str(source))
    assert (len(opened), opened.action_dim, opened.horizon) == (3, 3, None)
    assert_same(opened, episodes)
    assert all(episode.states is None for episode in opened)
    if source is not episodes:
        assert_same(open_episodes(str(source)), episodes)
        assert_same(pickle.loads(pickle.dumps(opened)), episodes)


def test_two_readings_do_not_disturb_each_other(dataset, episodes):
    opened = open_episodes(dataset(episodes))
    for one, other in zip(opened, opened, strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(one.actions, other.actions)


def test_dimensions_are_picked_in_the_order_given(dataset, episodes):
    opened = open_episodes(dataset(episodes), dims=[2, 0])
    assert opened.action_dim == 2
    assert_same(opened, [episode[:, [2, 0]] for episode in episodes])


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ([3], r"no dimension 3: expected 0\.\.2"),
        ([-1], "no dimension -1"),
        (["x"], "no dimension 'x': its dimensions have no names"),
        ([1, 1], "each once"),
        ([], "expected some"),
    ],
)
def test_dimensions_that_are_not_there(dataset, episodes, dims, message):
    with pytest.raises(FormatError, match=message):
        open_episodes(dataset(episodes), dims=dims)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_named_by_episode_and_step(dataset, episodes, value):
    episodes[2][5, 1] = value
    reading = iter(open_episodes(dataset(episodes)))
    for episode in episodes[:2]:
        np.testing.assert_array_equal(next(reading).actions, episode)
    with pytest.raises(ValueError, match=rf"(episode 2|demo_2|episode_2\.hdf5): actions\[5, 1\] is {value}"):
        next(reading)


def test_a_dimension_that_was_not_picked_may_hold_anything(dataset, episodes):
    episodes[2][5, 1] = np.nan
    assert_same(open_episodes(dataset(episodes), dims=[0, 2]), [episode[:, [0, 2]] for episode in episodes])


@pytest.mark.parametrize("name", ["robomimic", "aloha", "memory"])
def test_episodes_without_a_step_are_given_where_a_format_can_hold_them(tmp_path, name):
    episodes = [np.zeros((0, 2)), np.ones((3, 2)), np.zeros((0, 2))]
    assert_same(open_episodes(WRITERS[name](tmp_path, episodes)), episodes)


@pytest.mark.parametrize("name", ["robomimic", "aloha", "memory"])
def test_an_episode_of_other_dimensions_is_named(tmp_path, episodes, name):
    opened = open_episodes(WRITERS[name](tmp_path, [*episodes, np.zeros((5, 4))]))
    with pytest.raises(
        FormatError, match=r"(episode 3|demo_3|episode_3\.hdf5).*shape \(5, 4\), expected \[T, 3\]"
    ):
        list(opened)


def test_names_of_dimensions():
    def read():
        return iter([Episode("one", np.arange(6).reshape(2, 3))])

    episodes = Episodes("somewhere", 1, 3, read, stored_names=("x", "y", "grip"))
    assert episodes.names == ("x", "y", "grip")
    picked = episodes.select(["grip", 0])
    assert picked.names == ("grip", "x")
    assert [episode.actions.tolist() for episode in picked] == [[[2, 0], [5, 3]]]
    with pytest.raises(FormatError, match="somewhere: there is no dimension 'z': its dimensions are x, y, grip"):
        episodes.select(["z"])


@pytest.mark.parametrize(
    ("actions", "states", "message"),
    [
        (np.zeros((2, 3)), np.zeros((3, 1)), r"states have shape \(3, 1\), expected \[2, S\]"),
        (np.zeros((2, 3)), np.zeros(2), r"states have shape \(2,\)"),
        (np.zeros((2, 3)), np.full((2, 1), np.nan), r"states\[0, 0\] is nan"),
        (np.zeros((2, 3), complex), None, "actions: type complex128, expected numbers"),
        (np.full((2, 3), "a"), None, "actions: type <U1, expected numbers"),
        (np.zeros(3), None, r"actions have shape \(3,\), expected \[T, 3\]"),
    ],
)
def test_what_a_reader_gives_is_checked(actions, states, message):
    episodes = Episodes("somewhere", 1, 3, lambda: iter([Episode("demo_7", actions, states)]))
    with pytest.raises(ValueError, match=f"somewhere: demo_7: .*{message}"):
        list(episodes)


@pytest.mark.parametrize(
    ("stored", "given"), [("f2", "f4"), ("f4", "f4"), ("f8", "f8"), ("i8", "f8"), ("u1", "f8"), ("?", "f8")]
)
def test_types_become_those_of_the_package(stored, given):
    (episode,) = open_episodes([np.ones((2, 3), stored)])
    assert episode.actions.dtype == np.dtype(given)
    assert episode.actions.all()


@given(
    episodes=episode_lists(),
    data=st.data(),
)
def test_blocks_are_cut_at_the_ends_of_episodes(episodes, data):
    steps = np.concatenate(episodes)
    cuts = data.draw(st.lists(st.integers(0, len(steps)), max_size=8))
    blocks = [(block, np.arange(len(block))) for block in np.split(steps, sorted(cuts))]
    cut = list(cut_blocks(blocks, [len(episode) for episode in episodes]))
    assert len(cut) == len(episodes)
    for (actions, numbers), episode in zip(cut, episodes, strict=True):
        np.testing.assert_array_equal(actions, episode)
        assert len(numbers) == len(episode)


def test_blocks_are_asked_for_when_they_are_needed():
    asked = []

    def blocks():
        for index in range(10):
            asked.append(index)
            yield (np.full(5, index),)

    for number, _ in enumerate(cut_blocks(blocks(), [7] * 7)):
        assert len(asked) == -(-7 * (number + 1) // 5)


def test_an_iterator_is_read_once_and_an_array_is_an_episode_or_chunks():
    assert_same(
        open_episodes(np.full((2, 1), index) for index in range(3)), [np.full((2, 1), i) for i in range(3)]
    )
    assert_same(open_episodes([[[1, 2], [3, 4]]]), [np.array([[1, 2], [3, 4]])])
    assert len(open_episodes(np.zeros((5, 2)))) == 1
    chunks = open_episodes(np.zeros((4, 5, 2)))
    assert (len(chunks), chunks.horizon) == (4, 5)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "got no episode"),
        ([np.zeros(3)], r"episode 0 has shape \(3,\): expected a list of arrays"),
        (np.zeros(3), r"found the array of shape \(3,\)"),
    ],
)
def test_arrays_that_are_no_episodes(source, message):
    with pytest.raises(FormatError, match=message):
        open_episodes(source)


def test_arrays_have_no_keys():
    with pytest.raises(FormatError, match="arrays have no keys"):
        open_episodes([np.zeros((2, 2))], key="action")


@given(episodes=episode_lists())
def test_an_npz_file_gives_its_episodes(episodes):
    states = np.concatenate(episodes)[:, :1] + 1
    with tempfile.TemporaryDirectory() as folder:
        path = write_npz(Path(folder) / "set.npz", episodes, states=states, hz=20)
        opened = open_episodes(path, state_key="states")
        assert opened.hz == 20
        assert_same(opened, episodes)
        for episode in opened:
            np.testing.assert_array_equal(episode.states, episode.actions[:, :1] + 1)


@pytest.mark.parametrize("hz", [0.0, -20.0, np.inf, np.nan])
def test_a_rate_that_is_none_is_refused(tmp_path, hz):
    path = write_npz(tmp_path / "set.npz", [np.zeros((5, 2))], hz=hz)
    with pytest.raises(FormatError, match=rf"set\.npz: got {hz} steps a second, expected a number above 0"):
        open_episodes(path)


def test_other_layouts_of_numpy_files(tmp_path):
    chunks = np.arange(24.0).reshape(3, 4, 2)
    np.save(tmp_path / "chunks.npy", chunks)
    np.save(tmp_path / "episode.npy", chunks[0])
    np.savez(tmp_path / "chunks.npz", chunks=chunks, other=chunks[0])
    for name in ("chunks.npy", "chunks.npz"):
        opened = open_episodes(tmp_path / name)
        assert opened.horizon == 4
        assert_same(opened, list(chunks))
    assert_same(open_episodes(tmp_path / "episode.npy"), [chunks[0]])
    assert_same(open_episodes(tmp_path / "chunks.npz", key="other"), [chunks[0]])


def test_a_npy_file_is_not_read_whole(tmp_path):
    np.save(tmp_path / "long.npy", np.zeros((100, 2)))
    (episode,) = open_episodes(tmp_path / "long.npy").read()
    assert isinstance(episode.actions, np.memmap)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": "action"}, "no 'action': found actions, episode_ends"),
        ({"state_key": "qpos"}, "no 'qpos': found actions, episode_ends"),
    ],
)
def test_a_wrong_key_of_an_npz_file(tmp_path, episodes, options, message):
    with pytest.raises(FormatError, match=message):
        open_episodes(write_npz(tmp_path / "set.npz", episodes), **options)


def test_numpy_files_that_do_not_fit(tmp_path, episodes):
    write_npz(tmp_path / "states.npz", episodes, states=np.zeros((2, 2)))
    with pytest.raises(FormatError, match="has 2 states, expected 11"):
        open_episodes(tmp_path / "states.npz", state_key="states")
    np.savez(tmp_path / "ends.npz", actions=np.zeros((4, 2)), episode_ends=[3])
    with pytest.raises(FormatError, match=r"ends\.npz: episode_ends goes from 3 to 3 for 4 steps"):
        open_episodes(tmp_path / "ends.npz")
    np.save(tmp_path / "one.npy", np.zeros((4, 2)))
    with pytest.raises(FormatError, match="no keys"):
        open_episodes(tmp_path / "one.npy", key="actions")


def test_a_path_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        open_episodes(tmp_path / "nowhere")
    assert caught.value.filename == str(tmp_path / "nowhere")


def test_an_unknown_format_says_what_was_looked_for(tmp_path):
    (tmp_path / "steps.csv").write_text("1,2")
    with pytest.raises(FormatError, match=r"steps\.csv: a file of no known format: .*\.hdf5.*\.zip.*\.npz"):
        open_episodes(tmp_path / "steps.csv")
    looked_for = r"meta/info\.json.*\.zgroup.*features\.json.*\.hdf5"
    with pytest.raises(FormatError, match=f"{re.escape(str(tmp_path))}: a directory of no known.*{looked_for}"):
        open_episodes(tmp_path)


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("lerobot v2.1", "pyarrow.parquet", "lerobot"),
        ("lerobot v3.0", "pyarrow.parquet", "lerobot"),
        ("robomimic", "h5py", "hdf5"),
        ("aloha", "h5py", "hdf5"),
        ("zarr", "zarr", "zarr"),
    ],
)
def test_a_library_that_is_missing_is_named_with_its_extra(tmp_path, monkeypatch, episodes, name, module, extra):
    source = WRITERS[name](tmp_path, episodes)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"install the extra: pip install fast_tokenizer\[{extra}\]"):
        open_episodes(source)


def test_libraries_are_loaded_when_they_are_needed(tmp_path):
    code = "import sys, fast_tokenizer.datasets; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert not {"pyarrow", "h5py", "zarr", "tfrecord", "scipy", "torch"} & set(loaded.stdout.split())


@pytest.mark.parametrize("name", ["set.hdf5", "set.h5", "set.zarr.zip", "set.npz", "set.npy"])
@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 no", b"\x89HDF\r\n\x1a\n"])
def test_damaged_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=rf"{re.escape(name)}: not a readable"):
        open_episodes(tmp_path / name)


@pytest.mark.parity
def test_recorded_episodes_are_read(shared):
    opened = open_episodes(shared / "data" / "pusht_human_2d_10hz.npz")
    assert (len(opened), opened.action_dim, opened.hz) == (206, 2, 10)
    assert sum(len(episode.actions) for episode in opened) == 25650
