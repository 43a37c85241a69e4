import tempfile
from pathlib import Path

import numpy as np
import pytest
import zarr
from dataset_files import ZARR_3, assert_same, episode_lists, put_array, write_zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from fast_tokenizer import FormatError
from fast_tokenizer.datasets import open_episodes


@settings(max_examples=40)  # zarr takes its time to write
@given(episodes=episode_lists(), chunk=st.integers(1, 40))
def test_a_store_gives_the_episodes_that_were_written(episodes, chunk):
    states = np.concatenate(episodes)[:, :1] + 1
    with tempfile.TemporaryDirectory() as folder:
        path = write_zarr(Path(folder) / "replay.zarr", episodes, chunk=chunk, state=states)
        opened = open_episodes(path, state_key="state")
        assert_same(opened, episodes)
        for episode in opened:
            np.testing.assert_array_equal(episode.states, episode.actions[:, :1] + 1)


@pytest.fixture
def episodes():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 3)).astype(np.float32) for length in (4, 1, 6)]


def test_a_zipped_store(tmp_path, episodes):
    path = tmp_path / "replay.zarr.zip"
    store = zarr.storage.ZipStore(str(path), mode="w")
    write_zarr(store, episodes)
    store.close()
    assert_same(open_episodes(path), episodes)


@pytest.mark.skipif(not ZARR_3, reason="zarr 2 does not write format 3")
def test_a_store_in_the_newer_format(tmp_path, episodes):
    root = zarr.create_group(tmp_path / "new.zarr", zarr_format=3)
    root.create_array("data/action", data=np.concatenate(episodes))
    root.create_array("meta/episode_ends", data=np.array([4, 5, 11]))
    assert (tmp_path / "new.zarr" / "zarr.json").exists()
    assert_same(open_episodes(tmp_path / "new.zarr"), episodes)


@pytest.mark.parametrize("options", [{"key": "actions"}, {"state_key": "actions"}])
def test_a_wrong_key_names_the_arrays(tmp_path, episodes, options):
    path = write_zarr(tmp_path / "replay.zarr", episodes, state=np.zeros((11, 2)))
    with pytest.raises(FormatError, match=r"no 'data/actions': found data/action, data/state, meta/episode_ends$"):
        open_episodes(path, **options)


def test_a_store_without_ends(tmp_path):
    put_array(
        zarr.open_group(str(tmp_path / "replay.zarr"), mode="w").require_group("data"), "action", np.zeros((4, 2))
    )
    with pytest.raises(FormatError, match=r"no 'meta/episode_ends': found data/action$"):
        open_episodes(tmp_path / "replay.zarr")


@pytest.mark.parametrize("ends", [[3], [3, 5], [4, 4], [0, 4]])
def test_ends_that_do_not_fit(tmp_path, ends):
    path = write_zarr(tmp_path / "replay.zarr", [np.zeros((4, 2))])
    put_array(zarr.open_group(str(path), mode="a")["meta"], "episode_ends", np.array(ends), overwrite=True)
    with pytest.raises(FormatError, match=r"replay\.zarr: episode_ends goes from"):
        open_episodes(path)


@pytest.mark.parametrize(("name", "shape"), [("action", "(4,)"), ("state", "(3, 2)")])
def test_arrays_of_another_shape(tmp_path, name, shape):
    path = write_zarr(tmp_path / "replay.zarr", [np.zeros((4, 2))], state=np.zeros((3, 2)))
    if name == "action":
        put_array(zarr.open_group(str(path), mode="a")["data"], "action", np.zeros(4), overwrite=True)
    with pytest.raises(FormatError) as caught:
        open_episodes(path, state_key="state")
    assert f"'data/{name}' in {path}: has shape {shape}, expected [steps, D]" == str(caught.value)


@pytest.mark.parametrize(("chunk", "block"), [(12_000, 12_000), (3_000, 9_000)])
def test_chunks_are_read_once_when_they_are_needed(tmp_path, monkeypatch, chunk, block):
    episodes = [np.full((7_000, 1), index) for index in range(9)]
    opened = open_episodes(write_zarr(tmp_path / "replay.zarr", episodes, chunk=chunk))
    read = []
    real_read = zarr.Array.__getitem__

    def noted_read(self, selection):
        read.append(selection)
        return real_read(self, selection)

    monkeypatch.setattr(zarr.Array, "__getitem__", noted_read)
    for number, _ in enumerate(opened):
        assert len(read) == -(-7_000 * (number + 1) // block)
    assert read == [slice(begin, begin + block) for begin in range(0, 63_000, block)]
