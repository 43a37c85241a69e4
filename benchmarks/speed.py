"""How fast encoding and decoding are, against the reference pipeline and against scipy's DCT alone.

    python benchmarks/speed.py                     # the table of the README; about five minutes
    python benchmarks/speed.py --rounds 3          # quicker, noisier

Every time and every ratio is a median over rounds in which all contenders take turns, in one process (so a
ratio is not quite that of the times beside it). The reference pipeline of the bars is the one on transformers,
which is what the published processor runs; where transformers is not installed it is the one on tokenizers.
"""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
from chunks import generated_chunks, recorded_chunks
from contenders import Contenders, add_data_argument, add_fast_plus_argument, load_contenders
from table import format_table, verdict
from timing import Work, median_ratio, take_turns

from fast_tokenizer import FastTokenizer

REAL_FILE = "aloha_sim_scripted_14d_50hz"
MANY = 1024  # chunks of which a batch is the beginning
BATCH = 256
BATCH_BAR, BATCH_GOAL, DECODE_BAR, SINGLE_BAR = 40.0, 60.0, 40.0, 25.0
THREADS_BAR = 1.7
DCT_BAR, DCT_GOAL = 6.0, 3.0
SIZES_BAR = 2.5
COEFFICIENTS = 192_000  # of both batches whose cost per coefficient is compared

Chunks = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """Two pieces of work, of which one is expected to take a multiple of the other.

    Attributes:
        label: What is measured.
        works: The two works by name. The ratio is the time of the first over that of the second.
        counts: By what the time of each is divided.
        bar: The ratio that is wanted at least, or at most.
        goal: A better one.
        at_most: Whether the ratio should be small.
    """

    label: str
    works: dict[str, Work]
    counts: tuple[int, int]
    bar: float
    goal: float | None = None
    at_most: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_fast_plus_argument(parser)
    add_data_argument(parser)
    parser.add_argument("--rounds", type=int, default=15, help="turns of every contender (%(default)s)")
    options = parser.parse_args()
    contenders = load_contenders(options.fast_plus)
    batches = _batches(options.data)
    print(f"{contenders.vocabulary}; chunks 50x14 float32; one thread unless said otherwise")
    # Two threads, in particular, gain nothing where another process holds a processor.
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start\n")
    print(_reference_table(contenders, batches, options.rounds), end="\n\n")
    cases = [case for name, chunks in batches.items() for case in _cases(contenders.ours, name, chunks)]
    print(_case_table([_machine_case(), *cases, *_size_cases(contenders.ours)], options.rounds))


def _batches(data: Path | None) -> dict[str, Chunks]:
    batches = {
        "smooth motions": generated_chunks("smooth", MANY, 50, 14).astype(np.float32),
        "random walks": generated_chunks("walk", MANY, 50, 14).astype(np.float32),
    }
    if data is not None:
        recorded = recorded_chunks(data / f"{REAL_FILE}.npz")
        order = np.random.default_rng(0).permutation(len(recorded))
        batches["ALOHA recordings"] = recorded[order[:MANY]].astype(np.float32)
    return batches


def _reference_table(contenders: Contenders, batches: dict[str, Chunks], rounds: int) -> str:
    peers = [peer.name for peer in contenders.peers]
    header = ["", "ours, us a chunk", *(cell for name in peers for cell in (name, "ratio")), "bar", "goal", ""]
    rows = []
    for name, many in batches.items():
        chunks = many[:BATCH]
        for what, size, bars in (
            (f"{name}, batch of {BATCH}", BATCH, ((BATCH_BAR, BATCH_GOAL), (DECODE_BAR, None))),
            (f"{name}, batch of 1", 1, ((SINGLE_BAR, None), (SINGLE_BAR, None))),
        ):
            for action, works, (bar, goal) in zip(
                ("encode", "decode"), _works(contenders, chunks, size), bars, strict=True
            ):
                rows.append(_reference_row(f"{action} {what}", works, len(chunks), rounds, bar, goal))
    return format_table(header, rows)


