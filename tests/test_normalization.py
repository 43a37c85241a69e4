import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer.normalization import QuantileNormalizer, require_finite

finite = st.floats(-1e100, 1e100)


def test_the_percentiles_go_to_minus_one_and_one():
    actions = np.random.default_rng(0).normal([0.0, 500.0], [1.0, 40.0], (2000, 2))
    normalizer = QuantileNormalizer.fit(actions)
    np.testing.assert_allclose(normalizer.q01, np.quantile(actions, 0.01, axis=0))
    np.testing.assert_allclose(normalizer.q99, np.quantile(actions, 0.99, axis=0))
    np.testing.assert_allclose(
        normalizer.normalize([normalizer.q01, normalizer.q99]), [[-1, -1], [1, 1]], atol=1e-12
    )
    inside = np.abs(normalizer.normalize(actions)) <= 1
    assert inside.mean() == pytest.approx(0.98, abs=0.01)


def test_values_beyond_the_percentiles_are_not_clipped():
    normalizer = QuantileNormalizer(q01=(0.0,), q99=(2.0,))
    assert normalizer.normalize([[5.0]]).item() == 4.0
    assert normalizer.unnormalize([[4.0]]).item() == 5.0


@pytest.mark.parametrize("shape", [(100, 3), (5, 20, 3), (2, 5, 10, 3)])
def test_any_shape_that_ends_in_the_dimensions_will_do(shape):
    actions = np.random.default_rng(1).normal(size=shape)
    normalizer = QuantileNormalizer.fit(actions)
    normalized = normalizer.normalize(actions)
    assert normalized.shape == shape
    assert normalizer == QuantileNormalizer.fit(actions.reshape(-1, 3))
    np.testing.assert_allclose(normalizer.unnormalize(normalized), actions, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "u1"])
def test_results_are_float64_whatever_comes_in(dtype):
    actions = np.arange(30).reshape(10, 3).astype(dtype)
    normalized = QuantileNormalizer.fit(actions).normalize(actions)
    assert normalized.dtype == np.float64
    assert normalized[0, 0] == pytest.approx(-normalized[-1, 0])


@given(value=finite | st.floats(-1e-300, 1e-300), dtype=st.sampled_from(["f4", "f8"]), noise=finite)
def test_a_constant_dimension_comes_back_exactly(value, dtype, noise):
    with np.errstate(over="ignore"):  # beyond float32
        constant = np.dtype(dtype).type(value)
    if not np.isfinite(constant):
        return
    actions = np.stack([np.full(50, constant), np.linspace(0, 1, 50, dtype=dtype)], axis=1)
    normalizer = QuantileNormalizer.fit(actions)
    normalized = normalizer.normalize(actions)
    assert np.all(normalized[:, 0] == 0.0)
    assert np.all(normalizer.unnormalize(normalized)[:, 0] == constant)
    assert normalizer.unnormalize([[noise, 0.0]])[0, 0] == constant


def test_a_gripper_that_hardly_ever_closes_is_not_taken_for_constant():
    actions = np.ones((1000, 1))
    actions[500] = 0.0
    normalizer = QuantileNormalizer.fit(actions)
    assert (normalizer.q01, normalizer.q99) == ((0.0,), (1.0,))
    np.testing.assert_array_equal(normalizer.unnormalize(normalizer.normalize(actions)), actions)


def test_percentiles_at_the_ends_of_float64_do_not_overflow():
    normalizer = QuantileNormalizer(q01=(-1.7e308,), q99=(1.7e308,))
    np.testing.assert_allclose(normalizer.normalize([[-1.7e308], [0.0], [1.7e308]]), [[-1], [0], [1]])


def test_it_cannot_be_changed_and_can_be_shared():
    normalizer = QuantileNormalizer.fit(np.random.default_rng(2).normal(size=(50, 2)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        normalizer.q01 = (0.0, 0.0)
    assert pickle.loads(pickle.dumps(normalizer)) == normalizer
    assert len({normalizer, dataclasses.replace(normalizer)}) == 1


@pytest.mark.parametrize(
    ("q01", "q99", "message"),
    [
        ((0.0,), (1.0, 2.0), "a number a dimension"),
        ((), (), "a number a dimension"),
        ((0.0, 2.0), (1.0, 1.0), "dimension 1 has q01=2.0"),
        ((0.0, float("nan")), (1.0, 1.0), "dimension 1 has q01=nan"),
        ((0.0,), (float("inf"),), "dimension 0"),
    ],
)
def test_wrong_statistics_are_refused(q01, q99, message):
    with pytest.raises(ValueError, match=message):
        QuantileNormalizer(q01, q99)


@pytest.mark.parametrize("shape", [(), (0, 3), (3, 0)])
def test_no_step_is_refused(shape):
    with pytest.raises(ValueError, match="at least one step"):
        QuantileNormalizer.fit(np.zeros(shape))


@pytest.mark.parametrize("method", ["normalize", "unnormalize"])
@pytest.mark.parametrize("actions", [0.0, [1.0], [[1.0, 2.0, 3.0]]])
def test_another_number_of_dimensions_is_refused(method, actions):
    with pytest.raises(ValueError, match=r"expected \[\.\.\., 2\], as in the fit"):
        getattr(QuantileNormalizer((0.0, 0.0), (1.0, 1.0)), method)(actions)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_cell_that_is_not_finite_is_named(bad):
    actions = np.zeros((4, 5, 2), dtype=np.float32)
    actions[1, 2, 1] = actions[3, 0, 0] = bad
    with pytest.raises(ValueError, match=rf"actions\[1, 2, 1\] is {bad} \(2 of 40 values"):
        QuantileNormalizer.fit(actions)
    require_finite(np.arange(3), "counts")
