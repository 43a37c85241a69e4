"""Encoding with `rdo`: no way to round costs less, and what is written are ids like any others."""

import numpy as np
import pytest
import scipy.fft
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference import ReferencePipeline, least_cost
from strategies import chunk_batches, small_vocabularies

from fast_tokenizer import BinningCodec, EncodeError, FastCodec, FastTokenizer
from fast_tokenizer.codecs import bins

REACH = 0.9  # how far a coefficient's integer may be, as the core has it
rdos = st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.5, 8.0, 100.0]) | st.floats(0, 20)
batches = chunk_batches(max_batch=3, max_horizon=20, max_dim=7, kinds=("smooth", "grid", "constant"))


def scaled_coefficients(codec, chunks):
    return scipy.fft.dct(chunks.astype(np.float64), axis=1, norm="ortho") * codec.scale


def written_coefficients(codec, batch):
    actions = codec.decode(batch, horizon=batch.horizon, action_dim=batch.action_dim)
    return np.rint(scaled_coefficients(codec, actions))


def tokens_and_error(codec, chunks, rdo):
    """Two arrays `[B]`: ids of each chunk, and its squared error in rounding units."""
    batch = codec.encode(chunks, rdo=rdo)
    error = (scaled_coefficients(codec, chunks) - written_coefficients(codec, batch)) ** 2
    return batch.lengths, error.sum(axis=(1, 2))


# ---- The optimum -------------------------------------------------------------------------------------------


@given(small_vocabularies(max_alphabet=4), st.lists(st.floats(0, 1), max_size=6), rdos)
@settings(max_examples=300)
def test_no_rounding_costs_less(vocabulary, places, rdo):
    """Against all combinations, on a chunk of one step, whose DCT is itself."""
    assume(places)
    codec = vocabulary.codec(scale=1.0, min_coefficient=-1)
    alphabet = range(-1, codec.max_coefficient + 1)
    scaled = [alphabet.start - 0.4 + place * (len(alphabet) - 0.2) for place in places]
    batch = codec.encode([scaled], rdo=rdo)
    written = written_coefficients(codec, batch)[0, 0]
    cost = len(batch.ids) + rdo * float(((written - scaled) ** 2).sum())
    assert cost == pytest.approx(least_cost(scaled, alphabet, vocabulary.ranked_merges(), rdo, REACH))


@given(batch=batches, rdo=rdos)
def test_it_never_costs_more_than_plain_rounding(symbols_tokenizer, batch, rdo):
    codec = symbols_tokenizer.codec
    tokens, error = tokens_and_error(codec, batch, rdo)
    plain_tokens, plain_error = tokens_and_error(codec, batch, None)
    assert (tokens + rdo * error <= plain_tokens + rdo * plain_error + 1e-6).all()


@given(batch=batches, rdo=rdos, factor=st.floats(1.1, 10))
def test_less_rdo_never_takes_more_tokens(symbols_tokenizer, batch, rdo, factor):
    codec = symbols_tokenizer.codec
    fewer, more_error = tokens_and_error(codec, batch, rdo)
    more, less_error = tokens_and_error(codec, batch, rdo * factor + 0.01)
    assert (fewer <= more).all()
    assert (more_error >= less_error - 1e-6).all()


@given(batch=chunk_batches(max_batch=3, max_horizon=20, max_dim=7, kinds=("smooth", "heavy-tailed")))
def test_much_rdo_is_plain_rounding(symbols_tokenizer, batch):
    codec = symbols_tokenizer.codec
    scaled = scaled_coefficients(codec, batch)
    assume(np.abs(scaled % 1 - 0.5).min() > 1e-3)  # near a tie the other side costs next to nothing
    assert codec.encode(batch, rdo=1e6).to_lists() == codec.encode(batch).to_lists()


@pytest.mark.parametrize(("run", "neighbour"), [("aa", 0.0), ("bb", 1.0)])
def test_at_a_tie_the_side_of_fewer_tokens_is_taken(run, neighbour):
    letter = "ab".index(run[0])
    merges = [[letter, letter, 2]]
    codec = FastCodec(["a", "b", run], merges, scheme="symbols", scale=1.0, min_coefficient=-97)
    assert codec.encode([[0.5, neighbour]], rdo=1e9).ids.tolist() == [2]


def test_a_finer_scale_with_rdo_beats_plain_rounding(motions):
    """Fewer tokens at no more error, on motions that it was not fitted on."""
    fitted, tried = motions[:120], motions[120:]
    plain, fine = (FastTokenizer.fit(fitted, scale, vocab_size=700) for scale in (10, 12))
    coarse, optimized = plain.encode(tried), fine.encode(tried, rdo=2.5)
    error = [np.square(one.decode(ids) - tried).mean() for one, ids in ((plain, coarse), (fine, optimized))]
    assert error[1] <= error[0]
    assert optimized.lengths.mean() < 0.97 * coarse.lengths.mean()


