import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer import FastTokenizerError, FormatError
from fast_tokenizer.chunking import Chunking, count_chunks, cut_chunks, episode_lengths, split_episodes


@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=5),
    horizon=st.integers(1, 30),
    stride=st.integers(1, 40),
    dim=st.integers(1, 3),
)
def test_chunks_are_the_windows_of_every_episode_in_order(lengths, horizon, stride, dim):
    steps = np.arange(sum(lengths) * dim, dtype=np.float32).reshape(-1, dim)
    episodes = np.split(steps, np.cumsum(lengths)[:-1])
    expected = [
        episode[start : start + horizon]
        for episode in episodes
        for start in range(0, len(episode) - horizon + 1, stride)
    ]
    assert [count_chunks(n, horizon, stride) for n in lengths] == [
        len(range(0, n - horizon + 1, stride)) for n in lengths
    ]
    if not expected:
        with pytest.raises(ValueError, match=f"the longest of {len(lengths)} episode.* {max(lengths)} steps"):
            cut_chunks(episodes, horizon, stride)
        return
    chunks = cut_chunks(episodes, horizon, stride)
    assert chunks.dtype == np.float32
    assert chunks.flags.c_contiguous
    np.testing.assert_array_equal(chunks, expected)


def test_chunks_do_not_share_memory_with_the_episodes():
    episode = np.zeros((4, 2))
    cut_chunks([episode], horizon=2, stride=1)[...] = 1.0
    assert not episode.any()


def test_lists_of_numbers_will_do():
    assert cut_chunks([[[1, 2], [3, 4]]], horizon=1, stride=1).tolist() == [[[1, 2]], [[3, 4]]]


@pytest.mark.parametrize(
    ("episodes", "message"),
    [
        ([], "no episode"),
        ([np.zeros(5)], r"episode 0 has shape \(5,\)"),
        ([np.zeros((5, 2)), np.zeros((5, 3))], r"episode 1 has shape \(5, 3\) and episode 0 \(5, 2\)"),
    ],
)
def test_episodes_that_do_not_fit_together_are_named(episodes, message):
    with pytest.raises(ValueError, match=message):
        cut_chunks(episodes, horizon=2, stride=1)


@given(
    lengths=st.lists(st.integers(0, 20), min_size=1, max_size=4),
    horizon=st.integers(1, 12),
    stride=st.integers(1, 8),
    padding=st.sampled_from(["hold", "zeros"]),
)
def test_with_padding_a_chunk_begins_at_every_stride(lengths, horizon, stride, padding):
    episodes = [np.random.default_rng(length).normal(size=(length, 2)) for length in lengths]
    expected = [
        [
            episode[step] if step < len(episode) else episode[-1] if padding == "hold" else np.zeros(2)
            for step in range(start, start + horizon)
        ]
        for episode in episodes
        for start in range(0, len(episode), stride)
    ]
    chunking = Chunking(horizon, stride, padding)
    if not expected:
        with pytest.raises(FastTokenizerError, match="no chunk"):
            chunking.cut(episodes)
        return
    np.testing.assert_array_equal(chunking.cut(episodes), expected)


def test_a_sample_is_about_the_share_asked_for_and_the_same_each_time():
    episodes = [np.arange(2000.0)[:, None], np.arange(2000.0, 3000.0)[:, None]]
    everything = Chunking(5).cut(episodes)
    sample = Chunking(5, sample=0.3, seed=1).cut(episodes)
    assert len(sample) == pytest.approx(0.3 * len(everything), rel=0.1)
    kept = np.isin(everything[:, 0, 0], sample[:, 0, 0])
    np.testing.assert_array_equal(sample, everything[kept])
    np.testing.assert_array_equal(sample, Chunking(5, sample=0.3, seed=1).cut(episodes))
    other = Chunking(5, sample=0.3, seed=2).cut(episodes)
    assert 0 < np.isin(other[:, 0, 0], sample[:, 0, 0]).mean() < 0.5


def test_the_sample_of_an_episode_does_not_depend_on_the_others():
    first, second = np.arange(100.0)[:, None], np.arange(100.0, 300.0)[:, None]
    chunking = Chunking(5, sample=0.5)
    both = chunking.cut([first, second])
    alone = chunking.cut([first])
    np.testing.assert_array_equal(both[: len(alone)], alone)
    np.testing.assert_array_equal(both[len(alone) :], chunking.cut([first[:0], second]))
    twice = chunking.cut([first, first])
    assert not np.array_equal(twice, np.concatenate([alone, alone]))


def test_a_configuration_is_plain_json_and_makes_equal_settings():
    chunking = Chunking(50, 5, "hold", sample=0.25, seed=3)
    config = json.loads(json.dumps(chunking.get_config()))
    assert config == {"horizon": 50, "stride": 5, "padding": "hold", "sample": 0.25, "seed": 3}
    assert Chunking.from_config(config) == chunking
    with pytest.raises(FormatError, match="got the keys horizon, step, expected horizon, stride"):
        Chunking.from_config({"horizon": 5, "step": 1})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("horizon", 0),
        ("horizon", 2.0),
        ("stride", 0),
        ("stride", True),
        ("padding", "mirror"),
        ("sample", 0.0),
        ("sample", 1.5),
        ("sample", float("nan")),
        ("sample", True),
        ("seed", -1),
    ],
)
def test_a_wrong_setting_is_named(key, value):
    with pytest.raises(FormatError, match=f"got {value!r}, expected") as caught:
        Chunking(**{"horizon": 5, key: value})
    assert caught.value.key == key


def test_a_recording_is_split_at_its_episode_ends():
    actions = np.arange(12.0).reshape(6, 2)
    episodes = split_episodes(actions, np.array([1, 4, 6]))
    assert [len(episode) for episode in episodes] == [1, 3, 2]
    np.testing.assert_array_equal(np.concatenate(episodes), actions)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64, np.uint64])
def test_lengths_are_whole_numbers_whatever_the_type_of_the_ends(kind):
    lengths = episode_lengths(np.array([1, 4, 6], kind), steps=6)
    assert lengths == [1, 3, 2]
    assert {type(length) for length in lengths} == {int}


@pytest.mark.parametrize("ends", [[], [[6]], [1.0, 6.0], [0, 6], [4, 4, 6], [5, 4, 6], [3], [3, 7], 6])
def test_episode_ends_that_do_not_fit_are_refused(ends):
    with pytest.raises(ValueError, match="episode_ends"):
        split_episodes(np.zeros((6, 2)), ends)
