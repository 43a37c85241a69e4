"""The laws of the FAST codec, and the codec against the oracle."""

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import SlowProcessor
from strategies import byte_vocabularies, chunk_batches, small_vocabularies

from fast_tokenizer import DecodeError, DecodeStatus, EncodeError, FastCodec
from fast_tokenizer.quantization import quantize

TOLERANCE = {"rtol": 0, "atol": 1e-12}


def expected_actions(codec, coefficients):
    """Actions of [B, H, D] coefficients."""
    return scipy.fft.idct(coefficients / codec.scale, axis=1, norm="ortho")


def held(codec, chunks):
    """The coefficients that encoding writes."""
    return np.clip(quantize(chunks, codec.scale, 1), codec.min_coefficient, codec.max_coefficient)


# ---- Laws --------------------------------------------------------------------------------------------------


@given(batch=chunk_batches(max_horizon=40, kinds=("smooth", "grid", "heavy-tailed", "constant")))
def test_round_trip_is_the_quantization(codec, batch):
    encoded = codec.encode(batch)
    decoded = codec.decode(encoded, horizon=batch.shape[1], action_dim=batch.shape[2])
    coefficients = held(codec, batch)
    assert decoded.dtype == np.float64
    scale = np.maximum(1, np.abs(decoded).max())
    np.testing.assert_allclose(decoded / scale, expected_actions(codec, coefficients) / scale, **TOLERANCE)
    outside = (coefficients != quantize(batch, codec.scale, 1)).any(axis=(1, 2))
    np.testing.assert_array_equal(encoded.clipped, outside)


@given(batch=chunk_batches(max_batch=6, max_horizon=30, kinds=("smooth", "heavy-tailed", "extreme")))
def test_a_batch_is_its_chunks_one_by_one(codec, batch):
    together = codec.encode(batch)
    alone = [codec.encode(chunk) for chunk in batch]
    assert together.to_lists() == [one.to_lists()[0] for one in alone]
    assert together.clipped.tolist() == [one.clipped[0] for one in alone]


@given(batch=chunk_batches(kinds=("smooth", "grid")))
def test_the_layout_changes_nothing(codec, batch):
    assert codec.encode(batch).to_lists() == codec.encode(np.ascontiguousarray(batch)).to_lists()


def test_every_token_re_encodes_to_itself(symbols_tokenizer):
    codec = symbols_tokenizer.codec
    exact = FastCodec(codec.tokens, codec.merges, scheme="symbols", scale=1, min_coefficient=codec.min_coefficient)
    for token, text in enumerate(codec.tokens):
        coefficients = np.array([[ord(symbol) + codec.min_coefficient for symbol in text]], np.float64)
        assert exact.encode(coefficients).ids.tolist() == [token]


@given(st.data())
def test_a_prefix_holds_the_first_coefficients(codec, motions, data):
    chunk = motions[data.draw(st.integers(0, len(motions) - 1))]
    ids = codec.encode(chunk).ids.tolist()
    kept = ids[: data.draw(st.integers(0, len(ids) - 1))]
    coefficients = held(codec, chunk[None])
    checked = codec.decode_checked([kept], horizon=20, action_dim=7)
    assert checked.status.tolist() == [DecodeStatus.TOO_SHORT]
    assert checked.position.tolist() == [len(kept)]
    with pytest.raises(DecodeError, match="the ids end after") as caught:
        codec.decode([kept], horizon=20, action_dim=7)
    complete = int(str(caught.value).split("after ")[1].split()[0])
    coefficients.reshape(-1)[complete:] = 0
    repaired = codec.decode([kept], horizon=20, action_dim=7, errors="repair")
    np.testing.assert_allclose(repaired, expected_actions(codec, coefficients), **TOLERANCE)
    np.testing.assert_array_equal(repaired, checked.actions)
    if codec.scheme == "symbols":
        assert complete == sum(len(codec.tokens[token]) for token in kept)


