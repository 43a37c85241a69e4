"""How long a fit takes and how much memory, against the reference's `fit` on the same chunks.

    python benchmarks/fit.py                       # 20,000 chunks of 50x14, the published format
    python benchmarks/fit.py --count 1000          # quicker

Each fit runs in a process of its own, by turns, and may use every processor, as both do by default. The times
are medians and leave out imports and data. Exits with 1 if the merges differ. The peer is scipy and tokenizers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from chunks import generated_chunks
from peak import peak_bytes, start_looking
from peers import ReferencePipeline, vocabulary_and_merges
from table import format_table, verdict
from timing import median_ratio

from fast_tokenizer import FastTokenizer
from fast_tokenizer.actions import Floats
from fast_tokenizer.progress import ProgressBar

BAR, GOAL = 8.0, 15.0
MIB = 2**20

Described = tuple[list[str], list[tuple[str, str]]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000, help="chunks of 50x14 (%(default)s)")
    parser.add_argument("--vocab-size", type=int, default=1024, help="tokens to fit (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="fits of each side (%(default)s)")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)  # what a process of its own runs
    options = parser.parse_args()
    if options.side is not None:
        print(json.dumps(_measure(options.side, options.count, options.vocab_size)))
        return 0
    return _compare(options.count, options.vocab_size, options.rounds)


def _compare(count: int, vocab_size: int, rounds: int) -> int:
    results: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    with ProgressBar("fits", unit="fits") as bar:
        for turn in range(rounds):
            for place, side in enumerate(SIDES):
                results[side].append(_in_a_process(side, count, vocab_size))
                bar.update(turn * len(SIDES) + place + 1, rounds * len(SIDES))
    print(f"fit on {count} generated chunks of 50x14 float32, vocab_size {vocab_size}, the published format\n")
    seconds = {side: median(one["seconds"] for one in results[side]) for side in SIDES}
    rows = [
        [
            side,
            f"{seconds[side]:.2f}",
            f"{results[side][0]['merges']}",
            f"{median(one['added'] for one in results[side]) / MIB:.0f}",
            f"{median(one['peak'] for one in results[side]) / MIB:.0f}",
        ]
        for side in SIDES
    ]
    print(format_table(["", "seconds", "merges", "MiB added", "MiB of the process"], rows))
    ratio = median_ratio(*([one["seconds"] for one in results[side]] for side in ("reference", "ours")))
    same = len({one["digest"] for side in SIDES for one in results[side]}) == 1
    print(f"\nratio {ratio:.1f}x (bar {BAR:.0f}x, goal {GOAL:.0f}x): {verdict(ratio, BAR, GOAL)}")
    print(f"tokens and merges are {'the same' if same else 'DIFFERENT'}")
    return int(not same)


def _in_a_process(side: str, count: int, vocab_size: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--side", side, "--count", str(count), "--vocab-size", str(vocab_size)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _measure(side: str, count: int, vocab_size: int) -> dict[str, Any]:
    fit, describe = SIDES[side]
    fit(generated_chunks("smooth", 20, 50, 14, seed=1).astype(np.float32), vocab_size)  # imports what is lazy
    chunks = generated_chunks("smooth", count, 50, 14).astype(np.float32)
    before, begin = start_looking(), perf_counter()
    fitted = fit(chunks, vocab_size)
    seconds, peak = perf_counter() - begin, peak_bytes()
    tokens, merges = describe(fitted)
    return {
        "seconds": seconds,
        "peak": peak,
        "added": peak - before,
        "merges": len(merges),
        "digest": hashlib.sha256(json.dumps([tokens, merges]).encode()).hexdigest(),
    }


def _our_fit(chunks: Floats, vocab_size: int) -> FastTokenizer:
    return FastTokenizer.fit(chunks, vocab_size=vocab_size, scheme="bytes")


def _our_merges(fitted: FastTokenizer) -> Described:
    tokens = fitted.codec.tokens
    return list(tokens), [(tokens[left], tokens[right]) for left, right, _ in fitted.codec.merges.tolist()]


def _their_merges(fitted: ReferencePipeline) -> Described:
    return vocabulary_and_merges(fitted.bpe)


SIDES: dict[str, tuple[Callable[[Floats, int], Any], Callable[[Any], Described]]] = {
    "ours": (_our_fit, _our_merges),
    "reference": (ReferencePipeline.fit, _their_merges),
}

if __name__ == "__main__":
    sys.exit(main())