# ---- What is written ---------------------------------------------------------------------------------------


@given(batch=batches, rdo=rdos)
def test_the_ids_are_those_of_the_coefficients_that_they_spell(symbols_tokenizer, batch, rdo):
    codec = symbols_tokenizer.codec
    encoded = codec.encode(batch, rdo=rdo)
    written = written_coefficients(codec, encoded).astype(np.int32)
    np.testing.assert_array_equal(encoded.ids, codec.encode_coefficients(written).ids)
    inside = np.clip(scaled_coefficients(codec, batch), codec.min_coefficient, codec.max_coefficient)
    assert np.abs(written - inside).max() <= REACH + 1e-6


@given(rdo=rdos)
def test_no_motion_stays_none(symbols_tokenizer, rdo):
    still = np.zeros((2, 20, 7))
    assert symbols_tokenizer.encode(still, rdo=rdo).to_lists() == symbols_tokenizer(still)


@given(batch=chunk_batches(max_batch=5, max_horizon=20, kinds=("smooth", "heavy-tailed", "extreme")), rdo=rdos)
def test_a_batch_is_its_chunks_one_by_one_on_any_threads(symbols_tokenizer, batch, rdo):
    codec = symbols_tokenizer.codec
    together = codec.encode(batch, rdo=rdo, num_threads=3)
    alone = [codec.encode(chunk, rdo=rdo, num_threads=1) for chunk in batch]
    assert together.to_lists() == [one.to_lists()[0] for one in alone]
    np.testing.assert_array_equal(together.clipped, codec.encode(batch).clipped)


def test_chunks_of_several_lengths(symbols_tokenizer, motions):
    ragged = [motions[0], motions[1, :5], motions[2]]
    batch = symbols_tokenizer.encode(ragged, rdo=2.0)
    assert batch.horizon == (20, 5, 20)
    assert batch.to_lists() == [symbols_tokenizer.encode(one, rdo=2.0).to_lists()[0] for one in ragged]


def test_the_reference_decodes_them(symbols_tokenizer, motions, tmp_path):
    symbols_tokenizer.save_pretrained(tmp_path)
    reference = ReferencePipeline.from_directory(tmp_path)
    batch = symbols_tokenizer.encode(motions, rdo=1.5)
    assert batch.lengths.sum() < symbols_tokenizer.encode(motions).lengths.sum()
    actions = symbols_tokenizer.decode(batch)
    np.testing.assert_allclose(reference.decode(batch.to_lists(), 20, 7), actions, rtol=0, atol=1e-12)


def test_what_is_out_of_range_is_clipped_and_reported(symbols_tokenizer, motions):
    batch = symbols_tokenizer.encode(np.stack([motions[0], 100 * motions[0]]), rdo=1.0)
    assert batch.clipped.tolist() == [False, True]
    assert symbols_tokenizer.decode(batch).shape == (2, 20, 7)
    with pytest.raises(EncodeError, match="chunk 0: a coefficient is outside"):
        symbols_tokenizer.encode(100 * motions[0], rdo=1.0, on_clip="raise")


# ---- Refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rdo", [-1, float("nan"), float("inf")])
def test_rdo_is_a_number_from_0_on(symbols_tokenizer, motions, rdo):
    with pytest.raises(ValueError, match=r"rdo is .*: expected the tokens that"):
        symbols_tokenizer.encode(motions, rdo=rdo)


def test_bytes_are_refused(bytes_tokenizer, motions):
    with pytest.raises(ValueError, match="rdo needs scheme=\"symbols\", and this is 'bytes'"):
        bytes_tokenizer.encode(motions, rdo=1.0)


def test_other_codecs_are_refused(motions):
    tokenizer = FastTokenizer(BinningCodec(bins.uniform(-1, 1)))
    with pytest.raises(ValueError, match=r"rdo needs a FastCodec.*BinningCodec"):
        tokenizer.encode(motions, rdo=1.0)


def test_a_coefficient_without_a_token_is_an_error():
    codec = FastCodec(["a", "c"], np.empty((0, 3)), scheme="symbols", scale=1.0, min_coefficient=-97)
    assert codec.encode([[0.6]], rdo=1.0).ids.tolist() == [0]  # 1 has no token, 0 has
    with pytest.raises(EncodeError, match="no token for the coefficient 1"):
        codec.encode([[1.0]], rdo=1.0)
