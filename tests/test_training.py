"""Fitting: the merges of the reference and of the tokenizers library, whatever the threads, and when it stops."""

import signal
import threading

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import ReferencePipeline, trained_by_tokenizers
from strategies import Tensor, chunk_batches, codec_of

from fast_tokenizer import EncodeError, FastTokenizer, TrainingError
from fast_tokenizer.chunking import cut_chunks
from fast_tokenizer.motions import generate_episodes


def coefficients_of(chunks, scale):
    return [np.around(scipy.fft.dct(chunk, axis=0, norm="ortho") * scale).astype(int).ravel() for chunk in chunks]


def fitted_with_tokenizers(chunks, scale, vocab_size, low, high):
    """The scheme "symbols" by the tokenizers library: BPE of the chunks' symbols, with nothing around it."""
    texts = ["".join(map(chr, row - low)) for row in coefficients_of(chunks, scale)]
    tokenizer = trained_by_tokenizers(texts, [chr(symbol) for symbol in range(high - low + 1)], vocab_size)
    return codec_of(tokenizer, "symbols", scale, low)


def assert_fits_like_the_reference(chunks, scale, vocab_size):
    pipeline = ReferencePipeline.fit(chunks, scale, vocab_size)
    expected = codec_of(pipeline.tokenizer, "bytes", scale, pipeline.min_token)
    assert FastTokenizer.fit(chunks, scale, vocab_size, scheme="bytes").codec == expected


def assert_fits_like_tokenizers(chunks, scale, vocab_size):
    codec = FastTokenizer.fit(chunks, scale, vocab_size).codec
    low, high = codec.min_coefficient, codec.max_coefficient
    assert codec == fitted_with_tokenizers(chunks, scale, vocab_size, low, high)


@pytest.fixture(scope="module")
def noisy(motions):
    """float64 [1500, 20, 7]: enough for several threads."""
    rng = np.random.default_rng(0)
    return np.tile(motions, (10, 1, 1)) + rng.normal(0, 0.02, (1500, 20, 7))


# ---- Merges ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [assert_fits_like_the_reference, assert_fits_like_tokenizers])
@pytest.mark.parametrize("vocab_size", [300, 512, 1024, 4000])
def test_merges_at_several_sizes(check, motions, vocab_size):
    check(motions, 10, vocab_size)


@pytest.mark.parametrize("check", [assert_fits_like_the_reference, assert_fits_like_tokenizers])
@pytest.mark.parametrize(
    ("horizon", "dim", "scale"), [(1, 7, 10), (5, 7, 25), (16, 14, 10), (50, 14, 10), (50, 2, 3.5)]
)
def test_merges_at_several_shapes(check, horizon, dim, scale):
    episodes = generate_episodes(8, action_dim=dim, hz=50.0, seconds=6.0, seed=horizon)
    check(cut_chunks(episodes, horizon, horizon), scale, 900)


@pytest.mark.parametrize("check", [assert_fits_like_the_reference, assert_fits_like_tokenizers])
def test_merges_of_noise(check, noisy):
    check(noisy, 10, 1200)


@pytest.mark.parametrize("check", [assert_fits_like_the_reference, assert_fits_like_tokenizers])
def test_merges_of_chunks_of_several_lengths(check, motions):
    check([chunk[: 1 + place % 20] for place, chunk in enumerate(motions)], 10, 700)


@pytest.mark.parametrize("check", [assert_fits_like_the_reference, assert_fits_like_tokenizers])
@given(batch=chunk_batches(max_batch=12, max_horizon=20, max_dim=6, kinds=("smooth", "grid", "constant")))
@settings(max_examples=40)
def test_merges_of_few_chunks(check, batch):
    check(list(batch), 10, 1500)


def test_tokens_do_not_grow_beyond_ten_thousand_symbols():
    chunks = [np.zeros((1500, 14)), np.zeros((1400, 14)), np.ones((3, 14))]
    assert_fits_like_tokenizers(chunks, 10, 200)
    assert_fits_like_the_reference(chunks, 10, 200)
    longest = max(map(len, FastTokenizer.fit(chunks, vocab_size=200).codec.tokens))
    assert 8192 <= longest <= 10_000


