"""Which representation for which need, as far as it was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fast_tokenizer.lab.contestants import HEADS
from fast_tokenizer.lab.quoting import Figures, NotMeasured


@dataclass(frozen=True)
class Advice:
    """An answer to a need.

    Attributes:
        need: What is to be had.
        choose: What has it.
        because: The figures.
    """

    need: str
    choose: str
    because: str


def advise(figures: Figures) -> list[Advice]:
    """All advice whose figures were measured."""
    advice = []
    for rule in _RULES:
        try:
            advice.append(rule(figures))
        except NotMeasured:  # noqa: PERF203  (a handful)
            continue
    return advice


def _language_model(of: Figures) -> Advice:
    tokens, rmse = (of.text("chunk", "FAST, scale 10", column, digits=2) for column in ("tokens", "RMSE over"))
    ms = of.text("cost", "FAST tokens", "sample, ms", digits=0)
    return Advice(
        "The language model itself is trained to write actions",
        "FAST tokens",
        f"{tokens} tokens for 112 values at {rmse} mm over ±0.1 m, {ms} ms a chunk",
    )


def _latency(of: Figures) -> Advice:
    one, flow = (of.text("cost", row, "sample, ms", digits=1) for row in ("regression", "flow, Euler 10"))
    valid = of.text("cup", "flow matching, Euler 10", "within", digits=3)
    return Advice(
        "Little time for each chunk, and more than one right way",
        "flow matching with ten steps, or a mixture in one pass where its modes do not merge",
        f"{flow} ms against {one} ms for one pass; {valid} of its draws are near a way",
    )


def _one_way(of: Figures) -> Advice:
    found = of.text("obstacle", HEADS["regression"], "1 of 16", table=1)
    whole = of.text("obstacle", HEADS["regression"], "16 of 16", table=1)
    rmse = of.text("gradients", HEADS["regression"], "action RMSE", table=1, digits=4)
    return Advice(
        "One right way, or a new look at every step",
        "regression",
        f"RMSE {rmse} where there is one way, the least for one pass; past the obstacle {found} collisions with a "
        f"look at every step, but {whole} with whole chunks",
    )


def _precision(of: Figures) -> Advice:
    rms = of.text("precision", "1000 bins", "RMS", digits=3)
    tokens = of.text("chunk", "FAST, scale 128", "tokens", digits=0)
    return Advice(
        "Tokens, and a tenth of a millimetre over ±0.1 m",
        "a thousand bins, or FAST with a fine scale",
        f"1000 bins: RMS {rms} mm with 112 tokens; FAST at scale 128: {tokens} tokens, "
        f"{of.text('chunk', 'FAST, scale 128', 'RMSE over')} mm",
    )


def _parallel_tokens(of: Figures) -> Advice:
    one, all_rounds = (of.text("joint", f"{HEADS['masked']}, {n} rounds", "all of one sign") for n in (1, 7))
    ms, ordered = (
        of.text("cost", row, "sample, ms", digits=0) for row in ("masked diffusion, 12 rounds", "bins, one by one")
    )
    return Advice(
        "Many tokens a chunk, in fewer passes than tokens",
        "masked diffusion with rounds enough that the first ones reveal one value",
        f"{ms} ms against {ordered} ms one by one; {one} of the draws fit together in one round, {all_rounds} in "
        "seven",
    )


_RULES: tuple[Callable[[Figures], Advice], ...] = (
    _language_model,
    _latency,
    _one_way,
    _precision,
    _parallel_tokens,
)
