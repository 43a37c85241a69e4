"""How many positions are masked, and the random numbers that decide which."""

import numpy as np
import pytest
from diffusion_strategies import schedules
from hypothesis import given
from hypothesis import strategies as st
from masked_oracle import uniform

from fast_tokenizer import _core
from fast_tokenizer.diffusion.random_numbers import Purpose
from fast_tokenizer.diffusion.schedules import Cosine, Power, masked_counts


@given(st.data(), st.integers(1, 40), st.lists(st.integers(0, 200), min_size=1, max_size=5))
def test_a_schedule_never_rises_and_ends_at_nothing(data, rounds, masked):
    counts = masked_counts(data.draw(schedules(rounds)), rounds, np.array(masked))
    assert counts.shape == (len(masked), rounds + 1)
    assert (counts[:, 0] == masked).all()
    assert (counts[:, -1] == 0).all()
    assert (np.diff(counts) <= 0).all()


def test_schedules_of_the_published_decoders():
    # Twelve rounds of 56 positions: floor(56 cos(pi r / 24)), as MaskGIT has it.
    cosine = [56, 55, 54, 51, 48, 44, 39, 34, 28, 21, 14, 7, 0]
    assert masked_counts("cosine", 12, np.array([56])).tolist() == [cosine]
    assert masked_counts("linear", 4, np.array([10])).tolist() == [[10, 7, 5, 2, 0]]
    assert masked_counts(Power(2), 4, np.array([16])).tolist() == [[16, 15, 12, 7, 0]]
    assert masked_counts("even", 12, np.array([7])).tolist() == [[7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0]]
    # Seven positions in twelve rounds waste some: they are skipped.
    assert (np.diff(masked_counts("cosine", 12, np.array([7]))) == 0).sum() == 5


@pytest.mark.parametrize("curve", [Cosine(), Power(1.0), Power(0.4), Power(3.0)])
def test_time_is_the_inverse_of_the_fraction(curve):
    time = np.linspace(0, 1, 101)
    assert curve.time(curve.fraction(time)) == pytest.approx(time, abs=1e-7)


@given(st.integers(0, 2**64 - 1), st.sampled_from(Purpose), st.integers(0, 100), st.integers(1, 20))
def test_random_numbers_are_those_of_their_key(seed, purpose, round, length):
    found = _core.uniforms(purpose, np.array([0, seed], np.uint64), np.array([3, round]), length)
    assert found[1].tolist() == [uniform(seed, purpose, round, position) for position in range(length)]


def test_random_numbers_are_uniform_and_differ_by_every_part_of_the_key():
    seeds = np.arange(200, dtype=np.uint64)
    numbers = np.stack(
        [_core.uniforms(purpose, seeds, np.full(200, round), 50) for purpose in Purpose for round in range(5)]
    )
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert len(np.unique(numbers)) == numbers.size
    counts = np.histogram(numbers, bins=64, range=(0, 1))[0]
    expected = numbers.size / 64
    assert ((counts - expected) ** 2 / expected).sum() < 130  # 63 degrees of freedom: 1e-6
    for axis in range(3):  # neighbours by purpose and round, by seed, by position
        other = np.roll(numbers, 1, axis=axis)
        assert abs(np.corrcoef(numbers.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(numbers.size)
