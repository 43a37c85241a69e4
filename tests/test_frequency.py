"""FrequencyCodec: what it keeps, and how many frequencies a bound asks for."""

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st
from strategies import chunk_batches

from fast_tokenizer import ActionVocabulary, EncodeError, FormatError, FrequencyCodec, TrainingError

SMOOTH = np.sin(np.linspace(0, 40, 30 * 16 * 7)).reshape(30, 16, 7)


def codec_of(frequencies, **changes):
    arguments = {"scale": 10, "min_coefficient": -1000, "vocabulary": ActionVocabulary(2001)}
    return FrequencyCodec(frequencies, **(arguments | changes))


@given(chunk_batches(max_horizon=40, kinds=("smooth", "grid")), st.integers(1, 50))
def test_the_lowest_frequencies_are_kept_in_order(batch, frequencies):
    codec = codec_of(frequencies)
    encoded = codec.encode(batch)
    rounded = np.around(scipy.fft.dct(batch, axis=1, norm="ortho") * 10).astype(int)
    np.testing.assert_array_equal(encoded.ids - 1000, rounded[:, :frequencies].reshape(-1))
    rounded[:, frequencies:] = 0
    decoded = codec.decode(encoded, horizon=batch.shape[1], action_dim=batch.shape[2])
    expected = scipy.fft.idct(rounded / 10, axis=1, norm="ortho")
    np.testing.assert_allclose(decoded, expected, rtol=0, atol=1e-12 * max(1, np.abs(expected).max()))


def test_with_all_frequencies_it_decodes_as_fast(symbols_tokenizer, motions):
    fast = symbols_tokenizer.codec
    codec = codec_of(20, min_coefficient=fast.min_coefficient, vocabulary=fast.vocabulary)
    np.testing.assert_array_equal(
        codec.decode(codec.encode(motions), horizon=20, action_dim=7),
        fast.decode(fast.encode(motions), horizon=20, action_dim=7),
    )


@pytest.mark.parametrize("bound", [0.02, 0.1, 0.5])
def test_fit_keeps_the_bound_with_as_few_as_do(bound):
    codec = FrequencyCodec.fit(SMOOTH, scale=100, max_error=bound)

    def error(frequencies):
        trial = codec_of(frequencies, scale=100, min_coefficient=-5000, vocabulary=ActionVocabulary(10_001))
        return np.abs(trial.decode(trial.encode(SMOOTH), horizon=16, action_dim=7) - SMOOTH).max()

    assert error(codec.frequencies) <= bound + 1e-12
    assert all(error(fewer) > bound for fewer in range(1, codec.frequencies))
    assert not codec.encode(SMOOTH * 1.49).clipped.any()


def test_fit_takes_chunks_of_several_lengths():
    chunks = [SMOOTH[0], SMOOTH[1, :5], SMOOTH[2]]
    codec = FrequencyCodec.fit(chunks, scale=100, max_error=0.05)
    decoded = codec.decode(codec.encode(chunks), horizon=(16, 5, 16), action_dim=7)
    assert max(np.abs(one - chunk).max() for one, chunk in zip(decoded, chunks, strict=True)) <= 0.05 + 1e-12


def test_fit_takes_the_vocabulary_of_another_codec(symbols_tokenizer):
    vocabulary = symbols_tokenizer.codec.vocabulary
    assert FrequencyCodec.fit(SMOOTH, scale=10, max_error=0.3, vocabulary=vocabulary).vocabulary is vocabulary
    with pytest.raises(TrainingError, match=r"need \d+ ids, more than the 9 of the vocabulary"):
        FrequencyCodec.fit(SMOOTH, scale=10, max_error=0.3, vocabulary=ActionVocabulary(9))


def test_fit_says_what_cannot_be():
    with pytest.raises(TrainingError, match=r"with all 16 frequencies the error is .*: raise scale, which is 1,"):
        FrequencyCodec.fit(SMOOTH, scale=1, max_error=0.01)
    with pytest.raises(TrainingError, match="there are no chunks"):
        FrequencyCodec.fit([], max_error=0.1)
    with pytest.raises(ValueError, match="max_error is 0: expected a number above 0"):
        FrequencyCodec.fit(SMOOTH, max_error=0)
    with pytest.raises(EncodeError, match="chunk 1: step 0, dimension 0 is NaN"):
        FrequencyCodec.fit([np.zeros((4, 2)), np.full((5, 2), np.nan)], max_error=0.1)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"scale": 0}, "scale"),
        ({"min_coefficient": 0.5}, "min_coefficient"),
        ({"min_coefficient": 2**30, "vocabulary": ActionVocabulary(2**31)}, "vocab_size"),
    ],
)
def test_numbers_that_are_none_are_refused(changes, key):
    with pytest.raises(FormatError) as caught:
        codec_of(3, **changes)
    assert caught.value.key == key


@pytest.mark.parametrize("frequencies", [0, -1, 1.5, True, None])
def test_at_least_one_frequency_is_kept(frequencies):
    with pytest.raises(FormatError) as caught:
        codec_of(frequencies)
    assert caught.value.key == "frequencies"
