"""How much memory encoding adds, as a multiple of the size of its input.

    python benchmarks/memory.py                    # a batch of 4096 chunks of 50x14 in float32

Each figure is the growth of the peak of a fresh process, after a small batch has warmed it up. The peer is the
reference pipeline on tokenizers. Exits with 1 if the bar is missed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from chunks import generated_chunks
from contenders import add_fast_plus_argument, load_contenders
from peak import peak_bytes, start_looking
from table import format_table, verdict

from fast_tokenizer.actions import Floats
from fast_tokenizer.progress import ProgressBar

BAR = 2.0
SIDES = {
    "flat": "ours, flat ids",
    "lists": "ours, lists",
    "reference": "reference, lists",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_fast_plus_argument(parser)
    parser.add_argument("--count", type=int, default=4096, help="chunks of 50x14 (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="processes for each figure (%(default)s)")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)  # what a process of its own runs
    parser.add_argument("--chunks", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side is not None:
        print(_added(options.side, options.chunks, options.fast_plus))
        return 0
    return _compare(options.fast_plus, options.count, options.rounds)


def _compare(fast_plus: Path | None, count: int, rounds: int) -> int:
    chunks = generated_chunks("smooth", count, 50, 14).astype(np.float32)
    rows, missed = [], False
    with TemporaryDirectory() as folder, ProgressBar("processes", unit="processes") as bar:
        file = Path(folder, "chunks.npy")
        np.save(file, chunks)
        for place, (side, label) in enumerate(SIDES.items()):
            added = []
            for turn in range(rounds):
                added.append(_in_a_process(side, file, fast_plus))
                bar.update(place * rounds + turn + 1, rounds * len(SIDES))
            ratio = median(added) / chunks.nbytes
            ours = side != "reference"
            word = verdict(ratio, BAR, None, at_most=True) if ours else ""
            missed |= word == "MISSED"
            bar_text = f"< {BAR:.0f}x" if ours else ""
            rows.append([label, f"{median(added) / 2**20:.1f}", f"{ratio:.2f}x", bar_text, word])
    print(f"encoding {count} chunks of 50x14 float32, {chunks.nbytes / 2**20:.1f} MiB\n")
    print(format_table(["", "MiB added", "of the input", "bar", ""], rows))
    return int(missed)


def _in_a_process(side: str, file: Path, fast_plus: Path | None) -> int:
    command = [sys.executable, __file__, "--side", side, "--chunks", str(file)]
    command += [] if fast_plus is None else ["--fast-plus", str(fast_plus)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)


def _added(side: str, file: Path, fast_plus: Path | None) -> int:
    contenders = load_contenders(fast_plus)
    sides: dict[str, Callable[[Floats], object]] = {
        "flat": contenders.ours.encode,
        "lists": contenders.ours,
        "reference": contenders.peers[0].encode,
    }
    encode, chunks = sides[side], np.load(file)
    encode(chunks[:8])
    before = start_looking()
    kept = encode(chunks)
    added = peak_bytes() - before
    del kept
    return added


if __name__ == "__main__":
    sys.exit(main())
