import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

from fast_tokenizer import FastTokenizerError
from fast_tokenizer.resampling import resample

hz = st.sampled_from([3.0, 7.0, 10.0, 29.97, 50.0, 1000 / 3])


@given(seed=seeds, steps=st.integers(1, 200), hz=hz, factor=st.integers(1, 7))
def test_a_multiple_of_the_rate_passes_through_every_step(seed, steps, hz, factor):
    episode = np.random.default_rng(seed).normal(size=(steps, 3))
    finer = resample(episode, hz, hz * factor, held=[2])
    assert finer.shape == ((steps - 1) * factor + 1, 3)
    np.testing.assert_array_equal(finer[::factor], episode)
    np.testing.assert_array_equal(finer[: (steps - 1) * factor, 2], np.repeat(episode[:-1, 2], factor))
    np.testing.assert_allclose(resample(finer, hz * factor, hz, held=[2]), episode, rtol=0, atol=1e-12)


@given(seed=seeds, steps=st.integers(1, 100), hz=hz, to_hz=hz)
def test_a_straight_line_stays_one(seed, steps, hz, to_hz):
    slope, start = np.random.default_rng(seed).normal(size=(2, 1, 2))
    seconds = np.arange(steps)[:, None] / hz
    line = resample(start + slope * seconds, hz, to_hz)
    np.testing.assert_allclose(line, start + slope * np.arange(len(line))[:, None] / to_hz, atol=1e-6)
    assert 0 <= seconds[-1, 0] + 1e-6 / hz - (len(line) - 1) / to_hz < 1 / to_hz + 1e-6


def test_the_episode_is_not_written_over():
    episode = np.arange(6.0).reshape(3, 2)
    resample(episode, 10, 10)[...] = 0.0
    assert episode[1, 1] == 3.0


@pytest.mark.parametrize(
    ("shape", "hz", "to_hz", "held", "message"),
    [
        ((0, 2), 10, 20, [], r"shape \(0, 2\)"),
        ((5,), 10, 20, [], r"shape \(5,\)"),
        ((5, 2), 0, 20, [], "hz=0 and to_hz=20"),
        ((5, 2), 10, float("nan"), [], "to_hz=nan"),
        ((5, 2), 10, 20, [2], r"held=\[2\]: expected dimensions from 0 to 1"),
        ((5, 2), 10, 20, [-1], r"held=\[-1\]"),
    ],
)
def test_what_cannot_be_resampled_is_refused(shape, hz, to_hz, held, message):
    with pytest.raises(FastTokenizerError, match=message):
        resample(np.zeros(shape), hz, to_hz, held=held)
