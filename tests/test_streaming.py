"""Decoding while ids arrive: the coarse motion first, the same chunk in the end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fast_tokenizer import DecodeError
from fast_tokenizer.streaming import StreamingDecoder


@pytest.mark.parametrize("scheme", ["bytes", "symbols"])
@given(data=st.data())
@settings(max_examples=50)
def test_any_cut_gives_the_chunk_in_the_end(scheme, request, motions, data):
    tokenizer = request.getfixturevalue(f"{scheme}_tokenizer")
    chunk = motions[data.draw(st.integers(0, len(motions) - 1))]
    (ids,) = tokenizer(chunk)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(ids)), max_size=8)))
    decoder = StreamingDecoder(tokenizer.codec, horizon=20, action_dim=7)
    settled = 0
    for begin, end in zip([0, *cuts], [*cuts, len(ids)], strict=True):
        assert not decoder.complete
        actions = decoder.push(ids[begin:end])
        np.testing.assert_array_equal(
            actions, tokenizer.codec.decode([ids[:end]], horizon=20, action_dim=7, errors="repair")[0]
        )
        assert decoder.settled >= settled
        settled = decoder.settled
        if end == len(ids):
            break
    assert decoder.complete
    assert decoder.settled == 140
    np.testing.assert_array_equal(actions, tokenizer.decode([ids], time_horizon=20, action_dim=7)[0])


def test_the_motion_grows_finer(symbols_tokenizer, motions):
    errors = np.zeros((40, 2))
    for row, chunk in enumerate(motions[:40]):
        (ids,) = symbols_tokenizer(chunk)
        decoder = StreamingDecoder(symbols_tokenizer.codec, horizon=20, action_dim=7)
        half = decoder.push(ids[: len(ids) // 2])
        errors[row] = np.abs(half - chunk).mean(), np.abs(decoder.push(ids[len(ids) // 2 :]) - chunk).mean()
        assert errors[row, 0] < np.abs(chunk).mean() + 0.05
    assert errors[:, 1].mean() < 0.5 * errors[:, 0].mean()


def test_one_id_at_a_time_and_the_end_token(symbols_tokenizer, motions):
    (ids,) = symbols_tokenizer(motions[0])
    decoder = StreamingDecoder(symbols_tokenizer.codec, horizon=20, action_dim=7)
    for token in ids:
        actions = decoder.push(token)
    vocabulary = symbols_tokenizer.vocabulary
    np.testing.assert_array_equal(decoder.push([vocabulary.eos_id, vocabulary.pad_id]), actions)


def test_ids_that_do_not_belong_are_refused_and_forgotten(symbols_tokenizer, motions):
    (ids,) = symbols_tokenizer(motions[0])
    decoder = StreamingDecoder(symbols_tokenizer.codec, horizon=20, action_dim=7)
    decoder.push(ids[:4])
    for bad, message in (
        ([symbols_tokenizer.vocab_size + 5], "position 4: .* outside the vocabulary"),
        ([*ids, *ids], "goes past the 140"),
    ):
        with pytest.raises(DecodeError, match=message):
            decoder.push(bad)
    decoder.push(ids[4:])
    assert decoder.complete
