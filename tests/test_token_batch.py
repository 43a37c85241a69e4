"""Flat ids with offsets, and what else a caller may hold ids in."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer import TokenBatch, TokenLists
from fast_tokenizer.token_batch import as_sequences

SMALLEST, LARGEST = -(2**31), 2**31 - 1

lists_of_ids = st.lists(st.lists(st.integers(0, 2047), max_size=9), max_size=6)


def batch_of(lists, pad_id=9999):
    ids = np.array([token for one in lists for token in one], np.int32)
    offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    return TokenBatch(ids, offsets, 4, 2, np.zeros(len(lists), bool), pad_id)


def read(tokens):
    ids, offsets = as_sequences(tokens)
    assert ids.dtype == np.int32
    assert offsets.dtype == np.int64
    return [ids[begin:end].tolist() for begin, end in pairwise(offsets)]


@given(lists_of_ids)
def test_a_batch_and_its_lists_hold_the_same(lists):
    batch = batch_of(lists)
    assert len(batch) == len(lists)
    assert batch.lengths.tolist() == [len(one) for one in lists]
    carried = batch.to_lists()
    assert carried == lists
    assert all(type(one) is list and all(type(token) is int for token in one) for one in carried)
    assert (carried.horizon, carried.action_dim, carried.clipped.tolist()) == (4, 2, [False] * len(lists))
    assert read(batch) == read(carried) == read(lists) == lists


@given(lists_of_ids, st.sampled_from(["left", "right"]), st.integers(1, 9), st.none() | st.integers(9, 20))
def test_padding_keeps_every_id(lists, side, multiple_of, max_length):
    ids, mask = batch_of(lists).padded(side, multiple_of, max_length)
    assert ids.dtype == np.int32
    assert mask.dtype == bool
    longest = max(map(len, lists), default=0) if max_length is None else max_length
    assert ids.shape == mask.shape == (len(lists), -(-longest // multiple_of) * multiple_of)
    assert [row[keep].tolist() for row, keep in zip(ids, mask, strict=True)] == lists
    assert (ids[~mask] == 9999).all()
    edge = mask[:, ::-1] if side == "left" else mask
    assert (np.diff(edge.astype(int), axis=1) <= 0).all()


def test_nothing_is_cut_off():
    batch = batch_of([[1], [2, 3, 4], [5, 6]])
    assert batch.padded(max_length=3)[0].shape == (3, 3)
    with pytest.raises(ValueError, match="chunk 1 has 3 ids: more than max_length 2; raise max_length"):
        batch.padded(max_length=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"side": "both"}, "'both': expected 'left' or 'right'"), ({"multiple_of": 0}, "0: expected 1 or more")],
)
def test_options_of_padding_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        batch_of([[1]]).padded(**options)


def test_a_batch_cannot_be_changed():
    with pytest.raises(AttributeError):
        batch_of([[1]]).horizon = 3


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_carry_the_shape(copied):
    lists = TokenLists([[1, 2], [3]], (4, 5), 2, np.array([True, False]))
    again = copied(lists)
    assert type(again) is TokenLists
    assert again == lists
    assert (again.horizon, again.action_dim, again.clipped.tolist()) == ((4, 5), 2, [True, False])
    batch = copied(batch_of([[1, 2], [3]]))
    assert read(batch) == [[1, 2], [3]]
    assert (batch.horizon, batch.pad_id) == (4, 9999)


def test_a_part_of_the_lists_is_an_ordinary_list():
    lists = TokenLists([[1, 2], [3]], 4, 2, np.zeros(2, bool))
    for part in (lists[:1], [*lists], list(lists), lists[0]):
        assert type(part) is list


class Tensor:
    """As much of a torch tensor as is used."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.values

    def tolist(self):
        return self.values.tolist()

    def __len__(self):
        return len(self.values)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([], []),
        ([[]], [[]]),
        ([3, 1, 2], [[3, 1, 2]]),
        ((3, 1, 2), [[3, 1, 2]]),
        ([[3, 1], (2,)], [[3, 1], [2]]),
        ([np.int64(3), np.uint8(1)], [[3, 1]]),
        ([np.array([3, 1]), [2]], [[3, 1], [2]]),
        ([Tensor([3, 1]), Tensor([2])], [[3, 1], [2]]),
        (Tensor([3, 1]), [[3, 1]]),
        (Tensor([[3, 1], [2, 4]]), [[3, 1], [2, 4]]),
        (np.array([3, 1, 2]), [[3, 1, 2]]),
        (np.array([[3, 1], [2, 4]], np.uint8), [[3, 1], [2, 4]]),
        (np.array([[3, 1], [2, 4]])[:, ::-1], [[1, 3], [4, 2]]),
        (np.asfortranarray([[3, 1], [2, 4]]), [[3, 1], [2, 4]]),
        (np.array([]), []),
        (np.zeros((2, 0)), [[], []]),
        (np.zeros((0, 7), int), []),
        (range(0), TypeError),
    ],
)
def test_ids_may_be_held_in_many_ways(tokens, expected):
    if expected is TypeError:
        with pytest.raises(TypeError):
            as_sequences(tokens)
    else:
        assert read(tokens) == expected


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 2**32 + 5, 2**63 - 1, -(2**63), 2**64 - 1, 10**30])
def test_an_id_that_does_not_fit_never_becomes_one_that_exists(value):
    assert read([[7, value]])[0][1] in (SMALLEST, LARGEST)
    if -(2**63) <= value < 2**63:
        assert read(np.array([[7, value]], np.int64))[0][1] in (SMALLEST, LARGEST)
    if 0 <= value < 2**64:
        assert read(np.array([[7, value]], np.uint64))[0][1] in (SMALLEST, LARGEST)


@pytest.mark.parametrize(
    "tokens", [[1.5], [[1.5]], [["1"]], ["12"], [None], [[None]], "12", b"12", None, 5, {1: 2}, [[[1]]], [1, [2]],
               [[1], 2], np.array([1.0]), np.array(["1"]), np.array([None]), {1, 2}]
)  # fmt: skip
def test_what_is_no_integer_is_a_type_error(tokens):
    with pytest.raises(TypeError):
        as_sequences(tokens)


@pytest.mark.parametrize("tokens", [np.array(5), np.zeros((1, 1, 1), int)])
def test_arrays_have_one_axis_or_two(tokens):
    with pytest.raises(ValueError, match=r"expected \[length\] or \[batch, length\]"):
        as_sequences(tokens)


def test_an_item_may_run_code_that_shortens_its_list():
    class Vandal:
        def __index__(self):
            victim.clear()
            return 1

    victim = [Vandal(), 2, 3]
    assert read([victim, [4]]) == [[1], [4]]
