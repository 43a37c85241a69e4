"""What counts as a batch of chunks, and how the rest is refused."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from frameworks import import_or_skip
from hypothesis import given
from strategies import BrainFloat, DlpackOnly, Tensor, chunk_batches

from fast_tokenizer import EncodeError, FastTokenizerError
from fast_tokenizer.actions import as_chunks, group_by_shape, is_ragged, require_finite


@given(chunk_batches())
def test_floats_are_not_copied(batch):
    chunks = as_chunks(batch)
    assert chunks is batch
    one = as_chunks(batch[0])
    assert one.shape == (1, *batch.shape[1:])
    assert np.shares_memory(one, batch)


@pytest.mark.parametrize(
    ("dtype", "becomes"),
    [
        ("f2", "f4"),
        ("f4", "f4"),
        ("f8", "f8"),
        (np.longdouble, "f8"),
        (">f4", "f8"),
        (">f8", "f8"),
        ("i1", "f8"),
        ("u2", "f8"),
        ("i4", "f8"),
        ("i8", "f8"),
        ("u8", "f8"),
        ("?", "f8"),
    ],
)
def test_every_real_type_has_a_precision(dtype, becomes):
    values = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    chunks = as_chunks(values)
    assert chunks.dtype == np.dtype(becomes)
    np.testing.assert_array_equal(chunks[0], values.astype("f8"))


@pytest.mark.parametrize("dtype", ["c8", "O", "U3", "S3", "M8[s]", "m8[s]", "V4"])
def test_no_other_type_is_taken(dtype):
    with pytest.raises(EncodeError, match="expected real numbers"):
        as_chunks(np.zeros((4, 2), dtype))


@pytest.mark.parametrize("actions", [[[1, 2], [3, 4]], ((1.0, 2), (3, 4.0)), [np.array([1, 2]), [3.0, 4.0]]])
def test_nested_numbers(actions):
    chunks = as_chunks(actions)
    assert chunks.dtype == np.float64
    assert chunks.tolist() == [[[1, 2], [3, 4]]]


@pytest.mark.parametrize("kind", [Tensor, BrainFloat, lambda values: DlpackOnly(values.astype("f4"))])
def test_tensors_of_other_libraries(kind):
    values = np.arange(8).reshape(4, 2) / 4
    chunks = as_chunks(kind(values.astype("f4")))
    assert chunks.dtype == np.float32
    np.testing.assert_array_equal(chunks[0], values)


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_float_types_that_numpy_has_not(dtype):
    narrow = np.dtype(getattr(import_or_skip("ml_dtypes"), dtype))
    values = np.arange(8).reshape(4, 2) / 4
    chunks = as_chunks(values.astype(narrow))
    assert chunks.dtype == np.float32
    np.testing.assert_array_equal(chunks[0], values)


JAX = """
import jax.numpy, numpy
from fast_tokenizer.actions import as_chunks

class DlpackOnly:
    def __init__(self, array):
        self.__dlpack__, self.__dlpack_device__ = array.__dlpack__, array.__dlpack_device__

for dtype, becomes in [("bfloat16", "f4"), ("float16", "f4"), ("float32", "f4"), ("int32", "f8")]:
    array = jax.numpy.arange(8, dtype=dtype).reshape(4, 2)
    for given in [array] if dtype == "bfloat16" else [array, DlpackOnly(array)]:
        chunks = as_chunks(given)
        assert chunks.dtype == numpy.dtype(becomes), (dtype, chunks.dtype)
        assert chunks.tolist() == [[[0, 1], [2, 3], [4, 5], [6, 7]]], (dtype, chunks)
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_arrays_of_jax(tmp_path):
    """In a process of its own: jax starts threads, and then complains of every fork of the tests after it."""
    done = subprocess.run([sys.executable, "-c", JAX], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((), r"\(\): expected \[horizon, action_dim\]"),
        ((3,), r"\(3,\): expected \[horizon, action_dim\]"),
        ((1, 2, 3, 4), r"\(1, 2, 3, 4\): expected \[horizon, action_dim\]"),
        ((0, 2), "at least 1"),
        ((4, 0), "at least 1"),
        ((2, 0, 3), "at least 1"),
        ((2, 3, 0), "at least 1"),
        ((0, 0, 3), "at least 1"),
    ],
)
def test_shapes_that_are_no_chunks(shape, message):
    with pytest.raises(EncodeError, match=message):
        as_chunks(np.zeros(shape))


def test_an_empty_batch_is_a_batch():
    assert as_chunks(np.zeros((0, 4, 2))).shape == (0, 4, 2)


@pytest.mark.parametrize("actions", [None, "abc", [], {}, object(), [["a", "b"]], [[1.0], [1.0, 2.0]], 1.5])
def test_what_is_no_array_at_all(actions):
    with pytest.raises(EncodeError, match="actions"):
        as_chunks(actions)


@pytest.mark.parametrize(
    ("shapes", "ragged"),
    [
        ([(4, 2), (5, 2)], True),
        ([(4, 2), (4, 2)], False),
        ([(4, 2), (4, 3)], True),  # an error later, which tells of the dimensions
        ([(4, 2)], False),
        ([], False),
        ([(2,), (3,)], False),
        ([(1, 4, 2), (2, 4, 2)], False),
    ],
)
def test_a_list_of_several_lengths_is_ragged(shapes, ragged):
    chunks = [np.zeros(shape) for shape in shapes]
    assert is_ragged(chunks) == ragged
    assert is_ragged(tuple(chunks)) == ragged
    assert is_ragged([Tensor(chunk) for chunk in chunks]) == ragged
    assert is_ragged([chunk.tolist() for chunk in chunks]) == ragged


def test_an_array_is_never_ragged():
    assert not is_ragged(np.zeros((3, 4, 2)))
    assert not is_ragged(None)


def test_groups_know_where_their_chunks_were():
    chunks = [
        np.full((horizon, 2), place, dtype)
        for place, (horizon, dtype) in enumerate([(4, "f4"), (5, "f4"), (4, "f4"), (4, "f8"), (5, "i4")])
    ]
    groups = group_by_shape(chunks)
    assert [places for _, places in groups] == [[0, 2], [1], [3], [4]]
    assert [str(batch.dtype) for batch, _ in groups] == ["float32", "float32", "float64", "float64"]
    for batch, places in groups:
        assert batch[:, 0, 0].tolist() == places


def test_a_chunk_of_a_list_is_named_where_it_is_none():
    with pytest.raises(EncodeError, match=r"chunk 1: got the shape \(3,\)"):
        group_by_shape([np.zeros((4, 2)), np.zeros(3)])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_value_that_is_not_finite_is_named(bad):
    steps = np.zeros((3, 2), np.float32)
    require_finite(steps, "actions")
    steps[1, 0] = steps[2, 1] = bad
    with pytest.raises(FastTokenizerError, match=rf"actions\[1, 0\] is {bad} \(2 of 6 values"):
        require_finite(steps, "actions")
    require_finite(np.arange(3), "counts")
