"""Does every canvas of FAST tokens that is decoded under the length constraint hold a whole chunk?

    python benchmarks/constrained_canvases.py
    python benchmarks/constrained_canvases.py --count 4000   # quicker

The logits are random, or made to mislead: all for padding, none for it, for padding in the first half, for the
longest tokens, the shortest, or for the ids of one chunk at the places of another. Orders, schedules,
temperatures, acceptance and re-masking change from batch to batch. Every result is decoded strictly. The same
logits are decoded without the constraint, to say how often that is an action. Exits with 1 if a constrained one
is not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from chunks import generated_chunks
from contenders import add_fast_plus_argument, load_contenders
from table import format_table

from fast_tokenizer import FastTokenizer, decode_masked
from fast_tokenizer.codecs import FastCodec
from fast_tokenizer.diffusion import (
    ConfidenceFactor,
    ConfidenceThreshold,
    DecodeContext,
    GroupedByTimeStep,
    Power,
    RemaskBelow,
    RemaskTop,
    ReMDM,
)
from fast_tokenizer.progress import ProgressBar

SHAPES = {(5, 7): 0.5, (16, 7): 0.35, (50, 14): 0.15}  # and the part of the canvases that each gets
SPARE = 1.25  # a canvas for so many times the longest of some encodings
ROWS = 100  # at once
ROUNDS = 12

Logits: TypeAlias = "npt.NDArray[np.float32]"
Ids: TypeAlias = "npt.NDArray[np.int64]"
Bias: TypeAlias = Callable[[FastCodec, Ids, np.random.Generator, int], Logits]
"""What is added to the logits of so many canvases, given some that are encodings."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_fast_plus_argument(parser)
    parser.add_argument("--count", type=int, default=100_000, help="canvases in all (%(default)s)")
    options = parser.parse_args()
    contenders = load_contenders(options.fast_plus)
    print(f"published format: {contenders.vocabulary}\n")
    rows, total, failed = [], 0, 0
    for shape, part in SHAPES.items():
        each = -int(-part * options.count // (3 * len(_BIASES)))
        chunks = generated_chunks("smooth", 1000, *shape)
        codecs: dict[str, FastCodec] = {
            "published": contenders.ours.codec,
            "fitted, bytes": FastTokenizer.fit(chunks, scheme="bytes").codec,
            "fitted, symbols": FastTokenizer.fit(chunks, scheme="symbols").codec,
        }
        for name, codec in codecs.items():
            batch = codec.encode(chunks)
            examples = batch.padded(max_length=int(SPARE * batch.lengths.max()))[0].astype(np.int64)
            for kind in _BIASES:
                label = f"{name}, {shape[0]}x{shape[1]}, {kind}"
                bad, free = _decode(label, codec, examples, shape, kind, each)
                rows.append([label, str(each), str(bad), f"{free / each:.1%}"])
                total, failed = total + each, failed + bad
    print(format_table(["canvases", "count", "undecodable", "undecodable without the constraint"], rows), "\n")
    print(f"{total} canvases, {failed} undecodable")
    return int(failed > 0)


def _decode(
    label: str, codec: FastCodec, examples: Ids, shape: tuple[int, int], kind: str, count: int
) -> tuple[int, int]:
    """How many of `count` canvases do not decode, and how many do not without the constraint."""
    rng = np.random.default_rng([len(label), *shape])
    length = examples.shape[1]
    constraint = codec.canvas_constraint(*shape, length)
    settings = _settings(rng, shape[1])
    bad = free = 0
    with ProgressBar(label, unit="canvases") as bar:
        for begin in range(0, count, ROWS):
            rows = min(ROWS, count - begin)
            logits = rng.normal(0, 2, (rows, length, constraint.ids)).astype(np.float32)
            logits += _BIASES[kind](codec, examples, rng, rows)

            def model(ids: Any, context: DecodeContext, logits: Logits = logits) -> Logits:
                return np.asarray(logits[context.rows])

            arguments = next(settings)
            canvas = np.full((rows, length), codec.vocabulary.mask_id)
            for constrained in (True, False):
                result = decode_masked(
                    model,
                    canvas,
                    mask_id=codec.vocabulary.mask_id,
                    rounds=ROUNDS,
                    constraint=constraint if constrained else None,
                    seeds=rng.integers(2**62, size=rows),
                    **arguments,
                )
                status = codec.decode_checked(result.ids, horizon=shape[0], action_dim=shape[1]).status
                if constrained:
                    bad += int((status != 0).sum())
                else:
                    free += int((status != 0).sum())
            bar.update(begin + rows, count)
    return bad, free


def _settings(rng: np.random.Generator, action_dim: int) -> Iterator[dict[str, Any]]:
    """Keyword arguments of `decode_masked`, others each time."""
    choices: dict[str, list[Any]] = {
        "schedule": ["cosine", "linear", "even", Power(2.0)],
        "order": ["max_prob", "margin", "neg_entropy", "random", "left_to_right", GroupedByTimeStep(action_dim)],
        "token_temperature": [0.0, 1.0, 0.5],
        "order_temperature": [0.0, lambda played, rounds: 1 - (played + 1) / rounds],
        "accept": [None, None, ConfidenceThreshold(0.5), ConfidenceFactor(1.0)],
        "remask": [None, None, RemaskBelow(0.5), RemaskTop(2), ReMDM(0.1)],
    }
    while True:
        yield {name: some[rng.integers(len(some))] for name, some in choices.items()}


def _for_padding(codec: FastCodec, examples: Ids, rng: np.random.Generator, rows: int) -> Logits:
    return np.where(np.arange(codec.vocabulary.size + 1) == codec.vocabulary.pad_id, np.float32(50), np.float32(0))


def _by_length(sign: int, codec: FastCodec) -> Logits:
    lengths = np.array([len(token) for token in codec.tokens] + [0], np.float32)
    return np.asarray(10 * sign * lengths, np.float32)


def _padding_first(codec: FastCodec, examples: Ids, rng: np.random.Generator, rows: int) -> Logits:
    half = np.arange(examples.shape[1]) < examples.shape[1] // 2
    return np.asarray(half[:, None] * _for_padding(codec, examples, rng, rows), np.float32)


def _encodings(codec: FastCodec, examples: Ids, rng: np.random.Generator, rows: int) -> Logits:
    """For the ids of an encoding, in some places those of another."""
    one, other = examples[rng.integers(len(examples), size=(2, rows))]
    wanted = np.where(rng.random(one.shape) < 0.1, other, one)
    logits = np.zeros((*wanted.shape, codec.vocabulary.size + 1), np.float32)
    np.put_along_axis(logits, wanted[..., None], 12, axis=2)
    return logits


_BIASES: dict[str, Bias] = {
    "random": lambda codec, examples, rng, rows: np.zeros(codec.vocabulary.size + 1, np.float32),
    "padding": _for_padding,
    "no padding": lambda codec, examples, rng, rows: -_for_padding(codec, examples, rng, rows),
    "padding first": _padding_first,
    "the longest": lambda codec, examples, rng, rows: _by_length(1, codec),
    "the shortest": lambda codec, examples, rng, rows: _by_length(-1, codec),
    "mixed encodings": _encodings,
}


if __name__ == "__main__":
    sys.exit(main())
