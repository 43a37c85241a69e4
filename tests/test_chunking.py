import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer.chunking import count_chunks, cut_chunks, episode_lengths, split_episodes


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


@pytest.mark.parametrize(("horizon", "stride"), [(0, 1), (1, 0), (-1, 1)])
def test_horizon_and_stride_are_at_least_one(horizon, stride):
    with pytest.raises(ValueError, match=f"horizon={horizon}, stride={stride}"):
        cut_chunks([np.zeros((5, 2))], horizon, stride)


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
