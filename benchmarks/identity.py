"""Are the ids those of the reference? On recorded and on generated chunks, in float32 and float64.

    python benchmarks/identity.py                  # ids of recorded and generated chunks: ten minutes
    python benchmarks/identity.py --merges         # merges of a fit in the published format, on three files
    python benchmarks/identity.py --count 1000     # quicker

Exits with 1 if a chunk or a merge differs. The peer is scipy and tokenizers, in the same process.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import numpy as np
from chunks import Doubles, Kind, blocks, generated_chunks, recorded_chunks
from contenders import Contenders, add_data_argument, add_fast_plus_argument, load_contenders
from peers import ReferencePipeline, vocabulary_and_merges
from table import format_table

from fast_tokenizer import FastTokenizer
from fast_tokenizer.actions import Floats
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.progress import ProgressBar

SHAPES = ((1, 7), (4, 7), (5, 7), (16, 7), (50, 14), (100, 8), (50, 32))
DTYPES = (np.float32, np.float64)
FIT_FILES = ("droid_franka_8d_15hz", "aloha_sim_scripted_14d_50hz", "pusht_human_2d_10hz")
FIT_SIZES = (512, 1024, 2048)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_fast_plus_argument(parser)
    add_data_argument(parser)
    parser.add_argument(
        "--count", type=int, default=20_000, help="generated chunks a shape and kind (%(default)s)"
    )
    parser.add_argument("--stride", type=int, help="steps between recorded chunks (a fifth of a second)")
    parser.add_argument("--merges", action="store_true", help="compare the merges of a fit instead")
    options = parser.parse_args()
    if options.merges:
        if options.data is None:
            parser.error("--merges needs --data")
        return compare_merges(options.data, options.stride)
    return compare_ids(load_contenders(options.fast_plus), options.data, options.count, options.stride)


def compare_ids(contenders: Contenders, data: Path | None, count: int, stride: int | None) -> int:
    print(f"ids of {contenders.vocabulary}, against scipy and tokenizers")
    print("generated chunks only: no --data" if data is None else f"recordings of {data}", end="\n\n")
    rows, differing = [], 0
    for name, total, chunks_of, shape in _cells(data, count, stride):
        different, clipped = _compare_cell(name, contenders, total, chunks_of, shape)
        differing += sum(different)
        rows.append([name, f"{shape[0]}x{shape[1]}", str(total), str(clipped), *map(str, different)])
    print(format_table(["cell", "shape", "chunks", "clipped", "differ, float32", "differ, float64"], rows))
    print(f"\n{differing} chunks differ")
    return int(differing > 0)


def _cells(
    data: Path | None, count: int, stride: int | None
) -> Iterator[tuple[str, int, Callable[[slice], Doubles], tuple[int, int]]]:
    """Names, numbers of chunks, what gives a slice of the chunks, and shapes."""
    for file in sorted(data.glob("*.npz")) if data is not None else ():
        recorded = recorded_chunks(file, stride)
        yield file.stem, len(recorded), recorded.__getitem__, (recorded.shape[1], recorded.shape[2])
    for horizon, dim in SHAPES:
        for kind in get_args(Kind):
            yield f"{kind}, generated", count, _generator(kind, horizon, dim), (horizon, dim)


def _generator(kind: Kind, horizon: int, dim: int) -> Callable[[slice], Doubles]:
    return lambda part: generated_chunks(kind, part.stop - part.start, horizon, dim, seed=part.start)


def _compare_cell(
    label: str,
    contenders: Contenders,
    total: int,
    chunks_of: Callable[[slice], Doubles],
    shape: tuple[int, int],
) -> tuple[list[int], int]:
    """Chunks that differ in each precision, and chunks with a clipped coefficient."""
    different, clipped = [0] * len(DTYPES), 0
    with ProgressBar(f"{label} {shape[0]}x{shape[1]}", unit="chunks") as bar:
        for part in blocks(total, shape[0] * shape[1]):
            chunks = chunks_of(part)
            for place, dtype in enumerate(DTYPES):
                typed = chunks.astype(dtype)
                tokens = contenders.ours(typed)
                pairs = zip(tokens, _reference_ids(contenders.peers[0], typed), strict=True)
                different[place] += sum(ours != theirs for ours, theirs in pairs)
            clipped += int(tokens.clipped.sum())
            bar.update(part.stop, total)
    return different, clipped


def _reference_ids(peer: ReferencePipeline, chunks: Floats) -> list[list[int]]:
    return [encoding.ids for encoding in peer.bpe.encode_batch(peer.texts(chunks))]


def compare_merges(data: Path, stride: int | None) -> int:
    print(f'merges of fit(scheme="bytes") on recordings of {data}, against scipy and tokenizers\n')
    rows, differing = [], 0
    with ProgressBar("fits", unit="fits") as bar:
        for name in FIT_FILES:
            chunks = recorded_chunks(data / f"{name}.npz", stride).astype(np.float32)
            for vocab_size in FIT_SIZES:
                outcome, same = _compare_fit(chunks, vocab_size)
                differing += not same
                rows.append([name, str(len(chunks)), str(vocab_size), *outcome])
                bar.update(len(rows), len(FIT_FILES) * len(FIT_SIZES))
    print(format_table(["file", "chunks", "vocab_size", "ours", "reference", "first difference"], rows))
    print(f"\n{differing} fits differ")
    return int(differing > 0)


def _compare_fit(chunks: Floats, vocab_size: int) -> tuple[list[str], bool]:
    """Merges of ours and of the reference, the first rank where they differ; and whether all is equal."""
    ours, theirs = _our_fit(chunks, vocab_size), _their_fit(chunks, vocab_size)
    if ours is None or theirs is None:
        cells = ["refused" if fit is None else f"{len(fit[1])} merges" for fit in (ours, theirs)]
        return [*cells, "-"], ours is theirs
    different = [rank for rank, (a, b) in enumerate(zip(ours[1], theirs[1], strict=False)) if a != b]
    if len(ours[1]) != len(theirs[1]):
        different.append(min(len(ours[1]), len(theirs[1])))
    first = f"rank {different[0]}" if different else "none" if ours == theirs else "vocabulary"
    return [f"{len(ours[1])} merges", f"{len(theirs[1])} merges", first], ours == theirs


def _our_fit(chunks: Floats, vocab_size: int) -> tuple[list[str], list[tuple[str, str]], int] | None:
    try:
        fitted = FastTokenizer.fit(chunks, vocab_size=vocab_size, scheme="bytes")
    except TrainingError:
        return None
    tokens = fitted.codec.tokens
    merges = [(tokens[left], tokens[right]) for left, right, _ in fitted.codec.merges.tolist()]
    return list(tokens), merges, fitted.min_token


def _their_fit(chunks: Floats, vocab_size: int) -> tuple[list[str], list[tuple[str, str]], int] | None:
    try:
        fitted = ReferencePipeline.fit(chunks, vocab_size)
    except ValueError:
        return None
    return *vocabulary_and_merges(fitted.bpe), fitted.min_token


if __name__ == "__main__":
    sys.exit(main())
