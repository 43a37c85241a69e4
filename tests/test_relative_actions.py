import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

from fast_tokenizer import FastTokenizerError, FormatError
from fast_tokenizer.relative_actions import RelativeActions


@given(seed=seeds, dimensions=st.lists(st.integers(0, 4), unique=True), batch=st.none() | st.integers(0, 4))
def test_chosen_dimensions_become_relative_and_come_back(seed, dimensions, batch):
    rng = np.random.default_rng(seed)
    leading = () if batch is None else (batch,)
    chunks, states = rng.normal(size=(*leading, 6, 5)), rng.normal(size=(*leading, 7))
    before = chunks.copy()
    relative = RelativeActions(tuple(dimensions))
    moved = relative.to_relative(chunks, states)
    chosen = np.isin(np.arange(5), dimensions)
    np.testing.assert_array_equal(moved, np.where(chosen, chunks - states[..., None, :5], chunks))
    np.testing.assert_allclose(relative.to_absolute(moved, states), chunks, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(chunks, before)


@pytest.mark.parametrize(
    ("chunks", "states"),
    [
        ((2, 6, 3), (3, 3)),
        ((2, 6, 3), (3,)),
        ((6, 3), (1, 3)),
        ((3,), ()),
        ((2, 6, 2), (2, 3)),
        ((2, 6, 3), (2, 2)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(chunks, states):
    relative = RelativeActions((0, 2))
    with pytest.raises(FastTokenizerError, match="with D and S of 3 or more"):
        relative.to_relative(np.zeros(chunks), np.zeros(states))


@pytest.mark.parametrize("dimensions", [(0, 0), (-1,), (1.0,), (True,)])
def test_dimensions_are_different_and_counted_from_zero(dimensions):
    with pytest.raises(FormatError, match="expected different dimensions from 0"):
        RelativeActions(dimensions)
