"""How many tokens a chunk takes, against the reference's fit, on every recording of a folder.

    python benchmarks/tokens_by_dataset.py --data DIR               # some minutes
    python benchmarks/tokens_by_dataset.py --data DIR --only droid  # files whose names hold this

Chunks of one second, a quarter of a second apart. Of each recording 80% of the episodes, drawn by a seed, are for
fitting: the normaliser (1st and 99th percentile to -1 and 1) and vocabularies of 1024 tokens. What is counted
are tokens and errors of the other episodes, in normalised units. Three are compared:

- the reference's fit: scale 10, trained and encoded by the tokenizers library in this process;
- scheme "symbols" at scale 10, plainly rounded: the same integers, and so the same error;
- scheme "symbols" with rdo, at a finer scale, so that its error is no larger.

Scale and rdo are chosen on the fitting episodes alone: these are split in folds, each is encoded with the
vocabulary that the others give, and of all scales the one is taken that needs the fewest tokens at the error of
scale 10, less a margin.

Values beyond the range of the fitted episodes come up too. The reference clips what lies below it, and loses
chunks whose bytes its vocabulary lacks; "symbols" clips what lies beyond one and a half times the range. Tokens
are counted of all chunks, errors of those that "symbols" does not clip. Exits with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from peers import ReferencePipeline
from table import format_table, verdict

from fast_tokenizer import FastTokenizer
from fast_tokenizer.actions import Floats
from fast_tokenizer.chunking import cut_chunks, split_episodes
from fast_tokenizer.normalization import Normalizer
from fast_tokenizer.progress import ProgressBar

VOCAB_SIZE = 1024
SCALE = 10.0
FITTED = 0.8  # of the episodes
FOLDS = 3
CHUNKS_A_FOLD = 100  # that scale and rdo are chosen on, at most
SCALES = (10.5, 11.0, 11.5, 12.0, 13.0)
RDO_RANGE = (0.25, 64.0)
HALVINGS = 7
MARGIN = 0.005  # of the error, for what other episodes may have more of

MOST_ABOVE = 0.03  # that tokens of "symbols" may be above the reference's on a file, and
ENOUGH_CHUNKS = 500  # for which files
BAR, GOAL = 0.94, 0.85  # tokens with rdo, of those of the reference

Episodes = list[Floats]


class Figures(NamedTuple):
    """Tokens a chunk, and the mean squared error of each chunk, NaN where it was clipped."""

    tokens: float
    errors: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """What was seen on a recording."""

    name: str
    fitted_chunks: int
    reference: float  # tokens a chunk
    lost: int  # chunks that do not survive the reference's vocabulary
    symbols: Figures
    scale: float
    rdo: float
    optimized: Figures

    @property
    def error(self) -> float:
        """The root of the mean squared error of plain rounding."""
        return self._root_mean(self.symbols)

    @property
    def optimized_error(self) -> float:
        """The same with rdo, of the same chunks."""
        return self._root_mean(self.optimized)

    def _root_mean(self, figures: Figures) -> float:
        inside = ~np.isnan(self.symbols.errors + self.optimized.errors)
        return float(np.sqrt(figures.errors[inside].mean()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of .npz: actions, episode_ends, hz")
    parser.add_argument("--only", default="", help="a part of the names of the files that are wanted")
    parser.add_argument("--seed", type=int, default=0, help="of the split (%(default)s)")
    options = parser.parse_args()
    files = sorted(file for file in options.data.glob("*.npz") if options.only in file.stem)
    if not files:
        parser.error(f"{options.data} has no .npz whose name holds {options.only!r}")
    rows = []
    with ProgressBar("recordings", unit="files") as bar:
        for done, file in enumerate(files, 1):
            rows.append(measure(file, options.seed))
            bar.update(done, len(files))
    return report(rows)


def measure(file: Path, seed: int) -> Row:
    """Fits and tries everything on one recording."""
    rng = np.random.default_rng(seed)
    with np.load(file) as content:
        episodes: Episodes = split_episodes(content["actions"], content["episode_ends"])
        horizon = round(float(content["hz"]))
    order = rng.permutation(len(episodes))
    count = round(FITTED * len(episodes))
    normalizer = Normalizer.fit(np.concatenate([episodes[place] for place in order[:count]]))
    normalized: Episodes = [normalizer.normalize(episodes[place]) for place in order]

    def cut(some: Episodes) -> Floats:
        return cut_chunks(some, horizon, max(1, horizon // 4))

    fitting, held_out = cut(normalized[:count]), cut(normalized[count:])
    reference, lost = try_reference(ReferencePipeline.fit(fitting, VOCAB_SIZE, SCALE), held_out)
    scale, rdo = choose([cut(normalized[fold:count:FOLDS]) for fold in range(FOLDS)])
    return Row(
        name=file.stem,
        fitted_chunks=len(fitting),
        reference=reference,
        lost=lost,
        symbols=figures_of(fit(fitting, SCALE), held_out, None),
        scale=scale,
        rdo=rdo,
        optimized=figures_of(fit(fitting, scale), held_out, rdo),
    )


def choose(folds: Sequence[Floats]) -> tuple[float, float]:
    """The scale, and the rdo at it, that need the fewest tokens at the error of plain rounding at scale 10."""
    trials = [fold[:: -(-len(fold) // CHUNKS_A_FOLD)] for fold in folds]

    def tokenizers_of(scale: float) -> list[FastTokenizer]:
        others = ([*folds[:place], *folds[place + 1 :]] for place in range(len(folds)))
        return [fit([chunk for fold in rest for chunk in fold], scale) for rest in others]

    def figures_at(tokenizers: Sequence[FastTokenizer], rdo: float | None) -> tuple[float, float]:
        each = [figures_of(one, trial, rdo) for one, trial in zip(tokenizers, trials, strict=True)]
        tokens, errors = zip(*each, strict=True)
        return float(np.mean(tokens)), float(np.sqrt(np.nanmean(np.concatenate(errors))))

    wanted = figures_at(tokenizers_of(SCALE), None)[1] * (1 - MARGIN)
    found = []
    for scale in SCALES:
        tokenizers = tokenizers_of(scale)
        low, high = RDO_RANGE
        for _ in range(HALVINGS):
            middle = float(np.sqrt(low * high))
            if figures_at(tokenizers, middle)[1] > wanted:
                low = middle
            else:
                high = middle
        found.append((figures_at(tokenizers, high)[0], scale, high))
    _, scale, rdo = min(found)
    return scale, rdo


def fit(chunks: Floats | list[Floats], scale: float) -> FastTokenizer:
    return FastTokenizer.fit(chunks, scale=scale, vocab_size=VOCAB_SIZE)


def figures_of(tokenizer: FastTokenizer, chunks: Floats, rdo: float | None) -> Figures:
    batch = tokenizer.encode(chunks, rdo=rdo)
    errors = np.square(tokenizer.decode(batch) - chunks).mean(axis=(1, 2))
    return Figures(float(batch.lengths.mean()), np.where(batch.clipped, np.nan, errors))


def try_reference(reference: ReferencePipeline, chunks: Floats) -> tuple[float, int]:
    """Tokens a chunk, and how many chunks are not decoded to the text that was encoded."""
    texts = reference.texts(chunks)
    ids = [reference.encode_text(text) for text in texts]
    lost = sum(reference.decode_ids(one) != text for one, text in zip(ids, texts, strict=True))
    return float(np.mean([len(one) for one in ids])), lost


def report(rows: Sequence[Row]) -> int:
    """Prints the table; 1 if a bar is missed."""
    print(f"chunks of one second, vocab_size {VOCAB_SIZE}; tokens a chunk of episodes that were held out\n")
    header = ["", "fitted", "tried", "reference", "lost", "symbols", "", "clipped"]
    header += ["scale", "rdo", "with rdo", "", "RMSE plain", "with rdo"]
    symbols = [row.symbols.tokens / row.reference for row in rows]
    optimized = [row.optimized.tokens / row.reference for row in rows]
    error = [row.optimized_error / row.error for row in rows]
    table = [
        [
            row.name,
            str(row.fitted_chunks),
            str(len(row.symbols.errors)),
            f"{row.reference:.2f}",
            str(row.lost),
            f"{row.symbols.tokens:.2f}",
            percent(symbols[place]),
            str(int(np.isnan(row.symbols.errors).sum())),
            f"{row.scale:g}",
            f"{row.rdo:.2f}",
            f"{row.optimized.tokens:.2f}",
            percent(optimized[place]),
            f"{row.error:.5f}",
            percent(error[place]),
        ]
        for place, row in enumerate(rows)
    ]
    means = [float(np.exp(np.log(ratios).mean())) for ratios in (symbols, optimized, error)]
    shown = [percent(mean) for mean in means]
    table.append(["geometric mean", *[""] * 5, shown[0], *[""] * 4, shown[1], "", shown[2]])
    print(format_table(header, table), "\n")
    judged = [one for one, row in zip(symbols, rows, strict=True) if row.fitted_chunks >= ENOUGH_CHUNKS]
    verdicts = {
        f"symbols at most {MOST_ABOVE:.0%} above on any file with {ENOUGH_CHUNKS} chunks": verdict(
            max(judged, default=0.0), 1 + MOST_ABOVE, None, at_most=True
        ),
        "symbols fewer in geometric mean": verdict(means[0], 1.0, None, at_most=True),
        f"with rdo at least {1 - BAR:.0%} fewer (goal {1 - GOAL:.0%})": verdict(means[1], BAR, GOAL, at_most=True),
        "with rdo at no more error, in geometric mean": verdict(means[2], 1.0, None, at_most=True),
    }
    for name, outcome in verdicts.items():
        print(f"{name}: {outcome}")
    return int("MISSED" in verdicts.values())


def percent(ratio: float) -> str:
    return f"{ratio - 1:+.1%}"


if __name__ == "__main__":
    sys.exit(main())
