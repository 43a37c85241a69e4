"""Experiment (d): a chunk of 16 steps of 7 dimensions, as FAST tokens and as bins.

Minimum-jerk motions over ±0.1 m at 16 Hz: smooth, with noise of 3% of the range's half, and with jumps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fast_tokenizer.chunking import cut_chunks
from fast_tokenizer.codecs import BinningCodec, Codec
from fast_tokenizer.codecs.bins import uniform
from fast_tokenizer.errors import TrainingError
from fast_tokenizer.lab.experiment import Choice, Experiment, Outcome, Progress, Settings, Trial
from fast_tokenizer.lab.summary import Check, Column, Drawing, Rows, Summary
from fast_tokenizer.motions import generate_episodes
from fast_tokenizer.tokenizer import FastTokenizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HORIZON, _ACTION_DIM, _HZ = 16, 7, 16
_MILLIMETRES = 100  # of a normalised unit, over ±0.1 m
_SMOOTH, _NOISY, _JUMPING = "smooth", "3% noise", "a jump a second"
_MOTIONS = (_SMOOTH, _NOISY, _JUMPING)
_NOISE = 0.03
_JUMP = 0.2
_SCALES = (2.5, 5, 10, 20, 30, 50, 80, 128)
_VOCAB_SIZE, _LARGER_VOCAB_SIZE = 1024, 4096
_BIN_COUNTS = (16, 32, 64, 128, 256, 512, 1024)


def _trials(choice: Choice) -> list[Trial]:
    episodes = choice.pick(60, 200)
    return [
        Trial({"motions": name, "episodes": episodes, "seed": seed}, work=len(_SCALES) + len(_BIN_COUNTS))
        for name in _MOTIONS
        for seed in range(choice.pick(2, 5))
    ]


def _run(settings: Settings, progress: Progress) -> Mapping[str, Any]:
    """Tokens of a chunk and RMSE in millimetres, on chunks that training had not."""
    count, seed, motions = int(settings["episodes"]), int(settings["seed"]), str(settings["motions"])
    train = cut_chunks(_episodes(motions, count, 2 * seed), _HORIZON, _HORIZON // 4)
    held_out = cut_chunks(_episodes(motions, count // 4, 2 * seed + 1), _HORIZON, _HORIZON)
    figures = {}
    for scale in _SCALES:
        codec = _fitted(train, scale)
        figures[f"FAST, scale {scale:g}"] = _measure(codec, held_out)
        progress(len(figures))
    for bins in _BIN_COUNTS:
        figures[f"{bins} bins"] = _measure(BinningCodec(uniform(-1, 1, count=bins)), held_out)
        progress(len(figures))
    return figures


def _episodes(motions: str, count: int, seed: int) -> list[npt.NDArray[np.float32]]:
    noise = _NOISE if motions == _NOISY else 0.0
    episodes = generate_episodes(count, hz=_HZ, noise=noise, action_dim=_ACTION_DIM, seed=seed)
    if motions != _JUMPING:
        return episodes
    rng = np.random.default_rng(seed)
    return [with_jumps(episode, rng) for episode in episodes]


def with_jumps(episode: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """An episode `[T, D]` that is, about once a second, somewhere else at once, as after a collision."""
    jumps = np.cumsum(rng.random(len(episode)) < 1 / _HZ)
    away = rng.uniform(-_JUMP, _JUMP, (1 + jumps[-1], episode.shape[1]))
    moved: npt.NDArray[np.float32] = np.clip(episode + away[jumps], -1, 1).astype(np.float32)
    return moved


def _fitted(chunks: npt.NDArray[Any], scale: float) -> Codec:
    try:
        codec: Codec = FastTokenizer.fit(chunks, scale, _VOCAB_SIZE, num_threads=1).codec
    except TrainingError:  # the alphabet of a fine scale does not fit
        codec = FastTokenizer.fit(chunks, scale, _LARGER_VOCAB_SIZE, num_threads=1).codec
    return codec


def _measure(codec: Codec, chunks: npt.NDArray[Any]) -> dict[str, float]:
    tokens = codec.encode(chunks)
    decoded = codec.decode(tokens.to_lists(), horizon=_HORIZON, action_dim=_ACTION_DIM)
    rmse = float(np.sqrt(np.square(decoded - chunks).mean()))
    return {"tokens": float(np.diff(tokens.offsets).mean()), "rmse": rmse, "vocabulary": codec.vocabulary.size}


def _summarize(outcomes: Sequence[Outcome]) -> Summary:
    by_motions = {name: Rows() for name in _MOTIONS}
    for outcome in outcomes:
        rows = by_motions[str(outcome.settings["motions"])]
        for name, figures in outcome.figures.items():
            rows.add(name, **figures, rmse_mm=_MILLIMETRES * figures["rmse"])
    columns = {
        "tokens": Column("tokens of 112 values", 1),
        "vocabulary": Column("vocabulary", 0),
        "rmse": Column("RMSE, normalised", 4),
        "rmse_mm": Column("RMSE over ±0.1 m, mm", 2),
    }
    tables = [rows.table(f"16 x 7, {name}", "representation", columns) for name, rows in by_motions.items()]
    checks = [_bar(name, by_motions[name]) for name in (_SMOOTH, _NOISY)]
    return Summary(tables, checks, [Drawing("What a token buys", lambda figure: _draw(figure, by_motions))])


def _bar(name: str, rows: Rows) -> Check:
    tokens, rmse = rows.get("FAST, scale 10", "tokens"), rows.get("FAST, scale 10", "rmse")
    bar = f"{name}: 15 to 25 tokens and an RMSE of 0.014 to 0.03 at scale 10"
    if tokens is None or rmse is None:
        return Check(bar, "not measured", False)
    holds = 15 <= tokens.mean <= 25 and 0.014 <= rmse.mean <= 0.03
    return Check(bar, f"{tokens.text(1)} tokens, RMSE {rmse.text(4)}", holds)


def _draw(figure: Figure, by_motions: Mapping[str, Rows]) -> None:
    axes = figure.subplots()
    for name, rows in by_motions.items():
        for kind, style in (("FAST", "o-"), ("bins", "s:")):
            points = [
                (tokens.mean, rmse.mean)
                for row in rows.names()
                if kind in row and (tokens := rows.get(row, "tokens")) and (rmse := rows.get(row, "rmse_mm"))
            ]
            if points:
                axes.plot(*zip(*points, strict=True), style, label=f"{kind}, {name}", markersize=4)
    axes.set(xlabel="tokens a chunk of 112 values", ylabel="RMSE over ±0.1 m, mm", yscale="log")
    axes.legend()


CHUNK = Experiment(
    "chunk",
    "What does a token buy, in millimetres?",
    _trials,
    _run,
    _summarize,
)
