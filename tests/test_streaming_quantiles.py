import copy
import pickle
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds

from fast_tokenizer.streaming_quantiles import RELATIVE_ERROR, StreamingQuantiles

QUANTILES = (0.0, 0.01, 0.5, 0.99, 1.0)


def stream_of(parts, exact_limit):
    stream = StreamingQuantiles(parts[0].shape[1], exact_limit)
    for part in parts:
        stream.update(part)
    return stream


def values_of(stream):
    return np.array([stream.quantile(q) for q in QUANTILES])


@st.composite
def split_steps(draw):
    """Steps [N, 4], heavy-tailed, of any magnitude, two-valued and constant, and the same in parts."""
    rng = np.random.default_rng(draw(seeds))
    count = draw(st.integers(1, 100))
    dtype = draw(st.sampled_from(["f4", "f8"]))
    columns = [
        rng.standard_t(1, count),
        rng.choice([-1.0, 1.0], count) * 10.0 ** rng.uniform(-4, 4, count),
        rng.integers(0, 2, count),
        np.full(count, rng.normal()),
    ]
    steps = np.stack(columns, axis=1).astype(dtype)
    cuts = sorted(draw(st.lists(st.integers(0, count), max_size=4)))
    return steps, np.split(steps, cuts)


@settings(max_examples=25)  # a sketch takes milliseconds
@given(split_steps())
def test_while_the_values_are_kept_the_quantiles_are_those_of_numpy(drawn):
    steps, parts = drawn
    stream = stream_of(parts, exact_limit=steps.size)
    assert stream.is_exact
    np.testing.assert_array_equal(values_of(stream), np.quantile(steps.astype("f8"), QUANTILES, axis=0))


@settings(max_examples=25)  # a sketch takes milliseconds
@given(split_steps())
def test_a_sketch_is_within_its_bound_of_the_value_at_the_rank(drawn):
    steps, parts = drawn
    stream = stream_of(parts, exact_limit=steps.size - 1)
    assert not stream.is_exact
    expected = np.quantile(steps.astype("f8"), QUANTILES, axis=0, method="lower")
    bound = (RELATIVE_ERROR + 1e-10) * np.abs(expected)
    assert np.all(np.abs(values_of(stream) - expected) <= bound)


@settings(max_examples=25)  # a sketch takes milliseconds
@given(split_steps(), st.integers(0, 400))
def test_order_and_parts_make_no_difference(drawn, exact_limit):
    steps, parts = drawn
    whole = stream_of([steps[::-1]], exact_limit)
    merged = StreamingQuantiles(steps.shape[1], exact_limit)
    for part in parts:
        merged.merge(stream_of([part], exact_limit))
    assert merged.is_exact == whole.is_exact == (steps.size <= exact_limit)
    np.testing.assert_array_equal(values_of(merged), values_of(whole))


@settings(max_examples=25)  # a sketch takes milliseconds
@given(split_steps(), st.integers(0, 400))
def test_the_one_that_was_merged_stays_as_it_is(drawn, exact_limit):
    steps, _ = drawn
    other = stream_of([steps], exact_limit)
    before, twin = values_of(other), copy.deepcopy(other)
    stream = stream_of([steps * 2], exact_limit)
    stream.merge(other)
    stream.update(steps * 3)
    np.testing.assert_array_equal(values_of(other), before)
    assert pickle.dumps(other) == pickle.dumps(twin)


@pytest.mark.parametrize("exact_limit", [0, 10**6])
def test_a_stream_can_be_sent_to_another_process(exact_limit):
    stream = stream_of([np.random.default_rng(0).normal(size=(50, 2))], exact_limit)
    np.testing.assert_array_equal(values_of(pickle.loads(pickle.dumps(stream))), values_of(stream))


def test_the_caller_may_write_over_its_array():
    steps = np.arange(5.0)[:, None]
    stream = stream_of([steps], exact_limit=100)
    steps[:] = 0.0
    assert stream.quantile(1.0).tolist() == [4.0]


def test_without_the_library_of_the_sketch_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "ddsketch", None)
    stream = stream_of([np.zeros((5, 2))], exact_limit=10)
    with pytest.raises(
        ImportError, match=r"more than 10 values.*fast_tokenizer\[statistics\], or raise exact_limit"
    ):
        stream.update(np.zeros((1, 2)))
