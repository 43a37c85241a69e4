"""Does every constrained generation end in an action, and is every encoding of real data let through?

    python benchmarks/constrained_generation.py
    python benchmarks/constrained_generation.py --count 4000   # quicker

Models without a network choose among the allowed ids: one draws at random, one always takes the worst (the id
that leaves the fewest ways on, among some; the shortest; its least likely), one is half trained (how often an id
follows another in encodings, mixed with noise). Every sequence is decoded strictly. Exits with 1 if one does not
decode, does not end, or an encoding of the recordings is refused. Then the time of a mask: the peer is the same
mask made in numpy from a table of allowed ids.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from chunks import generated_chunks, recorded_chunks
from contenders import add_data_argument, add_fast_plus_argument, load_contenders
from table import format_table, verdict
from timing import Work, median_ratio, take_turns

from fast_tokenizer import FastTokenizer, FastTokenizerError
from fast_tokenizer.constraint import ActionConstraint, ConstraintState, ModelBitmask
from fast_tokenizer.progress import ProgressBar
from fast_tokenizer.token_batch import TokenLists

SHAPES = ((1, 1), (5, 7), (16, 7), (50, 14))
ROWS = 250  # at once
MASK_ROWS, MASK_BAR = 32, 50.0  # microseconds
MODEL_VOCABULARY = 257_152  # PaliGemma

Mask: TypeAlias = "npt.NDArray[np.bool_]"
Scores: TypeAlias = "npt.NDArray[np.float32]"
Ids: TypeAlias = "npt.NDArray[np.int64]"
Choice: TypeAlias = Callable[[ActionConstraint, ConstraintState, Mask, Ids], Ids]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_fast_plus_argument(parser)
    add_data_argument(parser)
    parser.add_argument("--count", type=int, default=50_000, help="generations in all (%(default)s)")
    options = parser.parse_args()
    contenders = load_contenders(options.fast_plus)
    print(f"published format: {contenders.vocabulary}\n")
    tokenizers = {"published": contenders.ours, **_fitted()}
    failures = _generate(tokenizers, options.count)
    if options.data is not None:
        failures += _refused(contenders.ours, options.data)
    _mask_times(contenders.ours)
    return int(failures > 0)


def _fitted() -> dict[str, FastTokenizer]:
    chunks = generated_chunks("smooth", 3000, 16, 7)
    return {
        "fitted, bytes": FastTokenizer.fit(chunks, scheme="bytes"),
        "fitted, symbols": FastTokenizer.fit(chunks, scheme="symbols"),
    }


def _generate(tokenizers: dict[str, FastTokenizer], count: int) -> int:
    rows, bad = [], 0
    each = -(-count // (len(tokenizers) * len(SHAPES) * 5))
    for name, tokenizer in tokenizers.items():
        for shape in SHAPES:
            constraint = tokenizer.codec.constraint(*shape)
            for model, choose in _models(tokenizer).items():
                generated = undecodable = ids = alike = 0
                with ProgressBar(f"{name}, {shape[0]}x{shape[1]}, {model}", unit="sequences") as bar:
                    for begin in range(0, each, ROWS):
                        tokens = _run(constraint, choose, min(ROWS, each - begin))
                        status = tokenizer.decode_checked(tokens)[1]
                        generated += len(tokens)
                        undecodable += int((status != 0).sum())
                        ids += sum(map(len, tokens))
                        alike += _written_alike(tokenizer, tokens, constraint.length)
                        bar.update(begin + len(tokens), each)
                bad += undecodable
                rows.append(
                    [
                        f"{name}, {shape[0]}x{shape[1]}, {model}",
                        str(generated),
                        str(undecodable),
                        f"{ids / generated:.1f}",
                        f"{alike / generated:.1%}",
                    ]
                )
    print(format_table(["generations", "count", "undecodable", "ids each", "as encoding writes them"], rows), "\n")
    print(f"{sum(int(row[1]) for row in rows)} generations, {bad} undecodable, all ended\n")
    return bad


def _run(constraint: ActionConstraint, choose: Choice, count: int) -> TokenLists:
    state = constraint.start(count)
    lists: list[list[int]] = [[] for _ in range(count)]
    rows, ids = np.arange(count), np.full(count, -1)
    for _ in range(4 * constraint.length):  # an id completes a byte at least, and four are a coefficient
        mask = constraint.allowed_mask(state)[:, : constraint.vocabulary.size]
        if not mask.any(axis=1).all():
            raise SystemExit("a dead end")
        ids = choose(constraint, state, mask, ids)
        state = constraint.advance(state, ids)
        for row, one in zip(rows.tolist(), ids.tolist(), strict=True):
            lists[row].append(one)
        going_on = ~state.complete
        state, rows, ids = state[going_on], rows[going_on], ids[going_on]
        if not rows.size:
            return TokenLists(lists, constraint.horizon, constraint.action_dim, np.zeros(count, bool))
    raise SystemExit("a generation does not end")


def _models(tokenizer: FastTokenizer) -> dict[str, Choice]:
    """What chooses, by name: (constraint, state, mask, the ids before) to ids."""
    rng = np.random.default_rng(0)
    followers = _followers(tokenizer)
    lengths = np.array([len(token) for token in tokenizer.codec.tokens], np.float32)

    def noise(mask: Mask) -> Scores:
        return rng.random(mask.shape, np.float32)

    def half_trained(mask: Mask, ids: Ids) -> Scores:
        gumbel: Scores = -np.log(-np.log(np.clip(noise(mask), 1e-6, 1 - 1e-6)))
        return np.asarray(followers[ids] + gumbel, np.float32)

    def fewest_ways_on(constraint: ActionConstraint, state: ConstraintState, mask: Mask, ids: Ids) -> Ids:
        some = np.where(mask, noise(mask), -1).argpartition(-4, axis=1)[:, -4:]
        best = some[:, -1]
        fewest = np.full(len(best), np.inf)
        for candidate in some.T:
            rows = np.flatnonzero(mask[np.arange(len(mask)), candidate])
            ways = constraint.allowed_mask(constraint.advance(state[rows], candidate[rows])).sum(axis=1)
            better = rows[ways < fewest[rows]]
            fewest[better] = ways[ways < fewest[rows]]
            best[better] = candidate[better]
        return np.asarray(best)

    return {
        "at random": lambda constraint, state, mask, ids: _best(mask, noise(mask)),
        "half trained": lambda constraint, state, mask, ids: _best(mask, half_trained(mask, ids)),
        "its least likely": lambda constraint, state, mask, ids: _best(mask, -half_trained(mask, ids)),
        "the shortest": lambda constraint, state, mask, ids: _best(mask, noise(mask) - lengths),
        "fewest ways on": fewest_ways_on,
    }


def _best(mask: Mask, scores: Scores) -> Ids:
    return np.asarray(np.where(mask, scores, -np.inf).argmax(axis=1))


def _followers(tokenizer: FastTokenizer) -> Scores:
    """Log frequency of each id behind each other one, in encodings; the last row is the first id."""
    batch = tokenizer.encode(generated_chunks("smooth", 1000, 16, 7))
    counts = np.full((len(tokenizer) + 1, len(tokenizer)), 0.02, np.float32)
    before = np.r_[-1, batch.ids[:-1]]
    before[batch.offsets[:-1]] = -1
    np.add.at(counts, (before, batch.ids), 1)
    return np.asarray(np.log(counts / counts.sum(axis=1, keepdims=True)), np.float32)


def _written_alike(tokenizer: FastTokenizer, tokens: TokenLists, length: int) -> int:
    """How many sequences are what encoding writes for their coefficients."""
    # One step is its own transform: so the coefficients come back as they are, whatever the shape.
    points = tokenizer.codec.decode(list(tokens), horizon=1, action_dim=length)
    again = tokenizer(np.asarray(points))
    return sum(one == other for one, other in zip(again, tokens, strict=True))


def _refused(published: FastTokenizer, data: Path) -> int:
    """Encodings of recordings that a constraint does not let through: there should be none."""
    rows, total = [], 0
    for file in sorted(data.glob("*.npz")):
        chunks = recorded_chunks(file)
        cells = [file.stem, str(len(chunks))]
        for tokenizer in (published, FastTokenizer.fit(chunks, scheme="bytes"), FastTokenizer.fit(chunks)):
            tokens = list(tokenizer(chunks))
            constraint = tokenizer.codec.constraint(*chunks.shape[1:])
            refused = 0
            try:
                complete = constraint.follow(constraint.start(len(tokens)), tokens).complete
                refused = int((~complete).sum())
            except FastTokenizerError:
                refused = sum(not _lets_through(constraint, ids) for ids in tokens)
            cells.append(str(refused))
            total += refused
        rows.append(cells)
    header = ["encodings refused", "chunks", "published", "fitted, bytes", "fitted, symbols"]
    print(format_table(header, rows), "\n")
    return total


def _lets_through(constraint: ActionConstraint, ids: list[int]) -> bool:
    try:
        return bool(constraint.follow(constraint.start(), [ids]).complete.all())
    except FastTokenizerError:
        return False


def _mask_times(tokenizer: FastTokenizer) -> None:
    constraint = tokenizer.codec.constraint(50, 14)
    tokens = tokenizer(generated_chunks("smooth", MASK_ROWS, 50, 14))
    state = constraint.progress([ids[: len(ids) // 2] for ids in tokens])
    places = np.append(MODEL_VOCABULARY - 129 - np.arange(len(tokenizer)), [0, 1, -1])
    bitmask = np.zeros((MASK_ROWS, -(-MODEL_VOCABULARY // 32)), np.int32)
    model_bits = ModelBitmask(places)
    allowed = [np.flatnonzero(row) for row in constraint.allowed_mask(state)]
    ids = np.array([row[0] for row in allowed])

    def from_lists() -> None:
        mask = np.zeros((MASK_ROWS, len(tokenizer) + 3), bool)
        for row, columns in zip(mask, allowed, strict=True):
            row[columns] = True

    works: dict[str, Work] = {
        "mask": partial(constraint.allowed_mask, state),
        "advance": partial(constraint.advance, state, ids),
        f"bits of {MODEL_VOCABULARY}": partial(model_bits.fill, constraint, state, bitmask),
        "peer": from_lists,
    }
    turns = take_turns("masks", works, 15)
    rows = [
        [
            name,
            f"{median(times) * 1e6:.1f}",
            f"{median_ratio(times, turns['peer']):.2f}x",
            "" if name == "peer" else verdict(median(times) * 1e6, MASK_BAR, None, at_most=True),
        ]
        for name, times in turns.items()
    ]
    header = [f"{MASK_ROWS} rows, {len(tokenizer)} ids", "us a step", "of the peer", f"<= {MASK_BAR:.0f} us"]
    print(format_table(header, rows))


if __name__ == "__main__":
    sys.exit(main())
