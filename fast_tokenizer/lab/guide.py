"""Which representation for which need, as far as it was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fast_tokenizer.lab.contestants import HEADS, TWO_SIDED
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
    """All advice whose figures were measured, and bear it out."""
    advice = []
    for rule in _RULES:
        try:
            advice.append(rule(figures))
        except NotMeasured:  # noqa: PERF203  (a handful)
            continue
    return advice


def _language_model(of: Figures) -> Advice:
    tokens, rmse = (of.text("chunk", "FAST, scale 10", column) for column in ("tokens", "RMSE over"))
    _require(of.number("chunk", "FAST, scale 10", "tokens") < of.number("chunk", "256 bins", "tokens"))
    return Advice(
        "The language model itself is trained to write actions",
        "FAST tokens",
        f"{tokens} tokens for 112 values at {rmse} mm over ±0.1 m, where bins take one a value",
    )


def _latency(of: Figures) -> Advice:
    one, flow = (of.text("cost", row, "sample, ms", digits=1) for row in ("regression", "flow, Euler 10"))
    valid = of.number("cup", "flow matching, Euler 10", "within")
    _require(valid >= 0.95)
    return Advice(
        "More than one right way, and little time for each chunk",
        "flow matching in ten steps",
        f"{flow} ms against {one} ms for one pass; {valid:.3f} of its draws are near a way",
    )


def _one_pass(of: Figures) -> Advice:
    valid = of.number("cup", HEADS["mixture"], "within")
    by_chance, among = (
        of.number("mixture", "D = 56, K = 5", "seeds with merged", table=table) for table in (0, 1)
    )
    _require(valid >= 0.95 and among <= 0.2)
    return Advice(
        "More than one right way, in a single pass",
        "a mixture of Gaussians that begins among the chunks (`begin_at`)",
        f"{valid:.3f} of its draws are near a way; with four ways in 56 dimensions modes merge in {among:.1f} of "
        f"the seeds, in {by_chance:.1f} where components begin by chance",
    )


def _one_way(of: Figures) -> Advice:
    often, seldom = (of.number("obstacle", HEADS["regression"], f"{n} of 16", table=1) for n in (1, 16))
    errors = {
        name: of.number("gradients", HEADS[name], "action RMSE", table=1)
        for name in ("regression", "diffusion", "flow")
    }
    _require(errors["regression"] == min(errors.values()) and often < seldom)
    return Advice(
        "One right way, or a new look at every step",
        "regression",
        f"RMSE {errors['regression']:.4f} where there is one way (diffusion {errors['diffusion']:.4f}, flow "
        f"{errors['flow']:.4f}); past the obstacle {often:.2f} collisions with a look at every step, {seldom:.2f} "
        "with whole chunks",
    )


def _precision(of: Figures) -> Advice:
    largest = of.number("precision", "1000 bins", "largest")
    _require(largest <= 0.1 * (1 + 1e-9))
    tokens = of.text("chunk", "FAST, scale 128", "tokens", digits=0)
    return Advice(
        "Tokens, and a tenth of a millimetre over ±0.1 m",
        "a thousand bins; FAST with a fine scale where an error now and then may be larger",
        f"1000 bins: {largest:.3f} mm at most with 112 tokens; FAST at scale 128: {tokens} tokens, RMSE "
        f"{of.text('chunk', 'FAST, scale 128', 'RMSE over')} mm",
    )


def _parallel_tokens(of: Figures) -> Advice:
    once, often = (of.number("joint", f"{HEADS['masked']}, {n} rounds", "all of one sign") for n in (1, 7))
    masked, ordered = (
        of.number("cost", row, "sample, ms") for row in ("masked diffusion, 12 rounds", "bins, one by one")
    )
    _require(once < often and masked < ordered)
    return Advice(
        "One token a value, in fewer passes than values",
        "masked diffusion with rounds enough that the first ones reveal one value",
        f"{masked:.0f} ms against {ordered:.0f} ms one by one; {once:.2f} of the draws fit together in one round, "
        f"{often:.2f} in seven",
    )


def _rate(of: Figures) -> Advice:
    rows = (
        "regression",
        "flow, Euler 10",
        "FAST tokens",
        "masked diffusion, 12 rounds",
        "bins, one by one",
        "DDPM 100",
    )
    times = {row: of.number("cost", row, "sample, ms") for row in rows}
    fast = [row for row, ms in times.items() if ms <= _CHUNK_MS]
    _require(bool(fast))
    listed = ", ".join(f"{row} {ms:.0f}" for row, ms in times.items())
    return Advice(
        f"A robot at 50 Hz that carries out half of 16 steps, {_CHUNK_MS} ms, while the next chunk is made",
        ", ".join(fast),
        f"milliseconds a chunk, a trunk of 3 million parameters on one core: {listed}",
    )


def _closed_loop(of: Figures) -> Advice:
    success = {name: of.number("simulator", HEADS[name], "success", table=TWO_SIDED) for name in _TRIED}
    hits = {name: of.number("simulator", HEADS[name], "hit", table=TWO_SIDED) for name in _TRIED}
    best = max(success.values())
    return Advice(
        "A task that can be done in two ways, in closed loop",
        ", ".join(HEADS[name] for name in _TRIED if success[name] >= best - 0.02),
        "success (pillar hit): "
        + ", ".join(f"{HEADS[name]} {success[name]:.2f} ({hits[name]:.2f})" for name in _TRIED),
    )


def _require(holds: bool) -> None:
    """Advice that the figures do not bear out is not given."""
    if not holds:
        raise NotMeasured


_CHUNK_MS = 160
_TRIED = ("regression", "flow", "fast", "masked")

_RULES: tuple[Callable[[Figures], Advice], ...] = (
    _language_model,
    _latency,
    _one_pass,
    _one_way,
    _precision,
    _parallel_tokens,
    _rate,
    _closed_loop,
)
