"""Errors have fields for programs, and messages that say what was got, what was expected and what to do."""

import copy
import pickle

import numpy as np
import pytest

import fast_tokenizer
from fast_tokenizer import (
    DecodeError,
    DecodeStatus,
    EncodeError,
    FastTokenizerError,
    FormatError,
    LogitsError,
    TrainingError,
)
from fast_tokenizer.execution import ExecutionStopped

EXAMPLES = [
    (EncodeError("too large", 3), {"chunk": 3}),
    (EncodeError("no array"), {"chunk": None}),
    (
        DecodeError("cut off", 2, 5, DecodeStatus.TOO_SHORT),
        {"sequence": 2, "position": 5, "reason": DecodeStatus.TOO_SHORT},
    ),
    (
        FormatError("missing", "a/b.json", "model.vocab"),
        {"path": "a/b.json", "key": "model.vocab", "detail": "missing"},
    ),
    (FormatError("not JSON", "a/b.json"), {"path": "a/b.json", "key": None}),
    (FormatError("missing", key="scale"), {"path": None, "key": "scale"}),
    (FormatError("contradiction"), {"path": None, "key": None}),
    (LogitsError("NaN", 2, 5), {"row": 2, "position": 5, "detail": "NaN"}),
    (LogitsError("no logits"), {"row": None, "position": None}),
    (ExecutionStopped("nothing planned", 42, 10), {"step": 42, "held": 10}),
    (TrainingError("no chunks"), {}),
    (FastTokenizerError("anything"), {}),
]


@pytest.mark.parametrize(("error", "fields"), EXAMPLES)
def test_errors_keep_their_fields(error, fields):
    for one in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(one) is type(error)
        assert str(one) == str(error)
        assert {name: getattr(one, name) for name in fields} == fields


def test_one_except_catches_them_all():
    errors = [name for name in fast_tokenizer.__all__ if name.endswith("Error")]
    assert len(errors) == 6
    for name in errors:
        assert issubclass(getattr(fast_tokenizer, name), FastTokenizerError)
    assert issubclass(FastTokenizerError, ValueError)


def test_a_format_error_names_file_and_key():
    assert str(FormatError("got 3", "a/b.json", "model.vocab")) == "'model.vocab' in a/b.json: got 3"
    assert str(FormatError("got 3", "a/b.json")) == "a/b.json: got 3"
    assert str(FormatError("got 3", key="scale")) == "'scale': got 3"
    assert str(FormatError("got 3")) == "got 3"


def caught(call, kind):
    with pytest.raises(kind) as info:
        call()
    return info.value


@pytest.mark.parametrize(
    ("ids", "status", "position", "words"),
    [
        (lambda ids, size: ids[:-1], DecodeStatus.TOO_SHORT, -1, ["the ids end after", "of 140 coefficients"]),
        (lambda ids, size: [], DecodeStatus.TOO_SHORT, 0, ["after 0 of 140"]),
        (lambda ids, size: [*ids, ids[-1]], DecodeStatus.TOO_LONG, -1, ["goes past the 140 coefficients"]),
        (lambda ids, size: [*ids[:2], size + 7], DecodeStatus.ID_OUTSIDE_VOCABULARY, 2, ["outside the vocab"]),
        (lambda ids, size: [ids[0], -4], DecodeStatus.ID_OUTSIDE_VOCABULARY, 1, ["id -4 is outside"]),
        (lambda ids, size: [ids[0], size, 1], DecodeStatus.SPECIAL_TOKEN_INSIDE, 1, ["a special token"]),
        (lambda ids, size: [*ids, size + 2], DecodeStatus.SPECIAL_TOKEN_INSIDE, -1, ["a special token"]),
    ],
)
def test_a_decode_error_says_which_sequence_where_and_why(tokenizer, motions, ids, status, position, words):
    good = tokenizer(motions[0])[0]
    bad = ids(good, tokenizer.vocab_size)
    place = position if position >= 0 else len(bad) - (status is not DecodeStatus.TOO_SHORT)
    error = caught(lambda: tokenizer.decode([good, bad, bad], time_horizon=20, action_dim=7), DecodeError)
    assert (error.sequence, error.position, error.reason) == (1, place, status)
    assert isinstance(error.reason, DecodeStatus)
    message = str(error)
    assert message.startswith(f"sequence 1, position {place}: ")
    for word in (*words, "check time_horizon and action_dim", 'errors="repair"', "decode_checked"):
        assert word in message


def test_bytes_that_are_no_text(bytes_tokenizer):
    half = bytes_tokenizer.codec.tokens.index("Å")  # the first byte of U+0162, zero in FAST+
    error = caught(lambda: bytes_tokenizer.decode([half], time_horizon=1, action_dim=1), DecodeError)
    assert error.reason in (DecodeStatus.TOO_SHORT, DecodeStatus.NOT_A_COEFFICIENT)
    error = caught(lambda: bytes_tokenizer.decode([half, half], time_horizon=1, action_dim=1), DecodeError)
    assert (error.position, error.reason) == (1, DecodeStatus.NOT_A_COEFFICIENT)
    assert "not UTF-8" in str(error)


def test_an_encode_error_says_what_to_do(symbols_tokenizer, motions):
    error = caught(lambda: symbols_tokenizer.encode(motions * 100, on_clip="raise"), EncodeError)
    codec = symbols_tokenizer.codec
    assert error.chunk == 0
    assert f"outside {codec.min_coefficient}..{codec.max_coefficient}" in str(error)
    assert "larger margin" in str(error)


def test_a_byte_that_was_never_trained_is_an_error(motions):
    fitted = fast_tokenizer.FastTokenizer.fit(motions, scheme="bytes")
    chunks = motions[:5].copy()
    chunks[3] *= 50
    error = caught(lambda: fitted(chunks), EncodeError)
    assert error.chunk == 3
    for word in ("no token for the byte", "chunk 3", "never occurred in the training data", 'scheme="symbols"'):
        assert word in str(error)


def test_a_training_error_has_the_numbers(motions):
    error = caught(lambda: fast_tokenizer.FastTokenizer.fit(motions, vocab_size=20), TrainingError)
    for word in ("tokens, more than vocab_size 20", "raise vocab_size, lower scale"):
        assert word in str(error)


def test_errors_of_the_core_come_through_threads(symbols_tokenizer):
    chunks = np.zeros((4000, 20, 7), np.float32)
    chunks[2500:, 19, 6] = np.nan
    assert caught(lambda: symbols_tokenizer(chunks, num_threads=4), EncodeError).chunk == 2500


def test_an_encode_error_says_its_chunk_once():
    error = EncodeError("step 1, dimension 2 is NaN", 5)
    assert str(error) == "chunk 5: step 1, dimension 2 is NaN"
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.detail, copied.chunk) == (str(error), error.detail, 5)
