import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from dataset_files import assert_same, episode_lists
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer import FormatError
from fast_tokenizer.datasets import open_episodes

tfrecord = pytest.importorskip("tfrecord", reason="the extra rlds is not installed")


def tensor(dtype, *dimensions):
    """A feature as features.json of TensorFlow Datasets has it."""
    return {
        "tensor": {"shape": {"dimensions": [str(n) for n in dimensions]} if dimensions else {}, "dtype": dtype}
    }


def features(**parts):
    return {"featuresDict": {"features": parts}}


def write_rlds(folder, episodes, *, files=1, action=None):
    """Episodes of actions, with a state, an image and an instruction, dealt to files in order."""
    dim = episodes[0].shape[1]
    step = features(
        action=action or tensor("float32", dim),
        is_first=tensor("bool"),
        language_instruction={"text": {}},
        observation=features(
            state=tensor("float32", dim), image={"image": {"shape": {"dimensions": ["8", "8", "3"]}}}
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    content = features(steps={"sequence": {"feature": step, "length": "-1"}}, episode_metadata=features())
    (folder / "features.json").write_text(json.dumps(content))
    parts = np.array_split(np.arange(len(episodes)), files)
    lengths = [str(len(part)) for part in parts]
    (folder / "dataset_info.json").write_text(json.dumps({"splits": [{"name": "train", "shardLengths": lengths}]}))
    for index, part in enumerate(parts):
        writer = tfrecord.TFRecordWriter(str(folder / f"arm-train.tfrecord-{index:05d}-of-{files:05d}"))
        for number in part:
            actions = episodes[number]
            writer.write(
                {
                    "steps/action": (actions.ravel().tolist(), "float"),
                    "steps/action/world_vector": (actions[:, :1].ravel().tolist(), "float"),
                    "steps/observation/state": ((actions + 1).ravel().tolist(), "float"),
                    "steps/observation/image": ([b"png"] * len(actions), "byte"),
                    "steps/is_first": ([1] + [0] * (len(actions) - 1), "int"),
                }
            )
        writer.close()
    return folder


@given(episodes=episode_lists(), files=st.integers(1, 4))
def test_a_dataset_gives_the_episodes_that_were_written(episodes, files):
    with tempfile.TemporaryDirectory() as folder:
        opened = open_episodes(
            write_rlds(Path(folder) / "1.0.0", episodes, files=files), state_key="observation/state"
        )
        assert_same(opened, episodes)
        for episode in opened:
            np.testing.assert_array_equal(episode.states, episode.actions + 1)


@pytest.fixture
def episodes():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 3)).astype(np.float32) for length in (4, 1, 6)]


def test_an_action_of_parts(tmp_path, episodes):
    parts = features(world_vector=tensor("float32", 1), open_gripper=tensor("bool"))
    path = write_rlds(tmp_path, episodes, action=parts)
    assert_same(open_episodes(path, key="action/world_vector"), [episode[:, :1] for episode in episodes])
    found = "found action/open_gripper, action/world_vector, is_first, observation/state$"
    with pytest.raises(FormatError, match=rf"features\.json: there is no 'action': {found}"):
        open_episodes(path)


def test_files_are_read_when_they_are_needed(tmp_path, monkeypatch, episodes):
    opened = open_episodes(write_rlds(tmp_path, episodes, files=3))
    files = []
    real = tfrecord.tfrecord_loader
    monkeypatch.setattr(
        tfrecord, "tfrecord_loader", lambda path, *arguments: files.append(path) or real(path, *arguments)
    )
    for number, _ in enumerate(opened):
        assert len(files) == number + 1


def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch, episodes):
    path = write_rlds(tmp_path, episodes)
    monkeypatch.setitem(sys.modules, "tfrecord", None)
    with pytest.raises(ImportError, match=r"pip install fast_tokenizer\[rlds\]"):
        open_episodes(path)


# The library leaves a file that it fails at to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*_io.FileIO.*tfrecord:pytest.PytestUnraisableExceptionWarning")
def test_a_file_that_ends_too_early(tmp_path, episodes):
    path = write_rlds(tmp_path, episodes)
    (file,) = path.glob("*.tfrecord-*")
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(FormatError, match="of-00001: not a readable TFRecord file"):
        list(open_episodes(path))


def test_a_file_that_is_missing(tmp_path, episodes):
    path = write_rlds(tmp_path, episodes, files=3)
    (path / "arm-train.tfrecord-00001-of-00003").unlink()
    with pytest.raises(FormatError, match=r"its files hold 2 episodes, dataset_info\.json says 3"):
        list(open_episodes(path))


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json"])
@pytest.mark.parametrize("content", ["", "{}", "[]", '{"splits": [], "featuresDict": {}}'])
def test_damaged_descriptions(tmp_path, episodes, name, content):
    path = write_rlds(tmp_path, episodes)
    (path / name).write_text(content)
    with pytest.raises(FormatError, match=f"{name}: not|{name}: holds|0 in {name}"):
        open_episodes(path)


@pytest.mark.filterwarnings("ignore:.*_io.FileIO.*tfrecord:pytest.PytestUnraisableExceptionWarning")
def test_steps_of_another_size(tmp_path, episodes):
    path = write_rlds(tmp_path, episodes, action=tensor("float32", 5))
    with pytest.raises(FormatError, match="episode 0 has 12 values, expected steps of 5"):
        list(open_episodes(path))
