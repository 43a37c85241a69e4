"""What masked decoding refuses, and that it says where."""

import numpy as np
import pytest

from fast_tokenizer import FastTokenizerError, LogitsError, VocabularyMap, decode_masked
from fast_tokenizer.diffusion import (
    ConfidenceFactor,
    ConfidenceThreshold,
    GroupedByTimeStep,
    LowFrequencyFirst,
    Power,
    RemaskBelow,
)

CANVAS = np.array([[0, 1, 2], [6, 6, 6], [6, 1, 6]])


def decode(logits=None, canvas=CANVAS, **options):
    def logits_fn(ids, context):
        return np.zeros((*ids.shape, 6)) if logits is None else logits

    return decode_masked(logits_fn, canvas, **{"mask_id": 6, "rounds": 2, **options})


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.zeros((3, 3, 6)), r"shape \[3, 3, 6\]: expected \[2, 3, 1 or more\]"),
        (np.zeros((2, 6)), r"shape \[2, 6\]"),
        (np.zeros((2, 3, 0)), r"shape \[2, 3, 0\]"),
        ([[1.0]], "a list"),
        (np.zeros((2, 3, 6), int), "type int64: expected floating"),
    ],
)
def test_logits_of_another_shape(logits, message):
    with pytest.raises(LogitsError, match=message):
        decode(logits)


def test_logits_of_another_width_in_a_later_call():
    widths = iter([6, 7])
    with pytest.raises(LogitsError, match="7 ids, and of 6 in the first call"):
        decode_masked(lambda ids, context: np.zeros((*ids.shape, next(widths))), CANVAS, mask_id=9 - 3, rounds=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_logits_that_are_not_numbers(bad, dtype):
    logits = np.zeros((2, 3, 6), dtype)
    logits[1, 1] = bad  # a given position: not looked at
    decode(logits, rounds=1)
    logits[1, 2, 5] = bad
    with pytest.raises(LogitsError, match="row 2, position 2: a logit is NaN or plus infinity") as caught:
        decode(logits)
    assert (caught.value.row, caught.value.position) == (2, 2)


def test_a_position_without_ids():
    allowed = np.ones((3, 3, 6), bool)
    allowed[0] = False  # of a row where nothing is to be found
    decode(allowed=allowed)
    allowed[1, 2] = False
    with pytest.raises(LogitsError, match="row 1, position 2: no id is left"):
        decode(allowed=allowed)
    with pytest.raises(LogitsError, match="row 1, position 0: no id is left"):
        decode(np.full((2, 3, 6), -np.inf))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rounds": 0}, "rounds is 0: expected 1 or more"),
        ({"schedule": "cosin"}, "schedule is 'cosin': expected 'cosine', 'linear' or Power"),
        ({"schedule": 3}, "schedule is 3"),
        ({"schedule": [0.5, 0.1]}, "expected the fraction still masked"),
        ({"schedule": [0.5, 0.7, 0.0]}, "for 2 round"),
        ({"schedule": [float("nan"), 0.0]}, "never rising"),
        ({"order": "max"}, "order is 'max': expected 'max_prob'"),
        ({"token_temperature": -1.0}, "token_temperature is"),
        ({"order_temperature": lambda round, rounds: float("nan")}, "order_temperature is"),
        (
            {"allowed": np.ones(5, bool)},
            r"allowed is bool of shape \(5,\): expected bool of shape \(6,\), \(3, 6\)",
        ),
        ({"allowed": np.ones(6)}, "allowed is float64"),
        ({"seeds": [1, 2]}, r"seeds is int64 of shape \(2,\): expected an integer of 64 bits for each of 3"),
        ({"seeds": [1.0, 2.0, 3.0]}, "seeds is float64"),
        ({"canvas": [6, 6]}, r"init_ids is int64 of shape \(2,\): expected integers \[batch, length\]"),
        ({"canvas": [[0.5]]}, "init_ids is float64"),
        ({"canvas": [[6, 6], [6, -1]]}, "init_ids, row 1, position 1: got -1"),
    ],
)
def test_settings(options, message):
    with pytest.raises(FastTokenizerError, match=message):
        decode(**options)


def test_with_a_map_ids_are_action_ids():
    places = VocabularyMap.offset(10, size=4)
    logits = np.zeros((1, 2, 14))
    decode(logits, [[6, 5]], mask_id=6, vocabulary_map=places)
    with pytest.raises(
        FastTokenizerError, match="mask_id is 9: with a vocabulary_map ids are action ids, whose mask"
    ):
        decode(logits, [[9, 5]], mask_id=9, vocabulary_map=places)
    with pytest.raises(FastTokenizerError, match=r"row 0, position 1: got 16, .* or the mask id 6"):
        decode(logits, [[6, 16]], vocabulary_map=places)  # the mask id of the language model
    with pytest.raises(LogitsError, match=r"expected \[1, 2, 14 or more\]"):
        decode(logits[..., 1:], [[6, 5]], vocabulary_map=places)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Power(0),
        lambda: Power(float("nan")),
        lambda: ConfidenceThreshold(float("nan")),
        lambda: ConfidenceFactor(-1),
        lambda: LowFrequencyFirst(0),
        lambda: GroupedByTimeStep(2, "nearest"),
        lambda: RemaskBelow(0.5, budget=-1),
    ],
)
def test_rules(make):
    with pytest.raises(FastTokenizerError, match="expected"):
        make()
