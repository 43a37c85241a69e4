"""The codecs that write one id a value, bins and frequencies: the laws that they share, and as objects."""

import copy
import json
import pickle

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st
from strategies import chunk_batches, damaged
from test_codec_object import WRONG_ARGUMENTS

from fast_tokenizer import (
    ActionVocabulary,
    BinningCodec,
    ConstrainedGeneration,
    DecodeError,
    DecodeStatus,
    EncodeError,
    FastCodec,
    FormatError,
    FrequencyCodec,
    VocabularyMap,
)
from fast_tokenizer.codecs import bins, codec_from_config
from fast_tokenizer.quantization import quantize

SIZE = 300
CODECS = {
    "uniform": BinningCodec(bins.uniform(-1, 1)),
    "openvla, in a larger vocabulary": BinningCodec(bins.openvla(), vocabulary=ActionVocabulary(SIZE)),
    "frequencies": FrequencyCodec(5, scale=10, min_coefficient=-150, vocabulary=ActionVocabulary(SIZE)),
}
KINDS = ("smooth", "grid", "heavy-tailed", "constant")


@pytest.fixture(scope="module", params=CODECS)
def codec(request):
    return CODECS[request.param]


def codes_of(codec):
    """The ids that encoding can write."""
    return codec.bins.count if isinstance(codec, BinningCodec) else codec.vocabulary.size


def out_of_range(codec, batch):
    """Which chunks hold a value that the ids cannot tell."""
    if isinstance(codec, BinningCodec):
        return (np.abs(batch) > 1).any(axis=(1, 2))
    kept = quantize(batch, codec.scale, 1)[:, : codec.frequencies]
    return ((kept < codec.min_coefficient) | (kept > codec.max_coefficient)).any(axis=(1, 2))


# ---- Laws --------------------------------------------------------------------------------------------------


@given(chunk_batches(max_horizon=40, kinds=KINDS))
def test_the_length_is_known_and_what_is_out_of_range_is_reported(codec, batch):
    encoded = codec.encode(batch)
    assert (encoded.lengths == codec.length(*batch.shape[1:])).all()
    assert codec.max_length(*batch.shape[1:]) == codec.length(*batch.shape[1:])
    assert ((encoded.ids >= 0) & (encoded.ids < codes_of(codec))).all()
    np.testing.assert_array_equal(encoded.clipped, out_of_range(codec, batch))
    decoded = codec.decode(encoded, horizon=batch.shape[1], action_dim=batch.shape[2])
    assert decoded.shape == batch.shape
    assert decoded.dtype == np.float64


@given(chunk_batches(max_batch=6, max_horizon=30, kinds=(*KINDS, "extreme")))
def test_a_batch_is_its_chunks_one_by_one(codec, batch):
    together = codec.encode(batch)
    alone = [codec.encode(chunk) for chunk in batch]
    assert together.to_lists() == [one.to_lists()[0] for one in alone]
    assert together.clipped.tolist() == [one.clipped[0] for one in alone]


@given(chunk_batches(kinds=("smooth", "grid")))
def test_the_layout_changes_nothing(codec, batch):
    assert codec.encode(batch).to_lists() == codec.encode(np.ascontiguousarray(batch)).to_lists()


@pytest.mark.parametrize("threads", [None, 1, 2, 5, 64])
def test_threads_change_nothing(codec, threads):
    chunks = np.random.default_rng(0).normal(0, 0.2, (2000, 16, 7)).cumsum(axis=1)
    one, several = codec.encode(chunks, num_threads=1), codec.encode(chunks, num_threads=threads)
    np.testing.assert_array_equal(several.ids, one.ids)
    np.testing.assert_array_equal(several.clipped, one.clipped)
    decoded = codec.decode(one, horizon=16, action_dim=7, num_threads=threads)
    np.testing.assert_array_equal(decoded, codec.decode(one, horizon=16, action_dim=7, num_threads=1))


def test_chunks_of_several_lengths(codec):
    rng = np.random.default_rng(0)
    chunks = [rng.uniform(-1, 1, (steps, 3)) for steps in (20, 5, 1, 20)]
    chunks[1][2, 1] = 1e4
    encoded = codec.encode(chunks)
    assert encoded.clipped.tolist() == [False, True, False, False]
    assert encoded.to_lists() == [codec.encode(chunk).to_lists()[0] for chunk in chunks]
    decoded = codec.decode(encoded, horizon=encoded.horizon, action_dim=3)
    for chunk, actions in zip(chunks, decoded, strict=True):
        alone = codec.decode(codec.encode(chunk), horizon=len(chunk), action_dim=3)
        np.testing.assert_array_equal(actions, alone[0])
    checked = codec.decode_checked(encoded, horizon=(20, 5, 1, 20), action_dim=3)
    assert checked.decoded.tolist() == encoded.lengths.tolist()


