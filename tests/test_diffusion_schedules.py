"""How many positions are masked, and the random numbers that decide which."""

import numpy as np
import pytest
from diffusion_strategies import schedules
from hypothesis import given
from hypothesis import strategies as st

from fast_tokenizer.diffusion.random_numbers import Purpose, split_mix, uniforms
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


def test_the_hash_is_split_mix():
    """The first numbers of SplitMix64 from 1234567, as its author's program prints them."""
    golden = 0x9E3779B97F4A7C15
    words = np.array([(1234567 + step * golden) % 2**64 for step in range(1, 6)], np.uint64)
    assert split_mix(words).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_random_numbers_are_uniform_and_differ_by_every_part_of_the_key():
    seeds = np.arange(200, dtype=np.uint64)
    numbers = np.stack(
        [uniforms(purpose, seeds, np.full(200, round), 50) for purpose in Purpose for round in range(5)]
    )
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert len(np.unique(numbers)) == numbers.size
    counts = np.histogram(numbers, bins=64, range=(0, 1))[0]
    expected = numbers.size / 64
    assert ((counts - expected) ** 2 / expected).sum() < 130  # 63 degrees of freedom: 1e-6
    for axis in range(3):  # neighbours by purpose and round, by seed, by position
        other = np.roll(numbers, 1, axis=axis)
        assert abs(np.corrcoef(numbers.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(numbers.size)
