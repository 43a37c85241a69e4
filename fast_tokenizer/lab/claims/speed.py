"""Claims on what a chunk costs, and what it costs to learn one."""

from __future__ import annotations

from fast_tokenizer.lab.claims.judging import ALIKE, Verdict, claim
from fast_tokenizer.lab.contestants import HEADS, STANDARD_TASKS
from fast_tokenizer.lab.quoting import Figures


@claim("FAST is fast, diffusion is slow")
def _diffusion_is_slow(of: Figures) -> tuple[Verdict, str]:
    flow, fast, ddpm = (
        of.number("cost", row, "sample, ms") for row in ("flow, Euler 10", "FAST tokens", "DDPM 100")
    )
    text = (
        f"cost: flow in ten steps takes {flow:.0f} ms, FAST tokens {fast:.0f} ms, DDPM in 100 steps {ddpm:.0f} ms"
    )
    if fast <= flow:
        return "held", text
    return ("refined" if fast < ddpm else "refuted"), text


@claim("Regression is fastest, then bins, then flow, then diffusion")
def _one_pass_is_fastest(of: Figures) -> tuple[Verdict, str]:
    rows = ("regression", "bins, in parallel", "bins, one by one", "flow, Euler 10", "DDPM 100")
    regression, parallel, ordered, flow, ddpm = (of.number("cost", row, "sample, ms") for row in rows)
    text = (
        f"cost: regression takes {regression:.1f} ms, bins {parallel:.1f} in parallel and {ordered:.0f} one by "
        f"one, flow in ten steps {flow:.0f}, DDPM in a hundred {ddpm:.0f}"
    )
    if 1.5 * regression < min(parallel, ordered) and max(parallel, ordered) < flow < ddpm:
        return "held", text
    return ("refined" if regression <= min(ordered, flow) and flow < ddpm else "refuted"), text


@claim("Discrete diffusion is fast, as it decodes in parallel")
def _masks_are_fast(of: Figures) -> tuple[Verdict, str]:
    masked, ordered, fast = (
        of.number("cost", row, "sample, ms")
        for row in ("masked diffusion, 12 rounds", "bins, one by one", "FAST tokens")
    )
    text = (
        f"cost: twelve rounds over 112 bins take {masked:.0f} ms, the same bins one by one {ordered:.0f} ms, FAST "
        f"tokens one by one {fast:.0f} ms"
    )
    if masked < min(ordered, fast):
        return "held", text
    return ("refined" if masked < ordered else "refuted"), text


@claim("Regression is the simplest to train, then bins, flow, diffusion")
def _training_costs(of: Figures) -> tuple[Verdict, str]:
    rows = ("regression", "bins, in parallel", "flow, Euler 10", "DDPM 100", "bins, one by one", "FAST tokens")
    times = {row: of.number("cost", row, "loss and gradient") for row in rows}
    listed = ", ".join(f"{row} {ms:.0f}" for row, ms in times.items())
    regression, bins, flow, diffusion = (times[row] for row in rows[:4])
    text = f"cost: milliseconds of a loss and its gradient: {listed}"
    if 1.2 * regression < bins and 1.2 * bins < flow and 1.2 * flow < diffusion:
        return "held", text
    return ("refined" if 1.2 * regression < max(bins, flow, diffusion) else "refuted"), text


@claim("FAST learns with less training than flow")
def _fast_learns_faster(of: Figures) -> tuple[Verdict, str]:
    found = [
        [of.number("simulator", HEADS[name], "success", table=task) for name in ("fast", "flow")]
        for task in STANDARD_TASKS
    ]
    (fast, flow), (fast_past, flow_past) = found
    text = (
        f"simulator: after as many steps FAST opens the drawer in {fast:.2f} of the episodes, flow in {flow:.2f}; "
        f"past the pillar {fast_past:.2f} and {flow_past:.2f}"
    )
    ahead = [of_fast - of_flow > ALIKE for of_fast, of_flow in found]
    behind = [of_flow - of_fast > ALIKE for of_fast, of_flow in found]
    if all(ahead):
        return "held", text
    return ("refuted" if any(behind) and not any(ahead) else "refined"), text