@pytest.mark.parametrize("scheme", ["symbols", "bytes"])
def test_training_is_deterministic_over_threads(noisy, scheme):
    expected = FastTokenizer.fit(noisy, vocab_size=600, scheme=scheme, num_threads=1)
    for threads in (None, 2, 3, 8):
        assert FastTokenizer.fit(noisy, vocab_size=600, scheme=scheme, num_threads=threads) == expected


@pytest.mark.parametrize(
    "given", [list, tuple, Tensor, np.asfortranarray, lambda chunks: [Tensor(one) for one in chunks]]
)
def test_chunks_may_come_in_many_ways(motions, given):
    assert FastTokenizer.fit(given(motions), vocab_size=400) == FastTokenizer.fit(motions, vocab_size=400)


def test_a_single_chunk_is_enough(motions):
    assert FastTokenizer.fit(motions[0], vocab_size=400) == FastTokenizer.fit(motions[:1], vocab_size=400)


# ---- Range and size ----------------------------------------------------------------------------------------


def exact(tokenizer, coefficient):
    """Whether a coefficient survives the round trip, and is not reported as clipped."""
    encoded = tokenizer.encode([[coefficient / tokenizer.scale]])
    decoded = tokenizer.decode(encoded)[0, 0, 0] * tokenizer.scale
    assert encoded.clipped[0] == (abs(decoded - coefficient) > 0.5)
    return not encoded.clipped[0]


@pytest.mark.parametrize(("margin", "factor"), [(None, 1.5), (1, 1), (2.5, 2.5)])
def test_the_margin_is_exact_on_both_sides(motions, margin, factor):
    tokenizer = FastTokenizer.fit(motions, margin=margin)
    coefficients = np.concatenate(coefficients_of(motions, 10))
    for largest in (coefficients.min(), coefficients.max()):
        edge = int(np.sign(largest) * np.ceil(factor * abs(largest)))
        assert exact(tokenizer, edge)
        assert not exact(tokenizer, edge + np.sign(largest))


@pytest.mark.parametrize("sign", [1, -1])
def test_zero_is_always_inside(sign):
    tokenizer = FastTokenizer.fit(sign * np.array([[[0.5]], [[0.9]]]))
    assert exact(tokenizer, 0)
    assert exact(tokenizer, sign * 14)
    assert not exact(tokenizer, sign * 15)
    assert not exact(tokenizer, -sign)


def test_bytes_cover_what_the_data_had_and_no_more():
    tokenizer = FastTokenizer.fit(np.array([[[0.5]], [[0.9]]]), scheme="bytes")
    assert tokenizer.min_token == 5
    assert [exact(tokenizer, coefficient) for coefficient in (4, 5, 9)] == [False, True, True]
    with pytest.raises(EncodeError, match="chunk 0: the vocabulary has no token for the byte 2:"):
        tokenizer(np.array([[0.7]]))


def test_a_small_corpus_makes_fewer_tokens():
    chunks = np.zeros((2, 3, 1))
    tokenizer = FastTokenizer.fit(chunks, vocab_size=1024)
    assert tokenizer.vocab_size == len(tokenizer) == 3  # zero, two of them, three of them
    assert tokenizer(chunks) == [[2], [2]]


def test_the_shape_to_save_is_kept(motions):
    tokenizer = FastTokenizer.fit(motions, vocab_size=300, time_horizon=20, action_dim=7)
    assert (tokenizer.time_horizon, tokenizer.action_dim) == (20, 7)


def test_a_scale_of_numpy_is_a_number(motions):
    for scale in (10.0, np.float32(10), np.int64(10)):
        assert FastTokenizer.fit(motions, scale) == FastTokenizer.fit(motions, 10)


@pytest.mark.parametrize("scheme", ["symbols", "bytes"])
def test_a_vocabulary_smaller_than_the_range_is_an_error(motions, scheme):
    coefficients = np.concatenate(coefficients_of(motions, 10))
    low, high = coefficients.min(), coefficients.max()
    if scheme == "symbols":
        low, high = int(np.floor(1.5 * low)), int(np.ceil(1.5 * high))
    need = high - low + 1
    with pytest.raises(
        TrainingError, match=rf"{low}\.\.{high} need {need} tokens, more than vocab_size {need - 1}"
    ):
        FastTokenizer.fit(motions, vocab_size=need - 1, scheme=scheme)
    if scheme == "symbols":
        assert FastTokenizer.fit(motions, vocab_size=need).vocab_size == need


