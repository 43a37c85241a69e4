import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from dataset_files import assert_same, episode_lists, write_aloha, write_robomimic
from hypothesis import given

from fast_tokenizer import FormatError
from fast_tokenizer.datasets import open_episodes
from fast_tokenizer.datasets.hdf5 import hdf5_files


@given(episodes=episode_lists(min_length=0))
def test_robomimic_gives_the_episodes_that_were_written(episodes):
    with tempfile.TemporaryDirectory() as folder:
        path = write_robomimic(Path(folder) / "low_dim.hdf5", episodes, eef=[episode + 1 for episode in episodes])
        opened = open_episodes(path, state_key="obs/eef")
        assert_same(opened, episodes)
        for index, episode in enumerate(opened):
            assert episode.name == f"demo_{index}"  # demo_2 before demo_10
            np.testing.assert_array_equal(episode.states, episode.actions + 1)


@given(episodes=episode_lists(min_length=0))
def test_aloha_gives_the_episodes_that_were_written(episodes):
    with tempfile.TemporaryDirectory() as folder:
        opened = open_episodes(write_aloha(Path(folder), episodes), state_key="observations/qpos")
        assert_same(opened, episodes)
        for index, episode in enumerate(opened):
            assert episode.name == f"episode_{index}.hdf5"
            np.testing.assert_array_equal(episode.states, episode.actions + 1)


@pytest.fixture
def episodes():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 3)) for length in (4, 1, 6)]


def test_one_file_of_aloha(tmp_path, episodes):
    write_aloha(tmp_path, episodes)
    assert_same(open_episodes(tmp_path / "episode_2.hdf5"), episodes[2:])


def test_a_folder_of_files_with_many_episodes_each(tmp_path, episodes):
    for name in ("task_10.hdf5", "task_9.hdf5"):  # LIBERO has a file a task
        write_robomimic(
            tmp_path / name, episodes if name == "task_9.hdf5" else [episode + 1 for episode in episodes]
        )
    assert [path.name for path in hdf5_files(tmp_path)] == ["task_9.hdf5", "task_10.hdf5"]
    opened = open_episodes(tmp_path)
    assert_same(opened, [*episodes, *(episode + 1 for episode in episodes)])
    demos = [f"demo_{place}" for place in range(3)]
    expected = [f"{file}/{demo}" for file in ("task_9.hdf5", "task_10.hdf5") for demo in demos]
    assert [episode.name for episode in opened] == expected


def test_the_rate_of_robosuite_environments(tmp_path, episodes):
    env_args = {"env_name": "Lift", "env_kwargs": {"control_freq": 20}}
    assert open_episodes(write_robomimic(tmp_path / "rate.hdf5", episodes, env_args=env_args)).hz == 20
    assert open_episodes(write_robomimic(tmp_path / "none.hdf5", episodes, env_args={})).hz is None


def test_another_key(tmp_path, episodes):
    path = write_robomimic(tmp_path / "set.hdf5", episodes, eef=[episode[:, :2] for episode in episodes])
    assert_same(open_episodes(path, key="obs/eef"), [episode[:, :2] for episode in episodes])


@pytest.mark.parametrize("options", [{"key": "action"}, {"state_key": "action"}])
def test_a_wrong_key_names_what_could_be_meant(tmp_path, episodes, options):
    path = write_robomimic(tmp_path / "set.hdf5", episodes, eef=episodes)
    with pytest.raises(FormatError, match=r"set\.hdf5: there is no 'data/demo_0/action': found actions, obs/eef$"):
        open_episodes(path, **options)


def test_files_without_episodes(tmp_path):
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["steps"] = np.zeros((3, 2))
    with pytest.raises(FormatError, match="there is no 'action': found steps"):
        open_episodes(tmp_path / "other.hdf5")
    with h5py.File(tmp_path / "empty.hdf5", "w") as file:
        file.create_group("data")
    with pytest.raises(FormatError, match=r"no episode: looked for data/demo_0"):
        open_episodes(tmp_path / "empty.hdf5")
    with h5py.File(tmp_path / "flat.hdf5", "w") as file:
        file["action"] = np.zeros(3)
    with pytest.raises(FormatError, match=r"'action' in .*flat\.hdf5: has shape \(3,\), expected \[T, D\]"):
        open_episodes(tmp_path / "flat.hdf5")


def test_a_damaged_file_in_a_folder_is_named(tmp_path, episodes):
    write_aloha(tmp_path, episodes)
    path = tmp_path / "episode_1.hdf5"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(FormatError, match=r"episode_1\.hdf5: not a readable HDF5 file"):
        open_episodes(tmp_path)


def test_one_file_is_open_at_a_time_and_one_episode_read(tmp_path, monkeypatch, episodes):
    opened = open_episodes(write_aloha(tmp_path, episodes))
    files, reads = [], []
    real_open, real_read = h5py.File.__init__, h5py.Dataset.__getitem__

    def noted_open(self, *arguments, **options):
        real_open(self, *arguments, **options)
        files.append(self)

    def noted_read(self, selection, **options):
        reads.append(self.name)
        return real_read(self, selection, **options)

    monkeypatch.setattr(h5py.File, "__init__", noted_open)
    monkeypatch.setattr(h5py.Dataset, "__getitem__", noted_read)
    for number, _ in enumerate(opened):
        assert reads == ["/action"] * (number + 1)
        # h5py makes several objects of a file; a closed one is false.
        assert {Path(file.filename).name for file in files if file} == {f"episode_{number}.hdf5"}
    assert not any(files)