@given(st.data())
def test_a_surplus_is_dropped_by_repair(codec, motions, data):
    chunk = motions[data.draw(st.integers(0, len(motions) - 1))]
    ids = codec.encode(chunk).ids.tolist()
    surplus = data.draw(st.lists(st.integers(0, codec.vocabulary.size - 1), min_size=1, max_size=5))
    checked = codec.decode_checked([ids + surplus], horizon=20, action_dim=7)
    assert checked.status[0] in (DecodeStatus.TOO_LONG, DecodeStatus.NOT_A_COEFFICIENT)
    assert len(ids) <= checked.position[0] <= len(ids) + len(surplus)
    np.testing.assert_array_equal(checked.actions, codec.decode(ids, horizon=20, action_dim=7))


def test_zeros_is_a_chunk_of_zeros_and_leaves_the_others(codec, motions):
    lists = codec.encode(motions[:3]).to_lists()
    good = codec.decode(lists, horizon=20, action_dim=7)
    lists[1] = lists[1][:-1]
    zeroed = codec.decode(lists, horizon=20, action_dim=7, errors="zeros")
    assert not zeroed[1].any()
    np.testing.assert_array_equal(zeroed[[0, 2]], good[[0, 2]])
    checked = codec.decode_checked(lists, horizon=20, action_dim=7, errors="zeros")
    np.testing.assert_array_equal(checked.actions, zeroed)
    assert checked.status.tolist() == [0, DecodeStatus.TOO_SHORT, 0]
    assert checked.position.tolist() == [-1, len(lists[1]), -1]


@pytest.mark.parametrize("left", [0, 1, 5])
@pytest.mark.parametrize("right", [[], ["pad"], ["eos"], ["eos", "pad", "pad"], ["pad", "eos", "eos"]])
def test_padding_around_a_sequence_is_passed_over(codec, motions, left, right):
    ids = codec.encode(motions[0]).ids.tolist()
    special = {"pad": codec.vocabulary.pad_id, "eos": codec.vocabulary.eos_id}
    padded = [special["pad"]] * left + ids + [special[name] for name in right]
    np.testing.assert_array_equal(
        codec.decode(padded, horizon=20, action_dim=7), codec.decode(ids, horizon=20, action_dim=7)
    )
    status = codec.decode_checked([*padded, ids[0]], horizon=20, action_dim=7).status[0]
    assert status == (DecodeStatus.SPECIAL_TOKEN_INSIDE if right else DecodeStatus.TOO_LONG)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_arrays_are_decoded(codec, motions, side):
    batch = codec.encode(motions[:20])
    ids, mask = batch.padded(side, multiple_of=8)
    assert not mask.all()
    np.testing.assert_array_equal(
        codec.decode(ids, horizon=20, action_dim=7), codec.decode(batch, horizon=20, action_dim=7)
    )


def test_a_value_out_of_range_is_clipped_and_reported(codec):
    chunks = np.zeros((3, 1, 2))
    chunks[1, 0] = codec.min_coefficient / codec.scale - 1, 0.5
    encoded = codec.encode(chunks)
    assert encoded.clipped.tolist() == [False, True, False]
    decoded = codec.decode(encoded, horizon=1, action_dim=2)
    np.testing.assert_allclose(decoded[1, 0], [codec.min_coefficient / codec.scale, 0.5], **TOLERANCE)
    with pytest.raises(EncodeError, match="chunk 1: a coefficient is outside") as caught:
        codec.encode(chunks, on_clip="raise")
    assert caught.value.chunk == 1
    assert codec.encode(chunks[::2], on_clip="raise").clipped.tolist() == [False, False]