@pytest.mark.parametrize("chunks", [[], (), np.zeros((0, 4, 2))])
def test_without_chunks_there_is_nothing_to_fit(chunks):
    with pytest.raises(TrainingError, match="no chunks"):
        FastTokenizer.fit(chunks)


@pytest.mark.parametrize(
    "chunks",
    [np.zeros(4), np.zeros((2, 0, 3)), [np.zeros(3)], [np.zeros((4, 2)), None], [[1.0, 2.0]], np.array([["a"]])],
)
def test_what_is_no_chunk_is_refused(chunks):
    with pytest.raises(EncodeError):
        FastTokenizer.fit(chunks)


def test_what_is_not_finite_is_named(motions):
    chunks = motions.copy()
    chunks[17, 3, 2] = np.nan
    with pytest.raises(EncodeError, match="chunk 17: step 3, dimension 2 is NaN"):
        FastTokenizer.fit(chunks)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheme": "words"}, "'words': expected 'bytes' or 'symbols'"),
        ({"scheme": "bytes", "margin": 2}, "margin needs scheme"),
        ({"margin": 0.5}, r"margin is 0.5: expected 1\.\.1e\+06"),
        ({"margin": float("nan")}, "margin is nan"),
        ({"margin": float("inf")}, "margin is inf"),
        ({"scale": 0}, "scale is 0: expected a positive number"),
        ({"scale": -1}, "scale is -1"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"num_threads": 0}, "num_threads is 0"),
        ({"time_horizon": 0}, "time_horizon is 0"),
    ],
)
def test_options_are_checked(motions, options, message):
    with pytest.raises(ValueError, match=message):
        FastTokenizer.fit(motions, **options)


# ---- Progress and its end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["symbols", "bytes"])
def test_progress_is_told_in_order(noisy, scheme):
    calls = []
    tokenizer = FastTokenizer.fit(noisy, vocab_size=600, scheme=scheme, progress=lambda *call: calls.append(call))
    assert {total for _, total in calls} == {600}
    done = [tokens for tokens, _ in calls]
    assert done == sorted(done)
    assert 0 < done[0] < 600
    assert done[-1] == tokenizer.vocab_size == 600


def test_progress_is_told_by_the_calling_thread(noisy):
    threads = set()
    FastTokenizer.fit(noisy, progress=lambda *_: threads.add(threading.get_ident()), num_threads=4)
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("error", [RuntimeError("stop"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("threads", [1, 4])
def test_what_progress_raises_ends_the_training(noisy, error, threads):
    def stop(done, total):
        raise error

    with pytest.raises(type(error)) as caught:
        FastTokenizer.fit(noisy, progress=stop, num_threads=threads)
    assert caught.value is error
    assert FastTokenizer.fit(noisy, vocab_size=300, num_threads=threads).vocab_size == 300


def test_ctrl_c_ends_the_training(noisy):
    with pytest.raises(KeyboardInterrupt):
        FastTokenizer.fit(noisy, progress=lambda *_: signal.raise_signal(signal.SIGINT))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that sends signals")
def test_signals_are_heard_without_progress(noisy):
    class AlarmError(Exception):
        pass

    def alarm(number, frame):
        raise AlarmError

    before = signal.signal(signal.SIGALRM, alarm)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(AlarmError):
            FastTokenizer.fit(np.tile(noisy, (4, 1, 1)), 50, vocab_size=60_000, margin=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@given(
    st.sampled_from(["symbols", "bytes"]), chunk_batches(max_batch=6, max_horizon=12, max_dim=4, kinds=("smooth",))
)
@settings(max_examples=40)
def test_what_was_fitted_encodes_its_training_data_exactly(scheme, batch):
    tokenizer = FastTokenizer.fit(batch, scheme=scheme)
    encoded = tokenizer.encode(batch, on_clip="raise")
    expected = scipy.fft.idct(
        np.around(scipy.fft.dct(batch, axis=1, norm="ortho") * 10) / 10, axis=1, norm="ortho"
    )
    np.testing.assert_allclose(tokenizer.decode(encoded), expected, rtol=0, atol=1e-6)
