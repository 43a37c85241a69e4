"""Experiment (h): seven dimensions that all have the same sign.

A model that knows the distribution exactly, and reveals k values at once before it has seen any, has them of one
sign with the chance `2^(1-k)`; what comes after follows what it sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.diffusion.schedules import masked_counts
from fast_tokenizer.lab.contestants import HEADS, make_head, make_trunk
from fast_tokenizer.lab.experiment import Choice, Experiment, Outcome, Progress, Settings, Trial
from fast_tokenizer.lab.summary import Check, Column, Rows, Summary
from fast_tokenizer.lab.training import Training, sample, seed_weights, train

_ACTION_DIM = 7
_EXAMPLES = 20_000
_MODE, _SPREAD = 0.6, 0.08
_BIN_COUNT = 32
_VOCAB_SIZE = 256  # of FAST: the examples show each of more ids too seldom
_ROUNDS = (1, 2, 3, 4, 7)
_JOINT = ("mixture", "bins-ar", "fast", "diffusion", "flow")
"""Heads that draw all values together."""


def _trials(choice: Choice) -> list[Trial]:
    heads = choice.among("heads", ["bins", "masked", *_JOINT], ["regression", "regression-l1"])
    steps, draws = choice.pick(300, 3000), choice.pick(1000, 10_000)
    return [
        Trial({"head": head, "steps": steps, "draws": draws, "seed": seed}, work=steps)
        for head in heads
        for seed in range(choice.pick(1, 5))
    ]


def _run(settings: Settings, progress: Progress) -> Mapping[str, Any]:
    """The part of the draws whose dimensions all have one sign."""
    name, seed, draws = str(settings["head"]), int(settings["seed"]), int(settings["draws"])
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], (_EXAMPLES, 1, 1))
    chunks = signs * _MODE + rng.normal(0, _SPREAD, (_EXAMPLES, 1, _ACTION_DIM))
    seed_weights(seed)
    head = make_head(name, make_trunk(1), chunks, bin_count=_BIN_COUNT, scale=20, vocab_size=_VOCAB_SIZE)
    train(head, np.ones((_EXAMPLES, 1)), chunks, Training(int(settings["steps"]), seed=seed), progress)
    seen = np.ones((draws, 1))
    if name != "masked":
        return {HEADS[name]: _coherent(sample(head, seen, seed=seed))}
    return {
        f"{HEADS[name]}, {rounds} rounds": _coherent(sample(head, seen, seed=seed, num_steps=rounds))
        for rounds in _ROUNDS
    }


def _coherent(drawn: npt.NDArray[np.float64]) -> float:
    positive = (drawn > 0).reshape(len(drawn), -1)
    return float((positive.all(axis=1) | ~positive.any(axis=1)).mean())


def _revealed_first(rounds: int) -> int:
    """Values that the cosine schedule reveals in the first round."""
    masked = masked_counts("cosine", rounds, np.array([_ACTION_DIM]))[0]
    revealed = -np.diff(masked)
    return int(revealed[revealed > 0][0])


def _summarize(outcomes: Sequence[Outcome]) -> Summary:
    rows, laws = Rows(), {HEADS["bins"]: 2.0 ** (1 - _ACTION_DIM)}
    for outcome in outcomes:
        for name, coherent in outcome.figures.items():
            rows.add(name, coherent=coherent)
    laws |= {f"{HEADS['masked']}, {rounds} rounds": 2.0 ** (1 - _revealed_first(rounds)) for rounds in _ROUNDS}
    for name in rows.names():
        if name in laws:
            rows.add(name, law=laws[name])
    checks = []
    for name in rows.names():
        coherent = rows.get(name, "coherent")
        if coherent and name in laws:
            bar = f"{name}: {laws[name]:.4f} ± 0.02, the law"
            checks.append(Check(bar, coherent.text(4), abs(coherent.mean - laws[name]) <= 0.02))
        elif coherent and name in [HEADS[head] for head in _JOINT]:
            checks.append(Check(f"{name}: 0.97 or more", coherent.text(4), coherent.mean >= 0.97))
    columns = {"coherent": Column("all of one sign", 4), "law": Column("law 2^(1-k)", 4)}
    notes = [f"Bins are {_BIN_COUNT}, and FAST has {_VOCAB_SIZE} ids."]
    return Summary([rows.table("Draws of seven dimensions", "head", columns)], checks, notes=notes)


JOINT = Experiment(
    "joint",
    "Do the values of a chunk fit each other?",
    _trials,
    _run,
    _summarize,
    revision=2,
)
