"""Sequences of ids as a model may get them wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, islice

import numpy as np

Ids = list[int]
Maker = Callable[[list[Ids], int, np.random.Generator], Iterator[Ids]]

_OUTSIDE = (-(2**31), -1, 0, 1, 2, 3, 100, 2**31 - 1)  # from 0: added to the size of the vocabulary
_SURPLUS = 20


def damaged_sequences(kind: str, real: list[Ids], vocab_size: int, number: int, seed: int = 0) -> list[Ids]:
    """Makes `number` sequences (fewer, where there are no more prefixes) of a kind of `KINDS`."""
    return list(islice(KINDS[kind](real, vocab_size, np.random.default_rng(seed)), number))


def _uniform(real: list[Ids], vocab_size: int, rng: np.random.Generator) -> Iterator[Ids]:
    longest = max(map(len, real))
    for _ in count():
        yield rng.integers(0, vocab_size, rng.integers(0, longest + 1)).tolist()


def _truncated(real: list[Ids], vocab_size: int, rng: np.random.Generator) -> Iterator[Ids]:
    for ids in _drawn(real, rng):
        yield ids[: rng.integers(0, len(ids))]


def _substituted(real: list[Ids], vocab_size: int, rng: np.random.Generator) -> Iterator[Ids]:
    for ids in _drawn(real, rng):
        ids[rng.integers(0, len(ids))] = int(rng.integers(0, vocab_size))
        yield ids


def _over_long(real: list[Ids], vocab_size: int, rng: np.random.Generator) -> Iterator[Ids]:
    for ids in _drawn(real, rng):
        yield ids + rng.integers(0, vocab_size, rng.integers(1, _SURPLUS + 1)).tolist()


def _out_of_range(real: list[Ids], vocab_size: int, rng: np.random.Generator) -> Iterator[Ids]:
    for ids in _drawn(real, rng):
        value = int(rng.choice(_OUTSIDE))
        ids[rng.integers(0, len(ids))] = value + vocab_size if 0 <= value < 2**30 else value
        yield ids


def _prefixes(real: list[Ids], vocab_size: int, rng: np.random.Generator) -> Iterator[Ids]:
    for ids in real:
        for end in range(len(ids) + 1):
            yield ids[:end]


def _drawn(real: list[Ids], rng: np.random.Generator) -> Iterator[Ids]:
    for _ in count():
        yield list(real[rng.integers(0, len(real))])


KINDS: dict[str, Maker] = {
    "uniform": _uniform,
    "truncated": _truncated,
    "one substituted": _substituted,
    "over-long": _over_long,
    "one out of range": _out_of_range,
    "every prefix": _prefixes,
}
