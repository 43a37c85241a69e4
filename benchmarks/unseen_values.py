"""Values that the training data never had: is every chunk that comes back changed also told to be clipped?

    python benchmarks/unseen_values.py --data RECORDINGS

For each recording a tokenizer is fitted on 80% of the chunks, in both schemes, and tries the others: 1.5 and 3
times as large, with a step, and with spikes. A chunk must come back as rounding alone leaves it, each coefficient
within half a step, or be told clipped, or be refused with an error. Exits with 1 if one does not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from chunks import recorded_chunks
from table import format_table

from fast_tokenizer import EncodeError, FastTokenizer, TrainingError, _core
from fast_tokenizer.codecs.fast import Scheme

SCALE, VOCAB_SIZE = 10.0, 1024
SLACK = 1e-9

Floats = npt.NDArray[np.float64]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of recordings")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    changes: dict[str, Callable[[Floats], Floats]] = {
        "as they are": lambda chunks: chunks,
        "x1.5": lambda chunks: 1.5 * chunks,
        "x3": lambda chunks: 3.0 * chunks,
        "a step of 2": lambda chunks: chunks + 2.0 * (np.arange(chunks.shape[1]) >= chunks.shape[1] // 2)[:, None],
        "spikes of 5": lambda chunks: chunks + 5.0 * (rng.random(chunks.shape) < 0.01),
    }
    rows, silent = [], 0
    for file in sorted(options.data.glob("*.npz")):
        chunks = recorded_chunks(file)
        cut = len(chunks) * 4 // 5
        schemes: tuple[Scheme, ...] = ("symbols", "bytes")
        for scheme in schemes:
            try:
                tokenizer = FastTokenizer.fit(chunks[:cut], SCALE, VOCAB_SIZE, scheme=scheme)
            except TrainingError as error:
                rows.append([file.stem, scheme, f"cannot be fitted: {error}"[:40], "", "", "", ""])
                continue
            for name, change in changes.items():
                changed = change(chunks[cut:])
                counts = _judge(tokenizer, changed)
                silent += counts[3]
                rows.append([file.stem, scheme, name, str(len(changed)), *map(str, counts[1:])])
    print(format_table(["recording", "scheme", "values", "chunks", "clipped", "refused", "silent errors"], rows))
    return int(silent > 0)


def _judge(tokenizer: FastTokenizer, chunks: Floats) -> tuple[int, int, int, int]:
    """Chunks that came back well, were told clipped, were refused, and came back wrong without a word."""
    well = clipped = refused = silent = 0
    for chunk in chunks:
        try:
            batch = tokenizer.encode(chunk)
        except EncodeError:
            refused += 1
            continue
        error = _core.dct(np.ascontiguousarray(np.asarray(tokenizer.decode(batch)) - chunk))
        is_well = bool(np.abs(error).max() <= 0.5 / SCALE + SLACK)
        well += is_well
        clipped += bool(batch.clipped[0])
        silent += not is_well and not bool(batch.clipped[0])
    return well, clipped, refused, silent


if __name__ == "__main__":
    sys.exit(main())