def _works(contenders: Contenders, chunks: Chunks, size: int) -> tuple[dict[str, Work], dict[str, Work]]:
    """Encoding all chunks to lists and decoding them, `size` at once, by contender.

    Small batches are different ones after each other: processors learn to predict one that is repeated.
    """
    parts = np.split(chunks, len(chunks) // size)
    ours, (horizon, dim) = contenders.ours, chunks.shape[1:]
    tokens = [ours(part) for part in parts]
    encode: dict[str, Work] = {"ours": partial(_each, partial(ours, num_threads=1), parts)}
    decode: dict[str, Work] = {"ours": partial(_each, partial(ours.decode, num_threads=1), tokens)}
    for peer in contenders.peers:
        if [peer.encode(part) for part in parts] != tokens:
            raise SystemExit(f"the ids differ from those of {peer.name}: see identity.py")
        encode[peer.name] = partial(_each, peer.encode, parts)
        decode[peer.name] = partial(_each, partial(peer.decode, horizon=horizon, dim=dim), tokens)
    return encode, decode


def _each(work: Callable[[Any], object], items: Sequence[object]) -> None:
    for item in items:
        work(item)


def _reference_row(
    label: str, works: dict[str, Work], count: int, rounds: int, bar: float, goal: float | None
) -> list[str]:
    turns = take_turns(label, works, rounds)
    ours = turns.pop("ours")
    ratios = [median_ratio(theirs, ours) for theirs in turns.values()]
    cells = [
        cell
        for theirs, ratio in zip(turns.values(), ratios, strict=True)
        for cell in (_micro(median(theirs) / count), f"{ratio:.1f}x")
    ]
    return [
        label,
        _micro(median(ours) / count),
        *cells,
        f"{bar:.0f}x",
        f"{goal:.0f}x" if goal else "",
        verdict(ratios[-1], bar, goal),  # against what users run
    ]


def _cases(ours: FastTokenizer, name: str, chunks: Chunks) -> list[Case]:
    """Flat ids against scipy's DCT alone, and one thread against two."""
    batch = chunks[:BATCH]
    flat: dict[str, Work] = {
        "flat ids": partial(ours.encode, batch, num_threads=1),
        "scipy.fft.dct": partial(scipy.fft.dct, batch, axis=1, norm="ortho"),
    }
    tokens = ours(chunks)
    threads: dict[str, list[Work]] = {
        "encode to flat ids": [partial(ours.encode, chunks, num_threads=n) for n in (1, 2)],
        "encode to lists": [partial(ours, chunks, num_threads=n) for n in (1, 2)],
        "decode": [partial(ours.decode, tokens, num_threads=n) for n in (1, 2)],
    }
    return [
        Case(f"encode {name}", flat, (BATCH, BATCH), DCT_BAR, DCT_GOAL, at_most=True),
        *(
            Case(
                f"{what}, {name}, {len(chunks)} chunks",
                dict(zip(("1 thread", "2 threads"), works, strict=True)),
                (len(chunks), len(chunks)),
                THREADS_BAR,
            )
            for what, works in threads.items()
        ),
    ]


def _machine_case() -> Case:
    """What a second thread gives on this machine, now: sines on threads that share nothing."""
    values = np.linspace(0, 1, 20_000)

    def sines() -> None:
        for _ in range(20):
            np.sin(values)

    def one_thread() -> None:
        sines()
        sines()

    def two_threads() -> None:
        other = threading.Thread(target=sines)
        other.start()
        sines()
        other.join()

    works: dict[str, Work] = {"1 thread": one_thread, "2 threads": two_threads}
    return Case("numpy.sin on arrays in the cache (the machine itself)", works, (1, 1), THREADS_BAR)


def _size_cases(ours: FastTokenizer) -> list[Case]:
    """Cost a thousand coefficients of large chunks against that of small ones."""
    large, small = (
        generated_chunks("smooth", COEFFICIENTS // (horizon * dim), horizon, dim).astype(np.float32)
        for horizon, dim in ((1000, 64), (16, 7))
    )
    counts = large.size // 1000, small.size // 1000
    encode: dict[str, Work] = {
        "1000x64": partial(ours.encode, large, num_threads=1),
        "16x7": partial(ours.encode, small, num_threads=1),
    }
    decode: dict[str, Work] = {
        "1000x64": partial(ours.decode, ours(large), num_threads=1),
        "16x7": partial(ours.decode, ours(small), num_threads=1),
    }
    return [
        Case("encode smooth motions, 1000 coefficients", encode, counts, SIZES_BAR, at_most=True),
        Case("decode smooth motions, 1000 coefficients", decode, counts, SIZES_BAR, at_most=True),
    ]


def _case_table(cases: list[Case], rounds: int) -> str:
    header = ["", "first", "us each", "second", "us each", "ratio", "bar", "goal", ""]
    return format_table(header, [_case_row(case, rounds) for case in cases])


def _case_row(case: Case, rounds: int) -> list[str]:
    turns = take_turns(case.label, case.works, rounds)
    (first, second), (a, b) = turns, turns.values()
    ratio = median_ratio(a, b) * case.counts[1] / case.counts[0]
    sign = "<=" if case.at_most else ">="
    return [
        case.label,
        first,
        _micro(median(a) / case.counts[0]),
        second,
        _micro(median(b) / case.counts[1]),
        f"{ratio:.2f}x",
        f"{sign} {case.bar}x",
        f"{sign} {case.goal}x" if case.goal else "",
        verdict(ratio, case.bar, case.goal, at_most=case.at_most),
    ]


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:.2f}"


if __name__ == "__main__":
    main()
