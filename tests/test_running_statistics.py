import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import KINDS, chunks

from fast_tokenizer import FastTokenizerError
from fast_tokenizer.running_statistics import RunningStatistics
from fast_tokenizer.streaming_quantiles import RELATIVE_ERROR

steps_of_episodes = chunks(max_dim=3, kinds=[kind for kind in KINDS if kind != "extreme"])
limits = st.sampled_from([0, 40, 10**6])
finite = st.floats(-1e100, 1e100)


def running_over(*parts, exact_limit=10**6):
    running = RunningStatistics(exact_limit=exact_limit)
    for part in parts:
        running.update(part)
    return running


def merged(first, second):
    both = copy.deepcopy(first)
    both.merge(second)
    return both


def assert_same_statistics(one, other, magnitude):
    assert (one.count, one.min, one.max, one.q01, one.q99) == (
        other.count,
        other.min,
        other.max,
        other.q01,
        other.q99,
    )
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12, atol=1e-14 * magnitude)
    np.testing.assert_allclose(one.std, other.std, rtol=1e-9, atol=1e-14 * magnitude)


@settings(max_examples=25)  # a sketch takes milliseconds
@given(steps=steps_of_episodes, limit=limits)
def test_the_figures_are_those_of_numpy(steps, limit):
    result = running_over(steps, exact_limit=limit).result()
    wide = steps.astype("f8")
    magnitude = np.abs(wide).max()
    assert result.count == len(steps)
    assert result.min == tuple(wide.min(axis=0))
    assert result.max == tuple(wide.max(axis=0))
    np.testing.assert_allclose(result.mean, wide.mean(axis=0), rtol=1e-12, atol=1e-14 * magnitude)
    np.testing.assert_allclose(result.std, wide.std(axis=0), rtol=1e-12, atol=1e-14 * magnitude)
    for q, numbers in ((0.01, result.q01), (0.99, result.q99)):
        if steps.size <= limit:
            np.testing.assert_array_equal(numbers, np.quantile(wide, q, axis=0))
        else:
            lower = np.quantile(wide, q, axis=0, method="lower")
            np.testing.assert_allclose(numbers, lower, rtol=RELATIVE_ERROR + 1e-10, atol=0)


@settings(max_examples=25)  # a sketch takes milliseconds
@given(steps=steps_of_episodes, limit=limits, cut=st.floats(0, 1))
def test_two_halves_merged_are_the_whole(steps, limit, cut):
    place = round(cut * len(steps))
    whole = running_over(steps, exact_limit=limit).result()
    halves = [running_over(half, exact_limit=limit) for half in (steps[:place], steps[place:])]
    magnitude = np.abs(steps).max()
    assert_same_statistics(merged(*halves).result(), whole, magnitude)
    assert_same_statistics(merged(*halves[::-1]).result(), whole, magnitude)
    assert_same_statistics(
        running_over(steps[:place], steps[place:], exact_limit=limit).result(), whole, magnitude
    )


@settings(max_examples=25)  # a sketch takes milliseconds
@given(steps=steps_of_episodes, limit=limits, cuts=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_merging_is_associative(steps, limit, cuts):
    places = sorted(round(cut * len(steps)) for cut in cuts)
    one, two, three = (running_over(part, exact_limit=limit) for part in np.split(steps, places))
    left = merged(merged(one, two), three).result()
    assert_same_statistics(left, merged(one, merged(two, three)).result(), np.abs(steps).max())


@given(value=finite | st.floats(-1e-300, 1e-300), steps=st.lists(st.integers(1, 5), min_size=1), limit=limits)
def test_a_constant_is_its_own_mean_and_percentile(value, steps, limit):
    parts = [np.full((count, 1), value) for count in steps]
    result = running_over(*parts, exact_limit=limit).result()
    assert result.mean == result.min == result.max == result.q01 == result.q99 == (value,)
    assert result.std == (0.0,)


def test_a_small_deviation_from_a_large_mean_is_not_lost():
    steps = 1e9 + np.random.default_rng(0).normal(size=(5000, 1))
    running = running_over(*np.split(steps, 50))
    assert running.result().std[0] == pytest.approx(steps.std(), rel=1e-9)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "u1", "?"])
def test_any_real_type_and_any_shape_that_ends_in_the_dimensions_will_do(dtype):
    values = (np.arange(24) % 7).reshape(2, 4, 3).astype(dtype)
    assert running_over(values).result() == running_over(values.reshape(-1, 3).astype("f8")).result()
    assert running_over(values.tolist()).result().count == 8


def test_an_episode_without_a_step_adds_nothing():
    empty = np.zeros((0, 2))
    running = running_over(empty, [[1.0, 2.0]], empty)
    running.merge(RunningStatistics())
    running.merge(running_over(empty))
    assert running.result() == running_over([[1.0, 2.0]]).result()


@pytest.mark.parametrize("limit", [0, 10**6])
def test_it_can_be_sent_to_another_process(limit):
    running = running_over(np.random.default_rng(1).normal(size=(30, 3)), exact_limit=limit)
    assert pickle.loads(pickle.dumps(running)).result() == running.result()


def test_no_step_is_refused():
    with pytest.raises(FastTokenizerError, match="at least one step"):
        RunningStatistics().result()


@pytest.mark.parametrize("shape", [(), (3, 0)])
def test_what_has_no_dimension_is_refused(shape):
    with pytest.raises(FastTokenizerError, match=r"expected steps \[\.\.\., D\]"):
        RunningStatistics().update(np.zeros(shape))


@pytest.mark.parametrize("bad", [np.zeros((2, 3)), [[1.0, np.nan]], running_over(np.zeros((2, 3)))])
def test_what_does_not_fit_is_refused_and_adds_nothing(bad):
    running = running_over([[1.0, 2.0], [3.0, 4.0]])
    before = running.result()
    add = running.merge if isinstance(bad, RunningStatistics) else running.update
    with pytest.raises(FastTokenizerError, match=r"3 dimensions after such of 2|\[0, 1\] is nan"):
        add(bad)
    assert running.result() == before


def test_values_too_large_to_be_squared_are_refused():
    with pytest.raises(FastTokenizerError, match=r"expected a number from -1e\+140 to 1e\+140"):
        running_over([[1e200], [-1e300]]).result()