@given(st.data())
def test_damage_is_found_where_it_is(codec, data):
    horizon, dim = 6, 3
    chunk = np.random.default_rng(1).uniform(-0.9, 0.9, (horizon, dim))
    ids = codec.encode(chunk).ids.tolist()
    vocabulary = codec.vocabulary
    damage, wrong = data.draw(damaged(ids, vocabulary.size, padding=vocabulary.pad_id))
    checked = codec.decode_checked([wrong], horizon=horizon, action_dim=dim)
    assert np.isfinite(checked.actions).all()
    if checked.status[0] == DecodeStatus.OK:
        inside = [one for one in wrong if 0 <= one < vocabulary.size]
        assert len(inside) == len(ids)
        assert damage == "substituted" or inside == ids  # what is not inside is padding around it
        return
    with pytest.raises(DecodeError) as caught:
        codec.decode([wrong], horizon=horizon, action_dim=dim)
    assert caught.value.reason == checked.status[0]
    assert caught.value.position == checked.position[0] <= len(wrong)
    assert not codec.decode([wrong], horizon=horizon, action_dim=dim, errors="zeros").any()
    if damage == "over-long" and wrong[len(ids)] < codes_of(codec):
        np.testing.assert_array_equal(checked.actions, codec.decode(ids, horizon=horizon, action_dim=dim))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_value_that_is_not_finite_is_named(codec, value, dtype):
    chunks = np.zeros((3, 4, 2), dtype)
    chunks[1, 2, 1] = value
    name = "NaN" if np.isnan(value) else str(value)
    with pytest.raises(EncodeError, match=f"chunk 1: step 2, dimension 1 is {name}") as caught:
        codec.encode(chunks)
    assert caught.value.chunk == 1


def test_clipping_may_be_an_error(codec):
    with pytest.raises(EncodeError, match=r"chunk 1: a (value|coefficient) is outside"):
        codec.encode([[[0.5]], [[99.0]]], on_clip="raise")
    assert codec.encode([[[0.5]]], on_clip="raise").clipped.tolist() == [False]


# ---- Repair ------------------------------------------------------------------------------------------------


@given(st.integers(0, 18))
def test_repaired_bins_hold_the_last_complete_step(kept):
    codec = CODECS["uniform"]
    chunk = np.random.default_rng(1).uniform(-1, 1, (6, 3))
    encoded = codec.encode(chunk)
    whole = codec.decode(encoded, horizon=6, action_dim=3)[0]
    repaired, _ = codec.decode_checked([encoded.ids[:kept].tolist()], horizon=6, action_dim=3)
    complete = kept // 3
    np.testing.assert_array_equal(repaired[0, :complete], whole[:complete])
    assert (repaired[0, complete:] == (whole[complete - 1] if complete else 0.0)).all()


@given(st.integers(0, 15))
def test_repaired_frequencies_are_the_low_ones(kept):
    codec = CODECS["frequencies"]
    chunk = np.random.default_rng(1).uniform(-1, 1, (6, 3))
    ids = codec.encode(chunk).ids[:kept].tolist()
    coefficients = np.zeros(18)
    coefficients[:kept] = np.array(ids) + codec.min_coefficient
    expected = scipy.fft.idct(coefficients.reshape(6, 3) / codec.scale, axis=0, norm="ortho")
    repaired, status = codec.decode_checked([ids], horizon=6, action_dim=3)
    np.testing.assert_allclose(repaired[0], expected, rtol=0, atol=1e-12)
    assert status[0] == (DecodeStatus.OK if kept == 15 else DecodeStatus.TOO_SHORT)


def test_messages_speak_of_what_the_ids_are():
    binning, frequency = CODECS["openvla, in a larger vocabulary"], CODECS["frequencies"]
    with pytest.raises(DecodeError, match="position 1: the ids end after 1 of 4 values"):
        binning.decode([7], horizon=2, action_dim=2)
    with pytest.raises(DecodeError, match="position 1: id 256 stands for no bin"):
        binning.decode([7, 256, 1, 1], horizon=2, action_dim=2)
    with pytest.raises(DecodeError, match="position 10: id 1 goes past the 10 coefficients of the shape"):
        frequency.decode([1] * 11, horizon=9, action_dim=2)


# ---- Constraints and the vocabulary ------------------------------------------------------------------------


