"""The compiled DCT against scipy's."""

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAYOUTS, chunk_batches, laid_out, seeds

from fast_tokenizer import _core

# Small ones, powers of two and their neighbours, primes, products of small primes, products of large ones.
HORIZONS = [
    *range(1, 20), 25, 27, 31, 32, 33, 49, 50, 53, 64, 77, 81, 97, 100, 121, 125, 127, 128, 129, 143, 169, 200,
    211, 255, 256, 257, 289, 361, 500, 509, 512, 521, 529, 625, 729, 961, 1000, 1009, 1021, 1023, 1024, 1025,
    1369, 2039, 2047, 2048, 2049, 2053, 2187, 2809, 3125, 3600, 3721, 4000, 4087, 4093, 4095, 4096,
]  # fmt: skip

TRANSFORMS = [(_core.dct, scipy.fft.dct), (_core.idct, scipy.fft.idct)]


def assert_transforms_like_scipy(values, num_threads=1):
    """To 1e-12 of the largest value of each column; in float32 what that rounds to."""
    for ours, scipys in TRANSFORMS:
        expected = scipys(values.astype(np.float64), axis=1, norm="ortho")
        got = ours(values, num_threads)
        assert got.dtype == values.dtype
        assert got.shape == values.shape
        largest = np.abs(expected).max(axis=1, keepdims=True, initial=0)
        rounding = np.finfo(np.float32).eps * np.abs(expected) if values.dtype == np.float32 else 0
        assert (np.abs(got - expected) <= 1e-12 * largest + rounding).all()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("horizon", HORIZONS)
def test_listed_horizons(horizon, dtype):
    values = np.random.default_rng(horizon).normal(size=(2, horizon, 5))
    assert_transforms_like_scipy(values.astype(dtype))


@given(st.integers(1, 4096), seeds, st.sampled_from(["f4", "f8"]), st.integers(1, 3), st.integers(1, 20))
@settings(max_examples=60)
def test_any_horizon_and_any_number_of_columns(horizon, seed, dtype, batch, dim):
    shape = batch, horizon, min(dim, 1 + 40_000 // horizon)
    assert_transforms_like_scipy(np.random.default_rng(seed).uniform(-1, 1, shape).astype(dtype))


@given(chunk_batches(max_batch=9, max_horizon=130, max_dim=40, kinds=("smooth", "grid", "heavy-tailed")))
def test_any_kind_of_values_in_any_layout(values):
    assert_transforms_like_scipy(values)


@pytest.mark.parametrize("horizon", [1, 2, 50, 97, 127, 1000, 4093])
def test_the_inverse_undoes_it(horizon):
    values = np.random.default_rng(0).normal(size=(1, horizon, 3))
    np.testing.assert_allclose(_core.idct(_core.dct(values)), values, atol=1e-12)


def test_one_cosine_has_one_coefficient():
    time = np.arange(64)
    wave = np.cos(np.pi * (2 * time + 1) * 5 / 128)
    coefficients = _core.dct(wave[None, :, None])[0, :, 0]
    assert coefficients[5] == pytest.approx(np.sqrt(32), rel=1e-14)
    assert np.abs(np.delete(coefficients, 5)).max() < 1e-14


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(3, 7, 5), (1, 50, 14), (9, 16, 33), (2, 300, 3)])
def test_the_layout_changes_no_bit(shape, layout, dtype):
    values = np.random.default_rng(1).normal(size=shape).astype(dtype)
    for ours, _ in TRANSFORMS:
        np.testing.assert_array_equal(ours(laid_out(values, layout)), ours(values))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_broadcast_axes(axis):
    shape = [4, 6, 5]
    shape[axis] = 1
    values = np.random.default_rng(2).normal(size=shape)
    shape[axis] = 7
    repeated = np.broadcast_to(values, shape)
    assert repeated.strides[axis] == 0
    np.testing.assert_array_equal(_core.dct(repeated), _core.dct(repeated.copy()))


def test_strides_that_are_no_whole_elements():
    packed = np.zeros((3, 8, 2), dtype=[("flag", "i1"), ("value", "f8"), ("time", "f4")])
    packed["value"] = np.random.default_rng(3).normal(size=(3, 8, 2))
    packed["time"] = packed["value"]
    for field in ("value", "time"):
        np.testing.assert_array_equal(_core.dct(packed[field]), _core.dct(packed[field].copy()))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(("batch", "horizon", "dim"), [(1000, 50, 14), (3, 4096, 9), (5000, 1, 3), (70, 97, 31)])
def test_threads_change_no_bit(batch, horizon, dim, dtype):
    values = np.random.default_rng(4).normal(size=(batch, horizon, dim)).astype(dtype)
    for ours, _ in TRANSFORMS:
        one = ours(values, 1)
        for threads in (0, 2, 3, 16):
            np.testing.assert_array_equal(ours(values, threads), one)


def test_the_place_in_a_batch_changes_no_bit():
    values = np.random.default_rng(5).normal(size=(7, 50, 14))
    together = _core.dct(values)
    for chunk in range(7):
        np.testing.assert_array_equal(_core.dct(values[chunk : chunk + 1])[0], together[chunk])
        for dim in range(14):
            alone = _core.dct(values[chunk : chunk + 1, :, dim : dim + 1])
            np.testing.assert_array_equal(alone[0, :, 0], together[chunk, :, dim])


def test_an_empty_batch_is_transformed_to_itself():
    assert _core.dct(np.zeros((0, 4, 2))).shape == (0, 4, 2)


@pytest.mark.parametrize("shape", [(), (4,), (4, 2), (1, 4, 2, 1), (1, 0, 2), (1, 4, 0)])
def test_other_shapes_are_refused(shape):
    for ours, _ in TRANSFORMS:
        with pytest.raises(ValueError, match="horizon"):
            ours(np.zeros(shape))


@pytest.mark.parametrize("dtype", ["f2", "i4", "i8", "c16", "O", "U1"])
def test_other_types_are_refused(dtype):
    with pytest.raises(TypeError):
        _core.dct(np.zeros((1, 4, 2), dtype))
