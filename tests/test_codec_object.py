"""The FAST codec as an object: made, described, copied, compared, and refused."""

import copy
import json
import pickle

import numpy as np
import pytest

from fast_tokenizer import FastCodec, FormatError


def test_config_is_plain_json(codec):
    again = FastCodec.from_config(json.loads(json.dumps(codec.get_config())))
    assert again == codec
    assert again.get_config() == codec.get_config()
    assert (again.scheme, again.scale, again.tokens) == (codec.scheme, codec.scale, codec.tokens)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda codec: pickle.loads(pickle.dumps(codec))])
def test_copies_are_equal_and_give_the_same_ids(codec, motions, copied):
    again = copied(codec)
    assert again == codec
    assert hash(again) == hash(codec)
    assert repr(again) == repr(codec)
    np.testing.assert_array_equal(again.encode(motions).ids, codec.encode(motions).ids)


def test_another_codec_is_not_equal(symbols_tokenizer, bytes_tokenizer):
    codec = symbols_tokenizer.codec
    others = [{"scale": 11}, {"min_coefficient": 0}, {"merges": codec.merges[:-1].tolist()}]
    for change in others:
        assert FastCodec.from_config(codec.get_config() | change) != codec
    assert codec not in (bytes_tokenizer.codec, "codec", None)


def test_a_codec_cannot_be_changed(codec):
    for name in ("tokens", "merges", "scheme", "scale", "min_coefficient", "max_coefficient", "vocabulary"):
        with pytest.raises(AttributeError):
            setattr(codec, name, getattr(codec, name))
    with pytest.raises(ValueError, match="read-only"):
        codec.merges[0] = 0


def test_it_keeps_no_hold_of_what_it_was_made_of():
    tokens, merges = ["a", "b", "ab"], np.array([[0, 1, 2]], np.int32)
    codec = FastCodec(tokens, merges, scheme="symbols", scale=1, min_coefficient=-97)
    tokens[0], merges[:] = "c", 0
    assert codec.encode([[0.0, 1.0]]).ids.tolist() == [2]
    assert codec.tokens == ("a", "b", "ab")


@pytest.mark.parametrize("key", ["codec", "tokens", "merges", "scheme", "scale", "min_coefficient"])
def test_a_config_without_a_key_is_refused(key):
    config = FastCodec(["a"], np.empty((0, 3)), scheme="symbols", scale=1, min_coefficient=0).get_config()
    del config[key]
    with pytest.raises(FormatError) as caught:
        FastCodec.from_config(config)
    assert caught.value.key == key


@pytest.mark.parametrize("number", [0, -1, float("nan"), float("inf"), "10", None, True])
def test_scale_must_be_a_positive_number(number):
    with pytest.raises(FormatError, match="expected a positive number") as caught:
        FastCodec(["a"], np.empty((0, 3)), scheme="symbols", scale=number, min_coefficient=0)
    assert caught.value.key == "scale"


@pytest.mark.parametrize("number", [0.5, "0", None, True, 2**30 + 1, -(2**40)])
def test_min_coefficient_must_be_a_whole_number_of_some_size(number):
    with pytest.raises(FormatError) as caught:
        FastCodec(["a"], np.empty((0, 3)), scheme="symbols", scale=1, min_coefficient=number)
    assert caught.value.key == "min_coefficient"


@pytest.mark.parametrize(
    ("tokens", "merges"),
    [
        ([], []),
        (["a", ""], []),
        (["a", "a"], []),
        (["ab"], []),
        (["a", "b", "ab"], [[0, 1, 3]]),
        (["a", "b", "ab"], [[0, -1, 2]]),
        (["a", "b", "ab"], [[1, 0, 2]]),
        (["a", "b", "abc"], [[0, 1, 2]]),
        (["a", "\U00010000"], []),
        (["a", "\ue000"], []),
    ],
)
def test_tokens_and_merges_that_contradict_themselves_are_refused(tokens, merges):
    with pytest.raises(FormatError):
        FastCodec(tokens, np.reshape(merges, (-1, 3)), scheme="symbols", scale=1, min_coefficient=0)


# Of any codec: calls, and what the error says.
WRONG_ARGUMENTS = [
    (lambda codec: codec.encode([[1.0]], num_threads=0), r"num_threads is 0: expected 1\.\.4096"),
    (lambda codec: codec.encode([[1.0]], on_clip="ignore"), "'ignore': expected 'report' or 'raise'"),
    (lambda codec: codec.decode([0], horizon=1, action_dim=1, errors="ignore"), "'ignore': expected one of"),
    (lambda codec: codec.decode_checked([0], horizon=1, action_dim=1, errors="strict"), "'strict': expected"),
    (lambda codec: codec.decode([0], horizon=0, action_dim=1), r"\[0, 1\]: expected both to be at least 1"),
    (lambda codec: codec.decode([0], horizon=1, action_dim=-1), r"\[1, -1\]: expected both"),
    (lambda codec: codec.constraint(0, 1), r"\[0, 1\]: expected both to be at least 1"),
]


@pytest.mark.parametrize(("call", "message"), WRONG_ARGUMENTS)
def test_arguments_are_checked(codec, call, message):
    with pytest.raises(ValueError, match=message):
        call(codec)


def test_no_length_is_known_beforehand(codec):
    assert codec.length(20, 7) is None
