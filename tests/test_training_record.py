"""The record of a training read back: what was written, and errors that name the key where it is damaged."""

import json
import math

import pytest

from fast_tokenizer import FormatError
from fast_tokenizer.chunking import Chunking
from fast_tokenizer.dataset_training import Resampling, TrainingSettings, read_training_record, train
from fast_tokenizer.datasets import open_episodes
from fast_tokenizer.motions import generate_episodes
from fast_tokenizer.relative_actions import RelativeActions
from fast_tokenizer.training import VocabularySettings

CHUNKING = Chunking(horizon=10, stride=5)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("record")
    motions = generate_episodes(6, action_dim=3, seconds=2.0)
    episodes = open_episodes(motions, dims=[2, 0])
    settings = TrainingSettings(CHUNKING, VocabularySettings(vocab_size=300))
    train(episodes, settings, key="pose", state_key="obs/q").save(folder / "arm")
    return folder / "arm"


def test_what_was_written_is_read(directory):
    record = read_training_record(directory)
    saved = json.loads((directory / "training.json").read_text())
    assert record.content == saved
    assert record.held_out == set(saved["episodes"]["held_out"]) != set()
    assert (record.key, record.state_key, record.dims) == ("pose", "obs/q", (2, 0))
    assert record.chunking == CHUNKING
    assert (record.resampling, record.relative) == (None, None)


def damaged(directory, folder, key, value):
    content = json.loads((directory / "training.json").read_text())
    *parents, last = key.split(".")
    inner = content
    for name in parents:
        inner = inner[name]
    inner[last] = value
    (folder / "training.json").write_text(json.dumps(content))
    return folder


def test_what_a_record_may_hold(directory, tmp_path):
    damaged(directory, tmp_path, "resampling", {"hz": 10.0, "held": [1]})
    record = read_training_record(damaged(tmp_path, tmp_path, "relative", [1, 0]))
    assert (record.resampling, record.relative) == (Resampling(10.0, (1,)), RelativeActions((1, 0)))


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("dataset.dims", [1.5], "dataset.dims"),
        ("dataset.dims", [True], "dataset.dims"),
        ("dataset.dims", [-1], "dataset.dims"),
        ("dataset.key", 3, "dataset.key"),
        ("dataset.state_key", ["q"], "dataset.state_key"),
        ("episodes.held_out", ["demo_0"], "episodes.held_out"),
        ("episodes.held_out", [2, 2], "episodes.held_out"),
        ("episodes.held_out", None, "episodes.held_out"),
        ("resampling", {"hz": 10.0, "held": ["a"]}, "resampling.held"),
        ("resampling", {"hz": 0, "held": []}, "resampling.hz"),
        ("relative", [[0]], "relative"),
        ("relative", [0, 0], "relative"),
        ("chunks.horizon", 1.5, "chunks.horizon"),
    ],
)
def test_damage_is_told_with_its_key(directory, tmp_path, key, value, named):
    with pytest.raises(FormatError) as caught:
        read_training_record(damaged(directory, tmp_path, key, value))
    assert caught.value.key == named
    assert caught.value.path == str(tmp_path / "training.json")


@pytest.mark.parametrize(
    ("value", "named"),
    [(math.nan, "dataset.hz"), (-math.inf, "dataset.hz"), ([0.5, {"rate": math.inf}], "dataset.hz.1.rate")],
)
def test_a_record_with_a_number_that_json_has_not_is_refused_with_its_key(directory, tmp_path, value, named):
    with pytest.raises(FormatError, match="expected a finite number") as caught:
        read_training_record(damaged(directory, tmp_path, "dataset.hz", value))
    assert caught.value.key == named
