"""Rounded coefficients are scipy's, whichever side of a half they fall on."""

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAYOUTS, chunk_batches, laid_out, seeds

from fast_tokenizer import EncodeError
from fast_tokenizer.quantization import quantize

LIMIT = 2**30
TIED_HORIZONS = (1, 4, 16, 50, 100)
GRIDS = {
    "steps of 0.05": lambda rng, shape: rng.integers(-20, 21, shape) * 0.05,
    "steps of 0.01": lambda rng, shape: rng.integers(-100, 101, shape) * 0.01,
    "gripper 0/1": lambda rng, shape: rng.integers(0, 2, shape).astype(float),
    "gripper -1/1": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "one step of a gripper": lambda rng, shape: np.sort(rng.integers(0, 2, shape), axis=1).astype(float),
    "constant on the grid": lambda rng, shape: np.broadcast_to(
        rng.integers(-20, 21, (shape[0], 1, 1)) * 0.05, shape
    ),
    "sixteenths": lambda rng, shape: rng.integers(-16, 17, shape) / 16,
}


def reference(chunks, scale):
    return np.around(scipy.fft.dct(chunks, axis=1, norm="ortho") * scale)


def near_ties(chunks, scale):
    scaled = np.abs(scipy.fft.dct(chunks.astype("f8"), axis=1, norm="ortho") * scale)
    return int((np.abs(scaled % 1 - 0.5) < 1e-9).sum())


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("horizon", TIED_HORIZONS)
@pytest.mark.parametrize("grid", GRIDS)
def test_ties_fall_to_the_side_of_scipy(grid, horizon, dtype):
    chunks = GRIDS[grid](np.random.default_rng(horizon), (300, horizon, 7)).astype(dtype)
    np.testing.assert_array_equal(quantize(chunks, 10, 1), reference(chunks, 10))


def test_the_grids_do_hold_ties():
    rng = np.random.default_rng(0)
    for horizon in (1, 4, 16, 100):  # at 50 they are rare
        assert near_ties(GRIDS["steps of 0.05"](rng, (300, horizon, 7)), 10) > 20


@given(st.sampled_from(list(GRIDS)), seeds, st.integers(1, 140), st.sampled_from(["f4", "f8"]), st.integers(1, 15))
@settings(max_examples=150)
def test_ties_at_any_horizon(grid, seed, horizon, dtype, dim):
    chunks = GRIDS[grid](np.random.default_rng(seed), (8, horizon, dim)).astype(dtype)
    np.testing.assert_array_equal(quantize(chunks, 10, 1), reference(chunks, 10))


@given(chunk_batches(max_horizon=140), st.sampled_from([10, 1, 0.1, 1 / 3, 7.3, 50, 1000.0, 12345]))
@settings(max_examples=200)
def test_any_values_at_any_scale(chunks, scale):
    expected = reference(chunks, scale)
    np.testing.assert_array_equal(quantize(chunks, scale, 1), np.clip(expected, -LIMIT, LIMIT))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("horizon", [1, 2, 97, 128, 1000, 1021, 4096])
def test_long_chunks(horizon, dtype):
    rng = np.random.default_rng(horizon)
    for values in (rng.uniform(-5, 5, (3, horizon, 6)), rng.integers(-100, 101, (3, horizon, 6)) * 0.05):
        chunks = values.astype(dtype)
        np.testing.assert_array_equal(quantize(chunks, 10, 1), reference(chunks, 10))


def test_the_two_precisions_differ_on_a_grid():
    """So each has to be held against its own reference."""
    chunks = GRIDS["steps of 0.05"](np.random.default_rng(0), (300, 16, 7))
    assert (quantize(chunks, 10, 1) != quantize(chunks.astype("f4"), 10, 1)).any()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_neither_threads_nor_batches_nor_layouts_change_the_rounding(dtype):
    chunks = GRIDS["steps of 0.05"](np.random.default_rng(1), (700, 16, 7)).astype(dtype)
    expected = quantize(chunks, 10, 1)
    for threads in (0, 2, 3, 8):
        np.testing.assert_array_equal(quantize(chunks, 10, threads), expected)
    for layout in LAYOUTS:
        np.testing.assert_array_equal(quantize(laid_out(chunks, layout), 10, 0), expected)
    for chunk in range(0, 700, 50):
        np.testing.assert_array_equal(quantize(chunks[chunk : chunk + 1], 10, 1)[0], expected[chunk])


def test_broadcast_and_packed_input():
    repeated = np.broadcast_to(np.array([0.05, 0.5, 1.0]), (4, 9, 3))
    np.testing.assert_array_equal(quantize(repeated, 10, 1), reference(repeated, 10))
    packed = np.zeros((3, 4, 2), dtype=[("flag", "i1"), ("value", "f8")])
    packed["value"] = np.random.default_rng(2).integers(-20, 21, (3, 4, 2)) * 0.05
    np.testing.assert_array_equal(quantize(packed["value"], 10, 1), reference(packed["value"], 10))


@given(chunk_batches(max_batch=3, max_horizon=70, kinds=("smooth",)), st.data())
def test_what_is_not_finite_is_named(chunks, data):
    cell = tuple(data.draw(st.integers(0, size - 1), label="cell") for size in chunks.shape)
    chunks[cell], name = data.draw(st.sampled_from([(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")]))
    with pytest.raises(EncodeError) as caught:
        quantize(chunks, 10, 1)
    place = f"chunk {cell[0]}: step {cell[1]}, dimension {cell[2]}"
    assert str(caught.value).startswith(f"{place} is {name}: expected a finite")
    assert caught.value.chunk == cell[0]


@pytest.mark.parametrize("threads", [0, 1, 2, 7])
def test_the_first_chunk_that_is_not_finite_is_named(threads):
    chunks = np.zeros((900, 50, 14))
    for chunk in (891, 437, 212):
        chunks[chunk, 3, 5] = np.nan
    with pytest.raises(EncodeError, match="chunk 212: step 3, dimension 5 is NaN") as caught:
        quantize(chunks, 10, threads)
    assert caught.value.chunk == 212


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_finite_values_with_infinite_coefficients_are_an_error(dtype):
    chunks = np.zeros((3, 4, 2), dtype)
    chunks[1, :, 1] = np.finfo(dtype).max
    with pytest.raises(EncodeError, match=r"chunk 1: dimension 1 overflows .*normalised") as caught:
        quantize(chunks, 10, 1)
    assert caught.value.chunk == 1


def test_large_coefficients_are_held_at_the_limit():
    chunks = np.array([[[1e30, -1e30, 2.0]]])
    assert quantize(chunks, 10, 1).tolist() == [[[LIMIT, -LIMIT, 20]]]
    assert quantize(chunks.astype("f4"), 10, 1).tolist() == [[[LIMIT, -LIMIT, 20]]]
