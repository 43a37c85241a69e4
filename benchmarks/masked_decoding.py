"""What masked decoding costs beside the model, against the published decoder in numpy.

    python benchmarks/masked_decoding.py

The peer is MaskGIT's decoding as the published systems have it, written anew in numpy: a float64 softmax over the
whole canvas, tokens drawn by Gumbel noise, the order by log probability plus Gumbel noise, and the least certain
masked again, for every row in lockstep. The model takes no time: its logits lie ready. By turns in one process, on
one thread.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from table import format_table, verdict
from timing import Work, median_ratio, take_turns

from fast_tokenizer import _core, decode_masked

REDUCTION_BARS = {(64, 2048): 20.0, (56, 256): 8.0}
WARM = "drawn at 0.7"  # no bar: the published decoder draws at 1, and here another temperature is a second pass
DECODE_SHAPE, DECODE_ROUNDS, DECODE_BAR = (32, 56, 256), 12, 10.0

Logits: TypeAlias = "npt.NDArray[np.float32]"
Ids: TypeAlias = "npt.NDArray[np.int64]"
Figures: TypeAlias = "npt.NDArray[np.float64]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each side (%(default)s)")
    options = parser.parse_args()
    rows: list[list[str]] = []
    for shape, bar in REDUCTION_BARS.items():
        rows += _rows(f"reduction, {shape[0]}x{shape[1]}", _reductions(*shape), bar, options.rounds)
    rows += _rows(
        f"decoding, {_by(DECODE_SHAPE)}, {DECODE_ROUNDS} rounds", _decodings(), DECODE_BAR, options.rounds
    )
    print(format_table(["", "here, us", "peer, us", "ratio", "bar", ""], rows))
    return int(any(row[-1] == "MISSED" for row in rows))


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _rows(label: str, works: dict[str, tuple[Work, Work]], bar: float, rounds: int) -> list[list[str]]:
    rows = []
    for name, (ours, peer) in works.items():
        turns = take_turns(f"{label}, {name}", {"here": ours, "peer": peer}, rounds)
        ratio = median_ratio(turns["peer"], turns["here"])
        times = [f"{median(turns[side]) * 1e6:.0f}" for side in ("here", "peer")]
        bar_of_this = None if name == WARM else bar
        said = "" if bar_of_this is None else f"{bar_of_this:.0f}x"
        rows.append([f"{label}, {name}", *times, f"{ratio:.1f}x", said, verdict(ratio, bar_of_this, None)])
    return rows


def _reductions(length: int, ids: int) -> dict[str, tuple[Work, Work]]:
    """The logits of a canvas that is all masks, with tokens that are drawn and tokens that are likeliest."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (1, length, ids)).astype(np.float32)
    asked = np.ones((1, length), bool)
    uniform = rng.random((1, length))

    def here(temperature: float) -> Work:
        temperatures = np.array([temperature])
        return partial(_core.reduce_logits, logits, asked, None, None, None, None, temperatures, uniform)

    return {
        "likeliest": (here(0.0), partial(_peer_reduction, logits, rng)),
        "drawn": (here(1.0), partial(_peer_reduction, logits, rng)),
        WARM: (here(0.7), partial(_peer_reduction, logits / np.float32(0.7), rng)),
    }


def _decodings() -> dict[str, tuple[Work, Work]]:
    rng = np.random.default_rng(1)
    batch, length, ids = DECODE_SHAPE
    logits = rng.normal(0, 2, DECODE_SHAPE).astype(np.float32)
    canvas = np.full((batch, length), ids)
    peer = partial(_peer_decode, lambda tokens: logits, canvas, ids, rng)
    ours = partial(
        decode_masked,
        lambda tokens, context: logits[: len(tokens)],
        canvas,
        mask_id=ids,
        rounds=DECODE_ROUNDS,
        seeds=np.arange(batch),
    )
    annealed = partial(ours, token_temperature=1.0, order_temperature=_annealed)
    return {"both temperatures": (annealed, peer), "the likeliest": (ours, peer)}


def _annealed(played: int, rounds: int) -> float:
    return 1 - (played + 1) / rounds


def _gumbel(rng: np.random.Generator, shape: tuple[int, ...]) -> Figures:
    return np.asarray(-np.log(-np.log(rng.random(shape) + 1e-20) + 1e-20))


def _peer_reduction(logits: Logits, rng: np.random.Generator) -> tuple[Ids, Figures]:
    """Tokens `[B, L]` drawn by Gumbel noise, and the probability of each."""
    wide = logits.astype(np.float64)
    weights = np.exp(wide - wide.max(axis=-1, keepdims=True))
    probabilities = weights / weights.sum(axis=-1, keepdims=True)
    tokens = (np.log(probabilities) + _gumbel(rng, wide.shape)).argmax(axis=-1)
    return tokens, np.take_along_axis(probabilities, tokens[..., None], axis=-1)[..., 0]


def _peer_decode(model: Callable[[Ids], Logits], canvas: Ids, mask_id: int, rng: np.random.Generator) -> Ids:
    ids = canvas.copy()
    count = (ids == mask_id).sum(axis=1, keepdims=True)
    for step in range(DECODE_ROUNDS):
        masked = ids == mask_id
        tokens, chances = _peer_reduction(model(ids), rng)
        tokens = np.where(masked, tokens, ids)
        chances = np.where(masked, chances, np.inf)
        left = np.floor(count * np.cos(np.pi / 2 * (step + 1) / DECODE_ROUNDS))
        left = np.maximum(0, np.minimum(masked.sum(axis=1, keepdims=True) - 1, left)).astype(np.int64)
        certainty = np.log(chances) + _annealed(step, DECODE_ROUNDS) * _gumbel(rng, chances.shape)
        cut = np.take_along_axis(np.sort(certainty, axis=1), left, axis=1)
        ids = np.where(certainty < cut, mask_id, tokens)
    return ids


if __name__ == "__main__":
    sys.exit(main())