def test_chunks_of_several_lengths(codec, motions):
    chunks = [motions[0], motions[1, :5], motions[2].astype("f8"), motions[3, :5], np.full((1, 7), -1e4)]
    encoded = codec.encode(chunks)
    assert encoded.clipped.tolist() == [False, False, False, False, True]
    assert (encoded.horizon, encoded.action_dim) == ((20, 5, 20, 5, 1), 7)
    assert encoded.to_lists() == [codec.encode(chunk).to_lists()[0] for chunk in chunks]
    decoded = codec.decode(encoded, horizon=encoded.horizon, action_dim=7)
    for chunk, actions in zip(chunks, decoded, strict=True):
        alone = codec.decode(codec.encode(chunk), horizon=len(chunk), action_dim=7)
        np.testing.assert_array_equal(actions, alone[0])
    checked = codec.decode_checked(encoded, horizon=(20, 5, 20, 5, 2), action_dim=7)
    assert checked.status.tolist() == [0, 0, 0, 0, DecodeStatus.TOO_SHORT]
    assert checked.position.tolist() == [-1, -1, -1, -1, int(encoded.lengths[4])]
    with pytest.raises(ValueError, match="got 2 horizons for 5 sequences"):
        codec.decode(encoded, horizon=(20, 5), action_dim=7)


def test_an_error_names_the_chunk_of_the_list(codec, motions):
    chunks = [motions[0], motions[1, :5], motions[2], motions[3, :5].copy()]
    chunks[3][4, 6] = np.nan
    with pytest.raises(EncodeError, match=r"chunk 3: step 4, dimension 6 is NaN") as caught:
        codec.encode(chunks)
    assert caught.value.chunk == 3


@pytest.mark.parametrize("threads", [None, 1, 2, 5, 64])
def test_threads_change_nothing(codec, threads):
    chunks = np.random.default_rng(0).normal(0, 0.3, (2000, 16, 7)).cumsum(axis=1)
    expected = codec.encode(chunks[:1000], num_threads=1), codec.encode(chunks[1000:], num_threads=1)
    encoded = codec.encode(chunks, num_threads=threads)
    np.testing.assert_array_equal(encoded.ids, np.concatenate([one.ids for one in expected]))
    decoded = codec.decode(encoded, horizon=16, action_dim=7, num_threads=threads)
    np.testing.assert_array_equal(decoded, codec.decode(encoded, horizon=16, action_dim=7, num_threads=1))


# ---- Against the oracle and the tokenizers library ---------------------------------------------------------


@given(small_vocabularies() | byte_vocabularies(), st.data())
@settings(max_examples=300)
def test_random_vocabularies_are_read_as_the_oracle_reads_them(vocabulary, data):
    symbols = data.draw(st.lists(st.sampled_from(vocabulary.points), min_size=1, max_size=40))
    codec = vocabulary.codec(scale=1, min_coefficient=-3)
    slow = SlowProcessor.from_json(vocabulary.tokenizer().to_str(), scale=1, min_token=-3)
    assert slow.byte_level == vocabulary.byte_level
    coefficients = np.array([[float(symbol - 3) for symbol in symbols]])  # a DCT of one step changes nothing
    encoded = codec.encode(coefficients)
    assert encoded.ids.tolist() == slow.encode_coefficients(coefficients[0])
    assert encoded.ids.tolist() == vocabulary.tokenizer().encode("".join(map(chr, symbols))).ids
    assert not encoded.clipped.any()
    np.testing.assert_array_equal(codec.decode(encoded, horizon=1, action_dim=len(symbols)), coefficients[None])


@given(small_vocabularies() | byte_vocabularies(), st.data())
@settings(max_examples=300)
def test_random_ids_are_read_as_the_oracle_reads_them(vocabulary, data):
    ids = data.draw(st.lists(st.integers(0, len(vocabulary.tokens) - 1), min_size=1, max_size=12))
    codec = vocabulary.codec(scale=1, min_coefficient=-3)
    slow = SlowProcessor.from_json(vocabulary.tokenizer().to_str(), scale=1, min_token=-3)
    try:
        expected = slow.decode_coefficients(ids)
    except ValueError:
        for dim in range(1, 20):
            assert codec.decode_checked(ids, horizon=1, action_dim=dim).status[0] != DecodeStatus.OK
    else:
        decoded = codec.decode(ids, horizon=1, action_dim=len(expected))
        assert decoded[0, 0].tolist() == expected
