"""Random numbers that depend on nothing but what they are for: a row's seed, the round and the position.

A generator with a state would hand a row other numbers in another batch, or on another device. Here a number is a
hash of its key, so a row decodes alike alone and in any place of any batch. The numbers are made here in numpy for
every device: there are few of them, one for each position and purpose.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Purpose(IntEnum):
    """What a number is for: numbers of different purposes have nothing in common."""

    TOKEN = 0
    ORDER = 1
    ORDER_NOISE = 2
    REMASK = 3


def split_mix(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The output function of SplitMix64 (Steele, Lea and Flood 2014), with the constants of its author Vigna.

    It is a bijection of 64-bit words in which each bit of the input changes about half of the bits.

    Examples:
        The first number of the generator that starts at 0:

        >>> hex(int(split_mix(np.array([0x9E3779B97F4A7C15], np.uint64))[0]))
        '0xe220a8397b1dcdaf'
    """
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def uniforms(
    purpose: Purpose, seeds: npt.NDArray[np.uint64], rounds: npt.NDArray[np.int64], length: int
) -> npt.NDArray[np.float64]:
    """Uniform numbers in `[0, 1)`, multiples of 2^-53.

    The key is absorbed word by word, `state = split_mix((state ^ word) + golden)`, in the order seed, purpose,
    round, position.

    Args:
        purpose: What they are for.
        seeds: `[A]`: of each row.
        rounds: `[A]`: the round that each row is in.
        length: L.

    Returns:
        float64 `[A, L]`.
    """
    state = split_mix(seeds + _GOLDEN)
    state = split_mix((state ^ np.uint64(purpose)) + _GOLDEN)
    state = split_mix((state ^ rounds.astype(np.uint64)) + _GOLDEN)
    state = split_mix((state[:, None] ^ np.arange(length, dtype=np.uint64)) + _GOLDEN)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