@pytest.mark.parametrize(("horizon", "dim"), [(1, 1), (3, 2), (12, 3)])
def test_what_is_generated_under_a_constraint_decodes(codec, horizon, dim):
    rng = np.random.default_rng(0)
    generation = ConstrainedGeneration(codec.constraint(horizon, dim), rows=4)
    for step in generation:
        assert (step.mask == (np.arange(codec.vocabulary.size) < codes_of(codec))).all()
        step.take(np.where(step.mask, rng.random(step.mask.shape), -1).argmax(axis=1))
    assert [len(ids) for ids in generation.tokens] == [codec.length(horizon, dim)] * 4
    assert codec.decode(generation.tokens, horizon=horizon, action_dim=dim).shape == (4, horizon, dim)


def test_codecs_share_the_ids_of_a_vocabulary(symbols_tokenizer):
    fast = symbols_tokenizer.codec
    frequency = FrequencyCodec(
        8, scale=fast.scale, min_coefficient=fast.min_coefficient, vocabulary=fast.vocabulary
    )
    binning = BinningCodec(bins.uniform(-1, 1), vocabulary=fast.vocabulary)
    places = VocabularyMap.tail(32_000, size=fast.vocabulary.size, skip=0, pad_id=0, eos_id=2, mask_id=3)
    chunks = np.random.default_rng(0).uniform(-0.5, 0.5, (4, 20, 7)).cumsum(axis=1) / 4
    for codec in (fast, frequency, binning):
        assert codec.vocabulary == fast.vocabulary
        batch = codec.encode(chunks)
        ids, _ = batch.padded(multiple_of=8)
        back = places.to_action(places.to_model(ids))
        np.testing.assert_array_equal(
            codec.decode(back, horizon=20, action_dim=7), codec.decode(batch, horizon=20, action_dim=7)
        )


def test_more_bins_than_ids_are_refused():
    with pytest.raises(FormatError, match="255 ids cannot hold 256 bins") as caught:
        BinningCodec(bins.openvla(), vocabulary=ActionVocabulary(255))
    assert caught.value.key == "vocab_size"


# ---- As objects --------------------------------------------------------------------------------------------


def test_config_is_plain_json(codec):
    config = json.loads(json.dumps(codec.get_config()))
    for again in (codec_from_config(config), type(codec).from_config(config)):
        assert again == codec
        assert type(again) is type(codec)
        assert again.get_config() == codec.get_config()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda codec: pickle.loads(pickle.dumps(codec))])
def test_copies_are_equal_and_give_the_same_ids(codec, copied):
    chunks = np.random.default_rng(0).uniform(-1, 1, (3, 8, 2))
    again = copied(codec)
    assert (again, hash(again), repr(again)) == (codec, hash(codec), repr(codec))
    np.testing.assert_array_equal(again.encode(chunks).ids, codec.encode(chunks).ids)


def test_another_codec_is_not_equal(codec, symbols_tokenizer):
    others = [one for one in (*CODECS.values(), symbols_tokenizer.codec) if one is not codec]
    assert all(codec != other for other in others)
    assert codec not in ("codec", None)


def test_the_configuration_of_another_codec_is_refused(codec, symbols_tokenizer):
    config = codec.get_config()
    for other in {FastCodec, BinningCodec, FrequencyCodec} - {type(codec)}:
        with pytest.raises(FormatError, match="ids are read by the codec that wrote them") as caught:
            other.from_config(config)
        assert caught.value.key == "codec"
    with pytest.raises(FormatError, match="got 'wavelet', expected one of 'fast', 'binning', 'frequency'"):
        codec_from_config(config | {"codec": "wavelet"})
    assert codec_from_config(symbols_tokenizer.codec.get_config()) == symbols_tokenizer.codec


def test_a_config_without_a_key_is_refused(codec):
    for key in codec.get_config():
        config = codec.get_config()
        del config[key]
        with pytest.raises(FormatError) as caught:
            codec_from_config(config)
        assert caught.value.key == key


@pytest.mark.parametrize(
    ("key", "value"),
    [("vocab_size", 0), ("vocab_size", "300"), ("vocab_size", 2.5), ("vocab_size", None), ("codec", ["fast"])],
)
def test_a_config_with_a_wrong_value_is_refused(codec, key, value):
    with pytest.raises(FormatError) as caught:
        codec_from_config(codec.get_config() | {key: value})
    assert caught.value.key == key


@pytest.mark.parametrize(("call", "message"), WRONG_ARGUMENTS)
def test_arguments_are_checked(codec, call, message):
    with pytest.raises(ValueError, match=message):
        call(codec)
